"""Reading the logs of a vehicle: from the newest or the oldest, no further than they are consumed."""

from collections.abc import Callable, Iterator

import attrs

from evenergy.sandbox.fleet import Fleet, Vehicle
from evenergy.sandbox.times import DAY, SECOND, instant
from evenergy.sandbox.vehicle_logs import Log, LogMaker, command_logs, error_logs, location_logs, status_logs


@attrs.frozen
class LogKind:
    """A collection of logs: its name in the path, and the field that names a log."""

    name: str
    key: str
    make: LogMaker


STATUS = LogKind("status_logs", "sampled_at", status_logs)
LOCATION = LogKind("location_logs", "sampled_at", location_logs)
ERROR = LogKind("error_logs", "logged_at", error_logs)
COMMAND = LogKind("command_logs", "logged_at", command_logs)


@attrs.frozen
class TimeRange:
    """Instants, with both ends; None is no end."""

    low: int | None = None
    high: int | None = None

    def after(self, key: int) -> "TimeRange":
        """Return the part that is later than the key."""
        return TimeRange(key + 1 if self.low is None else max(self.low, key + 1), self.high)

    def before(self, key: int) -> "TimeRange":
        """Return the part that is earlier than the key."""
        return TimeRange(self.low, key - 1 if self.high is None else min(self.high, key - 1))


class LogReader:
    """The logs of a fleet, as far as they were stored by now."""

    def __init__(self, fleet: Fleet, clock: Callable[[], float]) -> None:
        self._fleet = fleet
        self._clock = clock

    def newest(self, vehicle: Vehicle, kind: LogKind, span: TimeRange) -> Iterator[Log]:
        """Yield the logs, the newest first."""
        return self._read(vehicle, kind, span, -1)

    def oldest(self, vehicle: Vehicle, kind: LogKind, span: TimeRange) -> Iterator[Log]:
        """Yield the logs, the oldest first."""
        return self._read(vehicle, kind, span, 1)

    def find(self, vehicle: Vehicle, kind: LogKind, key: int) -> Log | None:
        """Return one log, or None."""
        return next(self.newest(vehicle, kind, TimeRange(key, key)), None)

    def latest(self, vehicle: Vehicle) -> Log | None:
        """Return the newest status log."""
        return next(self.newest(vehicle, STATUS, TimeRange()), None)

    def _read(self, vehicle: Vehicle, kind: LogKind, span: TimeRange, step: int) -> Iterator[Log]:
        if vehicle.integrated == "UNINTEGRATED":
            return
        now = self._clock()
        stored = instant(now)
        end = now if vehicle.silent_from is None else min(now, vehicle.silent_from)
        low, high = instant(self._fleet.begin), instant(end)
        low = low if span.low is None else max(low, span.low)
        high = high if span.high is None else min(high, span.high)
        timeline = self._fleet.timeline(vehicle)
        # A cycle begins on its day and ends on the next.
        days = range(low // (DAY * SECOND) - 1, high // (DAY * SECOND) + 1)
        for day in days[::step]:
            for log in kind.make(vehicle, timeline.cycle(day), day)[::step]:
                if low <= log.key <= high and log.logged <= stored:
                    yield log
