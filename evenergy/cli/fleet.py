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
    def age(time: datetime) -> str:
        return short((now - time).total_seconds())

    column = _log_column
    return [
        Column("Vehicle", lambda vehicle: vehicle.id, importance=ALWAYS, brief=tail),
        name_column(name_of),
        Column("Name", lambda vehicle: vehicle.description, importance=30),
        column("Charge (%)", "SoC%", "state_of_charge_percentage", 95, style=charge_style, right=True),
        column("Plugged in", "Plug", "is_plugged_in", 60, style=yes_style),
        column("Charging", "Chg.", "is_charging", 70, style=yes_style),
        Column(
            "Power (kW)",
            lambda vehicle: kilo(of_log(vehicle, "charge_rate_watts")),
            importance=50,
            right=True,
            brief_heading="kW",
        ),
        column("State", None, "state", 10),
        column("Age", None, "sampled_at", 65, shown=age, right=True),
    ]


def _log_column(heading: str, brief: str | None, name: str, importance: int, **more: Any) -> Column[Vehicle]:
    """Return the column of a field of the newest log; ``more`` is as for `Column`."""
    return Column(heading, lambda vehicle: of_log(vehicle, name), importance=importance, brief_heading=brief, **more)


def of_log(vehicle: Vehicle, name: str) -> Any:
    """Return a field of the newest log; None where the vehicle has none, or has it as a URL alone."""
    return getattr(vehicle.latest_status_log, name, None)


def yes_style(value: bool) -> str:
    """Return the colour of yes and no."""
    return "green" if value else "dim"
