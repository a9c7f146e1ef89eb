"""Small random worlds in which a fleet is watched, and every promise of a watch is kept or broken.

A world has a few vehicles that report, fall asleep, vanish and come back, a list with pages that fails up to four times
of ten and passes vehicles by, a consumer that is slow, gives up waiting, and begins anew with what was known. The
oracle reads what the server sent and what the consumer got, and nothing of the watch.

    python -m tests.fleet.watched [worlds] [first seed]
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from evenergy import AsyncClient, Change, DecodeError, RateLimitError, ServerError, VehicleNow, VehicleStatusLog, Watch
from evenergy._core.pagination import Page
from evenergy.errors import EvEnergyError
from evenergy.fleet import clock
from evenergy.fleet.values import WatchField
from evenergy.resources.vehicles import Integration
from tests.fleet.simulation import BrokenPromiseError, main
from tests.server import run_jumping

HOUR = 3600.0
FIELDS: tuple[WatchField, ...] = ("is_plugged_in", "is_charging", "state_of_charge_percentage", "integrated")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = 10 * HOUR  # at the end nothing changes, and nothing fails


def now() -> float:
    return asyncio.get_running_loop().time()


@attrs.frozen
class Car:
    """The states of a vehicle, each from its time on; None while it is not listed."""

    id: str
    states: list[tuple[float, VehicleNow | None]]

    def at(self, time: float) -> VehicleNow | None:
        return next((state for begin, state in reversed(self.states) if begin <= time), None)


def car(rng: random.Random, number: int, end: float) -> Car:
    """Return a vehicle that changes at random times, and reports only some of its fields now and then."""
    vehicle_id, at = f"vhcl{number:026}", 0.0
    states: list[tuple[float, VehicleNow | None]] = [(at, None)] if rng.random() < 0.2 else []
    while at < end:
        if states and rng.random() < 0.15:
            states.append((at, None))
        else:
            asleep = rng.random() < 0.2
            log = VehicleStatusLog(
                is_plugged_in=None if asleep else rng.choice((True, False, None)),
                is_charging=None if asleep else rng.choice((True, False, False, None)),
                state_of_charge_percentage=None if asleep else rng.randint(1, 4),
            )
            reported = None if rng.random() < 0.1 else log
            states.append((at, VehicleNow(vehicle_id, integrated=Integration.ACTIVE, latest_status_log=reported)))
        at += rng.expovariate(1 / rng.choice((600, HOUR, 6 * HOUR)))
    return Car(vehicle_id, states)


@attrs.define
class World:
    """A server, and what was seen of it."""

    seed: int
    rng: random.Random
    cars: list[Car]
    end: float
    page_size: int
    faults: float
    passes_by: float
    sent: list[float] = attrs.Factory(list[float])  # when the requests of this watch reached the server
    pages: int = 0
    newest_page: datetime = EPOCH
    sweep: set[str | None] = attrs.Factory(set[str | None])
    sweeps: list[set[str | None]] = attrs.Factory(list[set[str | None]])  # the complete ones of this watch
    odd: set[str] = attrs.Factory(set[str])  # cannot be decoded
    known: dict[str, VehicleNow] = attrs.Factory(dict[str, VehicleNow])  # as the consumer knows them
    stats: Counter[str] = attrs.Factory(Counter[str])

    @property
    def is_quiet(self) -> bool:
        return now() >= self.end

    def broken(self, what: str) -> BrokenPromiseError:
        return BrokenPromiseError(f"world {self.seed}: {what}")

    def begin(self) -> None:
        """Forget the requests and sweeps of the watch before."""
        self.sent.clear()
        self.sweeps.clear()


@attrs.define
class Listing:
    """The pages of one sweep, in the place of those of the wire."""

    world: World
    watch: Watch
    begin: int = 0
    turn: Any = attrs.Factory(lambda: type("Turn", (), {"entries": ()}))

    async def next_page(self) -> Page[VehicleNow]:
        """Return the next page after some attempts, or raise the error of the last one."""
        world, rng = self.world, self.world.rng
        if self.begin == 0:
            world.sweep = set()
        for attempt in range(3):
            await asyncio.sleep(rng.choice((0, 0, 0.5, 40)))  # in the queue for the rate limit
            world.sent.append(now())
            world.stats["requests"] += 1
            await asyncio.sleep(rng.uniform(0, 2))
            if world.is_quiet or rng.random() >= world.faults:
                return self.page()
            if attempt < 2 and not self.watch._reader._session.retry_budget.spend(None):
                break
        world.stats["failures"] += 1
        raise self.error()

    def error(self) -> EvEnergyError:
        rng = self.world.rng
        if rng.random() < 0.2:
            return RateLimitError("429", retry_after=rng.uniform(1, 2 * HOUR))
        return ServerError("503")

    def page(self) -> Page[VehicleNow]:
        world, rng = self.world, self.world.rng
        there = [state for one in world.cars if (state := one.at(now())) is not None]
        part = there[self.begin : self.begin + world.page_size]
        self.begin += world.page_size
        if not world.is_quiet:
            part = [one for one in part if rng.random() >= world.passes_by]
        bad = [one for one in part if one.id in world.odd and not world.is_quiet]
        errors = [DecodeError("odd", raw={"id": one.id}) for one in bad]
        is_last = self.begin >= len(there)
        world.sweep.update(one.id for one in part)
        if is_last:
            world.sweeps.append(world.sweep)
        world.pages += 1
        world.newest_page = clock.utc_now()
        items = [one for one in part if one not in bad]
        return Page(items, errors, "", "", None if is_last else "page_after=1")


def check_budget(world: World, budget: int) -> None:
    """No hour has more requests than allowed."""
    for first, last in zip(world.sent, world.sent[budget:], strict=False):
        if last - first < HOUR:
            raise world.broken(f"{budget + 1} requests within {last - first:.0f} s, of {budget} allowed in an hour")


def check(world: World, change: Change) -> None:
    """A change is of the newest page, no other was between it and the last one, and nobody is gone too soon."""
    before, after = world.known.get(change.vehicle_id), change.after
    if change.before != before:
        raise world.broken(f"{change.vehicle_id} changed from {change.before}, and was last handed out as {before}")
    if change.observed_at != world.newest_page:
        raise world.broken(f"a change of {change.vehicle_id} is stale: a newer page came before it was handed out")
    differing, was = differences(before, after), values(before)
    if after is not None and any(was[name] is not None and value is None for name, value in values(after).items()):
        raise world.broken(f"{change.vehicle_id} reported nothing, and that was told as a change")
    if set[str](change.fields) != differing or (before is not None and after is not None and not differing):
        raise world.broken(f"{change.vehicle_id} changed in {differing}, and not in {change.fields}")
    if after is None and any(change.vehicle_id in sweep for sweep in world.sweeps[-2:]):
        raise world.broken(f"{change.vehicle_id} is called gone, and was listed")
    if after is None and len(world.sweeps) < 2:
        raise world.broken(f"{change.vehicle_id} is called gone after one sweep")
    if after is None:
        del world.known[change.vehicle_id]
    else:
        world.known[change.vehicle_id] = after
        check_values(world, after)


def differences(before: VehicleNow | None, after: VehicleNow | None) -> set[str]:
    if after is None:
        return set()
    old = values(before)
    return {name for name, value in values(after).items() if value != old.get(name)}


def values(vehicle: VehicleNow | None) -> dict[str, object]:
    log = None if vehicle is None else vehicle.latest_status_log
    of_log: dict[str, object] = {name: getattr(log, name, None) for name in FIELDS[:3]}
    return {**of_log, "integrated": getattr(vehicle, "integrated", None)}


def check_values(world: World, vehicle: VehicleNow) -> None:
    """Every value is the last one that the vehicle reported, or one before it where it reported none."""
    one = next(one for one in world.cars if one.id == vehicle.id)
    told: list[dict[str, object]] = [values(state) for begin, state in one.states if begin <= now()]
    for name, value in values(vehicle).items():
        if value is not None and not any(each[name] == value for each in told):
            raise world.broken(f"{vehicle.id} never reported {value} for {name}")


def check_end(world: World, watch: Watch) -> None:
    """After a quiet end the consumer knows the truth, and the watch says that it is fresh."""
    listed = {one.id: state for one in world.cars if (state := one.at(now())) is not None}
    if world.known.keys() != listed.keys():
        raise world.broken(f"{world.known.keys() ^ listed.keys()} are wrong after a quiet end")
    for vehicle_id, state in listed.items():
        known = values(world.known[vehicle_id])
        wrong = {name for name, value in values(state).items() if value is not None and known[name] != value}
        if wrong:
            raise world.broken(f"{wrong} of {vehicle_id} are stale after a quiet end")
    if watch.failures or watch.fresh_at is None or clock.utc_now() - watch.fresh_at > timedelta(hours=6):
        raise world.broken(f"{watch.failures} failures after a quiet end, fresh at {watch.fresh_at}")


async def live(world: World, client: AsyncClient, kind: type[Watch] = Watch) -> None:
    """Watch with a consumer that is slow, gives up waiting, and begins anew."""
    rng = world.rng
    budget, every = rng.choice((3, 6, 12, 60)), rng.choice((60, 300, HOUR))
    patience = rng.choice((HOUR / 2, 5 * HOUR))
    pauses = rng.choice(((0,), (0, 1), (0, 0, 400, 2 * HOUR)))
    while now() < world.end + QUIET:
        world.begin()
        watch = begun(world, client, kind, budget, every)
        while now() < world.end + QUIET:
            try:
                change = await asyncio.wait_for(anext(watch), patience)
            except TimeoutError:
                world.stats["waits"] += 1
            else:
                world.stats["changes"] += 1
                check(world, change)
                await asyncio.sleep(0 if world.is_quiet else rng.choice(pauses))
            if not world.is_quiet and rng.random() < 0.02:
                world.stats["restarts"] += 1
                break
        else:
            check_end(world, watch)
        check_budget(world, budget)
        world.known = dict(watch.known)


def begun(world: World, client: AsyncClient, kind: type[Watch], budget: int, every: float) -> Watch:
    """Return a watch that reads the lists of the world."""
    watch = kind(
        client.fleet._source,
        client.fleet._session,
        budget=budget,
        every=timedelta(seconds=every),
        charging=timedelta(seconds=min(every, 60)),
        fields=FIELDS,
        known=world.known,
    )

    def sweep(_: str | None) -> Listing:
        return Listing(world, watch)

    vars(watch._reader)["sweep"] = sweep
    return watch


def make_world(seed: int) -> World:
    """Return the world of a seed."""
    rng = random.Random(seed)
    end = rng.choice((6, 24, 48)) * HOUR
    cars = [car(rng, number, end) for number in range(rng.randint(0, 6))]
    world = World(seed, rng, cars, end, rng.choice((2, 3, 100)), rng.choice((0, 0.05, 0.4)), rng.choice((0, 0, 0.05)))
    world.odd.update(one.id for one in cars if rng.random() < 0.05)
    return world


def simulate(seed: int, kind: type[Watch] = Watch) -> Counter[str]:
    """Live through the world of a seed, and return its figures.

    Raises:
        BrokenPromiseError: A promise was broken.
    """
    world = make_world(seed)

    async def main() -> None:
        async with AsyncClient("token") as client:
            await live(world, client, kind)

    with pytest.MonkeyPatch.context() as patch:
        loop_time = lambda: EPOCH + timedelta(seconds=now())  # noqa: E731  one clock for the loop and the watch
        patch.setattr(clock, "utc_now", loop_time)
        run_jumping(main())
    return world.stats


if __name__ == "__main__":
    main(simulate, *map(int, sys.argv[1:] or ["600"]))
