"""The costs of a fleet in requests, seconds and memory, beside loops by hand: `python -m benchmarks.fleet --help`."""

import argparse
import json
import random
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, cast

import attrs

from .process import Reading, environment

MINUTE, HOUR, DAY = 60, 3600, 86_400
CONCURRENCY = 32
WORKER = (sys.executable, "-m", "benchmarks.fleet_worker")


@attrs.frozen
class Sizes:
    """Sizes of what is measured."""

    many: int
    some: int
    news: int
    history: int  # days of the history that is read into a database
    sync_worlds: int
    watch_worlds: int
    kills: int


FULL = Sizes(many=10_000, some=1_000, news=600, history=20, sync_worlds=1_000, watch_worlds=600, kills=20)
QUICK = Sizes(many=300, some=300, news=18, history=3, sync_worlds=20, watch_worlds=12, kills=3)


@attrs.frozen
class Row:
    """A row of the table. What is not a loop by hand may lose nothing, and bring nothing twice.

    Attributes:
        goal: The most that the measure may be; None for no goal.
        share: What a measure is divided by, as by the hours of a day.
    """

    name: str
    reading: Reading
    goal: float | None = None
    measure: str = "requests"
    share: int = 1
    by_hand: bool = False

    @property
    def figure(self) -> float:
        return self.reading[self.measure] / self.share

    @property
    def reached(self) -> bool:
        within = self.goal is None or self.figure <= self.goal
        return within and (self.by_hand or not any(self.reading.get(name) for name in ("lost", "twice")))


def measured(case: str, base: str, **arguments: Any) -> Reading:
    """Return the reading of a case in a fresh process."""
    print(f"{case} {json.dumps({name: one for name, one in arguments.items() if name != 'steps'})}", file=sys.stderr)
    command = [*WORKER, case, base, json.dumps(arguments)]
    done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case} failed; its traceback is above")
    return cast("Reading", json.loads(done.stdout))


@contextmanager
def serving(vehicles: int, days: int) -> Generator[str]:
    """A fleet's server in a process of its own, and its base URL."""
    command = [sys.executable, "-m", "benchmarks.fleet_server", str(vehicles), str(days)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def once(base: str, sizes: Sizes) -> Iterator[Row]:
    """Single runs over the large fleet."""
    sweep = -(-sizes.many // 100)
    naive = {"way": "25", "counted": 1}
    yield Row(f"snapshot of {sizes.many:,}", measured("snapshot", base, ours=True), sweep)
    yield Row("  by hand: list by 25, newest log of each", measured("snapshot", base, ours=False), by_hand=True)
    yield Row("first run", measured("runs", base, way="ours", steps=[0], counted=1), sweep)
    yield Row("run with no news", measured("runs", base, way="ours", steps=[0, 0], counted=1), sweep)
    yield Row("  by hand: list by 25, then each", measured("runs", base, steps=[0, 0], **naive), by_hand=True)
    steps = {"steps": [0, HOUR], "news": sizes.news}
    goal = sweep + sizes.news
    yield Row(f"run with news of {sizes.news}", measured("runs", base, way="ours", counted=1, **steps), goal)
    yield Row("  by hand: list by 25, then each", measured("runs", base, **naive, **steps), by_hand=True)


def often(base: str, vehicles: int, every: int, within: int, goal: float) -> Iterator[Row]:
    """Runs at an interval: all those of the second day, and an hour of it for loops by hand."""
    days = list(range(0, 2 * DAY, every))
    hour = list(range(DAY - every, DAY + HOUR, every))
    name = f"{vehicles:,} every {every // MINUTE} min"
    ours = {"way": "ours", "steps": days, "counted": len(days) // 2, "within": within}
    reading = measured("runs", base, **ours)
    yield Row(f"{name}, within={within // HOUR} h, an hour of day 2", reading, goal, share=24)
    # What the list told is kept in a mark until its vehicle is read: the figure is meant for the lookback's six hours.
    yield Row("  its marks: bytes, on average", reading, 350 if within <= 6 * HOUR else None, measure="mark")
    for way, words in (
        ("ours", "  within=0, an hour of day 2"),
        ("moved 100", "  by hand: list by 100, each that moved"),
        ("100", "  by hand: list by 100, then each"),
        ("25", "  by hand: list by 25, then each"),
    ):
        counted = measured("runs", base, way=way, steps=hour, counted=len(hour) - 1)
        yield Row(words, counted, by_hand=way != "ours")


def memory(base: str, sizes: Sizes) -> Iterator[Row]:
    """A long history into a database and Parquet; the same with a kill now and then; and all of it in a list."""
    with TemporaryDirectory() as folder:
        given = {"folder": folder, "days": sizes.history}
        calm = measured("history", base, ours=True, **given)
        name = f"{calm['logs']:,.0f} logs into a database and Parquet: MiB"
        yield Row(name, calm, 150, measure="peak")
    with TemporaryDirectory() as folder:
        reading = killed(base, sizes, {"folder": folder, "days": sizes.history})
        sweeps = (sizes.kills + 1) * -(-sizes.some // 100)
        repeated = reading["all requests"] - sweeps - (calm["requests"] - -(-sizes.some // 100))
        found = {**reading, "repeated": repeated, "lost": calm["logs"] + calm["lost"] - reading["stored"]}
        most = 2 * CONCURRENCY * sizes.kills
        yield Row(f"the same, killed {sizes.kills} times: requests repeated", found, most, measure="repeated")
    with TemporaryDirectory() as folder:
        given = {"folder": folder, "days": sizes.history}
        reading = measured("history", base, ours=False, **given)
        yield Row("  by hand: all logs in a list, then Parquet: MiB", reading, measure="peak", by_hand=True)


def killed(base: str, sizes: Sizes, given: dict[str, Any]) -> Reading:
    """Kill a process that reads the history, again and again, and let the last one end."""
    rng = random.Random(3)
    command = [*WORKER, "history", base, json.dumps({**given, "ours": True})]
    before = measured("counted", base)["requests"]
    for _ in range(sizes.kills):
        with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) as process:
            killer = threading.Timer(rng.uniform(1, 6), process.kill)
            killer.start()
            process.wait()
            killer.cancel()
    last = measured("history", base, ours=True, **given)
    after = measured("counted", base, **given)
    return {**last, "all requests": after["requests"] - before, "stored": after["logs"]}


def worlds(base: str, sizes: Sizes) -> Iterator[Row]:
    """Random worlds, in which a broken promise ends the benchmark."""
    yield Row(
        f"{sizes.sync_worlds:,} worlds of runs: lost or twice",
        measured("sync_worlds", base, worlds=sizes.sync_worlds),
        0,
        measure="lost",
    )
    yield Row(
        f"{sizes.watch_worlds:,} worlds of watches: over budget, stale or twice",
        measured("watch_worlds", base, worlds=sizes.watch_worlds),
        0,
        measure="twice",
    )


COLUMNS = (
    ("requests", ",.0f"),
    ("logs", ",.0f"),
    ("lost", ",.0f"),
    ("twice", ",.0f"),
    ("seconds", ".1f"),
    ("peak", ".0f"),
)


def line(row: Row) -> str:
    reading = {
        **row.reading,
        "requests": row.reading["requests"] / row.share,
        "logs": row.reading.get("logs", 0) / row.share,
    }
    cells = [format(reading[name], form) if name in reading else "" for name, form in COLUMNS]
    goal = "" if row.goal is None else f"{row.goal:,.0f}"
    reached = "" if row.goal is None else "yes" if row.reached else "NO"
    return f"| {row.name:56} | {row.figure:,.0f} | {goal} | {reached} | {' | '.join(cells)} |"


def rows(sizes: Sizes) -> Iterator[Row]:
    """All rows, in the order in which they are measured."""
    with serving(sizes.some, sizes.history + 1) as base:
        yield from often(base, sizes.some, 5 * MINUTE, 6 * HOUR, 0.3 * sizes.some)
        yield from memory(base, sizes)
        yield from worlds(base, sizes)
    with serving(sizes.many, 1) as base:
        yield from once(base, sizes)
        yield from often(base, sizes.many, 15 * MINUTE, DAY, 0.085 * sizes.many)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description="What a fleet costs.")
    parser.add_argument("--quick", action="store_true", help="small fleets: a minute in place of twenty")
    return parser.parse_args()


def main() -> None:
    sizes = QUICK if options().quick else FULL
    print(f"| {'':56} | figure | to reach | reached | {' | '.join(name for name, _ in COLUMNS)} |")
    print(f"|{'-' * 58}{'|---:' * (len(COLUMNS) + 3)}|", flush=True)
    missed = 0
    for row in rows(sizes):
        missed += not row.reached
        print(line(row), flush=True)
    print("\nrequests and logs: a run, or an hour; seconds: all counted runs; peak: MiB of the client's process")
    if missed:
        raise SystemExit(f"{missed} figures were missed")


if __name__ == "__main__":
    main()
