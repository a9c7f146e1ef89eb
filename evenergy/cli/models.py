"""Command ``evenergy models``."""

from __future__ import annotations

import click

from evenergy.resources.catalogue import VehicleMake, VehicleModel

from .context import App, ClientCommand, Settings
from .kept_lists import REFRESH, keeper, kept, make_id, write_kept
from .listing import LIMIT, listed
from .numbers import kilo
from .output import ALWAYS, Column, model_shape
from .words import tail


@click.command(
    "models",
    cls=ClientCommand,
    params=[
        click.Option(["--make"], metavar="NAME|ID", help="Only those of this make, such as Kia."),
        LIMIT,
        REFRESH,
    ],
)
@click.pass_obj
def models(settings: Settings, make: str | None, limit: int | None, *, refresh: bool) -> None:
    """List the models of vehicles. It needs no credentials."""

    async def run(app: App) -> None:
        shape = model_shape(VehicleModel, _columns())
        wanted = None if make is None else await make_id(app, make, refresh=refresh)
        found = kept(app, VehicleModel, refresh=refresh)
        if found is None:
            pager = app.client.vehicle_models.list(make_id=wanted, expand=["make"])
            keep = keeper(app, VehicleModel) if wanted is None else None
            await listed(app, pager, shape, "model", limit, keep=keep)
        else:
            items = [model for model in found[0] if wanted in (None, model.make_id)]
            write_kept(app, items[:limit], found[1], shape, "model")

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
