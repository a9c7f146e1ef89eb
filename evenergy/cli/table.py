"""Table at a terminal, which loses its least important columns where there is no room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NoReturn, Self

import attrs
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .context import PipeClosedError
from .numbers import grouped
from .output import UNKNOWN, Column, plain

_NEEDED: Final = 60
"""Importance from which columns are worth that headings, texts and names are shortened for them."""
_SHORTEST: Final = 10  # columns to which a text may be cut
_GAP: Final = 2  # columns between two columns of the table


class Screen(Console):
    """Terminal whose end is an error of the command, and not of rich; plain text where NO_COLOR is set.

    rich by itself takes only colours away. `gh` writes plain text, and some terminals show dim and bold as colours.
    """

    def __init__(self, **options: Any) -> None:
        if os.environ.get("NO_COLOR"):
            options["color_system"] = None
        if os.environ.get("TERM") == "dumb":  # rich takes it to be 80 wide
            width, height = shutil.get_terminal_size()
            options = {"width": width, "height": height, **options}
        super().__init__(**options)

    def on_broken_pipe(self) -> NoReturn:
        """Raise the error of a pipe that was closed."""
        raise PipeClosedError


def show(columns: Sequence[Column[Any]], values: Sequence[Any]) -> None:
    """Print a table of values, as wide as the terminal at most."""
    console = Screen(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    parts = _fitting(columns, values, console.width)
    for part in parts:
        justify: Literal["left", "right"] = "right" if part.column.right else "left"
        table.add_column(part.column.heading, justify=justify, no_wrap=True, max_width=part.width)
    for row in zip(*(part.cells for part in parts), strict=True):
        table.add_row(*row)
    console.print(table)


@attrs.frozen
class _Part:
    """Column of the table with its cells.

    Attributes:
        column: The column, in one of its forms.
        cells: The texts.
        natural: The width of its widest text.
        width: The width that it has in the table.
    """

    column: Column[Any]
    cells: list[Text]
    natural: int
    width: int

    @classmethod
    def of(cls, column: Column[Any], values: Sequence[Any]) -> Self:
        """Return the part for a column, as wide as its widest text."""
        cells = [_cell(column, column.value(value)) for value in values]
        natural = max([cell_len(column.heading), *(cell.cell_len for cell in cells)])
        return cls(column, cells, natural, natural)

    def cut(self) -> Self:
        """Return the part as narrow as it can be."""
        return attrs.evolve(self, width=min(self.natural, _SHORTEST)) if self.column.flexible else self

    def widened(self, spare: int) -> Self:
        """Return the part with so many columns of the terminal more, as far as its texts need them."""
        return attrs.evolve(self, width=min(self.natural, self.width + spare))


def _fitting(columns: Sequence[Column[Any]], values: Sequence[Any], room: int) -> list[_Part]:
    """Return the parts for which there is room, in the fullest form in which all that are needed have it."""
    parts: list[_Part] = []
    for form in (_as_it_is, _brief_heading, _brief):
        parts = [_Part.of(form(column), values) for column in columns]
        while _spare(parts, room) < 0 and _least(parts).column.importance < _NEEDED:
            parts.remove(_least(parts))
        if _spare(parts, room) >= 0:
            break
    if _spare(parts, room) < 0:
        parts = [part.cut() for part in parts]
    while len(parts) > 1 and _spare(parts, room) < 0:
        parts.remove(_least(parts))
    spare = max(0, _spare(parts, room))
    spread: list[_Part] = []
    for part in parts:
        wider = part.widened(spare)
        spare -= wider.width - part.width
        spread.append(wider)
    return spread


def _as_it_is(column: Column[Any]) -> Column[Any]:
    return column


def _brief_heading(column: Column[Any]) -> Column[Any]:
    shorter: Column[Any] = attrs.evolve(column, heading=column.brief_heading or column.heading)
    return shorter


def _brief(column: Column[Any]) -> Column[Any]:
    shorter: Column[Any] = attrs.evolve(_brief_heading(column), shown=column.brief or column.shown)
    return shorter


def _spare(parts: Sequence[_Part], room: int) -> int:
    """Return the columns of the terminal that are left; below zero where some lack."""
    return room - sum(part.width for part in parts) - _GAP * (len(parts) - 1)


def _least(parts: Sequence[_Part]) -> _Part:
    return min(reversed(parts), key=lambda part: part.column.importance)


def _cell(column: Column[Any], cell: object) -> Text:
    if cell is None:
        return Text(UNKNOWN, "dim")
    text = _for_people(cell) if column.shown is None else column.shown(cell)
    return Text(text, column.style if isinstance(column.style, str) else column.style(cell))


def _for_people(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds").removesuffix("+00:00")
    return grouped(cell) if isinstance(cell, int | float) else plain(cell)
