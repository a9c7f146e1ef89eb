"""Command ``evenergy sync``."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs
import click

from evenergy.errors import (
    AuthenticationError,
    EvEnergyError,
    InvalidArgumentError,
    PermissionDeniedError,
    RateLimitError,
)
from evenergy.fleet.database import FleetDatabase
from evenergy.fleet.logs import NewStatusLogs
from evenergy.fleet.values import NewLogs
from evenergy.resources.vehicles import VehicleStatusLog

from .context import App, ClientCommand, Settings
from .errors import line
from .numbers import counted, grouped
from .output import dict_shape
from .stdout import write
from .times import Duration, Moment, in_words, time_option
from .words import say

_FATAL: Final = (AuthenticationError, PermissionDeniedError, InvalidArgumentError)
"""Errors that the next run would get too."""
_NAMES: Final[tuple[str, ...]] = (
    "vehicles",
    "logs",
    "requests",
    "requests_left",
    "waiting",
    "failed",
    "latest_delay_seconds",
)
DATABASE: Final = click.Option(
    ["--db"],
    type=click.Path(dir_okay=False, path_type=Path),
    default="fleet.db",
    show_default=True,
    metavar="FILE",
    help="The database, which is SQLite.",
)


@attrs.define
class _Run:
    """Outcome of a run.

    Attributes:
        known: The ids of the vehicles that the database knows.
        logs: The logs that are new in it.
        requests: The requests spent.
        left: The reads that wait for the next run.
        failed: The vehicles that could not be read.
        delay: The longest time from sampling to storing a log, of those that came.
        refused: The error with which the rate limit ended the run, or None.
    """

    known: set[str]
    logs: int = 0
    requests: int = 0
    left: int = 0
    failed: int = 0
    delay: timedelta = timedelta(0)
    refused: RateLimitError | None = None

    def take(self, page: NewLogs[VehicleStatusLog], saved: int) -> None:
        """Count what a page brought, and write its error."""
        self.logs += saved
        self.known |= page.marks.keys() - {""}
        if page.error is not None:
            self.failed += 1
            say(f"{page.vehicle_id or 'a vehicle of the list'}: {page.error}; the next run reads it again")
        for log in page.logs:
            if log.logged_at is not None and log.sampled_at is not None:
                self.delay = max(self.delay, log.logged_at - log.sampled_at)

    def end(self, pages: NewStatusLogs[VehicleStatusLog]) -> None:
        """Take over what the run spent and left."""
        self.requests, self.left, self.refused = pages.requests, pages.left, pages.refused


@click.command(
    "sync",
    cls=ClientCommand,
    params=[
        DATABASE,
        click.Option(
            ["--since"], type=Moment(), metavar="TIME", help="Read history from here on.  [default: newest logs]"
        ),
        time_option(
            "--within",
            Duration(),
            "0s",
            "How much later than the newest log the others may come: a longer time costs fewer requests.",
        ),
        time_option("--lookback", Duration(), "6h", "How late a log may be stored and still be found."),
        click.Option(["--budget"], type=click.IntRange(2), metavar="N", help="Spend at most N requests in a run."),
        click.Option(["--every"], type=Duration(), metavar="TIME", help="Run again and again, until Ctrl-C."),
    ],
)
@click.pass_obj
def sync(
    settings: Settings,
    db: Path,
    since: datetime | None,
    within: timedelta,
    lookback: timedelta,
    budget: int | None,
    every: timedelta | None,
) -> None:
    """Store each new status log of the fleet once, in a database.

    A page is stored with its marks in one transaction: whatever ends the command, no log is lost or stored twice, and
    the next run goes on where this one ended. `evenergy plan` says what a schedule costs.

    \b
    evenergy sync --db fleet.db --since 7d
    evenergy sync --db fleet.db --within 6h --every 5m
    """
    if not db.parent.is_dir():
        raise click.UsageError(f"--db: there is no directory {db.parent}")
    if every is not None and every <= timedelta(0):
        raise click.UsageError("--every must be above zero")
    if every is not None and settings.format == "json":
        raise click.UsageError("--every has no end, so there is no one document: use --jsonl")
    options: dict[str, Any] = {"since": since, "within": within, "lookback": lookback, "budget": budget}

    async def run(app: App) -> None:
        app.check_history(since)
        with FleetDatabase(db) as database:
            if every is None:
                outcome = await _synced(app, database, options)
                _tell(app, outcome, lookback, goes_on=False)
            else:
                await _forever(app, database, options, every)

    settings.run(run)


async def _forever(app: App, database: FleetDatabase, options: dict[str, Any], every: timedelta) -> None:
    """Run again and again, each time so long after the run before began; an error that may pass ends one run only."""
    loop = asyncio.get_running_loop()
    while True:
        begun = loop.time()
        try:
            outcome = await _synced(app, database, options)
            _tell(app, outcome, options["lookback"], goes_on=True)
            error: EvEnergyError | None = outcome.refused
        except _FATAL:
            raise
        except EvEnergyError as failed:
            error = failed
        if error is not None:
            say(f"{line(error)}; the next run goes on")
        await asyncio.sleep(max(0.0, begun + every.total_seconds() - loop.time()))


async def _synced(app: App, database: FleetDatabase, options: dict[str, Any]) -> _Run:
    marks = database.marks
    outcome = _Run({one for one in marks if one})
    pages = app.client.fleet.new_status_logs(marks, **options)
    async with app.progress("reads") as progress, aclosing(pages):
        async for page in pages:
            outcome.take(page, database.save(page))
            progress.update(page.requests, total=page.requests + page.left)
    outcome.end(pages)
    return outcome


def _tell(app: App, outcome: _Run, lookback: timedelta, *, goes_on: bool) -> None:
    """Write what a run brought, spent and left: a line, or JSON, which the error of the last run ends.

    Raises:
        RateLimitError: The rate limit ended the last run.
    """
    settings = app.settings
    left = None if app.spent.rate_limit is None else app.spent.rate_limit.remaining
    if settings.format is not None or settings.fields:
        cells = (len(outcome.known), outcome.logs, outcome.requests, left, outcome.left, outcome.failed)
        record: dict[str, Any] = dict(zip(_NAMES, (*cells, outcome.delay.total_seconds()), strict=True))
        with app.output(dict_shape([], _NAMES), vertical=True) as output:
            output.write([record])
            if outcome.refused is not None and not goes_on:
                raise outcome.refused
    elif not settings.quiet:
        hour = "" if left is None else f", {grouped(left)} left of the hour"
        waiting = f" · {counted(outcome.left, 'read')} for the next run" if outcome.left else ""
        write(
            f"{counted(len(outcome.known), 'vehicle')} · {counted(outcome.logs, 'new log')} ·"
            f" {counted(outcome.requests, 'request')} spent{hour}{waiting}\n"
        )
    if outcome.delay > lookback / 2:
        settings.note(
            f"note: a log was stored {in_words(outcome.delay.total_seconds())} after it was sampled; one that is later"
            f" than --lookback ({in_words(lookback.total_seconds())}) may be missed"
        )
    if outcome.refused is not None and not goes_on:
        raise outcome.refused
