"""Command ``evenergy watch``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final, get_args

import click

from evenergy.fleet.values import WATCHED, Change, WatchField, watched_value

from .context import App, ClientCommand, Settings
from .numbers import counted, number_option
from .output import ALWAYS, Column, Shape
from .times import Duration, time_option
from .words import tail

_NAMES: Final = ("observed_at", "vehicle_id", "event", "changes")


def _watched(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names: list[str] = [*WATCHED] if value is None else [name for name in map(str.strip, value.split(",")) if name]
    for name in names:
        if name not in get_args(WatchField):
            raise click.BadParameter(f"there is no {name}; there are {', '.join(get_args(WatchField))}")
    return names


@click.command(
    "watch",
    cls=ClientCommand,
    params=[
        number_option("--budget", 200, 1, None, "Requests of an hour."),
        time_option("--every", Duration(), "5m", "Between two looks."),
        time_option("--charging", Duration(), "1m", "The same while a vehicle charges."),
        click.Option(
            ["--changes"],
            metavar="A,B",
            callback=_watched,
            help=f"What to watch.  [default: {','.join(WATCHED)}]",
        ),
        click.Option(
            ["--for", "duration"], type=Duration(), metavar="TIME", help="End after this time.  [default: never]"
        ),
    ],
)
@click.pass_obj
def watch(
    settings: Settings,
    budget: int,
    every: timedelta,
    charging: timedelta,
    changes: list[WatchField],
    duration: timedelta | None,
) -> None:
    """Print changes of the fleet as they come, until Ctrl-C. The first look prints each vehicle.

    \b
    evenergy watch --changes is_charging,is_plugged_in --jsonl
    """
    if settings.format == "json":
        raise click.UsageError("watch has no end, so there is no one document: use --jsonl")

    async def run(app: App) -> None:
        source = app.client.fleet.watch(budget=budget, every=every, charging=charging, fields=changes)
        output = app.output(_shape(changes), streams=True)
        count = 0
        try:
            async with asyncio.timeout(None if duration is None else duration.total_seconds()), aclosing(source):
                async for change in source:
                    output.write([change])
                    count += 1
        except TimeoutError:
            output.end()  # the time of --for is over
        finally:
            app.ended(counted(count, "change"))

    settings.run(run)


def _shape(names: list[WatchField]) -> Shape[Change]:
    def record(change: Change) -> dict[str, Any]:
        cells = (change.observed_at, change.vehicle_id, _event(change), _changes(change, names))
        return dict(zip(_NAMES, cells, strict=True))

    columns: list[Column[Change]] = [
        Column("Observed", lambda change: change.observed_at.replace(microsecond=0), importance=60),
        Column("Vehicle", lambda change: change.vehicle_id, importance=ALWAYS, brief=tail),
        Column("Event", _event),
        Column("Changes", lambda change: _words(change, names), importance=90),
    ]
    return Shape(_NAMES, record, record, columns)


def _event(change: Change) -> str:
    return "appeared" if change.before is None else "gone" if change.after is None else "changed"


def _changes(change: Change, names: list[WatchField]) -> dict[str, list[object]]:
    """Return the watched fields that changed, each with its value before and after."""
    return {
        name: [watched_value(change.before, name), watched_value(change.after, name)]
        for name in names
        if name in change.fields
    }


def _words(change: Change, names: list[WatchField]) -> str:
    """Return the changes in words; of a vehicle that appeared, what it reports."""
    return ", ".join(
        f"{name} {_word(after)}" if change.before is None else f"{name} {_word(before)} → {_word(after)}"
        for name, (before, after) in _changes(change, names).items()
    )


def _word(value: object) -> str:
    return "?" if value is None else "yes" if value is True else "no" if value is False else str(value)
