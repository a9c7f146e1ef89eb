"""Listing of the API that a command prints, a page at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

import attrs
import click

from evenergy.errors import EvEnergyError

from .words import counted, say

if TYPE_CHECKING:
    from evenergy import Outcome, Pager, VehicleStatusLog
    from evenergy.errors import DecodeError

    from .context import App
    from .output import Shape

T = TypeVar("T")

LIMIT: Final = click.Option(["-n", "--limit"], type=click.IntRange(1), metavar="N", help="Print the first N only.")


async def listed(app: App, pager: Pager[T], shape: Shape[T], noun: str, limit: int | None = None) -> None:
    """Print a listing, and end with a line of what it brought and spent.

    Args:
        app: The open client.
        pager: The listing.
        shape: The form of its items.
        noun: The word for one of them.
        limit: The most items, or None for all.

    Raises:
        DecodeError: An item could not be decoded; all others were printed.
    """
    count = 0
    odd: list[DecodeError] = []
    with app.output(shape) as output:
        async with app.progress(f"{noun}s") as progress:
            async for page in pager.pages():
                items = page.items if limit is None else page.items[: limit - count]
                count += len(items)
                odd += page.undecoded
                output.write(items)
                progress.update(count)
                if count == limit:
                    break
    app.ended(counted(count, noun))
    if odd:
        raise odd[0]


async def read_logs(
    app: App,
    vehicle_ids: list[str],
    span: tuple[datetime, datetime | None],
    write: Callable[[list[VehicleStatusLog]], object],
    *,
    keep: bool = True,
) -> tuple[list[VehicleStatusLog], EvEnergyError | None]:
    """Read the logs of vehicles, all at once, and return them with the error of the last one that failed, or None.

    Args:
        app: The open client.
        vehicle_ids: The vehicles.
        span: The first and the last time; None for now.
        write: Called with the logs as they come.
        keep: Whether the logs are returned, too.
    """
    reading = _LogReading(write, keep)
    listing = app.client.vehicles.status_logs.list
    if len(vehicle_ids) == 1:  # its pages are printed as they come
        async with app.progress("logs") as progress:
            async for page in listing(vehicle_ids[0], since=span[0], until=span[1]).pages():
                reading.take(page.items)
                reading.failure = next(iter(page.undecoded), reading.failure)
                progress.update(reading.count)
    else:
        async with app.progress("vehicles", len(vehicle_ids)) as progress:
            outcomes = app.client.fan_out(
                listing, vehicle_ids, since=span[0], until=span[1], on_progress=progress.update
            )
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    reading.take_outcome(outcome)
        reading.failure = outcomes.stopped_by or reading.failure
    app.ended(f"{counted(reading.count, 'log')} of {counted(len(vehicle_ids), 'vehicle')}")
    return reading.kept, reading.failure


@attrs.define
class _LogReading:
    """Logs that were read so far.

    Attributes:
        write: Called with the logs as they come.
        keep: Whether they are kept.
        kept: Those that are.
        count: The number of all.
        failure: The error of the last vehicle that failed, or None.
    """

    write: Callable[[list[VehicleStatusLog]], object]
    keep: bool
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
            say(f"{outcome.item}: {outcome.error}")
        else:
            raise outcome.error
