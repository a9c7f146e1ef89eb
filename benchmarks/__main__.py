"""All contenders in all workloads: `python -m benchmarks --help`."""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from . import report
from .contenders import MAKERS, missing
from .goals import NOT_IN, QUICK, TURNS
from .process import GC_THRESHOLD, Worker, serving


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The library beside what else there is.")
    parser.add_argument("--rounds", type=int, default=9, help="how often each contender runs (default 9)")
    parser.add_argument("--only", default=",".join(TURNS), help="workloads, such as W1,W2")
    parser.add_argument("--quick", action="store_true", help="one short round, which shows that it works and no more")
    parser.add_argument("--markdown", type=Path, help="where to write the table")
    parser.add_argument("--chart", type=Path, default=Path("benchmarks/results/chart.png"), help="where to draw it")
    parser.add_argument("--gc", type=int, help="for all: gc.set_threshold(GC); Python's own on 3.11 is 700")
    return parser.parse_args()


@contextmanager
def generated() -> Generator[str | None]:
    """A folder with openapi-python-client's output, where the description and the generator are at hand."""
    description = os.environ.get("EVENERGY_OPENAPI")
    if not description or not find_spec("openapi_python_client"):
        print("left out: generated (needs openapi-python-client, and EVENERGY_OPENAPI with the description's path)")
        yield None
        return
    with TemporaryDirectory() as folder:
        print("generating a client from the description ...", flush=True)
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--path", description]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it calls ruff
        subprocess.run(
            [*command, "--output-path", f"{folder}/generated"],
            env={**os.environ, "PATH": path},
            capture_output=True,
            check=True,
        )
        yield folder


def run(
    rounds: int, workloads: list[str], names: list[str], turns: dict[str, tuple[int, int]], folder: str | None
) -> report.Results:
    """In each round new processes, which take turns in an order drawn anew."""
    results: report.Results = {workload: {} for workload in workloads}
    with serving(0, 0.05) as (fast, slow):
        for number in range(rounds):
            for workload in workloads:
                base = slow if workload == "W4" else fast
                often, count = turns[workload]
                entered = [name for name in names if name not in NOT_IN.get(workload, ())]
                with ExitStack() as stack:
                    workers = {
                        name: stack.enter_context(Worker("worker", name, workload, base, count, folder=folder))
                        for name in entered
                    }
                    for name in (name for _ in range(often) for name in random.sample(entered, len(entered))):
                        results[workload].setdefault(name, []).append(workers[name].turn())
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return results


def main() -> None:
    asked = options()
    if asked.gc is not None:
        os.environ[GC_THRESHOLD] = str(asked.gc)
    lacking = {name: missing(name) for name in MAKERS}
    for name, module in lacking.items():
        if module is not None:
            print(f"left out: {name} ({module} is not installed)")
    with generated() as folder:
        names = [name for name in MAKERS if not lacking[name] and (name != "generated" or folder)]
        turns, rounds = (QUICK, 1) if asked.quick else (TURNS, cast("int", asked.rounds))
        results = run(rounds, cast("str", asked.only).split(","), names, turns, folder)
    text = f"{report.table(results, names)}\n\n{report.machine()}; medians of {rounds} rounds, in brackets the ratio.\n"
    print(f"\n{text}")
    if asked.markdown:
        cast("Path", asked.markdown).write_text(text, encoding="utf-8")
    if find_spec("matplotlib"):
        report.chart(results, names, asked.chart)
    else:
        print("no chart: matplotlib is not installed")


if __name__ == "__main__":
    main()
