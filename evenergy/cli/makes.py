"""Command ``evenergy makes``."""

from __future__ import annotations

import click

from evenergy.resources.catalogue import VehicleMake

from .context import App, ClientCommand, Settings
from .listing import listed
from .output import ALWAYS, Column, model_shape


@click.command("makes", cls=ClientCommand)
@click.pass_obj
def makes(settings: Settings) -> None:
    """List the makes of vehicles. It needs no credentials."""
    settings.run(_makes, anonymous=True)


async def _makes(app: App) -> None:
    columns: list[Column[VehicleMake]] = [
        Column("Make", lambda make: make.name, importance=ALWAYS),
        Column("Id", lambda make: make.id, style="dim"),
    ]
    await listed(app, app.client.vehicle_makes.list(), model_shape(VehicleMake, columns), "make")
