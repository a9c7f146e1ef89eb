"""Picture of charging: the energy of each day."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeAlias

from evenergy.cli.numbers import grouped
from evenergy.cli.words import mode_words
from evenergy.resources.charging import ChargingSubSession

from .blocks import bar
from .picture import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Picture,
    local,
    plain_frame,
    rounded_up,
    say_nothing_is_there,
    zone_names,
)

Days: TypeAlias = dict[date, dict[str, float]]

_MOST_LABELS: Final = 14
"""Days that can all be named below their bars."""
_COLOURS: Final = {
    "SMART": BLUE,
    "BOOST": VERMILION,
    "MANAGED_OTG": GREEN,
    "UNMANAGED_HOME": ORANGE,
    "UNMANAGED_OTG": PURPLE,
}
"""Colours of the charging modes, the same in each picture, in the order of the parts of a bar."""
_UNKNOWN: Final = "unknown"
_MOST_GAPS: Final = 60
"""Bars that have gaps between them; those of more would be as thin as their gaps."""
_LEGEND: Final = 1.9  # inches that a name of the legend takes
_LINE: Final = 0.16  # inches, of the legend
_ONE_LINE: Final = 5.0  # inches from which the label of the axis fits into one line
_WIDE: Final = 34  # columns of a terminal from which the unit is beside each bar


def plot_energy(sessions: Sequence[ChargingSubSession], since: datetime, until: datetime | None) -> Picture:
    """Return the picture: a bar for each day, in the time zone of this machine, with a part for each charging mode.

    Args:
        sessions: The charging; each counts for the day on which it began.
        since: The first day.
        until: The last day, or None for today.
    """
    end = until or datetime.now(UTC)
    days = by_day(sessions, local(since).date(), local(end).date())
    modes = sorted({mode for parts in days.values() for mode in parts}, key=_rank)
    zone = zone_names(since, end)

    def draw(figure: Any) -> None:
        _draw(figure, days, modes, zone)

    def text(width: int) -> list[str]:
        return _bars(days, zone, width)

    def height(inches: float) -> float:
        return max(2.4, inches * 0.5) + _LINE * -(-len(modes) // _legend_columns(inches))

    return Picture(draw, height, text)


def _rank(mode: str) -> tuple[int, str]:
    """Return the place of a mode in a bar: those that are known in their order, then later ones, then unknown."""
    known = list(_COLOURS)
    return (known.index(mode) if mode in known else len(known) + (mode == _UNKNOWN), mode)


def _legend_columns(inches: float) -> int:
    return max(1, int(inches / _LEGEND))


def by_day(sessions: Sequence[ChargingSubSession], first: date, last: date) -> Days:
    """Return the kilowatt hours of each day by charging mode; a day without any is there too."""
    found: Days = {first + timedelta(days=at): defaultdict(float) for at in range((last - first).days + 1)}
    for session in sessions:
        if session.start is None or session.energy_delivered_watt_hours is None:
            continue
        day = local(session.start).date()
        if day in found:
            mode = _UNKNOWN if session.mode is None else str(session.mode)
            found[day][mode] += session.energy_delivered_watt_hours / 1000
    return found


def _draw(figure: Any, days: Days, modes: list[str], zone: str) -> None:
    axes = figure.subplots()
    plain_frame(axes)
    total = sum(sum(parts.values()) for parts in days.values())
    axes.set_title(f"Energy charged, {grouped(total, 0)} kWh", loc="left", fontsize="medium")
    axes.set_ylabel("energy (kWh a day)")
    inches = figure.get_figwidth()
    axes.set_xlabel(f"day on which charging began{' ' if inches >= _ONE_LINE else chr(10)}({zone})")
    axes.yaxis.set_major_formatter(_tick)
    places = range(len(days))
    floor = [0.0] * len(days)
    width = 0.8 if len(days) <= _MOST_GAPS else 1.0
    for mode in modes:
        colour = GREY if mode == _UNKNOWN else _COLOURS.get(mode, SKY)
        heights = [parts.get(mode, 0.0) for parts in days.values()]
        axes.bar(places, heights, bottom=floor, color=colour, width=width, label=mode_words(mode))
        floor = [low + height for low, height in zip(floor, heights, strict=True)]
    axes.set_ylim(0, rounded_up(max(floor, default=0.0) * 1.02))
    every = max(1, -(-len(days) // max(3, min(_MOST_LABELS, int(inches * 1.4)))))
    shown = list(days)[::every]
    axes.set_xticks(list(places)[::every], [f"{day.day} {day:%b}" for day in shown], fontsize="small")
    axes.set_xlim(-0.6, len(days) - 0.4)
    if modes:
        figure.legend(
            fontsize="x-small", frameon=False, ncols=min(len(modes), _legend_columns(inches)), loc="outside upper right"
        )
    else:
        say_nothing_is_there(axes, "nothing was charged in this time")


def _tick(value: float, _: object) -> str:
    """Return the text of a tick: whole numbers without decimal places."""
    return grouped(int(value) if value.is_integer() else round(value, 3))


def _bars(days: Days, zone: str, width: int) -> list[str]:
    totals = {day: sum(parts.values()) for day, parts in days.items()}
    highest = max(totals.values(), default=0.0)
    room = max(4, width - (23 if width >= _WIDE else 18))
    lines = textwrap.wrap(f"Energy charged a day, {grouped(sum(totals.values()), 0)} kWh ({zone})", width)
    for day, energy in totals.items():
        share = energy / highest if highest else 0.0
        name = f"{day:%a %d %b}" if width >= _WIDE else f"{day:%d %b}"
        lines.append(f"{name} {grouped(energy, 1):>8} {bar(share, room)}")
    return lines
