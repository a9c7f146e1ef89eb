"""Table at a terminal, which loses its least important columns where there is no room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NoReturn

import attrs
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .context import PipeClosedError
from .numbers import grouped
from .output import UNKNOWN, Column, plain

_NEEDED: Final = 60
"""Importance from which columns are worth that others are shortened for them."""
_ENDLESS = 100_000  # columns, to measure what a table would take


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
    left = list(columns)
    table = _table(left, values)
    while len(left) > 1 and _width(console, table) > console.width:
        least = min(reversed(left), key=lambda column: column.importance)
        if least.importance < _NEEDED or not any(column.brief for column in left):
            left.remove(least)
        else:
            left = list(map(_shortened, left))
        table = _table(left, values)
    console.print(table)


def _shortened(column: Column[Any]) -> Column[Any]:
    shorter: Column[Any] = attrs.evolve(column, shown=column.brief or column.shown, brief=None)
    return shorter


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(width=_ENDLESS)).maximum


def _table(columns: Sequence[Column[Any]], values: Sequence[Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", no_wrap=True)
    for value in values:
        table.add_row(*(_cell(column, column.value(value)) for column in columns))
    return table


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
