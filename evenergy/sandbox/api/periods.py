"""Collections of charging over all vehicles, read lazily, the newest first."""

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from evenergy.sandbox import filters, paging
from evenergy.sandbox.ids import ulid, ulid_parts
from evenergy.sandbox.requests import Request
from evenergy.sandbox.simulation.charging import Key
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.tables import Collection
from evenergy.sandbox.times import DAY, SECOND

_KEY = operator.attrgetter("key")


@attrs.frozen(eq=False, kw_only=True)
class Periods(Collection[Any]):
    """A collection over all vehicles, the last to begin first, and read no further than a page needs."""

    on: Callable[[Request, int, Sequence[Vehicle] | None], Sequence[Any]]

    def page_of(self, request: Request) -> paging.Page[Any]:
        """Return the page that the query names."""
        fitting = filters.predicates(self.filters, request)
        vehicles, days, now = _vehicles(request), _days(request), request.state.clock()

        def read(step: int, key: Key | None) -> Iterator[Any]:
            for day in days[::step]:
                for part in _beyond(self.on(request, day, vehicles), step, key):
                    if part.start <= now and all(fits(part) for fits in fitting):
                        yield part

        cursor: paging.Cursor[Any, Key] = paging.Cursor(
            lambda id_: ulid_parts(id_, self.prefix), lambda key: self.prefix + ulid(*key), lambda part: part.key
        )
        return paging.of_stream(request, cursor, lambda key: read(-1, key), lambda key: read(1, key))


def _beyond(periods: Sequence[Any], step: int, key: Key | None) -> Sequence[Any]:
    """Return the periods after a key, or with -1 as the step those before it, the nearest first."""
    if key is None:
        return periods[::step]
    if step > 0:
        return periods[bisect_right(periods, key, key=_KEY) :]
    return periods[: bisect_left(periods, key, key=_KEY)][::-1]


def _vehicles(request: Request) -> Sequence[Vehicle] | None:
    """Return the vehicles that a list is narrowed to; None for all."""
    fleet, query = request.fleet, request.query
    names = [name for name in ("vehicle_id", "user_id", "evse_id") if name in query]
    if not names and request.user is None:
        return None
    found = list((fleet.vehicles_of[request.user.id] if request.user else fleet.vehicles).values())
    if "vehicle_id" in query:
        found = [vehicle for vehicle in found if vehicle.id == query["vehicle_id"]]
    if "user_id" in query:
        found = [vehicle for vehicle in found if vehicle.owner.id == query["user_id"]]
    if "evse_id" in query:
        charger = request.state.collections["evses"].find(request, query["evse_id"])
        found = [vehicle for vehicle in found if charger is not None and charger.values["vehicle"] is vehicle]
    return found


def _days(request: Request) -> range:
    """Return the days on which what the query asks for can begin."""
    first, last = int(request.state.fleet.begin // DAY), int(request.state.clock() // DAY)
    after, before = paging.bound(request, "start__gt"), paging.bound(request, "start__lt")
    ended_after = paging.bound(request, "end__gt")
    day = DAY * SECOND
    lows = [first, *(bound // day for bound in (after,) if bound is not None)]
    lows += [bound // day - 1 for bound in (ended_after,) if bound is not None]  # none is longer than a day
    return range(max(lows), (last if before is None else min(last, before // day)) + 1)
