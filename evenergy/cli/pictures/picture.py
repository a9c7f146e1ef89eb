"""Picture that can be drawn to a file, and to a terminal; with the colours and the time axis of all of them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from evenergy.errors import EvEnergyError
from evenergy.records import library

# The palette of Okabe and Ito, which people with any form of colour blindness can tell apart.
BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"
PALETTE: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
GREY: Final = "#707070"
_LEAST_INCHES, _MOST_INCHES = 4.0, 10.0  # of the width: in between, text is as large as the picture allows
_PIXELS_PER_INCH = 110.0
_MONTH: Final = timedelta(days=30)  # no zone changes its clocks twice in it
_TWO_DATES = 26  # columns of a terminal for two of them with their times, and a blank between


@attrs.frozen
class Picture:
    """Picture, not drawn yet.

    Attributes:
        draw: A function that draws it into a figure of matplotlib.
        shape: A function from the width in inches to the height.
        text: A function from the columns of a terminal to the lines of its text.
    """

    draw: Callable[[Any], None]
    shape: Callable[[float], float]
    text: Callable[[int], list[str]]

    def print(self) -> str:
        """Return the picture as text, as wide as the terminal."""
        width = shutil.get_terminal_size().columns
        return "\n".join(line.rstrip() for line in self.text(width)) + "\n"

    def save(self, target: str, width: int) -> None:
        """Draw the picture to a file, ``.png`` or ``.svg``, so many pixels wide.

        Raises:
            EvEnergyError: matplotlib is not installed, or the file cannot be written.
        """
        figures: Any = library("matplotlib.figure", "plot")
        inches = min(max(width / _PIXELS_PER_INCH, _LEAST_INCHES), _MOST_INCHES)
        figure = figures.Figure(figsize=(inches, self.shape(inches)), dpi=width / inches, layout="constrained")
        self.draw(figure)
        try:
            figure.savefig(Path(target), facecolor="white")
        except OSError as error:
            raise EvEnergyError(f"cannot write {target}: {error.strerror or error}") from None


def local(time: datetime) -> datetime:
    """Return a time in the time zone of this machine, with the offset that holds then."""
    return time.astimezone()


def zone_names(since: datetime, until: datetime) -> str:
    """Return the name of the time zone; both names where the clocks change in between.

    That is ``GMT, then BST`` where they changed once, and ``GMT and BST`` over a year.
    """
    times = [since + _MONTH * at for at in range((until - since) // _MONTH + 1)]
    names = [local(time).tzname() or "" for time in (*times, until)]
    if names[0] != names[-1]:
        return f"{names[0]}, then {names[-1]}"
    return " and ".join(dict.fromkeys(names))


def time_axis(axes: Any, since: datetime, until: datetime) -> None:
    """Give a panel of matplotlib a time axis in the time zone of this machine, which the label names."""
    dates: Any = library("matplotlib.dates", "plot")
    zones: Any = library("dateutil.tz", "plot")
    zone = zones.gettz() or zones.tzlocal()
    width = axes.figure.get_figwidth()
    locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=max(6, int(width)))
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone, show_offset=False))
    axes.set_xlim(since, until)
    first, last = local(since), local(until)
    axes.set_xlabel(f"{first:%d %b %Y} to {last:%d %b %Y}\nlocal time ({zone_names(since, until)})", fontsize="small")


def plain_frame(axes: Any) -> None:
    """Take away the lines of a panel that say nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)


def say_nothing_is_there(axes: Any, words: str) -> None:
    """Write into a panel that there is no data."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=GREY)


def text_axis(since: datetime, until: datetime, width: int) -> list[str]:
    """Return the lines below a chart of a terminal: begin and end in local time, and the name of the zone."""
    form = "%d %b %H:%M" if width >= _TWO_DATES else "%d %H:%M"
    begin, end, zone = local(since).strftime(form), local(until).strftime(form), zone_names(since, until)
    room = width - len(begin) - len(end)
    fits = len(zone) + 2 <= room
    line = f"{begin}{zone if fits else '':^{max(room, 1)}}{end}"
    return [line] if fits else [line, zone]


def rounded_up(value: float) -> float:
    """Return a round number of at least a value, for the end of an axis."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(factor * unit for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if factor * unit >= value)
