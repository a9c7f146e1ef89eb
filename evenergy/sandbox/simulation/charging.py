"""Charging sessions: each follows from what a vehicle does between two drives."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import ClassVar, TypeVar

import attrs

from evenergy.sandbox.ids import digest, ulid, ulid_parts
from evenergy.sandbox.simulation.driving import PLUGGED_IN, Segment
from evenergy.sandbox.simulation.fleet import Fleet, User, Vehicle
from evenergy.sandbox.times import DAY, instant

_DAYS_KEPT = 9  # of all vehicles; a day of 10,000 is about six megabytes
_ORDER_BITS, _REST_BITS = 24, 56
_MASK = 0x5A17E5  # so that ids do not count vehicles for everybody to see

Key = tuple[int, int]
"""The place of a session among all others: the millisecond of its start, and 80 bits that name the vehicle."""


@attrs.define(eq=False)
class Period:
    """A stretch of time in which a vehicle is plugged in. POSIX seconds; the end is planned, and may lie ahead."""

    vehicle: Vehicle
    day: int  # of the cycle
    start: float
    end: float

    prefix: ClassVar[str] = ""

    @property
    def owner(self) -> User:
        """The user of the vehicle."""
        return self.vehicle.owner

    @cached_property
    def key(self) -> Key:
        """Its place among all others."""
        moment = instant(self.start)
        rest = digest(f"{self.prefix}/{self.vehicle.id}/{moment}", _REST_BITS)
        return moment // 1000, (self.vehicle.order ^ _MASK) << _REST_BITS | rest

    @property
    def id(self) -> str:
        """Its id, which sorts by the start."""
        return self.prefix + ulid(*self.key)


@attrs.define(eq=False)
class SubSession(Period):
    """A part of a session in which charging has one mode."""

    mode: str
    plugged_at: float

    prefix: ClassVar[str] = "csub"

    def segments(self, fleet: Fleet) -> list[Segment]:
        """Return what the vehicle does in it."""
        return [
            segment
            for segment in fleet.cycle(self.vehicle, self.day)
            if segment.plugged_at == self.plugged_at
            and segment.phase in PLUGGED_IN
            and self.start <= segment.start < self.end
        ]


@attrs.define(eq=False)
class Session(Period):
    """A session from plugging in to unplugging."""

    sub_sessions: list[SubSession]

    prefix: ClassVar[str] = "cses"


P = TypeVar("P", bound=Period)

_KEY = attrgetter("key")


class Sessions:
    """The sessions of a fleet, by the day on which they begin."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._days: dict[int, tuple[int, list[Session]]] = {}
        self._parts: dict[int, tuple[int, list[SubSession]]] = {}

    def of_cycle(self, vehicle: Vehicle, day: int) -> list[Session]:
        """Return the sessions in the cycle of a day."""
        silent = None if vehicle.charger else vehicle.silent_from
        sessions: list[Session] = []
        plugged = (segment for segment in self._fleet.cycle(vehicle, day) if segment.phase in PLUGGED_IN)
        for plugged_at, group in groupby(plugged, key=lambda segment: segment.plugged_at):
            parts = [
                SubSession(vehicle, day, run[0].start, run[-1].end, mode, plugged_at)
                for mode, run in ((mode, list(run)) for mode, run in groupby(group, key=lambda segment: segment.mode))
            ]
            if silent is not None:
                # Without a charger that reports, a session ends with the connection to the vehicle.
                parts = [attrs.evolve(part, end=min(part.end, silent)) for part in parts if part.start < silent]
            if parts and parts[0].start >= self._fleet.begin_of(vehicle):
                sessions.append(Session(vehicle, day, parts[0].start, parts[-1].end, parts))
        return sessions

    def on(self, day: int, vehicles: Iterable[Vehicle] | None = None) -> list[Session]:
        """Return the sessions that begin on a day, in order: of some vehicles, or of all."""
        if vehicles is None:
            return self._kept(self._days, day, self._begun)
        return self._begun(day, vehicles)

    def sub_sessions_on(self, day: int, vehicles: Iterable[Vehicle] | None = None) -> list[SubSession]:
        """Return the sub-sessions that begin on a day, in order: of some vehicles, or of all."""
        if vehicles is None:
            return self._kept(self._parts, day, self._parts_begun)
        return self._parts_begun(day, list(vehicles))

    def find(self, id: str, now: float) -> Session | None:
        """Return a session that has begun, or None."""
        return next((session for session in self._near(id, "cses", now) if session.id == id), None)

    def find_sub_session(self, id: str, now: float) -> SubSession | None:
        """Return a sub-session that has begun, or None."""
        parts = (part for session in self._near(id, "csub", now) for part in session.sub_sessions)
        return next((part for part in parts if part.id == id), None)

    def _near(self, id: str, prefix: str, now: float) -> Iterator[Session]:
        """Yield the sessions of the vehicle that an id names, around its time."""
        parts = ulid_parts(id, prefix)
        vehicle = None if parts is None else self._fleet.vehicle_at(parts[1] >> _REST_BITS ^ _MASK)
        if parts is None or vehicle is None:
            return
        begun = parts[0] / 1000
        if self._fleet.begin - 1 <= begun <= now:  # a time ahead would plan all days until then
            for day in (begun // DAY - 1, begun // DAY):
                yield from self.of_cycle(vehicle, int(day))

    def _begun(self, day: int, vehicles: Iterable[Vehicle] | None) -> list[Session]:
        # Nobody comes home so late that a session begins on another day than its cycle.
        among = self._fleet.vehicles.values() if vehicles is None else vehicles
        return sorted((session for vehicle in among for session in self.of_cycle(vehicle, day)), key=_KEY)

    def _parts_begun(self, day: int, vehicles: Iterable[Vehicle] | None) -> list[SubSession]:
        # The session of a sub-session may have begun the day before.
        sessions = [session for before in (day - 1, day) for session in self.on(before, vehicles)]
        parts = (part for session in sessions for part in session.sub_sessions if part.start // DAY == day)
        return sorted(parts, key=_KEY)

    def _kept(
        self,
        cache: dict[int, tuple[int, list[P]]],
        day: int,
        begun: Callable[[int, Iterable[Vehicle] | None], list[P]],
    ) -> list[P]:
        """Return what began on a day, from memory but for the vehicles that have changed since."""
        changes = self._fleet.changes
        seen, found = cache.pop(day, (-1, []))
        if seen < 0:
            found = begun(day, None)
        elif seen < len(changes):
            changed = set(changes[seen:])
            present = [vehicle for vehicle in changed if vehicle.id in self._fleet.vehicles]
            kept = [period for period in found if period.vehicle not in changed]
            found = sorted([*kept, *begun(day, present)], key=_KEY)
        cache[day] = len(changes), found
        while len(cache) > _DAYS_KEPT:
            del cache[next(iter(cache))]
        return found
