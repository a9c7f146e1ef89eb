"""Logs of vehicles: status, location, errors and commands, newest first."""

from __future__ import annotations

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co

from ._kinds import VEHICLE
from ._logs import Logs
from .vehicles import LogExpand, Vehicle, VehicleStatusLog

__all__ = [
    "Command",
    "VehicleCommandLog",
    "VehicleErrorLog",
    "VehicleLocationLog",
]


class Command(OpenEnum):
    """Command to a vehicle."""

    START_CHARGE = Member("START_CHARGE")
    STOP_CHARGE = Member("STOP_CHARGE")
    WAKE_UP = Member("WAKE_UP")
    SEND_SCHEDULE = Member("SEND_SCHEDULE")


@model
class VehicleErrorLog:
    """Error between ev.energy and the vehicle's telematics.

    Attributes:
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        status_code: The status of the telematics' response.
        controller: The integration that was used.
        command: The command in progress.
        internal_command_id: The command that it belongs to; None when it belongs to none.
    """

    url: str | None = None
    logged_at: Time | None = None
    vehicle: str | Vehicle | None = None
    status_code: int | None = None
    controller: str | None = None
    error_code: str | None = None
    error_type: str | None = None
    request_id: str | None = None
    command: str | None = None
    error_detail: str | None = None
    internal_command_id: str | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@model
class VehicleLocationLog:
    """Presence of a vehicle at home at one time; the API gives no other place.

    Attributes:
        sampled_at: The time at which it was measured.
        logged_at: The time at which it was received.
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        at_home: None when the user has set no home.
    """

    url: str | None = None
    sampled_at: Time | None = None
    logged_at: Time | None = None
    vehicle: str | Vehicle | None = None
    at_home: bool | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@model
class VehicleCommandLog:
    """Command that was sent to a vehicle.

    Attributes:
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        external_command_id: The manufacturer's id; None when it gave none.
        current_milliamps: The current to charge with; None for other commands.
        internal_command_id: ev.energy's id, in error logs too.
    """

    url: str | None = None
    logged_at: Time | None = None
    vehicle: str | Vehicle | None = None
    command: Command | None = None
    external_command_id: str | None = None
    current_milliamps: int | None = None
    internal_command_id: str | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


class VehicleStatusLogs(Logs[M_co, VehicleStatusLog, LogExpand]):
    """Status logs of vehicles, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = VEHICLE, "vehicle_id"
    _into, _name, _time = VehicleStatusLog, "status_logs", "sampled_at"


class VehicleLocationLogs(Logs[M_co, VehicleLocationLog, LogExpand]):
    """Presence of vehicles at home, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = VEHICLE, "vehicle_id"
    _into, _name, _time = VehicleLocationLog, "location_logs", "sampled_at"


class VehicleErrorLogs(Logs[M_co, VehicleErrorLog, LogExpand]):
    """Errors of vehicles, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = VEHICLE, "vehicle_id"
    _into, _name, _time = VehicleErrorLog, "error_logs", "logged_at"


class VehicleCommandLogs(Logs[M_co, VehicleCommandLog, LogExpand]):
    """Commands to vehicles, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = VEHICLE, "vehicle_id"
    _into, _name, _time = VehicleCommandLog, "command_logs", "logged_at"
