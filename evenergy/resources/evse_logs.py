"""Logs of chargers: status, commands and errors, newest first."""

from __future__ import annotations

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co

from . import _kinds
from ._logs import Logs
from .evses import EVSE, EVSELogExpand, EVSEStatusLog

__all__ = [
    "EVSECommandLog",
    "EVSECommandReason",
    "EVSEErrorLog",
]


class EVSECommandReason(OpenEnum):
    """Reason of a command to a charger."""

    SCHEDULED_CHARGING = Member("SCHEDULED_CHARGING")
    REFRESH_SCHEDULES = Member("REFRESH_SCHEDULES")
    STOP_CHARGE = Member("STOP_CHARGE")
    START_CHARGE = Member("START_CHARGE")
    SOLAR_CHARGE_NIGHTTIME_CHARGE_RATE = Member("SOLAR_CHARGE_NIGHTTIME_CHARGE_RATE")
    API_TRIGGERED_COMMAND = Member("API_TRIGGERED_COMMAND")
    COMMISSIONING = Member("COMMISSIONING")
    CHARGING_SESSION = Member("CHARGING_SESSION")
    VEHICLE_TO_HOME = Member("VEHICLE_TO_HOME")
    FREE_VEND = Member("FREE_VEND")
    MAINTAIN_EVSE_STATE = Member("MAINTAIN_EVSE_STATE")
    CREATE_HOME_CHARGER = Member("CREATE_HOME_CHARGER")
    LOCKED_MODE = Member("LOCKED_MODE")
    SMART_CHARGE_ENABLED_CHANGED = Member("SMART_CHARGE_ENABLED_CHANGED")
    SMART_CHARGE_ENABLED = Member("SMART_CHARGE_ENABLED")
    SMART_CHARGE_DISABLED = Member("SMART_CHARGE_DISABLED")


@model
class EVSECommandLog:
    """Command that was sent to a charger.

    Attributes:
        url: Ends in the time that names the log.
        evse: The URL of the charger, or the charger when it was expanded.
        max_load_target_milliamps: The current that it may deliver at most; None for other commands.
        is_enabled_target: Whether it shall charge whatever is plugged in (free vend); None for other commands.
        always_enabled: Whether it shall do so always; None for other commands.
        reason: The reason; None when none was recorded.
        internal_command_id: ev.energy's id (a UUID), in error logs too.
    """

    url: str | None = None
    logged_at: Time | None = None
    evse: str | EVSE | None = None
    max_load_target_milliamps: int | None = None
    is_enabled_target: bool | None = None
    always_enabled: bool | None = None
    reason: EVSECommandReason | None = None
    internal_command_id: str | None = None

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)


@model
class EVSEErrorLog:
    """Error between ev.energy and the API of a charger's manufacturer.

    It is named by ``sampled_at``, while that of a vehicle is named by ``logged_at``.

    Attributes:
        url: Ends in the time that names the log.
        evse: The URL of the charger, or the charger when it was expanded.
        status_code: The status of the manufacturer's response; None when there was none.
        controller: The integration that was used.
        external_request_id: The manufacturer's id of the request; None when it gave none.
        internal_command_id: The command that it belongs to; None when it belongs to none.
    """

    url: str | None = None
    sampled_at: Time | None = None
    evse: str | EVSE | None = None
    status_code: int | None = None
    controller: str | None = None
    error_code: str | None = None
    error_type: str | None = None
    error_detail: str | None = None
    external_request_id: str | None = None
    internal_command_id: str | None = None

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)


class EVSEStatusLogs(Logs[M_co, EVSEStatusLog, EVSELogExpand]):
    """Status logs of chargers, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = _kinds.EVSE, "evse_id"
    _into, _name, _time = EVSEStatusLog, "status_logs", "sampled_at"


class EVSECommandLogs(Logs[M_co, EVSECommandLog, EVSELogExpand]):
    """Commands to chargers, newest first; they need the scope ``debug:read``.

    The methods raise what `evenergy.errors` lists.
    """

    _of, _argument = _kinds.EVSE, "evse_id"
    _into, _name, _time = EVSECommandLog, "command_logs", "logged_at"


class EVSEErrorLogs(Logs[M_co, EVSEErrorLog, EVSELogExpand]):
    """Errors of chargers, newest first; they need the scope ``debug:read``.

    The methods raise what `evenergy.errors` lists.
    """

    _of, _argument = _kinds.EVSE, "evse_id"
    _into, _name, _time = EVSEErrorLog, "error_logs", "sampled_at"
