"""Commands ``evenergy boost start`` and ``end``."""

from __future__ import annotations

import click

from evenergy.resources.charging_sessions import ChargingSession

from .confirm import YES, confirm
from .context import App, ClientCommand, ClientGroup, Settings
from .output import model_shape

_VEHICLE = click.Argument(["vehicle_id"], metavar="VEHICLE")


@click.group("boost", cls=ClientGroup)
def boost() -> None:
    """Start or end a boost: charging at once, without waiting for cheap or green energy."""


@boost.command("start", cls=ClientCommand, params=[_VEHICLE, YES])
@click.pass_obj
def boost_start(settings: Settings, vehicle_id: str, yes: bool) -> None:
    """Charge a vehicle at once, and show its session. It needs a yes first."""
    confirm(f"Start a boost of {vehicle_id}: charge at once?", yes=yes)
    _boost(settings, vehicle_id, starts=True)


@boost.command("end", cls=ClientCommand, params=[_VEHICLE, YES])
@click.pass_obj
def boost_end(settings: Settings, vehicle_id: str, yes: bool) -> None:
    """End the boost of a vehicle, and go on with smart charging. It needs a yes first."""
    confirm(f"End the boost of {vehicle_id}?", yes=yes)
    _boost(settings, vehicle_id, starts=False)


def _boost(settings: Settings, vehicle_id: str, *, starts: bool) -> None:
    async def run(app: App) -> None:
        sessions = app.client.charging_sessions
        session = await sessions.open_for(vehicle_id)
        if session is None:
            raise click.ClickException(f"{vehicle_id} is not plugged in: there is no charging session to boost")
        changed = await (sessions.boost_start if starts else sessions.boost_end)(session.id)
        with app.output(model_shape(ChargingSession, []), vertical=True) as output:
            output.write([changed])

    settings.run(run)
