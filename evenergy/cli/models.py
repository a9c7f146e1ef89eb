"""Command ``evenergy models``."""

from __future__ import annotations

import click

from evenergy.resources.catalogue import VehicleMake, VehicleModel

from .context import App, ClientCommand, Settings
from .listing import LIMIT, listed
from .numbers import kilo
from .output import ALWAYS, Column, model_shape
from .words import tail


@click.command(
    "models", cls=ClientCommand, params=[click.Option(["--make"], metavar="ID", help="Only those of this make."), LIMIT]
)
@click.pass_obj
def models(settings: Settings, make: str | None, limit: int | None) -> None:
    """List the models of vehicles. It needs no credentials."""

    async def run(app: App) -> None:
        pager = app.client.vehicle_models.list(make_id=make, expand=["make"])
        await listed(app, pager, model_shape(VehicleModel, _columns()), "model", limit)

    settings.run(run, anonymous=True)


def _columns() -> list[Column[VehicleModel]]:
    return [
        Column("Make", _make, importance=90),
        Column("Model", lambda model: model.name, importance=ALWAYS, flexible=True),
        Column(
            "Battery (kWh)",
            brief_heading="kWh",
            value=lambda model: kilo(model.default_battery_size_watt_hours),
            importance=60,
            right=True,
        ),
        Column("Connector", lambda model: model.default_connector_type, importance=20),
        Column("Id", lambda model: model.id, importance=30, brief=tail, style="dim"),
    ]


def _make(model: VehicleModel) -> str | None:
    return model.make.name if isinstance(model.make, VehicleMake) else model.make_id
