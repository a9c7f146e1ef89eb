"""Command ``evenergy logs``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click

from evenergy._codec.validate import identifier
from evenergy.errors import InvalidArgumentError
from evenergy.resources.vehicles import LogExpand, VehicleStatusLog

from .context import App, ClientCommand, Settings
from .errors import UsageError
from .listing import read_logs
from .names import name_column, name_of, shows_names
from .numbers import kilo
from .output import ALWAYS, Column, model_shape, time_column
from .plot_option import PLOT, WIDTH, check_plot, plotted
from .times import Moment, check_span, time_option
from .words import tail

_NAMED: Final[LogExpand] = "vehicle.trim.model.make"


@click.command(
    "logs",
    cls=ClientCommand,
    params=[
        click.Argument(["vehicle_ids"], metavar="VEHICLE...", nargs=-1, required=True),
        time_option("--since", Moment(), "24h", "From here on."),
        click.Option(["--until"], type=Moment(), metavar="TIME", help="Up to here.  [default: now]"),
        PLOT,
        WIDTH,
    ],
)
@click.pass_obj
def logs(
    settings: Settings,
    vehicle_ids: tuple[str, ...],
    since: datetime,
    until: datetime | None,
    plot: str | None,
    plot_width: int,
) -> None:
    """Show what vehicles reported, newest first, by their ids; - reads ids from standard input.

    \b
    evenergy logs VEHICLE --since yesterday --until today --csv
    evenergy vehicles --fields id | evenergy logs - --since 7d --jsonl
    evenergy logs VEHICLE --since 3d --plot charge.png

    `evenergy help formatting` says what TIME may be.
    """
    check_plot(settings, plot)
    check_span(since, until)
    wanted = _ids(vehicle_ids)

    expand: list[LogExpand] = [_NAMED] if len(wanted) > 1 and shows_names(settings) else []

    async def run(app: App) -> None:
        app.check_history(since)
        if plot is None:
            with app.output(model_shape(VehicleStatusLog, _columns(len(wanted)))) as output:
                reading = await read_logs(app, wanted, (since, until), output.write, keep=False, expand=expand)
                reading.check()
        else:
            from .pictures.logs import plot_logs

            reading = await read_logs(app, wanted, (since, until), lambda _: None)
            plotted(settings, plot, plot_logs(reading.kept, wanted, since, until), plot_width)
            reading.check()
        app.ended(reading.words())

    settings.run(run)


def _ids(given: Sequence[str]) -> list[str]:
    """Return the ids, those from standard input in the place of a dash; each once.

    Raises:
        UsageError: One of them cannot be an id of a vehicle.
    """
    found: list[str] = []
    for one in given:
        found += sys.stdin.read().split() if one == "-" else [one]
    if not found:
        raise click.UsageError("there is no vehicle on standard input")
    try:
        return list(dict.fromkeys(identifier(one, "vhcl") for one in found))
    except InvalidArgumentError as error:
        raise UsageError(f"{error}; `evenergy vehicles` lists them") from None


def _columns(vehicles: int) -> list[Column[VehicleStatusLog]]:
    several: list[Column[VehicleStatusLog]] = [
        Column("Vehicle", lambda log: log.vehicle_id, importance=90, brief=tail),
        name_column(lambda log: name_of(log.vehicle)),
    ]
    return [
        time_column("Sampled (UTC)", lambda log: log.sampled_at, importance=ALWAYS),
        *(several if vehicles > 1 else []),
        Column(
            "Charge (%)",
            brief_heading="SoC%",
            value=lambda log: log.state_of_charge_percentage,
            importance=95,
            right=True,
        ),
        Column("Plugged in", brief_heading="Plug", value=lambda log: log.is_plugged_in, importance=70),
        Column("Charging", brief_heading="Chg.", value=lambda log: log.is_charging, importance=75),
        Column(
            "Power (kW)", brief_heading="kW", value=lambda log: kilo(log.charge_rate_watts), importance=80, right=True
        ),
        Column("Target (%)", lambda log: log.target_charge_level_percentage, importance=20, right=True),
        Column("Odometer (km)", lambda log: kilo(log.odometer_meters), importance=30, right=True),
        Column("State", lambda log: log.state, importance=40),
        time_column("Logged (UTC)", lambda log: log.logged_at, importance=10),
    ]
