"""Logs: read from the newest or the oldest, no further than they are consumed."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import attrs

from evenergy.sandbox.expansion import Expansions
from evenergy.sandbox.filters import Filter, Predicate
from evenergy.sandbox.requests import Data, Owned, Request, State, Tree
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.driving import Segment, Setting
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.times import DAY, SECOND, instant, text

_LATE_HOURS = (1.0, 12.0)

T = TypeVar("T", bound=Owned)


@attrs.frozen
class TimeRange:
    """Instants, with both ends; None is no end."""

    low: int | None = None
    high: int | None = None

    def __contains__(self, moment: int) -> bool:
        return (self.low is None or self.low <= moment) and (self.high is None or moment <= self.high)

    def after(self, key: int) -> "TimeRange":
        """Return the part that is later than the key."""
        return TimeRange(key + 1 if self.low is None else max(self.low, key + 1), self.high)

    def before(self, key: int) -> "TimeRange":
        """Return the part that is earlier than the key."""
        return TimeRange(self.low, key - 1 if self.high is None else min(self.high, key - 1))

    def within(self, low: int, high: int) -> tuple[int, int]:
        """Return the part between the two."""
        return low if self.low is None else max(low, self.low), high if self.high is None else min(high, self.high)


LogMaker = Callable[[T, Vehicle, Sequence[Segment], int], list[Log]]


@attrs.frozen
class _Latest:
    """The newest log, as long as nothing newer is stored and nobody has changed the vehicle."""

    log: Log | None
    since: int
    until: float
    settings: tuple[Setting, ...]
    silent_from: float | None


@attrs.frozen(eq=False)
class CycleLogs(Generic[T]):
    """Logs that follow from what a vehicle does.

    `silenced` says that they end when the vehicle's connection is lost; `delayed`, that some are stored late.
    """

    name: str
    vehicle_of: Callable[[T], Vehicle | None]
    make: LogMaker[T]
    silenced: bool = False
    delayed: bool = False

    def read(self, state: State, owner: T, time_range: TimeRange, step: int) -> Iterator[Log]:
        """Yield logs as far as they were stored by now."""
        vehicle = self.vehicle_of(owner)
        if vehicle is None:
            return
        stored = instant(state.clock())
        low, high = time_range.within(instant(state.fleet.begin_of(vehicle)), self._end(vehicle, stored))
        # A cycle begins on its day and ends on the next.
        days = range(low // (DAY * SECOND) - 1, high // (DAY * SECOND) + 1)
        for day in days[::step]:
            for log in self._logs(state, owner, vehicle, day)[::step]:
                if low <= log.key <= high and log.logged <= stored:
                    yield log

    def latest(self, state: State, owner: T) -> Log | None:
        """Return the newest log; it is looked up once until the next is stored."""
        vehicle = self.vehicle_of(owner)
        if vehicle is None:
            return None
        now, name = instant(state.clock()), (self.name, owner.id)
        known: _Latest | None = state.latest.get(name)
        if (
            known is None
            or not known.since <= now < known.until
            or known.settings is not vehicle.settings
            or known.silent_from != vehicle.silent_from
        ):
            known = state.latest[name] = self._latest(state, owner, vehicle, now)
        return known.log

    def _latest(self, state: State, owner: T, vehicle: Vehicle, now: int) -> _Latest:
        low, high = instant(state.fleet.begin_of(vehicle)), self._end(vehicle, now)
        today = now // (DAY * SECOND)
        until: float = (today + 1) * DAY * SECOND if high == now else math.inf  # then the next cycle begins
        for day in range(today, low // (DAY * SECOND) - 2, -1):
            for log in reversed(self._logs(state, owner, vehicle, day)):
                if low <= log.key <= high and log.logged <= now:
                    return _Latest(log, now, until, vehicle.settings, vehicle.silent_from)
                if log.logged > now:
                    until = min(until, log.logged)
        return _Latest(None, now, until, vehicle.settings, vehicle.silent_from)

    def _end(self, vehicle: Vehicle, now: int) -> int:
        silent = vehicle.silent_from if self.silenced else None
        return now if silent is None else min(now, instant(silent))

    def _logs(self, state: State, owner: T, vehicle: Vehicle, day: int) -> list[Log]:
        segments = state.fleet.cycle(vehicle, day)
        logs = self.make(owner, vehicle, segments, day) if segments else []
        if not (self.delayed and state.late):
            return logs
        random = SeededRandom(f"{owner.id}/{self.name}/late/{day}")  # of its own, so that nothing else changes
        delays = [(random.random(), random.uniform(*_LATE_HOURS)) for _ in logs]
        return [
            log._replace(logged=log.logged + round(hours * 3600 * SECOND)) if chance < state.late else log
            for log, (chance, hours) in zip(logs, delays, strict=True)
        ]


@attrs.frozen(eq=False)
class GridLogs(Generic[T]):
    """Logs at even intervals, each a function of its index. Both times are in seconds; `ahead` lies in the future."""

    every: int
    make: Callable[[State, T, int], Log]
    ahead: int = 0

    def read(self, state: State, owner: T, time_range: TimeRange, step: int) -> Iterator[Log]:
        """Yield logs as far as they were stored by now."""
        now, every = instant(state.clock()), self.every * SECOND
        low, high = time_range.within(instant(state.fleet.begin), now + self.ahead * SECOND)
        for index in range(low // every - 1, high // every + 1)[::step]:
            log = self.make(state, owner, index)
            if low <= log.key <= high and log.logged <= now:
                yield log

    def latest(self, state: State, owner: T) -> Log | None:
        """Return the newest log."""
        return next(self.read(state, owner, TimeRange(), -1), None)


@attrs.frozen(eq=False, kw_only=True)
class LogKind:
    """A collection of logs of one resource: its name in the path, the field that names a log, and its source.

    `field` is the reference of a log to its resource. Where `stored` is False, logs do not tell when they were stored.
    """

    collection: str
    name: str
    key: str
    field: str
    source: CycleLogs[Any] | GridLogs[Any]
    scope: str | None
    expand: Expansions
    stored: bool = True
    filters: Mapping[str, Filter] = attrs.field(factory=dict[str, Filter])

    def read(
        self, state: State, owner: Owned, time_range: TimeRange, step: int, predicates: Sequence[Predicate] = ()
    ) -> Iterator[Log]:
        """Yield the logs that fit: the newest first with -1 as the step, the oldest with 1."""
        logs = self.source.read(state, owner, time_range, step)
        return (log for log in logs if all(fits(log) for fits in predicates)) if predicates else logs

    def find(self, state: State, owner: Owned, key: int) -> Log | None:
        """Return one log, or None."""
        return next(self.read(state, owner, TimeRange(key, key), -1), None)

    def write(self, request: Request, owner: Owned, logs: Sequence[Log], tree: Tree) -> list[Data]:
        """Return logs of one resource as the API writes them."""
        url = request.url(self.collection, owner.id)
        inner = tree.get(self.field)
        # The resource is the same in all of them, so it is written once.
        whole = url if inner is None else request.state.collections[self.collection].write(request, owner, inner)
        return [self._write(url, log, whole) for log in logs]

    def latest(self, request: Request, owner: Owned, tree: Tree | None) -> object:
        """Return the URL of the newest log, or with a tree the log; None where there is none."""
        log = self.source.latest(request.state, owner)
        if log is None:
            return None
        url = request.url(self.collection, owner.id)
        return f"{url}/{self.name}/{text(log.key)}" if tree is None else self._write(url, log, url)

    def _write(self, url: str, log: Log, whole: object) -> Data:
        written = text(log.key)
        data: Data = {"url": f"{url}/{self.name}/{written}"}
        if self.stored:
            data["logged_at"] = text(log.logged)
        return {**data, self.key: written, self.field: whole, **log.fields()}
