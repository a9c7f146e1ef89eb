"""Fleets under constant load, where the budget never suffices: everybody is read in turn, and history moves on."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from evenergy.fleet.marks import END, HOUR
from evenergy.fleet.run import Options, Read
from tests.fleet.server import Delivered, Report, Server, Vehicle
from tests.fleet.simulation import DAY, BrokenPromiseError, Engine

MINUTE = HOUR // 60
MONTHS = 100 * DAY
HISTORY = 2000  # logs


def steady(first: int, last: int, step: int) -> list[Report]:
    """Return a report at each step."""
    return [Report(key, key, key) for key in range(first, last, step)]


def one_run(
    engine: Engine, server: Server, marks: dict[str, str], options: Options, delivered: Counter[Delivered]
) -> list[Read]:
    """Do a run of one read at a time, and return its reads."""
    reads: list[Read] = []
    run = engine.sync_run(marks, options)
    while run.next_page():
        changes = run.take_page(*server.list_page(run.next_url, 10))
        marks |= changes.marks
        delivered.update(changes.logs)
    while (read := run.next_read()) is not None:
        reads.append(read)
        response = server.logs(read, 100)
        assert response is not None
        changes = run.take_logs(read, engine.log_page(*response))
        marks |= changes.marks
        delivered.update(changes.logs)
    return reads


def starvation(engine: Engine, *, vehicles: int, budget: int, runs: int) -> None:
    """Read vehicles that all have news each hour, one of them with a long history, for too few requests.

    Raises:
        BrokenPromiseError: A vehicle waits for much longer than the others, or history does not move on.
    """
    begin, end = HISTORY * MINUTE, HISTORY * MINUTE + runs * HOUR
    fleet = {f"v{number:02}": Vehicle(steady(begin, end, HOUR), {}, (-1, -1)) for number in range(vehicles)}
    old = fleet["v00"] = Vehicle(steady(0, begin, MINUTE) + steady(begin, end, HOUR), {}, (-1, -1))
    server = Server(fleet, newest_is_stored_last=False, rounding=1)
    marks: dict[str, str] = {}
    delivered: Counter[Delivered] = Counter()
    turns: defaultdict[str, list[int]] = defaultdict(list)
    for turn in range(runs):
        server.now = begin + turn * HOUR + 7 * (turn % 13)
        options = Options(now=server.now, since=0, within=0, lookback=6 * HOUR, budget=budget)
        for read in one_run(engine, server, marks, options, delivered):
            if read.gap.high == END:
                turns[read.vehicle_id].append(turn)
    mean = vehicles * runs / max(1, sum(map(len, turns.values())))
    longest = max(b - a for one in fleet for a, b in pairwise([0, *turns[one], runs]))
    if longest > 3 * mean:
        raise BrokenPromiseError(f"a vehicle is read every {mean:.0f} runs, and one waited for {longest}")
    unread = sum(("v00", report.key) not in delivered for report in old.reports[:HISTORY])
    if unread:
        raise BrokenPromiseError(f"{unread} logs of history are unread after {runs} runs")


def constant_load(engine: Engine) -> None:
    """Check budgets of a sweep and a half, of one sweep, and of fewer than four reads a run."""
    starvation(engine, vehicles=60, budget=9, runs=120)
    starvation(engine, vehicles=60, budget=6, runs=180)
    starvation(engine, vehicles=6, budget=3, runs=120)


def nights(engine: Engine) -> None:
    """Check that each run a day is complete for a vehicle that the list says nothing of, for its newest log lies ahead.

    Raises:
        BrokenPromiseError: Logs of the day before did not come.
    """
    reports = steady(0, 9 * DAY, HOUR)
    reports.insert(30, Report(reports[30].key + MONTHS, reports[30].logged, reports[30].visible))
    nightly(engine, reports, clocks=[0] * 7, budgets=[None] * 7)


def wrong_clocks(engine: Engine) -> None:
    """Check that a clock here that was wrong by a year puts off nothing once it is right again.

    Raises:
        BrokenPromiseError: It does.
    """
    year = 365 * DAY
    reports = steady(0, 9 * DAY, HOUR)
    stands_still = steady(0, DAY, HOUR)
    nightly(engine, stands_still, clocks=[year, 0], budgets=[1, None])  # no request is left for the read
    reports.insert(30, Report(reports[30].key + MONTHS, reports[30].logged, reports[30].visible))
    nightly(engine, reports, clocks=[0, 0, year, 0, 0], budgets=[None, None, None, 1, None])


def nightly(engine: Engine, reports: list[Report], *, clocks: list[int], budgets: list[int | None]) -> None:
    """Run once each night, and check the nights of an unlimited budget and a right clock."""
    server = Server({"v00": Vehicle(reports, {}, (-1, -1))}, newest_is_stored_last=False, rounding=1)
    marks: dict[str, str] = {}
    delivered: Counter[Delivered] = Counter()
    for night, (clock, budget) in enumerate(zip(clocks, budgets, strict=True), start=1):
        server.now = night * DAY
        options = Options(now=server.now + clock, since=0, within=0, lookback=6 * HOUR, budget=budget)
        one_run(engine, server, marks, options, delivered)
        late = sum(("v00", report.key) not in delivered for report in reports if report.visible <= server.now)
        if late and budget is None and not clock:
            raise BrokenPromiseError(f"{late} logs did not come in night {night}")
