"""Commands ``evenergy vehicles list``, ``show`` and ``update``; ``evenergy vehicles`` alone lists them."""

from __future__ import annotations

from collections.abc import Iterable

import click

from evenergy.resources.vehicles import Vehicle

from .confirm import YES, confirm
from .context import App, ClientCommand, ClientGroup, Settings
from .listing import LIMIT, listed
from .names import EXPANDED, name_column, name_of
from .numbers import kilo
from .output import ALWAYS, Column, model_shape
from .words import tail


@click.group("vehicles", cls=ClientGroup, invoke_without_command=True, params=[LIMIT])
@click.pass_context
def vehicles(context: click.Context, limit: int | None) -> None:
    """List, show or update vehicles; without a command it lists them."""
    if context.invoked_subcommand is None:
        _list(context.ensure_object(Settings), limit)


@vehicles.command("list", cls=ClientCommand, params=[LIMIT])
@click.pass_obj
def vehicles_list(settings: Settings, limit: int | None) -> None:
    """List vehicles, with their make and model: one request for 100."""
    _list(settings, limit)


@vehicles.command("show", cls=ClientCommand)
@click.argument("vehicle_id", metavar="VEHICLE")
@click.pass_obj
def vehicles_show(settings: Settings, vehicle_id: str) -> None:
    """Show all that is known of a vehicle, with its newest log and its driver."""

    async def run(app: App) -> None:
        vehicle = await app.client.vehicles.get(vehicle_id, expand=[EXPANDED, "user", "latest_status_log"])
        _show(app, [vehicle])

    settings.run(run)


@vehicles.command(
    "update",
    cls=ClientCommand,
    params=[
        click.Argument(["vehicle_id"], metavar="VEHICLE"),
        click.Option(["--charge-limit"], type=click.IntRange(50, 100), metavar="PERCENT", help="End charging here."),
        click.Option(
            ["--smart-charging/--no-smart-charging"], default=None, help="Let ev.energy decide when it charges."
        ),
        click.Option(["--class", "vehicle_class"], metavar="NAME", help="The use of the vehicle, or none."),
        click.Option(
            ["--battery-size", "battery_size"],
            type=click.IntRange(1000, 300_000),
            metavar="WH",
            help="The battery in watt hours, of a vehicle that is not linked.",
        ),
        YES,
    ],
)
@click.pass_obj
def vehicles_update(
    settings: Settings,
    vehicle_id: str,
    charge_limit: int | None,
    smart_charging: bool | None,
    vehicle_class: str | None,
    battery_size: int | None,
    yes: bool,
) -> None:
    """Change a vehicle, and show it. It needs a yes first."""
    given = {
        "maximum_charge_limit_percentage": charge_limit,
        "smart_charging_enabled": smart_charging,
        "vehicle_class": vehicle_class,
        "battery_size_watt_hours": battery_size,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: give --charge-limit, --smart-charging, --class or --battery-size")
    words = ", ".join(f"{name} to {value}" for name, value in changes.items())
    confirm(f"Set {words} of {vehicle_id}?", yes=yes)

    async def run(app: App) -> None:
        from evenergy import UNSET

        vehicle = await app.client.vehicles.update(
            vehicle_id,
            maximum_charge_limit_percentage=UNSET if charge_limit is None else charge_limit,
            smart_charging_enabled=UNSET if smart_charging is None else smart_charging,
            vehicle_class=UNSET if vehicle_class is None else None if vehicle_class == "none" else vehicle_class,
            battery_size_watt_hours=UNSET if battery_size is None else battery_size,
            expand=[EXPANDED],
        )
        _show(app, [vehicle])

    settings.run(run)


def _list(settings: Settings, limit: int | None) -> None:
    async def run(app: App) -> None:
        pager = app.client.vehicles.list(expand=[EXPANDED])
        await listed(app, pager, model_shape(Vehicle, _columns()), "vehicle", limit)

    settings.run(run)


def _show(app: App, shown: Iterable[Vehicle]) -> None:
    with app.output(model_shape(Vehicle, _columns()), vertical=True) as output:
        output.write(shown)


def _columns() -> list[Column[Vehicle]]:
    return [
        Column("Vehicle", lambda vehicle: vehicle.id, importance=ALWAYS, brief=tail),
        name_column(name_of),
        Column("Name", lambda vehicle: vehicle.description, importance=20),
        Column("Integrated", lambda vehicle: vehicle.integrated, importance=60, brief_heading="Link"),
        Column("Smart charging", lambda vehicle: vehicle.smart_charging_enabled, importance=50, brief_heading="Smart"),
        Column(
            "Limit (%)",
            brief_heading="Max %",
            value=lambda vehicle: vehicle.maximum_charge_limit_percentage,
            importance=30,
            right=True,
        ),
        Column(
            "Battery (kWh)",
            brief_heading="kWh",
            value=lambda vehicle: kilo(vehicle.battery_size_watt_hours),
            importance=40,
            right=True,
        ),
        Column("Class", lambda vehicle: vehicle.vehicle_class, importance=10),
    ]
