"""Command ``evenergy budget``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import click

from .context import App, ClientCommand, Settings
from .output import ALWAYS, Column, dict_shape

_NAMES: Final[tuple[str, ...]] = ("limit", "remaining", "used", "observed_at")


@click.command("budget", cls=ClientCommand)
@click.pass_obj
def budget(settings: Settings) -> None:
    """Say what is left of the requests of the rolling hour, as the API reports it. It costs one request."""

    async def run(app: App) -> None:
        await app.client.root()
        reported = app.client.rate_limit
        if reported is None:
            raise click.ClickException("the API did not report its rate limit")
        limit, remaining = reported.limit, reported.remaining
        record: dict[str, Any] = dict(
            zip(_NAMES, (limit, remaining, limit - remaining, reported.observed_at), strict=True)
        )
        with app.output(dict_shape(_columns(), _NAMES)) as output:
            output.write([record])
        app.ended(f"{remaining:,} of {limit:,} requests are left of the hour")

    settings.run(run)


def _columns() -> list[Column[dict[str, Any]]]:
    return [
        Column("Left", lambda record: record["remaining"], importance=ALWAYS, right=True),
        Column("Used", lambda record: record["used"], right=True),
        Column("Of an hour", lambda record: record["limit"], right=True),
        Column("As of (UTC)", lambda record: _time(record["observed_at"]), importance=10),
    ]


def _time(time: datetime) -> datetime:
    return time.replace(microsecond=0)
