"""The table and the chart of a run."""

import math
import os
import platform
import statistics
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .goals import GOALS, Goal

Results = dict[str, dict[str, list[dict[str, float]]]]
"""Workload, contender, and a reading for each round."""

OURS = "evenergy"


def ratio(results: Results, goal: Goal, name: str) -> float | None:
    """The median over the rounds of a contender's figure to the base's in the same round."""
    rounds = results.get(goal.workload, {})
    mine, base = rounds.get(name, []), rounds.get(goal.base or "", [])
    pairs = [(one, two) for one, two in zip(mine, base, strict=False) if goal.measure in one and goal.measure in two]
    return statistics.median(one[goal.measure] / two[goal.measure] for one, two in pairs) if pairs else None


def value(results: Results, goal: Goal, name: str) -> float | None:
    """The median of a contender's figures."""
    found = [reading[goal.measure] for reading in results[goal.workload].get(name, []) if goal.measure in reading]
    return statistics.median(found) if found else None


def table(results: Results, names: list[str]) -> str:
    """A row for each goal: figures, the ratio to the base in brackets, the target, and whether it was reached."""
    lines = [["", "", *names, "target", "reached"], ["---", "---", *(["--:"] * len(names)), "--:", "---"]]
    for goal in GOALS:
        if goal.workload in results:
            cells = [_cell(value(results, goal, name), ratio(results, goal, name)) for name in names]
            reached = ratio(results, goal, OURS) if goal.base else value(results, goal, OURS)
            verdict = "" if reached is None else "yes" if reached <= goal.target else "no"
            lines.append([goal.workload, goal.title, *cells, f"{goal.target:g}", verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def machine() -> str:
    """Return a line about the machine on which the figures were measured."""
    names = ["evenergy", "aiohttp", "msgspec", "orjson", "httpx", "requests", "uvloop"]
    system = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return ", ".join([system, *_versions(names)])


def chart(results: Results, names: list[str], path: Path) -> None:
    """Bars of the ratios, one group for each goal that has a base."""
    matplotlib: Any = import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = import_module("matplotlib.pyplot")
    goals = [goal for goal in GOALS if goal.base and goal.workload in results]
    height = 0.8 / len(names)
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.16 * len(goals) * len(names)))
    for place, name in enumerate(names):
        ratios = [ratio(results, goal, name) or float("nan") for goal in goals]
        rows = [row + place * height for row in range(len(goals))]
        bars = axes.barh(rows, ratios, height, label=name)
        axes.bar_label(bars, ["" if math.isnan(one) else f"{one:.2f}" for one in ratios], fontsize=6, padding=2)
    axes.set_yticks([row + 0.4 for row in range(len(goals))], [f"{goal.workload} {goal.title}" for goal in goals])
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = (0.25, 0.5, 1, 2, 4, 8, 16)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axvline(1, color="grey", linewidth=0.8, zorder=0)
    above = [row - 0.7 * height for row in range(len(goals))]
    axes.scatter([goal.target for goal in goals], above, 12, "black", "v", label="target for evenergy")
    axes.margins(y=0.02)
    axes.set_xlabel("ratio to aiohttp + orjson giving dicts (W7: to requests); less is better")
    axes.legend(fontsize=7, loc="lower right")
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a figure, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    print(f"wrote {path}")


def _cell(figure: float | None, to_base: float | None) -> str:
    if figure is None:
        return ""
    text = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
    return text if to_base is None else f"{text} ({to_base:.2f})"


def _versions(names: list[str]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
