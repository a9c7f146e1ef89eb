"""Watch: the changes of a fleet, for no more requests than allowed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast, get_args

import attrs

from evenergy._codec import validate
from evenergy._core.loop_thread import LoopThread
from evenergy._core.pagination import Page, Pages
from evenergy._transport.retry import CountedRetries
from evenergy._transport.session import Session
from evenergy.errors import (
    AuthenticationError,
    ClosedError,
    EvEnergyError,
    InvalidArgumentError,
    PermissionDeniedError,
    RateLimitError,
)
from evenergy.resources.vehicles import VehicleStatusLog

from . import clock
from .feeds import BlockingFeed, Feed
from .planner import PAGE
from .source import Reader, Source, members, next_page
from .values import OF_VEHICLES, Change, VehicleNow, WatchField, watched_value

V = TypeVar("V")

_HOUR: Final = 3601.0
"""Seconds: a request that was cancelled may reach the API a little later, so an hour here is longer."""
_GONE: Final = 2
"""Complete sweeps without a vehicle until it is gone: one may pass it by while the list changes."""
_FIELDS: Final[frozenset[WatchField]] = frozenset(get_args(WatchField))
_FATAL: Final = (AuthenticationError, PermissionDeniedError, InvalidArgumentError, ClosedError)

_log = logging.getLogger(__name__)


class Allowance:
    """Requests within any hour, by the loop's clock.

    Args:
        budget: The most requests in an hour.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._sent: deque[float] = deque()
        self._in_flight = 0

    def spend(self) -> bool:
        """Return True and spend a request if the hour has room for one."""
        if not self._has_room(1, asyncio.get_running_loop().time()):
            return False
        self._in_flight += 1
        return True

    def settle(self) -> None:
        """Date the requests in flight when they have ended: until then they may wait for the rate limit."""
        self._sent.extend([asyncio.get_running_loop().time()] * self._in_flight)
        self._in_flight = 0

    async def room(self, requests: int) -> None:
        """Wait until the hour has room for so many requests, or is empty. Nothing is in flight."""
        requests = min(requests, self._budget)
        loop = asyncio.get_running_loop()
        while not self._has_room(requests, now := loop.time()):  # noqa: ASYNC110  it waits for the time to pass
            await asyncio.sleep(self._sent[len(self._sent) + requests - self._budget - 1] + _HOUR - now)

    def _has_room(self, requests: int, now: float) -> bool:
        while self._sent and self._sent[0] + _HOUR <= now:
            self._sent.popleft()
        return len(self._sent) + self._in_flight + requests <= self._budget


@attrs.define
class _Sweep:
    """Sweep of the list that has begun: its pages, and the ids of the vehicles on them, None for one without."""

    pages: Pages[VehicleNow]
    present: set[str | None] = attrs.Factory(set[str | None])


class Watch(Feed[Change]):
    """Async iterator over the changes of a fleet, without an end.

    It is pulled: a page of the list is requested only when all changes of the one before were taken, so a slow consumer
    gets fewer changes, none of them stale, and no task runs between two of them. The first sweep gives every vehicle
    that is not in ``known``. A vehicle is gone after two complete sweeps without it. Errors are counted and not raised,
    but for those of credentials and permissions.

    Attributes:
        known: The vehicles as they were last handed out, by id; fit for ``known=`` of the next watch.
        failures: Sweeps that failed since the last complete one.
        fresh_at: The end of the last complete sweep, by the clock of this machine; None before the first.

    Raises:
        AuthenticationError: The credentials were rejected.
        PermissionDeniedError: The credentials may not list vehicles.
        ClosedError: The client was closed.
    """

    def __init__(
        self,
        source: Source[VehicleNow, VehicleStatusLog],
        session: Session,
        *,
        budget: int,
        every: timedelta,
        charging: timedelta,
        fields: Collection[WatchField],
        known: Mapping[str, VehicleNow],
    ) -> None:
        super().__init__()
        self._allowance = Allowance(validate.positive_int("budget", budget))
        retries = CountedRetries(session.retry_budget, self._allowance.spend)
        counted = Session(session.options, session.credentials, session.connections, retries)
        self._reader: Reader[VehicleNow, VehicleStatusLog] = Reader(source, counted)
        self._every = validate.duration("every", every).total_seconds()
        self._charging = validate.duration("charging", charging).total_seconds()
        self._fields = _checked(fields)
        self._missing: Counter[str] = Counter()
        self._sweep: _Sweep | None = None
        self._begun: float | None = None
        self._not_before = 0.0
        if not isinstance(cast("object", known), Mapping):
            raise validate.invalid_argument("known as a mapping of ids to vehicles", known)
        self.known: dict[str, VehicleNow] = dict(known)
        self.failures: int = 0
        self.fresh_at: datetime | None = None

    async def _advance(self) -> None:
        """Request one page. A wait that is cancelled goes on with the same sweep, and nothing of it is lost."""
        if self._sweep is None:
            await self._pause()
            self._sweep = _Sweep(self._reader.sweep(None))
        sweep = self._sweep
        await self._allowance.room(1)  # the fleet may have grown
        self._allowance.spend()
        try:
            page = await next_page(sweep.pages)
        except _FATAL:
            self._sweep = None
            raise
        except EvEnergyError as error:
            self._sweep = None
            self._failed(error)
            return
        finally:
            self._allowance.settle()
        now = clock.utc_now()
        for vehicle in page.items:
            sweep.present.add(vehicle.id)
            self._compare(vehicle, now)
        sweep.present.update(self._undecoded(page))
        if page.next_url is None:
            self._sweep, self.failures, self.fresh_at = None, 0, now
            self._count_missing(sweep.present, now)

    async def _pause(self) -> None:
        """Wait until the next sweep is due, and the hour has room for all of it."""
        loop = asyncio.get_running_loop()
        due = self._not_before
        if self._begun is not None:
            is_charging = any(watched_value(vehicle, "is_charging") for vehicle in self.known.values())
            interval = min(self._charging, self._every) if is_charging else self._every
            due = max(due, self._begun + min(self._every, interval * 2.0 ** min(self.failures, 30)))
        if due > loop.time():
            await asyncio.sleep(due - loop.time())
        await self._allowance.room(max(1, -(-len(self.known) // PAGE)))
        self._begun = loop.time()

    def _undecoded(self, page: Page[VehicleNow]) -> list[str | None]:
        """Return the ids of the vehicles that could not be decoded: they are not gone, and nothing is known of them."""
        for error in page.undecoded:
            _log.warning("a vehicle is not watched: %s", error)
        ids = [members(error.raw).get("id") for error in page.undecoded]
        return [vehicle_id if isinstance(vehicle_id, str) else None for vehicle_id in ids]

    def _failed(self, error: EvEnergyError) -> None:
        self.failures += 1
        if isinstance(error, RateLimitError):
            self._not_before = asyncio.get_running_loop().time() + error.retry_after
        _log.info("a sweep of the fleet failed, %d in a row: %s", self.failures, error)

    def _compare(self, vehicle: VehicleNow, now: datetime) -> None:
        vehicle_id = vehicle.id
        self._missing.pop(vehicle_id, None)
        before = self.known.get(vehicle_id)
        after = vehicle if before is None else _merged(before, vehicle)
        changed: frozenset[WatchField] = frozenset(
            name for name in self._fields if watched_value(after, name) != watched_value(before, name)
        )
        if before is None or changed:
            self._ready.append(Change(vehicle_id, changed, before, after, now))

    def _count_missing(self, present: set[str | None], now: datetime) -> None:
        if None in present:  # one without an id may be any of them
            return
        for vehicle_id, before in self.known.items():
            if vehicle_id in present:
                self._missing.pop(vehicle_id, None)
                continue
            self._missing[vehicle_id] += 1
            if self._missing[vehicle_id] >= _GONE:
                del self._missing[vehicle_id]
                self._ready.append(Change(vehicle_id, frozenset(), before, None, now))

    def _hand_out(self, entry: Change) -> None:
        """Take over what is handed out, and nothing else."""
        if entry.after is None:
            self.known.pop(entry.vehicle_id, None)
        else:
            self.known[entry.vehicle_id] = entry.after

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.known)} vehicles, {self.failures} failures>"


class BlockingWatch(BlockingFeed[Change]):
    """Iterator over the changes of a fleet, without an end; it is and raises what `Watch` does."""

    def __init__(self, feed: Watch, loop: LoopThread) -> None:
        super().__init__(feed, loop)
        self._feed = feed

    @property
    def known(self) -> dict[str, VehicleNow]:
        """Return the vehicles as they were last handed out, by id; fit for ``known=`` of the next watch."""
        return self._feed.known

    @property
    def failures(self) -> int:
        """Return the number of sweeps that failed since the last complete one."""
        return self._feed.failures

    @property
    def fresh_at(self) -> datetime | None:
        """Return the end of the last complete sweep, by the clock of this machine; None before the first."""
        return self._feed.fresh_at


def _checked(fields: Collection[WatchField]) -> frozenset[WatchField]:
    if isinstance(cast("object", fields), Collection) and not isinstance(fields, str) and fields:
        given = frozenset(fields)
        if given <= _FIELDS:
            return given
    raise InvalidArgumentError(f"expected fields among {', '.join(sorted(_FIELDS))}, got {fields!r}")


def _merged(before: VehicleNow, vehicle: VehicleNow) -> VehicleNow:
    """Return the vehicle with the last value of each field that it no longer reports: a sleeping car reports none."""
    kept = _unreported(before, vehicle, OF_VEHICLES)
    old, log = before.latest_status_log, vehicle.latest_status_log
    if old is not None:
        log = old if log is None else _evolved(log, _unreported(old, log, _FIELDS - OF_VEHICLES))
        kept["latest_status_log"] = log
    return _evolved(vehicle, kept)


def _unreported(before: object, after: object, names: Collection[str]) -> dict[str, Any]:
    return {name: getattr(before, name) for name in names if getattr(after, name) is None}


def _evolved(value: V, fields: Mapping[str, Any]) -> V:
    return cast("V", attrs.evolve(cast("Any", value), **fields)) if fields else value
