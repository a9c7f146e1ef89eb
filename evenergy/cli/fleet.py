"""Command ``evenergy fleet``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from evenergy.fleet.values import VehicleNow
from evenergy.resources.vehicles import Vehicle

from .context import App, ClientCommand, Settings
from .listing import LIMIT, listed, read_logs
from .names import EXPANDED, name_column, name_of, shows_names
from .numbers import kilo, number_option
from .output import ALWAYS, Column, charge_style, model_shape
from .plot_option import PLOT, WIDTH, check_plot, plotted
from .times import short
from .words import tail


@click.command(
    "fleet",
    cls=ClientCommand,
    params=[
        LIMIT,
        PLOT,
        WIDTH,
        number_option("--hours", 24, 1, 720, "Hours that the picture shows."),
    ],
)
@click.pass_obj
def fleet(settings: Settings, limit: int | None, plot: str | None, plot_width: int, hours: int) -> None:
    """Show each vehicle with its newest log: one request for 100 vehicles.

    With --plot it draws the states of charge by hour, for which it reads the logs of each vehicle: a request each.
    """
    check_plot(settings, plot)

    async def run(app: App) -> None:
        named = app.client.vehicles.list(expand=[EXPANDED, "latest_status_log"])
        if plot is not None:
            await _plot(app, await named.collect(limit=limit), hours, plot, plot_width)
        elif shows_names(settings):
            await listed(app, named, model_shape(Vehicle, _columns(datetime.now(UTC))), "vehicle", limit)
        else:
            await listed(app, app.client.fleet.snapshot(), model_shape(VehicleNow, []), "vehicle", limit)

    settings.run(run)


async def _plot(app: App, vehicles: list[Vehicle], hours: int, target: str, width: int) -> None:
    """Draw the states of charge of vehicles by hour."""
    from .pictures.heat import heat_map
    from .pictures.series import by_vehicle

    until = datetime.now(UTC)
    since = until - timedelta(hours=hours)
    app.check_history(since)
    ids = [vehicle.id for vehicle in vehicles]
    reading = await read_logs(app, ids, (since, until), lambda _: None)
    names = {vehicle.id: vehicle.description or name_of(vehicle) or "" for vehicle in vehicles}
    plotted(app.settings, target, heat_map(by_vehicle(reading.kept, ids), since, until, names), width)
    reading.check()
    app.ended(reading.words())


def _columns(now: datetime) -> list[Column[Vehicle]]:
    return [
        Column("Vehicle", lambda vehicle: vehicle.id, importance=ALWAYS, brief=tail),
        name_column(name_of),
        Column("Name", lambda vehicle: vehicle.description, importance=30),
        Column(
            "Charge (%)",
            lambda vehicle: of_log(vehicle, "state_of_charge_percentage"),
            importance=95,
            brief_heading="SoC%",
            style=charge_style,
            right=True,
        ),
        Column(
            "Plugged in",
            lambda vehicle: of_log(vehicle, "is_plugged_in"),
            importance=60,
            style=yes_style,
            brief_heading="Plug",
        ),
        Column(
            "Charging",
            lambda vehicle: of_log(vehicle, "is_charging"),
            importance=70,
            style=yes_style,
            brief_heading="Chg.",
        ),
        Column(
            "Power (kW)",
            brief_heading="kW",
            value=lambda vehicle: kilo(of_log(vehicle, "charge_rate_watts")),
            importance=50,
            right=True,
        ),
        Column("State", lambda vehicle: of_log(vehicle, "state"), importance=10),
        Column(
            "Age",
            lambda vehicle: of_log(vehicle, "sampled_at"),
            lambda time: short((now - time).total_seconds()),
            importance=65,
            right=True,
        ),
    ]


def of_log(vehicle: Vehicle, name: str) -> Any:
    """Return a field of the newest log; None where the vehicle has none, or has it as a URL alone."""
    return getattr(vehicle.latest_status_log, name, None)


def yes_style(value: bool) -> str:
    """Return the colour of yes and no."""
    return "green" if value else "dim"
