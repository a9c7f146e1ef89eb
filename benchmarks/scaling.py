"""Growth of cost with the number of vehicles and of requests at once: `python -m benchmarks.scaling`."""

import argparse
import random
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .contenders import Aiohttp, Contender, Ours
from .process import CLIENT_CORE, Reading, Worker, answer_turns, peak_mib, pin, serving
from .report import save
from .server import vehicles

VEHICLES = (10, 100, 1_000, 10_000)
CONCURRENCY = (1, 8, 32, 128, 512)
LEAST = 200  # requests of a turn: fewer vehicles are asked several times
TURN = 2_000  # requests of all turns in a round, or one turn

CONTENDERS: dict[str, Callable[[str, int], Contender]] = {
    "evenergy": Ours,
    "aiohttp + orjson": lambda base, concurrency: Aiohttp(base, "orjson", concurrency),
}

Cell = tuple[int, int]
"""Numbers of vehicles, and of requests at once."""

Figures = dict[Cell, float]


async def readings(base: str, name: str, count: int, concurrency: int) -> AsyncGenerator[Reading]:
    """CPU of a request in microseconds, and what the peak of memory grew by, in MiB."""
    async with CONTENDERS[name](base, concurrency) as contender:
        await contender.newest(vehicles(50))
        before, repeats = peak_mib(), max(1, LEAST // count)
        await contender.newest(vehicles(concurrency))  # opens the connections
        while True:
            start = time.process_time()
            for _ in range(repeats):
                await contender.newest(vehicles(count))
            cpu = time.process_time() - start
            yield {"cpu": 1e6 * cpu / count / repeats, "memory": peak_mib() - before}


@dataclass
class Results:
    """For each cell: CPU of ours and of bare aiohttp, the ratio of the two in the same turn, and memory."""

    cpu: Figures
    bare: Figures
    ratio: Figures
    memory: Figures


def run(cells: list[Cell], rounds: int) -> Results:
    """The medians of all turns."""
    cpu, bare, ratio, memory = ({cell: list[float]() for cell in cells} for _ in range(4))
    with serving(0) as (base,):
        for number in range(rounds):
            for cell in random.sample(cells, len(cells)):
                with ExitStack() as stack:
                    workers = [
                        stack.enter_context(Worker("scaling", "--measure", base, name, *cell)) for name in CONTENDERS
                    ]
                    for _ in range(max(1, TURN // max(LEAST, cell[0]))):
                        one, other = (worker.turn() for worker in workers)
                        cpu[cell].append(one["cpu"])
                        bare[cell].append(other["cpu"])
                        ratio[cell].append(one["cpu"] / other["cpu"])
                        memory[cell].append(one["memory"])
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return Results(*map(medians, (cpu, bare, ratio, memory)))


def medians(found: dict[Cell, list[float]]) -> Figures:
    return {cell: statistics.median(figures) for cell, figures in found.items()}


def table(title: str, found: Figures, digits: int) -> str:
    """A row for each number of vehicles, a column for each number at once."""
    counts, widths = sorted({count for count, _ in found}), sorted({width for _, width in found})
    lines = [[title, *(f"{width} at once" for width in widths)], ["---", *(["--:"] * len(widths))]]
    lines += [[f"{count:,} vehicles", *(f"{found[count, width]:.{digits}f}" for width in widths)] for count in counts]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plot(found: Results, path: Path) -> None:
    """CPU and memory over the number of vehicles, a line for each number at once; dashed for bare aiohttp."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for number, width in enumerate(sorted({width for _, width in found.cpu})):
        color = f"C{number}"
        left.plot(*_line(found.cpu, width), marker="o", color=color, label=f"{width} at once")
        left.plot(*_line(found.bare, width), linestyle="--", linewidth=0.8, color=color)
        right.plot(*_line(found.memory, width), marker="o", color=color)
    for axes, title, unit in (
        (left, "CPU of a page of 100 logs", "microseconds; dashed: aiohttp + orjson"),
        (right, "growth of peak memory", "MiB"),
    ):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("vehicles")
        axes.set_ylabel(unit)
        axes.set_title(title)
    left.legend(fontsize=8, loc="lower left")
    save(figure, path)


def _line(found: Figures, width: int) -> tuple[list[int], list[float]]:
    points = sorted((count, figure) for (count, one), figure in found.items() if one == width)
    return [count for count, _ in points], [figure for _, figure in points]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--quick", action="store_true", help="one round of four corners, which shows that it works")
    parser.add_argument("--out", type=Path, default=Path("docs/scaling.png"), help="where to draw it")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        base, name, count, concurrency = asked.measure
        pin(CLIENT_CORE)
        answer_turns(readings(base, name, int(count), int(concurrency)))
        return
    counts, widths = ((10, 100), (1, 32)) if asked.quick else (VEHICLES, CONCURRENCY)
    cells = [(count, width) for count in counts for width in widths]
    found = run(cells, 1 if asked.quick else asked.rounds)
    print(table("CPU, us a request", found.cpu, 0))
    print(table("aiohttp + orjson: CPU, us a request", found.bare, 0))
    print(table("CPU to aiohttp + orjson", found.ratio, 2))
    print(table("peak memory, MiB more", found.memory, 1))
    if find_spec("matplotlib"):
        plot(found, asked.out)
    else:
        print("no plot: matplotlib is not installed")


if __name__ == "__main__":
    main()
