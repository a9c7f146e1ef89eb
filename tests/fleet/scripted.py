"""A server of a small fleet that a test scripts: it fails, lies and rejects as it is told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from evenergy import AsyncClient, Retry
from tests.server import serving

JSON = dict[str, Any]
Script = Callable[[web.Request], "web.StreamResponse | None"]
RETRY = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


def vehicle_id(number: int) -> str:
    return f"vhcl{number:026}"


def log(vehicle: str, minute: int, **fields: object) -> JSON:
    """Return a status log of the given minute, stored at once."""
    time = (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")
    url = f"https://api.ev.energy/v2/vehicles/{vehicle}/status_logs/{time}"
    return {"url": url, "sampled_at": time, "logged_at": time, **fields}


class ScriptedFleet:
    """Vehicles and their logs, by minute; ``script`` may respond in place of the server."""

    def __init__(self, vehicles: int = 3, page_size: int = 100) -> None:
        self.ids = [vehicle_id(number) for number in range(vehicles)]
        self.logs: dict[str, list[JSON]] = {one: [log(one, 0)] for one in self.ids}
        self.vehicles: dict[str, JSON] = {one: {"id": one, "integrated": "ACTIVE"} for one in self.ids}
        self.page_size = page_size
        self.headers: dict[str, str] = {}
        self.script: Script = lambda _: None
        self.requests: list[str] = []

    def report(self, vehicle: str, *minutes: int, **fields: object) -> None:
        for minute in minutes:
            self.logs[vehicle].append(log(vehicle, minute, **fields))

    async def respond(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        scripted = self.script(request)
        if scripted is not None:
            return scripted
        return self._list(request) if request.path == "/v2/vehicles" else self._logs(request)

    def _list(self, request: web.Request) -> web.Response:
        begin = int(request.query.get("page_after", 0))
        end = begin + self.page_size
        items: list[JSON] = []
        for one in self.ids[begin:end]:
            logs = self.logs[one]
            newest = max(logs, key=lambda each: str(each["sampled_at"])) if logs else None
            items.append({**self.vehicles[one], "latest_status_log": newest})
        headers = dict(self.headers)
        if end < len(self.ids):
            headers["Link"] = f'<https://api.ev.energy/v2/vehicles?page_after={end}>; rel="next"'
        return web.json_response([item | self.vehicles[item["id"]] for item in items], headers=headers)

    def _logs(self, request: web.Request) -> web.Response:
        vehicle = request.path.split("/")[3]
        if vehicle not in self.ids:
            return web.json_response({"title": "Not found"}, status=404)
        low = datetime.fromisoformat(request.query["sampled_at__gte"])
        high = datetime.fromisoformat(request.query.get("sampled_at__lte", "9999-01-01T00:00:00Z"))
        found = [one for one in self.logs[vehicle] if low <= datetime.fromisoformat(str(one["sampled_at"])) <= high]
        return web.json_response(sorted(found, key=lambda one: str(one["sampled_at"]), reverse=True)[:100])


@asynccontextmanager
async def client_of(
    fleet: ScriptedFleet,
    *,
    timeout: float | None = 30,  # noqa: ASYNC109  the client's own
    max_wait: float | None = 60,
) -> AsyncGenerator[AsyncClient]:
    """A client of a scripted fleet, which retries at once."""
    async with (
        serving(fleet.respond) as server,
        AsyncClient("token", base_url=server.url, retry=RETRY, timeout=timeout, max_wait=max_wait) as client,
    ):
        yield client
