"""Requests of ``evenergy doctor --fleet``: ten at the most, which change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

from evenergy._core.pagination import linked
from evenergy._transport.request import Response
from evenergy._transport.retry import Retry
from evenergy.cli.context import App
from evenergy.client import AsyncClient
from evenergy.errors import BadRequestError, NotFoundError, PermissionDeniedError

from . import evidence
from .evidence import MICROSECOND, Log, Looked
from .findings import Finding, ok, warning

_VEHICLES: Final = 4  # whose logs are read
_PAGES: Final = 2  # of sub-sessions
_PAGE: Final = 100


@attrs.frozen
class _Listed:
    """Vehicle of the list that has reported."""

    identifier: str
    log: Log


async def examine(app: App) -> list[Finding]:
    """Return what the fleet's marks rely on, one finding for each question."""
    client = app.client.with_options(retry=Retry(attempts=1))  # ten requests are ten
    response = await client.request("GET", "/vehicles", params={"page_size": _PAGE, "expand": ["latest_status_log"]})
    vehicles = _items(response)
    listed = [
        _Listed(str(vehicle["id"]), log)
        for vehicle in vehicles
        if (log := Log.of(vehicle.get("latest_status_log"))) is not None
    ]
    looked = [Looked(one.log, await _logs(client, one.identifier)) for one in _telling(listed)]
    found = [
        evidence.newest_log(looked, _date(response)),
        await _bounds(client, _telling(listed), looked),
        evidence.silence(vehicles),
        evidence.order("list order", [str(vehicle["id"]) for vehicle in vehicles], "vehicles"),
        evidence.delays([log for one in looked for log in one.logs]),
        *await _sessions(client),
    ]
    return [*found, ok("spent", f"{app.spent.words()}; nothing was changed")]


def _telling(listed: Sequence[_Listed]) -> list[_Listed]:
    """Return the vehicles that tell most: those whose newest log is late, and those that have long been silent."""
    late = sorted(listed, key=lambda one: one.log.delay, reverse=True)[: _VEHICLES // 2]
    silent = sorted((one for one in listed if one not in late), key=lambda one: one.log.logged_at)
    return [*late, *silent[: _VEHICLES - len(late)]]


async def _logs(client: AsyncClient, vehicle: str, **bounds: datetime) -> list[Log]:
    path = f"/vehicles/{vehicle}/status_logs"
    try:
        items = _items(await client.request("GET", path, params={"page_size": _PAGE, **bounds}))
    except NotFoundError:  # it vanished between the list and here
        return []
    return [log for item in items if (log := Log.of(item)) is not None]


async def _bounds(client: AsyncClient, telling: Sequence[_Listed], looked: Sequence[Looked]) -> Finding:
    """Return what is between two neighbours of one vehicle's logs, and at one of them."""
    for one, seen in zip(telling, looked, strict=True):
        logs = sorted(seen.logs, key=lambda log: log.sampled_at)
        middle = len(logs) // 2
        if middle and logs[middle].sampled_at - logs[middle - 1].sampled_at > 2 * MICROSECOND:
            low, high = logs[middle - 1], logs[middle]
            at_low = await _logs(client, one.identifier, sampled_at__gte=low.sampled_at, sampled_at__lte=low.sampled_at)
            between = await _logs(
                client,
                one.identifier,
                sampled_at__gte=low.sampled_at + MICROSECOND,
                sampled_at__lte=high.sampled_at - MICROSECOND,
            )
            return evidence.bounds(low, at_low, between)
    return evidence.bounds(Log(datetime.now(UTC), datetime.now(UTC)), None, None)


async def _sessions(client: AsyncClient) -> list[Finding]:
    try:
        return evidence.sessions(await _sub_sessions(client))
    except (BadRequestError, PermissionDeniedError) as error:
        advice = "watch by the list of vehicles, or name a user; the scope is charging_session:read"
        return [warning("sessions span", f"sub-sessions of the fleet cannot be listed: {error}", advice)]


async def _sub_sessions(client: AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    url: str | None = "/charging_sub_sessions"
    for number in range(_PAGES):
        if url is not None:
            response = await client.request("GET", url, params={} if number else {"page_size": _PAGE})
            found += _items(response)
            url = _next(response)
    return found


def _next(response: Response) -> str | None:
    """Return the URL of the next page, or None at the end."""
    link = response.headers.get("Link")
    url = None if link is None else linked([link], "next")
    return url if url is not None and url.startswith(("http://", "https://", "/")) else None


def _items(response: Response) -> list[dict[str, Any]]:
    document = response.json()
    return [item for item in document if isinstance(item, dict)] if isinstance(document, list) else []


def _date(response: Response) -> datetime:
    """Return the time of a response by the server's clock."""
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
