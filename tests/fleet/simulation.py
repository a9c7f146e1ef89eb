"""Small random worlds, in which every promise about new logs is kept or broken.

A world has a few vehicles whose logs are stored late, out of order or dated ahead, a server with pages, and a store.
Runs begin at random times. They have random budgets, crash anywhere, and overlap. The oracle knows which logs the
server holds, and reads no mark: each wanted log that keeps a promise must have been delivered exactly once in the end.

    python -m tests.fleet.simulation [worlds] [first seed]
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import attrs

from evenergy.fleet.marks import ABSENT, HOUR, Log, LogPage, Mark
from evenergy.fleet.run import POSITION, Changes, Options, Read, SyncRun
from tests.fleet.server import Delivered, LogResponse, Report, Server, Vehicle, vehicle_of
from tests.fleet.stores import Chaos, CrashError, KeyedStore, Store

MINUTE = HOUR // 60
DAY = 24 * HOUR

Page = list[tuple[str, Log[Delivered] | None]]


class BrokenPromiseError(AssertionError):
    """A world in which something was lost, delivered twice, late, or paid for in vain."""


@attrs.frozen
class Engine:
    """The code under test: the real one, or one with a mistake in it."""

    sync_run: type[SyncRun[Delivered]] = SyncRun
    mark: type[Mark] = Mark
    log_page: type[LogPage[Delivered]] = LogPage


@attrs.define
class World:
    """A server, a store, and what stays the same in all runs."""

    seed: int
    rng: random.Random
    engine: Engine
    server: Server
    store: Store
    step: int  # between two reports of a lively vehicle
    end: int
    lookback: int
    list_size: int
    page_size: int
    concurrency: int
    chaos: Chaos
    may_overlap: bool
    clocks: tuple[int, ...]  # how far those of the runs are off
    wanted: dict[str, int] = attrs.Factory(dict[str, int])  # vehicle to where its wanted range begins
    stats: Counter[str] = attrs.Factory(Counter[str])

    def broken(self, what: str) -> BrokenPromiseError:
        return BrokenPromiseError(f"world {self.seed}: {what}")

    def promised(self, vehicle: Vehicle, index: int, newest_first: list[Report]) -> bool:
        """Return True for a log that was stored in time, by either promise."""
        report = newest_first[index]
        if report.visible - report.key <= self.lookback:
            return True
        first_newer = min((newer.logged for newer in newest_first[:index]), default=None)
        return first_newer is None or report.visible - first_newer <= self.lookback

    def missing(self, vehicle_id: str, visible_until: int) -> tuple[int, int]:
        """Return the first key that was promised and not delivered, or -1, and how many came too late for a promise."""
        vehicle = self.server.vehicles[vehicle_id]
        newest_first = sorted(vehicle.reports, reverse=True)
        beyond = 0
        for index, report in enumerate(newest_first):
            if report.key < self.wanted[vehicle_id] or report.visible > visible_until:
                continue
            if (vehicle_id, report.key) in self.store.delivered or report.key in vehicle.deletions:
                continue
            if self.promised(vehicle, index, newest_first):
                return report.key, beyond
            beyond += 1
        return -1, beyond


@attrs.define
class Process:
    """A process that does one run. It stops before each request and each response, so that time goes on in between."""

    world: World
    options: Options
    chaos: Chaos
    base: dict[str, str] = attrs.field(init=False)
    known: set[str] = attrs.field(init=False)
    run: SyncRun[Delivered] = attrs.field(init=False)
    news: set[str] = attrs.Factory(set[str])
    listed: set[str] = attrs.Factory(set[str])
    in_flight: list[tuple[Read, LogResponse | None]] = attrs.Factory(list[tuple[Read, LogResponse | None]])
    failed: set[str] = attrs.Factory(set[str])
    disturbed: bool = False
    sent: int = 0

    def __attrs_post_init__(self) -> None:
        self.base = dict(self.world.store.marks)
        self.known = set(self.base)
        self.run = self.world.engine.sync_run(self.base, self.options)

    def steps(self) -> Iterator[None]:
        began = self.world.server.now
        yield from self.sweep()
        yield from self.reads()
        if self.run.requests != self.sent or self.sent > (self.options.budget or sys.maxsize):
            raise self.world.broken(f"{self.sent} requests sent, {self.run.requests} counted, of {self.options.budget}")
        self.check_complete(began)

    def sweep(self) -> Iterator[None]:
        world, run = self.world, self.run
        while run.next_page():
            yield
            self.chaos.maybe_crash()
            if self.chaos.fails():
                self.disturbed = True
                if self.chaos.rng.random() < 0.5:
                    self.save_page(run.page_rejected(), [])
                    return
                self.sent += 1
                restarted = run.restart()
                if restarted is None:
                    raise CrashError  # the page's error is raised: this run has ended
                self.save_page(restarted, [])
                continue
            self.send()
            page, next_url = world.server.list_page(run.next_url, world.list_size)
            self.listed.update(one for one, _ in page)
            self.save_page(run.take_page(page, next_url), page)

    def save_page(self, changes: Changes[Delivered], page: Page) -> None:
        self.chaos.maybe_crash()
        saved = self.save(changes)
        # A vehicle that is new and has no wanted history is read from its next report on.
        self.news.update(one for one, _ in changes.logs if self.options.since is not None or one in self.known)
        for vehicle_id, newest in page:
            if vehicle_id in saved and newest is not None:
                self.want(vehicle_id, newest)
                self.check_fresh(vehicle_id, newest)
        self.chaos.maybe_crash()

    def save(self, changes: Changes[Delivered]) -> set[str]:
        saved = self.world.store.save(self.base, changes, self.chaos)
        self.disturbed |= len(saved) < len(changes.marks)
        self.check_marks(changes)
        return saved

    def want(self, vehicle_id: str, newest: Log[Delivered]) -> None:
        wanted, since = self.world.wanted, self.options.since
        if vehicle_id not in wanted:
            begin = min(newest.key, max(self.options.now, newest.logged)) if since is None else since
            wanted[vehicle_id] = begin
        elif since is not None:
            wanted[vehicle_id] = min(wanted[vehicle_id], since)

    def check_fresh(self, vehicle_id: str, newest: Log[Delivered]) -> None:
        """The newest log of a vehicle comes with the list."""
        world = self.world
        if newest.key < world.wanted[vehicle_id] or (vehicle_id, newest.key) in world.store.delivered:
            return
        vehicle = world.server.vehicles[vehicle_id]
        newest_first = sorted(vehicle.reports, reverse=True)
        index = next(index for index, report in enumerate(newest_first) if report.key == newest.key)
        if world.promised(vehicle, index, newest_first):
            raise world.broken(f"the newest log of {vehicle_id}, {newest.key}, did not come with the list")

    def reads(self) -> Iterator[None]:
        world, run = self.world, self.run
        most = 100 + 40 * sum(len(vehicle.reports) for vehicle in world.server.vehicles.values())
        while True:
            while len(self.in_flight) < world.concurrency and (read := run.next_read()) is not None:
                if read.until is not None and read.vehicle_id not in self.listed:
                    raise world.broken(f"history of {read.vehicle_id} was read, which this run's sweep has not listed")
                if read.vehicle_id in self.failed:
                    raise world.broken(f"{read.vehicle_id} was read again in a run in which it had failed")
                self.in_flight.append((read, self.request(read)))
            if not self.in_flight:
                return
            if self.sent > most:
                raise world.broken(f"{self.sent} requests in one run")
            yield
            self.chaos.maybe_crash()
            self.respond(*self.in_flight.pop(self.chaos.rng.randrange(len(self.in_flight))))

    def request(self, read: Read) -> LogResponse | None:
        self.send()
        return self.world.server.logs(read, self.world.page_size)

    def send(self) -> None:
        """Send an attempt, and sometimes a retry."""
        self.sent += 1
        if self.chaos.fails() and self.run.spend_retry():
            self.sent += 1

    def respond(self, read: Read, response: LogResponse | None) -> None:
        run = self.run
        if self.chaos.fails():
            self.disturbed = True
            if self.chaos.rng.random() < 0.5:
                self.failed.add(read.vehicle_id)
                run.read_failed(read)
            else:
                run.read_rejected(read)
                self.sent -= 1
            return
        if response is None:
            self.disturbed = True
            self.failed.add(read.vehicle_id)
            changes = run.vehicle_not_found(read)
        else:
            changes = run.take_logs(read, self.world.engine.log_page(*response))
        if changes.error is not None:
            raise self.world.broken(f"{changes.error}")
        self.chaos.maybe_crash()
        self.save(changes)
        self.chaos.maybe_crash()

    def check_marks(self, changes: Changes[Delivered]) -> None:
        """No mark keeps keys in vain, its gaps do not overlap, and above the anchor they leave nothing out."""
        for vehicle_id, text in changes.marks.items():
            if vehicle_id == POSITION:
                continue
            mark = self.world.engine.mark.parse(vehicle_id, text)
            gaps = sorted(mark.gaps)
            reached = mark.anchor
            for gap in gaps:
                if gap.high > mark.anchor + 1 and gap.low > reached:
                    raise self.world.broken(f"the keys of {vehicle_id} from {reached} to {gap.low} are in no gap")
                reached = max(reached, gap.high - 1)
            if any(low.high - 1 > high.low for low, high in pairwise(gaps)):
                raise self.world.broken(f"the gaps {gaps} of {vehicle_id} overlap")
            if any(key <= mark.anchor and not any(gap.holds(key) for gap in gaps) for key in mark.seen):
                raise self.world.broken(f"the mark of {vehicle_id} keeps more keys than it needs")

    def check_complete(self, began: int) -> None:
        """With ``within=0`` and no budget, a run that nothing disturbed is complete for each vehicle that had news."""
        alone = not self.world.may_overlap
        if self.disturbed or self.options.budget is not None or self.options.within or not alone:
            return
        if self.run.left:
            raise self.world.broken(f"{self.run.left} reads are left after a run that nothing disturbed")
        for vehicle_id in self.news:
            key, _ = self.world.missing(vehicle_id, began)
            if key >= 0:
                raise self.world.broken(f"the log {key} of {vehicle_id} did not come with the run that saw its news")


def make_world(seed: int, engine: Engine, store: Store) -> World:
    """Return the world of a seed. In some worlds keys lie a few microseconds apart, so that each bound matters."""
    rng = random.Random(seed)
    step = rng.choice((15 * MINUTE, 15 * MINUTE, 2, 5))
    lookback = rng.choice((0, 1, 4, 24, 60)) * step
    end = rng.choice((10, 30, 30, 60)) * step
    stored_last = rng.random() < 0.25
    clocks = rng.choice(((0,), (0,), (0, 0, 8 * step, -8 * step, 400 * DAY)))
    # A wrong clock here may take a log dated ahead for a usual one. The next report with a greater key mends that.
    newest = stored_last or len(clocks) > 1
    vehicles = {
        f"v{number}": vehicle_of(rng, step=step, end=end, lookback=lookback, last_word_newest=newest)
        for number in range(rng.randint(1, 4))
    }
    page_size = rng.choice((1, 2, 3, 10, 100))
    rounding = rng.choice((1, 1000)) if page_size >= 10 and step > 1000 else 1
    return World(
        seed=seed,
        rng=rng,
        engine=engine,
        server=Server(vehicles, stored_last, rounding),
        store=store,
        step=step,
        end=end,
        lookback=lookback,
        list_size=rng.choice((1, 2, 100)),
        page_size=page_size,
        concurrency=rng.choice((1, 1, 2, 8)),
        chaos=Chaos(rng, rng.choice((0, 0, 0.02, 0.1)), rng.choice((0, 0, 0.05))),
        clocks=clocks,
        may_overlap=type(store) is not KeyedStore and rng.random() < 0.3,
    )


def live(world: World) -> None:
    """Let time pass, with runs in it."""
    rng, server, step = world.rng, world.server, world.step
    pace = rng.choice((step // 100, step // 15, step // 2))
    budgets = rng.choice(((None,), (2, 3, 5, 20), (10, 30, None)))
    withins = rng.choice(((0,), (0, 0, 4 * step, 24 * step)))
    pauses = rng.choice(((step,), (step, 4 * step, 24 * step)))
    since_choices = rng.choice((0, 1, 2))
    active: list[Iterator[None]] = []
    while server.now < world.end + 24 * step:
        if not active or (world.may_overlap and len(active) < 3 and rng.random() < 0.2):
            server.now += 0 if active else rng.randint(0, rng.choice(pauses))
            since = (None, 0, rng.randint(0, max(0, server.now)))[since_choices]
            options = Options(
                now=server.now + rng.choice(world.clocks),
                since=since,
                within=rng.choice(withins),
                lookback=world.lookback,
                budget=rng.choice(budgets),
            )
            world.stats["runs"] += 1
            active.append(Process(world, options, world.chaos).steps())
        server.now += rng.randint(0, max(1, pace))
        chosen = rng.randrange(len(active))
        try:
            next(active[chosen])
        except StopIteration:
            del active[chosen]
        except CrashError:
            world.stats["crashes"] += 1
            del active[chosen]


def finish(world: World) -> None:
    """Let the last reports come, and read all that is left."""
    server = world.server
    server.now = 2 * DAY + max(report.visible for vehicle in server.vehicles.values() for report in vehicle.reports)
    for _ in range(3):
        server.now += 2 * ABSENT
        options = Options(now=server.now, since=None, within=0, lookback=world.lookback, budget=None)
        for _ in Process(world, options, Chaos(world.rng)).steps():
            pass


def simulate(seed: int, engine: Engine | None = None, store: Store | None = None) -> Counter[str]:
    """Live through the world of a seed, and return its figures.

    Raises:
        BrokenPromiseError: A promise was broken.
    """
    if store is None:
        store = KeyedStore() if seed % 8 == 7 else Store()
    world = make_world(seed, engine or Engine(), store)
    live(world)
    finish(world)
    for vehicle_id in world.wanted:
        key, beyond = world.missing(vehicle_id, sys.maxsize)
        if key >= 0:
            raise world.broken(f"the log {key} of {vehicle_id} was lost")
        world.stats["stored too late for a promise"] += beyond
    twice = [log for log, count in store.delivered.items() if count > 1]
    if twice:
        raise world.broken(f"{len(twice)} logs were delivered twice, the first is {twice[0]}")
    world.stats.update(
        logs=len(store.delivered),
        requests=world.server.requests,
        conflicts=store.conflicts,
        overlapping=world.may_overlap,
    )
    return world.stats


def main(simulate: Callable[[int], Counter[str]], worlds: int = 1000, first: int = 0) -> None:
    """Print the figures of many worlds."""
    began, total, broken = time.perf_counter(), Counter[str](), 0
    for seed in range(first, first + worlds):
        try:
            total += simulate(seed)
        except BrokenPromiseError as error:
            broken += 1
            sys.stdout.write(f"{error}\n")
    seconds = time.perf_counter() - began
    sys.stdout.write(f"{worlds} worlds in {seconds:.0f} s, {broken} broken: {dict(total)}\n")


if __name__ == "__main__":
    main(simulate, *map(int, sys.argv[1:]))
