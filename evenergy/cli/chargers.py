"""Command ``evenergy chargers``."""

from __future__ import annotations

import click

from evenergy.resources.evses import EVSE, EVSEStatusLog

from .context import App, ClientCommand, Settings
from .listing import LIMIT, listed
from .output import ALWAYS, Column, model_shape, time_column
from .words import tail


@click.command(
    "chargers",
    cls=ClientCommand,
    params=[click.Option(["--cpid"], metavar="NAME", help="Only the charger with this name of its maker."), LIMIT],
)
@click.pass_obj
def chargers(settings: Settings, cpid: str | None, limit: int | None) -> None:
    """List the chargers, each with its newest log: one request for 100."""

    async def run(app: App) -> None:
        pager = app.client.evses.list(cpid=cpid, expand=["latest_status_log"])
        await listed(app, pager, model_shape(EVSE, _columns()), "charger", limit)

    settings.run(run)


def _columns() -> list[Column[EVSE]]:
    return [
        Column("Charger", lambda evse: evse.id, importance=ALWAYS, brief=tail),
        Column("Name", lambda evse: evse.cpid, importance=90, flexible=True),
        Column("Plugged in", brief_heading="Plug", value=lambda evse: _of_log(evse, "is_plugged_in"), importance=70),
        Column("Charging", brief_heading="Chg.", value=lambda evse: _of_log(evse, "is_charging"), importance=80),
        Column("Lock", lambda evse: evse.lock_mode, importance=10),
        Column("Stage", lambda evse: evse.lifecycle_state, importance=20),
        time_column("Sampled (UTC)", lambda evse: _of_log(evse, "sampled_at"), importance=60),
    ]


def _of_log(evse: EVSE, name: str) -> object:
    log = evse.latest_status_log
    return getattr(log, name, None) if isinstance(log, EVSEStatusLog) else None
