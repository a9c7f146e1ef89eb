"""This library beside an earlier commit of it, in one run: `python -m benchmarks.against COMMIT`."""

import argparse
import random
import statistics
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import cast

from .goals import GOALS, QUICK, TURNS
from .process import ROOT, Reading, Worker, serving
from .report import OURS

Pairs = list[tuple[Reading, Reading]]
"""Readings of the earlier commit and of this one, in the same turn."""


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.against", description="This library beside an earlier commit of it."
    )
    parser.add_argument("commit", help="what git calls it, such as v0.1.0")
    parser.add_argument("--rounds", type=int, default=9, help="how often each runs (default 9)")
    parser.add_argument("--only", default="W1,W3,W6,W7", help="workloads (default W1,W3,W6,W7)")
    parser.add_argument("--quick", action="store_true", help="one short round, which shows that it works and no more")
    return parser.parse_args()


def unpack(commit: str, folder: str) -> None:
    """Write the package of a commit to a folder."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", commit, "evenergy"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as opened:
        opened.extractall(folder, filter="data")


def run(rounds: int, workloads: list[str], turns: dict[str, tuple[int, int]], earlier: str) -> dict[str, Pairs]:
    """In each round new processes, which take turns in an order drawn anew."""
    found: dict[str, Pairs] = {workload: [] for workload in workloads}
    with serving(0, 0.05) as (fast, slow):
        for number in range(rounds):
            for workload in workloads:
                often, count = turns[workload]
                arguments = ("worker", OURS, workload, slow if workload == "W4" else fast, count)
                with ExitStack() as stack:
                    # In turns, so that neither is always the first to start.
                    folders = random.sample([earlier, str(ROOT)], 2)
                    workers = {one: stack.enter_context(Worker(*arguments, folder=one)) for one in folders}
                    for _ in range(often):
                        readings = {one: workers[one].turn() for one in random.sample(folders, 2)}
                        found[workload].append((readings[earlier], readings[str(ROOT)]))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return found


def table(found: dict[str, Pairs]) -> str:
    """A row for each measure: both figures, and the median of the ratios in the same turn."""
    lines = [["", "", "earlier", "now", "ratio"], ["---", "---", "--:", "--:", "--:"]]
    for goal in GOALS:
        pairs = [
            (before[goal.measure], after[goal.measure])
            for before, after in found.get(goal.workload, ())
            if goal.measure in before
        ]
        if pairs:
            medians = [statistics.median(side) for side in zip(*pairs, strict=True)]
            ratio = statistics.median(after / before for before, after in pairs)
            figures = [f"{figure:,.3g}" if figure < 100 else f"{figure:,.0f}" for figure in medians]
            lines.append([goal.workload, goal.title, *figures, f"{ratio:.3f}"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def main() -> None:
    asked = options()
    turns, rounds = (QUICK, 1) if asked.quick else (TURNS, cast("int", asked.rounds))
    with TemporaryDirectory() as earlier:
        unpack(asked.commit, earlier)
        found = run(rounds, cast("str", asked.only).split(","), turns, earlier)
    print(f"\n{table(found)}\n\nmedians of {rounds} rounds; the ratio is that of neighbouring turns")


if __name__ == "__main__":
    main()
