"""Listing of the API that a command prints, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import attrs
import click

from evenergy.errors import EvEnergyError

from .errors import said_of
from .numbers import counted

if TYPE_CHECKING:
    from evenergy import Outcome, Pager, VehicleStatusLog
    from evenergy.errors import DecodeError
    from evenergy.resources.vehicles import LogExpand

    from .context import App, Settings
    from .output import Shape

T = TypeVar("T")

Span: TypeAlias = "tuple[datetime, datetime | None]"
"""First and last time; None for now."""

LIMIT: Final = click.Option(["-n", "--limit"], type=click.IntRange(1), metavar="N", help="Print the first N only.")


async def listed(
    app: App,
    pager: Pager[T],
    shape: Shape[T],
    noun: str,
    limit: int | None = None,
    *,
    keep: Callable[[Sequence[T]], None] | None = None,
) -> None:
    """Print a listing, and end with a line of what it brought and spent.

    Args:
        app: The open client.
        pager: The listing.
        shape: The form of its items.
        noun: The word for one of them.
        limit: The most items, or None for all.
        keep: Called with all items once they were read and decoded; or None.

    Raises:
        DecodeError: An item could not be decoded; all others were printed.
    """
    read: list[T] = []
    with app.output(shape) as output:

        def write(items: list[T]) -> None:
            output.write(items)
            if keep is not None:
                read.extend(items)

        count, odd = await _printed(app, pager, write, f"{noun}s", limit)
        if odd:
            raise odd[0]
    if keep is not None and limit is None:
        keep(read)
    app.ended(counted(count, noun))


async def _printed(
    app: App, pager: Pager[T], write: Callable[[list[T]], None], nouns: str, limit: int | None
) -> tuple[int, list[DecodeError]]:
    """Print the items, and return their number, and the errors of those that could not be decoded."""
    count = 0
    odd: list[DecodeError] = []
    async with app.progress(nouns) as progress:
        async for page in pager.pages():
            items = page.items if limit is None else page.items[: limit - count]
            count += len(items)
            odd += page.undecoded
            write(items)
            progress.update(count)
            if count == limit:
                break
    return count, odd


async def read_logs(
    app: App,
    vehicle_ids: list[str],
    span: Span,
    write: Callable[[list[VehicleStatusLog]], object],
    *,
    keep: bool = True,
    expand: Sequence[LogExpand] = (),
) -> LogReading:
    """Read the logs of vehicles, all at once.

    Args:
        app: The open client.
        vehicle_ids: The vehicles.
        span: The first and the last time; None for now.
        write: Called with the logs as they come.
        keep: Whether the logs are returned, too.
        expand: References to expand, where there are several vehicles.
    """
    reading = LogReading(app.settings, write, keep, len(vehicle_ids))
    if len(vehicle_ids) == 1:
        await _read_one(app, vehicle_ids[0], span, reading)
    else:
        await _read_all(app, vehicle_ids, span, reading, expand)
    return reading


async def _read_one(app: App, vehicle_id: str, span: Span, reading: LogReading) -> None:
    """Read the logs of one vehicle, whose pages are written as they come."""
    listing = app.client.vehicles.status_logs.list(vehicle_id, since=span[0], until=span[1])
    async with app.progress("logs") as progress:
        async for page in listing.pages():
            reading.take(page.items)
            reading.fail(next(iter(page.undecoded), None))
            progress.update(reading.count)


async def _read_all(
    app: App, vehicle_ids: list[str], span: Span, reading: LogReading, expand: Sequence[LogExpand]
) -> None:
    """Read the logs of several vehicles, which are written in the order in which they are complete."""
    listing = app.client.vehicles.status_logs.list
    async with app.progress("vehicles", len(vehicle_ids)) as progress:
        outcomes = app.client.fan_out(
            listing, vehicle_ids, since=span[0], until=span[1], expand=expand, on_progress=progress.update
        )
        async with aclosing(outcomes):
            async for outcome in outcomes:
                reading.take_outcome(outcome)
    reading.fail(outcomes.stopped_by)


@attrs.define
class LogReading:
    """Logs that were read so far.

    Attributes:
        settings: The options.
        write: Called with the logs as they come.
        keep: Whether they are kept.
        vehicles: The number of vehicles.
        kept: Those that are.
        count: The number of all.
        failure: The error of the last vehicle that failed, or None.
    """

    settings: Settings
    write: Callable[[list[VehicleStatusLog]], object]
    keep: bool
    vehicles: int
    kept: list[VehicleStatusLog] = attrs.field(factory=list["VehicleStatusLog"])
    count: int = 0
    failure: EvEnergyError | None = None

    def take(self, logs: list[VehicleStatusLog]) -> None:
        """Write and count logs."""
        self.count += len(logs)
        self.write(logs)
        if self.keep:
            self.kept += logs

    def take_outcome(self, outcome: Outcome[str, list[VehicleStatusLog]]) -> None:
        """Take the logs of a vehicle, or write why there are none."""
        if outcome.error is None:
            self.take(outcome.unwrap())
        elif isinstance(outcome.error, EvEnergyError):
            self.failure = outcome.error
            self.settings.say(outcome.error, said_of(outcome.item, outcome.error))
        else:
            raise outcome.error

    def fail(self, error: EvEnergyError | None) -> None:
        """Keep an error for the end; None changes nothing."""
        self.failure = error or self.failure

    def check(self) -> None:
        """Raise the error of the last vehicle that failed.

        Raises:
            EvEnergyError: A vehicle failed.
        """
        if self.failure is not None:
            raise self.failure

    def words(self) -> str:
        """Return what was read, such as ``53 logs of 1 vehicle``."""
        return f"{counted(self.count, 'log')} of {counted(self.vehicles, 'vehicle')}"
