"""Command ``evenergy makes``."""

from __future__ import annotations

import click

from evenergy.resources.catalogue import VehicleMake

from .context import App, ClientCommand, Settings
from .kept_lists import REFRESH, keeper, kept, write_kept
from .listing import listed
from .output import ALWAYS, Column, model_shape


@click.command("makes", cls=ClientCommand, params=[REFRESH])
@click.pass_obj
def makes(settings: Settings, *, refresh: bool) -> None:
    """List the makes of vehicles. It needs no credentials."""

    async def run(app: App) -> None:
        shape = model_shape(VehicleMake, _columns())
        found = kept(app, VehicleMake, refresh=refresh)
        if found is None:
            await listed(app, app.client.vehicle_makes.list(), shape, "make", keep=keeper(app, VehicleMake))
        else:
            write_kept(app, *found, shape, "make")

    settings.run(run, anonymous=True)


def _columns() -> list[Column[VehicleMake]]:
    return [
        Column("Make", lambda make: make.name, importance=ALWAYS),
        Column("Id", lambda make: make.id, style="dim"),
    ]
