"""Command ``evenergy budget``."""

from __future__ import annotations

from typing import Any, Final

import click

from .context import App, ClientCommand, Settings
from .output import dict_shape

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
        with app.output(dict_shape([], _NAMES), vertical=True) as output:
            output.write([record])
        app.ended(f"{remaining:,} of {limit:,} requests are left of the hour")

    settings.run(run)
