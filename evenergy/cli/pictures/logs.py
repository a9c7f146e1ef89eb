"""Picture of logs: state of charge and power over time."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from evenergy.cli.words import tail
from evenergy.records import library
from evenergy.resources.vehicles import VehicleStatusLog

from .blocks import band_row, line_chart
from .heat import heat_map
from .picture import (
    GREY,
    ORANGE,
    PALETTE,
    SKY,
    VERMILION,
    Picture,
    plain_frame,
    rounded_up,
    say_nothing_is_there,
    text_axis,
    time_axis,
)
from .series import bands, by_vehicle, segments

_MOST_PANELS: Final = 6
"""Vehicles that have a panel each; more become a heat map."""
_SIDE: Final = 9  # columns for the labels at the left of a chart of a terminal
_ROWS: Final = 8


def plot_logs(
    logs: Sequence[VehicleStatusLog], vehicle_ids: Sequence[str], since: datetime, until: datetime | None
) -> Picture:
    """Return the picture of logs: panels for a few vehicles, a heat map for many.

    Args:
        logs: The logs, in any order.
        vehicle_ids: The vehicles that were read; one without logs is shown too.
        since: The left end.
        until: The right end, or None for now.
    """
    series = by_vehicle(logs, vehicle_ids)
    end = until or datetime.now(UTC)
    if len(series) > _MOST_PANELS:
        return heat_map(series, since, end, step=max(timedelta(minutes=15), (end - since) / 200))

    def draw(figure: Any) -> None:
        panels = figure.subplots(
            len(series) + 1, 1, sharex=True, squeeze=False, height_ratios=[*([2] * len(series)), 1.4]
        )[:, 0]
        for at, (vehicle_id, found) in enumerate(series.items()):
            _draw_charge(panels[at], vehicle_id, found, PALETTE[at])
        _draw_power(panels[-1], list(series.values()))
        time_axis(panels[-1], since, end)
        _legend(figure)

    def text(width: int) -> list[str]:
        lines: list[str] = []
        for vehicle_id, found in series.items():
            lines += _chart(vehicle_id, found, (since, end), width)
        return lines

    return Picture(draw, lambda inches: max(inches * 0.6, 1.2 * (len(series) + 1) + 0.8), text)


def _draw_charge(axes: Any, vehicle_id: str, logs: Sequence[VehicleStatusLog], colour: str) -> None:
    plain_frame(axes)
    axes.set_ylim(0, 100)
    axes.set_ylabel("charge (%)")
    axes.set_title(vehicle_id, loc="left", fontsize="small", color=colour)
    pieces = segments(logs, lambda log: log.state_of_charge_percentage)
    if not pieces:
        say_nothing_is_there(axes, "no state of charge was reported in this time")
    for begin, end in bands(logs, lambda log: log.is_plugged_in):
        axes.axvspan(begin, end, color=SKY, alpha=0.22, linewidth=0)
    for begin, end in bands(logs, lambda log: log.is_charging):
        axes.axvspan(begin, end, ymax=0.06, color=ORANGE, linewidth=0)
    for piece in pieces:
        times, values = zip(*piece, strict=True)
        axes.plot(times, values, color=colour, linewidth=1.4, marker="o", markersize=2.2)


def _draw_power(axes: Any, series: Sequence[Sequence[VehicleStatusLog]]) -> None:
    plain_frame(axes)
    axes.set_ylabel("power (kW)")
    highest = 0.0
    for at, logs in enumerate(series):
        for piece in segments(logs, _kilowatts):
            times, values = zip(*piece, strict=True)
            highest = max(highest, *values)
            colour = PALETTE[at] if len(series) > 1 else VERMILION
            axes.plot(times, values, drawstyle="steps-post", color=colour, linewidth=1.2)
            if len(series) == 1:
                axes.fill_between(times, values, step="post", color=colour, alpha=0.2, linewidth=0)
    axes.set_ylim(0, rounded_up(highest * 1.05))


def _legend(figure: Any) -> None:
    patches: Any = library("matplotlib.patches", "plot")
    handles = [
        patches.Patch(color=SKY, alpha=0.35, label="plugged in"),
        patches.Patch(color=ORANGE, label="charging"),
        patches.Patch(facecolor="white", edgecolor=GREY, linestyle=":", label="broken line: no report"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, fontsize="x-small", frameon=False)


def _kilowatts(log: VehicleStatusLog) -> float | None:
    return None if log.charge_rate_watts is None else log.charge_rate_watts / 1000


def _chart(vehicle_id: str, logs: Sequence[VehicleStatusLog], span: tuple[datetime, datetime], width: int) -> list[str]:
    """Return the lines of one vehicle for a terminal."""
    columns = max(10, width - _SIDE - 1)
    pieces = segments(logs, lambda log: log.state_of_charge_percentage)
    if not pieces:
        return textwrap.wrap(f"{vehicle_id}: no state of charge was reported in this time", width)
    rows = line_chart(pieces, *span, (columns, _ROWS), 100.0)
    labels = {0: "100%", _ROWS // 2: "50%", _ROWS - 1: "0%"}
    chart = [f"{labels.get(at, ''):>{_SIDE - 1}} {row}" for at, row in enumerate(rows)]
    power = segments(logs, _kilowatts)
    highest = max((value for piece in power for _, value in piece), default=0.0)
    watts = line_chart(power, *span, (columns, 2), highest or 1.0)
    title = f"{vehicle_id}: state of charge"
    return [
        title if len(title) <= width else f"{tail(vehicle_id)}: state of charge",
        *chart,
        f"{'plugged':>{_SIDE - 1}} {band_row(bands(logs, lambda log: log.is_plugged_in), *span, columns, '░')}",
        f"{'charging':>{_SIDE - 1}} {band_row(bands(logs, lambda log: log.is_charging), *span, columns, '█')}",
        f"{f'{highest:.0f}kW':>{_SIDE - 1}} {watts[0]}",
        f"{'0kW':>{_SIDE - 1}} {watts[1]}",
        *(f"{'':{_SIDE}}{line}" for line in text_axis(*span, columns)),
    ]
