"""Command ``evenergy sessions``."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click

from evenergy.resources.charging import ChargingSubSession
from evenergy.resources.sub_sessions import ChargingSubSessionExpand

from .context import App, ClientCommand, Settings
from .listing import LIMIT, listed
from .names import name_column, name_of, shows_names
from .numbers import counted, kilo
from .output import ALWAYS, Column, model_shape, time_column
from .plot_option import PLOT, WIDTH, check_plot, plotted
from .times import Moment, check_span, time_option
from .words import mode_words, short_mode_words, tail

_NAMED: Final[ChargingSubSessionExpand] = "vehicle.trim.model.make"


@click.command(
    "sessions",
    cls=ClientCommand,
    params=[
        click.Option(["--vehicle"], metavar="ID", help="Only those of this vehicle."),
        click.Option(["--charger"], metavar="ID", help="Only those at this charger."),
        click.Option(["--driver"], metavar="ID", help="Only those of this user."),
        time_option("--since", Moment(), "7d", "Begun after."),
        click.Option(["--until"], type=Moment(), metavar="TIME", help="Begun before.  [default: now]"),
        LIMIT,
        PLOT,
        WIDTH,
    ],
)
@click.pass_obj
def sessions(
    settings: Settings,
    vehicle: str | None,
    charger: str | None,
    driver: str | None,
    since: datetime,
    until: datetime | None,
    limit: int | None,
    plot: str | None,
    plot_width: int,
) -> None:
    """List charging with its energy: one request for 100.

    Each is a part of a session, from plugging in to unplugging, with one charging mode.
    `evenergy help formatting` says what TIME may be.
    """
    check_plot(settings, plot)
    check_span(since, until)

    expand: list[ChargingSubSessionExpand] = [_NAMED] if plot is None and shows_names(settings) else []

    async def run(app: App) -> None:
        app.check_history(since)
        pager = app.client.charging_sub_sessions.list(
            vehicle_id=vehicle, evse_id=charger, user_id=driver, start__gt=since, start__lt=until, expand=expand
        )
        if plot is None:
            await listed(app, pager, model_shape(ChargingSubSession, _columns()), "session", limit)
            return
        from .pictures.energy import plot_energy

        async with app.progress("sessions"):
            found = await pager.collect(limit=limit)
        plotted(settings, plot, plot_energy(found, since, until), plot_width)
        app.ended(counted(len(found), "session"))

    settings.run(run)


def _columns() -> list[Column[ChargingSubSession]]:
    return [
        time_column("Start (UTC)", lambda session: session.start, importance=ALWAYS),
        time_column("End (UTC)", lambda session: session.end, importance=40),
        Column(
            "Energy (kWh)",
            brief_heading="kWh",
            value=lambda session: kilo(session.energy_delivered_watt_hours),
            importance=95,
            right=True,
        ),
        Column(
            "Added (%)", brief_heading="+%", value=lambda session: session.percentage_added, importance=50, right=True
        ),
        Column("Mode", lambda session: session.mode, mode_words, importance=60, brief=short_mode_words),
        Column("Vehicle", lambda session: session.vehicle_id, importance=80, brief=tail, style="dim"),
        name_column(lambda session: name_of(session.vehicle), importance=85),
        Column("Charger", lambda session: session.evse_id, importance=20, brief=tail, style="dim"),
        Column("Session", lambda session: session.id, importance=10, brief=tail, style="dim"),
    ]
