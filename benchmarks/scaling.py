"""How cost grows with the number of vehicles and of requests at once: `python -m benchmarks.scaling`."""

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from .contenders import TOKEN
from .process import CLIENT_CORE, environment, peak_mib, pin, serving
from .report import save
from .server import vehicles

VEHICLES = (10, 100, 1_000, 10_000)
CONCURRENCY = (1, 8, 32, 128, 512)
LEAST = 1_000  # requests of a reading: fewer vehicles are asked several times

Cell = tuple[int, int]
"""How many vehicles, and how many requests at once."""


async def measure(base: str, count: int, concurrency: int) -> tuple[float, float]:
    """CPU of a request in microseconds, and what the peak of memory grew by, in MiB."""
    from evenergy import AsyncClient  # noqa: PLC0415

    async with AsyncClient(TOKEN, base_url=base, concurrency=concurrency) as client:

        async def once(wanted: list[str]) -> None:
            logs = client.vehicles.status_logs
            async for outcome in client.fan_out(logs.list, wanted, concurrency=concurrency):
                outcome.unwrap()

        for vehicle in vehicles(50):
            await client.vehicles.status_logs.list(vehicle).collect()
        before, repeats = peak_mib(), max(1, LEAST // count)
        await once(vehicles(min(count, concurrency)))  # opens the connections
        start = time.process_time()
        for _ in range(repeats):
            await once(vehicles(count))
        return 1e6 * (time.process_time() - start) / count / repeats, peak_mib() - before


def reading(base: str, cell: Cell) -> tuple[float, float]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", "--measure", base, *map(str, cell)]
    run = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True, text=True)
    return cast("tuple[float, float]", tuple(json.loads(run.stdout)))


def run(cells: list[Cell], rounds: int) -> tuple[dict[Cell, float], dict[Cell, float], dict[Cell, float]]:
    """CPU and memory of each cell, and its CPU to the median of all in the same round: medians over the rounds."""
    cpu: dict[Cell, list[float]] = {cell: [] for cell in cells}
    memory: dict[Cell, list[float]] = {cell: [] for cell in cells}
    relative: dict[Cell, list[float]] = {cell: [] for cell in cells}
    with serving(0) as (base,):
        for number in range(rounds):
            for cell in random.sample(cells, len(cells)):
                one, grown = reading(base, cell)
                cpu[cell].append(one)
                memory[cell].append(grown)
            middle = statistics.median(cpu[cell][-1] for cell in cells)
            for cell in cells:
                relative[cell].append(cpu[cell][-1] / middle)
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return medians(cpu), medians(memory), medians(relative)


def medians(found: dict[Cell, list[float]]) -> dict[Cell, float]:
    return {cell: statistics.median(figures) for cell, figures in found.items()}


def table(title: str, found: dict[Cell, float], digits: int) -> str:
    """A row for each number of vehicles, a column for each number at once."""
    counts, widths = sorted({count for count, _ in found}), sorted({width for _, width in found})
    lines = [[title, *(f"{width} at once" for width in widths)], ["---", *(["--:"] * len(widths))]]
    lines += [[f"{count:,} vehicles", *(f"{found[count, width]:.{digits}f}" for width in widths)] for count in counts]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plot(cpu: dict[Cell, float], memory: dict[Cell, float], path: Path) -> None:
    """CPU and memory over the number of vehicles, a line for each number at once."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    panels = ((left, cpu, "CPU of a page of 100 logs, us"), (right, memory, "growth of peak memory, MiB"))
    for axes, found, title in panels:
        for width in sorted({width for _, width in found}):
            points = sorted((count, figure) for (count, one), figure in found.items() if one == width)
            axes.plot(*zip(*points, strict=True), marker="o", label=f"{width} at once")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("vehicles")
        axes.set_title(title)
    left.legend(fontsize=8)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--quick", action="store_true", help="one round of four corners, which shows that it works")
    parser.add_argument("--out", type=Path, default=Path("docs/scaling.png"), help="where to draw it")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        base, count, concurrency = asked.measure
        pin(CLIENT_CORE)
        print(json.dumps(asyncio.run(measure(base, int(count), int(concurrency)))))
        return
    counts, widths = ((10, 100), (1, 32)) if asked.quick else (VEHICLES, CONCURRENCY)
    cells = [(count, width) for count in counts for width in widths]
    cpu, memory, relative = run(cells, 1 if asked.quick else asked.rounds)
    print(table("CPU, us a request", cpu, 0))
    print(table("CPU to the round's median", relative, 2))
    print(table("peak memory, MiB more", memory, 1))
    if find_spec("matplotlib"):
        plot(cpu, memory, asked.out)
    else:
        print("no plot: matplotlib is not installed")


if __name__ == "__main__":
    main()
