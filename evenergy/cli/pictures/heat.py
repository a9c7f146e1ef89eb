"""Heat map of the states of charge of a fleet over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from evenergy.cli.numbers import counted
from evenergy.cli.output import UNKNOWN
from evenergy.records import library
from evenergy.resources.vehicles import VehicleStatusLog

from .blocks import block_row
from .picture import GREY, Picture, say_nothing_is_there, text_axis, time_axis
from .series import grid

_MOST_NAMES: Final = 50
"""Vehicles that are named at the side; of more the names would overlap."""
_MOST_CELLS: Final = 400
_NAME: Final = 22  # characters


def heat_map(
    series: Mapping[str, Sequence[VehicleStatusLog]],
    since: datetime,
    until: datetime,
    names: Mapping[str, str] | None = None,
    *,
    step: timedelta = timedelta(hours=1),
) -> Picture:
    """Return the picture: a row for each vehicle, a cell for each step.

    Args:
        series: The logs of each vehicle, the oldest first.
        since: The left end.
        until: The right end.
        names: The names of vehicles, by id.
        step: The span of a cell; longer where there would be too many.
    """
    columns = min(max(1, -(-(until - since) // step)), _MOST_CELLS)
    labels = [_label(one, names or {}, _NAME) for one in series]

    def draw(figure: Any) -> None:
        _draw(figure.subplots(), grid(series.values(), since, until, columns), labels, (since, until))

    def text(width: int) -> list[str]:
        side = min(_NAME, max(6, width // 4))
        room = max(4, width - side - 6)
        rows = grid(series.values(), since, until, min(room, columns))
        lines = [
            f"{_label(one, names or {}, side):{side}} {block_row(row)} {_last(row)}"
            for one, row in zip(series, rows, strict=True)
        ]
        axis = text_axis(since, until, min(room, columns))
        head = f"State of charge of {counted(len(labels), 'vehicle')}"
        return [head, *(lines or ["no data"]), *(f"{'':{side}} {line}" for line in axis)]

    return Picture(draw, lambda inches: min(max(inches * 0.55, 0.19 * len(labels) + 1.4), inches * 1.1), text)


def _draw(axes: Any, rows: list[list[float | None]], labels: list[str], span: tuple[datetime, datetime]) -> None:
    dates: Any = library("matplotlib.dates", "plot")
    maps: Any = library("matplotlib", "plot")
    axes.set_title(f"State of charge, {counted(len(rows), 'vehicle')}", loc="left", fontsize="medium")
    left, right = dates.date2num(span[0]), dates.date2num(span[1])
    if any(value is not None for row in rows for value in row):
        colours = maps.colormaps["cividis"].with_extremes(bad="#F0F0F0")
        cells = [[float("nan") if value is None else value for value in row] for row in rows]
        extent = (left, right, len(rows), 0)
        image = axes.imshow(
            cells, aspect="auto", interpolation="nearest", cmap=colours, vmin=0, vmax=100, extent=extent
        )
        axes.figure.colorbar(image, ax=axes, label="state of charge (%); light grey: no report", pad=0.01)
    else:
        say_nothing_is_there(axes, "no state of charge was reported in this time")
    if len(labels) <= _MOST_NAMES:
        axes.set_yticks([at + 0.5 for at in range(len(labels))], labels, fontsize="x-small")
    else:
        axes.set_ylabel("vehicles, in the order of the list")
    axes.tick_params(colors=GREY, labelcolor="black")
    time_axis(axes, *span)


def _label(vehicle_id: str, names: Mapping[str, str], width: int) -> str:
    name = names.get(vehicle_id)
    return f"…{vehicle_id[-5:]}" if not name else name if len(name) <= width else f"{name[: width - 1]}…"


def _last(row: Sequence[float | None]) -> str:
    known = [value for value in row if value is not None]
    return f"{known[-1]:3.0f}%" if known else f"{UNKNOWN:>4}"
