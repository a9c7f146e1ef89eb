"""Command ``evenergy demo``: the table of what `evenergy.cli.demo` read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, cast

import attrs
import click
from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from evenergy import to_dict

from . import demo as reading
from .interrupts import run_async
from .numbers import counted, grouped, number_option
from .output import UNKNOWN, charge_style
from .stdout import write
from .table import Screen
from .times import short

if TYPE_CHECKING:
    import io

_COLUMNS = 24  # of the sparkline, at most
_TAIL = 6  # characters of an id that tell vehicles of one fleet apart
_ENDLESS = 100_000  # columns: no line of a pipe is cut


@attrs.frozen
class _Layout:
    """A form of the table.

    Attributes:
        headings: Those of all columns but the last.
        padding: Columns of the terminal between two columns of the table, beside the one that the box has.
        whole_id: Whether ids are whole.
    """

    headings: tuple[str, ...]
    padding: int
    whole_id: bool


_NAMES = "Make and model"
_PLAIN: Final = _Layout(
    ("Vehicle", _NAMES, "State of charge", "Plugged in", "Charging", "Power (kW)", "Last seen"), 2, whole_id=True
)
_WIDE: Final = _Layout(
    ("Vehicle", _NAMES, "Battery", "Plugged\nin", "Charging", "Power\n(kW)", "Last\nseen"), 1, whole_id=True
)
_MEDIUM: Final = attrs.evolve(_WIDE, whole_id=False)
_NARROW: Final = _Layout(("Vehicle", _NAMES, "SoC", "Plug", "Chg.", "kW", "Seen"), 0, whole_id=False)
_JUSTIFY: Final[tuple[Literal["left", "right"], ...]] = ("left", "left", "right", "left", "left", "right", "right")

_LOSS: Final = (4, 6, 3, 5, 0, 7)
"""Columns that a narrow terminal loses, the least important first; the name and the state of charge stay."""


@click.command(
    "demo",
    params=[
        number_option("--vehicles", 25, 1, 100_000, "Vehicles of the fleet."),
        number_option("--hours", 24, 1, 8760, "Hours of logs that are read."),
        number_option("--seed", 0, 0, 2**32 - 1, "Seed of the fleet: the same seed gives the same fleet."),
        click.Option(["--json", "as_json"], is_flag=True, help="Write a JSON document instead of a table."),
    ],
)
def demo(vehicles: int, hours: int, seed: int, *, as_json: bool) -> None:
    """Read the latest logs of a simulated fleet, all vehicles at once, and show them."""
    report = _watched(vehicles, hours, seed)
    if as_json:
        write(json.dumps(to_dict(report), indent=2) + "\n")
    else:
        _show(report)
    failures = [row.error for row in report.vehicles if row.error is not None]
    if failures:
        raise click.ClickException(f"no logs of {counted(len(failures), 'vehicle')}; the first: {failures[0]}")


def _watched(vehicles: int, hours: int, seed: int) -> reading.Report:
    """Gather the data, with a bar for those who wait at a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    console = Screen(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Reading the logs", total=None)
        return run_async(
            reading.run(
                vehicles, hours, seed, lambda done, _, total: progress.update(task, completed=done, total=total)
            )
        )


def _show(report: reading.Report) -> None:
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="replace")  # an old code page may have no blocks
    if sys.stdout.isatty():
        console = Screen(highlight=False)
        console.print(_fitting(report, console))
        console.print(_summary(report.totals), style="dim")
    else:
        console = Screen(highlight=False, force_terminal=False, color_system=None, width=_ENDLESS)
        console.print(_table(report, _PLAIN))
        console.print(_summary(report.totals))


def _fitting(report: reading.Report, console: Screen) -> Table:
    """Return the table in the widest form that there is room for; a narrow terminal loses columns."""
    shown = list(range(len(_JUSTIFY) + 1))
    table = _table(report, _WIDE, shown)
    for layout in (_MEDIUM, _NARROW):
        if not _fits(table, console):
            table = _table(report, layout, shown)
    for lost in _LOSS:
        if not _fits(table, console):
            shown.remove(lost)
            table = _table(report, _NARROW, shown)
    return table


def _fits(table: Table, console: Screen) -> bool:
    return console.measure(table, options=console.options.update(width=_ENDLESS)).maximum <= console.width


def _table(report: reading.Report, layout: _Layout, shown: Sequence[int] = range(8)) -> Table:
    table = Table(
        box=None if layout is _PLAIN else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, layout.padding, 0, 0),
        header_style="" if layout is _PLAIN else "bold",
    )
    headings = (*layout.headings, "Last hour" if report.hours == 1 else f"Last {report.hours} hours")
    for at in shown:
        # Names may take two lines where there is no room; all else is short.
        table.add_column(headings[at], justify=(*_JUSTIFY, "left")[at], no_wrap=headings[at] != _NAMES)
    for row in report.vehicles:
        cells = _cells(row, report.until, whole_id=layout.whole_id)
        table.add_row(*(cells[at] for at in shown))
    return table


def _cells(row: reading.Row, now: datetime, *, whole_id: bool) -> list[Text]:
    names = " ".join(name for name in (row.make, row.model) if name)
    charge, watts = row.state_of_charge_percentage, row.charge_rate_watts
    return [
        Text(row.id if whole_id else f"…{row.id[-_TAIL:]}", "dim"),
        Text(names) if names else _unknown(),
        _unknown() if charge is None else Text(f"{charge}%", charge_style(charge)),
        _answer(row.is_plugged_in),
        _answer(row.is_charging),
        _unknown() if watts is None else Text(f"{watts / 1000:.1f}", "" if watts else "dim"),
        _unknown() if row.last_seen is None else Text(short((now - row.last_seen).total_seconds())),
        Text(reading.sparkline(reading.condensed(row.state_of_charge_by_hour, _COLUMNS)), "cyan"),
    ]


def _unknown() -> Text:
    return Text(UNKNOWN, "dim")


def _answer(value: bool | None) -> Text:
    if value is None:
        return _unknown()
    return Text("yes", "green") if value else Text("no", "dim")


def _summary(totals: reading.Totals) -> str:
    return (
        f"{counted(totals.vehicles, 'vehicle')} · {counted(totals.logs, 'log')} ·"
        f" {counted(totals.requests, 'request')} spent,"
        f" {grouped(totals.requests_left)} left · {totals.seconds:.2f} s"
    )
