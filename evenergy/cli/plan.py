"""Command ``evenergy plan``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import click

from evenergy.errors import InvalidArgumentError
from evenergy.fleet.planner import plan as planned

from .context import LocalCommand, Settings
from .numbers import grouped
from .output import ALWAYS, Column, Output, dict_shape, key_column
from .times import Duration, in_words, time_option

_EVERY: Final = ("5m", "15m", "1h", "24h")
_NAMES: Final[tuple[str, ...]] = (
    *("vehicles", "every_seconds", "within_seconds", "requests", "requests_an_hour", "fits"),
    *("takes_seconds", "shortest_seconds"),
)


def _changed(_: click.Context, __: click.Parameter, value: str) -> float:
    """Return a number of vehicles, or a share of them from a percentage."""
    try:
        return float(value[:-1]) / 100 if value.endswith("%") else int(value)
    except ValueError:
        raise click.BadParameter(f"expected a number of vehicles, or a share as in 6%, got {value!r}") from None


@click.command(
    "plan",
    cls=LocalCommand,
    params=[
        click.Option(["--vehicles"], type=click.IntRange(0), required=True, metavar="N", help="The size of the fleet."),
        time_option("--every", Duration(), _EVERY, "The interval between two runs; repeatable."),
        time_option(
            "--within",
            Duration(),
            ("0s", "6h", "24h"),
            "How much later than the newest log the others may come; repeatable.",
        ),
        click.Option(
            ["--changed"],
            default="0",
            callback=_changed,
            metavar="N|N%",
            help="Vehicles with news in a run.  [default: all]",
        ),
        click.Option(
            ["--logs"], type=click.FloatRange(0), default=1, metavar="N", help="Logs that a read of a vehicle brings."
        ),
        click.Option(
            ["--requests", "limit"],
            type=click.IntRange(1),
            default=1000,
            show_default=True,
            metavar="N",
            help="Of an hour.",
        ),
    ],
)
@click.pass_obj
def plan(
    settings: Settings,
    vehicles: int,
    every: tuple[timedelta, ...],
    within: tuple[timedelta, ...],
    changed: float,
    logs: float,
    limit: int,
) -> None:
    """Say what `evenergy sync` costs in requests, and which schedules the rate limit allows. Nothing is sent.

    \b
    evenergy plan --vehicles 10000 --every 15m --within 24h
    """
    columns = _columns()
    with Output(settings, dict_shape(columns, _NAMES)) as output:
        for interval in every:
            output.write(_row(vehicles, changed, logs, interval, one, limit) for one in within)


def _row(vehicles: int, changed: float, logs: float, every: timedelta, within: timedelta, limit: int) -> dict[str, Any]:
    if not within and not changed:
        # Complete after every run, and nothing is known of the news: all may have some.
        changed = 1.0 if vehicles else 0
    try:
        found = planned(vehicles, changed=changed, logs=logs, every=every, within=within, limit=limit)
    except InvalidArgumentError as error:
        raise click.UsageError(str(error)) from None
    cells = (vehicles, every, within, found.requests, round(found.an_hour, 1), found.fits, found.takes, found.shortest)
    return dict(
        zip(_NAMES, (cell.total_seconds() if isinstance(cell, timedelta) else cell for cell in cells), strict=True)
    )


def _columns() -> list[Column[dict[str, Any]]]:
    def column(heading: str, name: str, importance: int, **more: Any) -> Column[dict[str, Any]]:
        return key_column(heading, name, importance=importance, right=True, **more)

    return [
        column("Every", "every_seconds", ALWAYS, shown=in_words),
        column("Within", "within_seconds", 90, shown=in_words),
        column("A run", "requests", 70, shown=grouped),
        column("An hour", "requests_an_hour", 80, shown=_whole),
        column("Fits", "fits", 95, shown=_yes_or_no, style=_style),
        column("A run waits", "takes_seconds", 30, shown=in_words),
        column("Shortest interval", "shortest_seconds", 40, shown=in_words),
    ]


def _whole(number: float) -> str:
    return grouped(number, 0)


def _yes_or_no(fits: object) -> str:
    return "yes" if fits else "NO"


def _style(fits: object) -> str:
    return "green" if fits else "red"
