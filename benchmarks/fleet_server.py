"""A fleet with the sandbox's habits, all logs of which are made before the first request.

    python -m benchmarks.fleet_server VEHICLES DAYS

The sandbox makes a log when it is read, which takes longer than all that the client does. This serves the same logs,
as of a time that the client sets with a request that is not counted. It prints its base URL.
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import attrs

from evenergy.sandbox import Sandbox
from evenergy.sandbox.api.vehicles import STATUS
from evenergy.sandbox.logs import TimeRange
from evenergy.sandbox.times import text

from .server import MEASURED, Connection, response, run

BEGIN = 1_760_000_000
"""POSIX seconds: the beginning of the first simulated day. History lies before it."""
AHEAD = 2
"""Days after it for which there are logs."""

_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REST = json.dumps(MEASURED, separators=(",", ":"))[1:]


def micros(written: str) -> int:
    return (datetime.fromisoformat(written) - _EPOCH) // timedelta(microseconds=1)


@attrs.define
class Reports:
    """The logs of a vehicle, by key."""

    id: str
    keys: array[int]
    stored: array[int]

    def before(self, high: int, now: int) -> Iterator[int]:
        """Yield the places of the logs up to a key that are stored by now, the newest first."""
        for at in range(bisect_right(self.keys, min(high, now)) - 1, -1, -1):
            if self.stored[at] <= now:
                yield at

    def newest(self, now: int) -> int | None:
        return next(self.before(now, now), None)


def reports(vehicles: int, days: int) -> list[Reports]:
    """Return all that the sandbox's fleet will have reported."""
    sandbox = Sandbox(vehicles=vehicles, days=days, clock=lambda: BEGIN)
    state = sandbox._state.at(BEGIN + AHEAD * 86_400)  # noqa: SLF001  the logs themselves, without the server
    found: list[Reports] = []
    for vehicle in state.fleet.vehicles.values():
        logs = list(STATUS.source.read(state, vehicle, TimeRange(), 1))
        found.append(
            Reports(vehicle.id, array("q", [log.key for log in logs]), array("q", [log.logged for log in logs]))
        )
    return found


class Fleet:
    """Responses of the API to the requests for vehicles and logs."""

    def __init__(self, base: str, fleet: list[Reports]) -> None:
        self._base = base
        self._fleet = fleet
        self._at = {one.id: place for place, one in enumerate(fleet)}
        self._clocks = [BEGIN * _SECOND] * len(fleet)
        self._requests = 0

    def respond(self, head: bytes) -> bytes:
        url = urlsplit(head.split(b" ", 2)[1].decode())
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        parts = url.path.strip("/").split("/")
        if parts[0] == "control":
            return response(
                json.dumps(getattr(self, parts[1])(**{name: int(one) for name, one in query.items()})).encode()
            )
        self._requests += 1
        if parts[-1] == "vehicles":
            return self._list(query)
        return self._logs(self._fleet[self._at[parts[2]]], query)

    # What the benchmark sets and asks

    def set(self, now: int, news: int = -1) -> None:
        """Set the time in seconds; with ``news``, of the first so many vehicles that have something new by then."""
        now *= _SECOND
        for place, one in enumerate(self._fleet):
            if news >= 0:
                if news == 0 or one.newest(now) == one.newest(self._clocks[place]):
                    continue
                news -= 1
            self._clocks[place] = now

    def count(self) -> int:
        return self._requests

    def expected(self, first: int) -> int:
        """Return how many logs are stored that are as new as the newest of their vehicle at a time, or newer."""
        total = 0
        for place, one in enumerate(self._fleet):
            begin = one.newest(first * _SECOND)
            stored = one.before(self._clocks[place], self._clocks[place])
            total += sum(1 for at in stored if begin is None or at >= begin)
        return total

    def total(self, since: int) -> int:
        """Return how many logs are stored that were sampled at a time or later."""
        every = zip(self._fleet, self._clocks, strict=True)
        return sum(one.keys[at] >= since * _SECOND for one, now in every for at in one.before(now, now))

    # The API

    def _list(self, query: dict[str, str]) -> bytes:
        size, begin = int(query.get("page_size", 25)), int(query.get("page_after", 0))
        expand = "latest_status_log" in query.get("expand", "")
        items: list[str] = []
        for place in range(begin, min(begin + size, len(self._fleet))):
            one = self._fleet[place]
            at = one.newest(self._clocks[place])
            url = f"{self._base}/vehicles/{one.id}"
            log = (
                "null" if at is None else self._log(one, at) if expand else f'"{url}/status_logs/{text(one.keys[at])}"'
            )
            items.append(f'{{"id":"{one.id}","url":"{url}","integrated":"ACTIVE","latest_status_log":{log}}}')
        extra = "&expand=latest_status_log" if expand else ""
        more = begin + size < len(self._fleet)
        link = f"{self._base}/vehicles?page_size={size}&page_after={begin + size}{extra}" if more else None
        return _page(items, link)

    def _logs(self, one: Reports, query: dict[str, str]) -> bytes:
        now, size = self._clocks[self._at[one.id]], int(query.get("page_size", 25))
        low = micros(query["sampled_at__gte"]) if "sampled_at__gte" in query else 0
        high = micros(query["sampled_at__lte"]) if "sampled_at__lte" in query else now
        least, items = bisect_left(one.keys, low), list[str]()
        for at in one.before(high, now):
            if at < least:
                break
            if len(items) == size:
                cursor = f"sampled_at__gte={text(low)}&sampled_at__lte={text(one.keys[at])}&page_size={size}"
                return _page(items, f"{self._base}/vehicles/{one.id}/status_logs?{cursor}")
            items.append(self._log(one, at))
        return _page(items)

    def _log(self, one: Reports, at: int) -> str:
        key, vehicle = text(one.keys[at]), f"{self._base}/vehicles/{one.id}"
        return (
            f'{{"url":"{vehicle}/status_logs/{key}","logged_at":"{text(one.stored[at])}","sampled_at":"{key}",'
            f'"vehicle":"{vehicle}",{_REST}'
        )


def _page(items: list[str], following: str | None = None) -> bytes:
    return response(f"[{','.join(items)}]".encode(), following)


async def serve(vehicles: int, days: int) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    fleet: list[Reports] = reports(vehicles, days)
    made: list[Fleet] = []
    server = await loop.create_server(lambda: Connection(made[0].respond), "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    made.append(Fleet(base, fleet))
    print(base, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    run(serve(*map(int, sys.argv[1:])))


if __name__ == "__main__":
    main()
