"""Command ``evenergy budget``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from evenergy._transport.usage import WINDOW

from .budget_option import BUDGET, budget_from, is_missing
from .context import App, ClientCommand, Settings
from .errors import UsageError
from .interrupts import run_async
from .output import Output, dict_shape, key_column
from .stdout import write
from .times import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenergy._transport.limit_state import LimitState
    from evenergy.budgets.report import BucketUse

_NAMES: Final[tuple[str, ...]] = ("limit", "remaining", "used", "observed_at", "frees_at")
_FRESH: Final = timedelta(minutes=5)
_OF_BUCKETS: Final[tuple[str, ...]] = (
    *("bucket", "state", "seconds", "limit", "used", "foreign", "free"),
    *("reserve", "holdings"),
)


@click.command(
    "budget",
    cls=ClientCommand,
    params=[
        BUDGET,
        click.Option(["--refresh"], is_flag=True, help="Send a request, whatever an earlier command has learnt."),
    ],
)
@click.pass_obj
def budget(settings: Settings, *, refresh: bool) -> None:
    """Say what is left of the requests of the rolling hour, as the API last reported it.

    What a command of the last 5 minutes has learnt is shown without a request; else it costs one.
    `frees_at` is the time at which the oldest request of these credentials leaves the hour, or empty.

    With --budget, or the variable EVENERGY_BUDGET, say who holds what of a budget that processes share, and send no
    request.

    \b
    evenergy budget --budget /var/lib/evenergy/budget.db
    evenergy budget --budget redis://cache.internal:6379 --json
    """
    if settings.budget is None:
        settings.run(partial(_show, refresh=refresh))
    else:
        _write_uses(settings, run_async(_uses(settings.budget)))


async def _show(app: App, *, refresh: bool) -> None:
    """Print what is left, as an earlier command learnt it, or as a request finds out now."""
    from .memory import known_limit

    state = None if refresh or app.memory is None else app.memory.limit
    now = datetime.now(UTC)
    record = None if state is None else _left(state, now)
    if record is None or not timedelta(0) <= now - record["observed_at"] <= _FRESH:
        await app.client.root()
        state = known_limit(app.client)
        now = datetime.now(UTC)
        record = None if state is None else _left(state, now)
    if record is None:
        raise click.ClickException("the API did not report its rate limit")
    with app.output(dict_shape([], _NAMES), vertical=True) as output:
        output.write([record])
    age = in_words((now - record["observed_at"]).total_seconds())
    app.ended(f"reported {age} ago" if app.spent.requests == 0 else "reported now")


def _left(state: LimitState, now: datetime) -> dict[str, Any] | None:
    """Return the record of what is left; own requests that left the hour since the last response are free again."""
    wall = now.timestamp()
    if state.reading is None or not state.is_useful(wall):
        return None
    limit, remaining, observed = state.reading
    leaving = [(at / 1000 + WINDOW, number) for at, number in state.completed]
    left = min(limit, remaining + sum(number for at, number in leaving if observed < at <= wall))
    frees = min((at for at, _ in leaving if at > wall), default=None)
    if not state.is_open and state.trial_at > wall:  # a 429 came, and nothing is sent before that
        left, frees = 0, state.trial_at
    return {
        "limit": limit,
        "remaining": left,
        "used": limit - left,
        "observed_at": datetime.fromtimestamp(int(observed), UTC),
        "frees_at": None if frees is None else datetime.fromtimestamp(ceil(frees), UTC),
    }


async def _uses(place: str) -> Sequence[BucketUse]:
    if is_missing(place):  # to open a budget would make it
        raise UsageError(f"there is no budget {place}: a client makes the file with its first request")
    shared = budget_from(place)
    try:
        return await shared.uses()
    finally:
        await shared.close()


def _write_uses(settings: Settings, uses: Sequence[BucketUse]) -> None:
    if settings.format is None and settings.fields is None and sys.stdout.isatty():
        from evenergy.budgets.report import budget_report

        write("\n".join([*budget_report(uses), ""]))
        return
    columns = [key_column(name, name) for name in _OF_BUCKETS]
    with Output(settings, dict_shape(columns, _OF_BUCKETS)) as output:
        output.write(map(_record, uses))


def _record(use: BucketUse) -> dict[str, Any]:
    found = {
        **attrs.asdict(use),
        "state": use.state.value,
        "seconds": round(use.seconds, 3),
        "used": use.used,
        "free": use.free,
    }
    return {name: found[name] for name in _OF_BUCKETS}
