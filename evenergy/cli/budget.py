"""Command ``evenergy budget``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from .budget_option import BUDGET, budget_from, is_missing
from .context import App, ClientCommand, Settings
from .errors import UsageError
from .interrupts import run_async
from .numbers import grouped
from .output import Output, dict_shape, key_column
from .stdout import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenergy.budgets.report import BucketUse

_NAMES: Final[tuple[str, ...]] = ("limit", "remaining", "used", "observed_at")
_OF_BUCKETS: Final[tuple[str, ...]] = (
    *("bucket", "state", "seconds", "limit", "used", "foreign", "free"),
    *("reserve", "holdings"),
)


@click.command("budget", cls=ClientCommand, params=[BUDGET])
@click.pass_obj
def budget(settings: Settings) -> None:
    """Say what is left of the requests of the rolling hour, as the API reports it. It costs one request.

    With --budget, or the variable EVENERGY_BUDGET, say who holds what of a budget that processes share, and send no
    request.

    \b
    evenergy budget --budget /var/lib/evenergy/budget.db
    evenergy budget --budget redis://cache.internal:6379 --json
    """
    if settings.budget is None:
        settings.run(_ask)
    else:
        _write_uses(settings, run_async(_uses(settings.budget)))


async def _ask(app: App) -> None:
    await app.client.root()
    reported = app.client.rate_limit
    if reported is None:
        raise click.ClickException("the API did not report its rate limit")
    limit, remaining = reported.limit, reported.remaining
    record: dict[str, Any] = dict(zip(_NAMES, (limit, remaining, limit - remaining, reported.observed_at), strict=True))
    with app.output(dict_shape([], _NAMES), vertical=True) as output:
        output.write([record])
    app.ended(f"{grouped(remaining)} of {grouped(limit)} requests are left of the hour")


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
