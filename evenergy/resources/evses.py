"""Chargers: their state, and the actions on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from . import _kinds
from .evse_catalogue import EVSEModel
from .users import LatLong, User
from .vpp import VPPModes

if TYPE_CHECKING:
    from .evse_logs import EVSECommandLogs, EVSEErrorLogs, EVSEStatusLogs
    from .ocpp import EVSEOCPPLogs

__all__ = [
    "EVSE",
    "CTClamp",
    "ControlPilotStatus",
    "EVSEConnectivity",
    "EVSEConnectivityExpand",
    "EVSEExpand",
    "EVSELifecycleState",
    "EVSELockMode",
    "EVSELogExpand",
    "EVSEMode",
    "EVSEReconnectionUrl",
    "EVSEStatusLog",
]

EVSEExpand: TypeAlias = Literal["user", "model", "model.make", "latest_status_log", "ct_clamp"]
"""References of a charger that can be expanded."""

EVSELogExpand: TypeAlias = Literal["evse", "evse.model", "evse.model.make", "evse.user"]
"""References of a charger's log that can be expanded."""

EVSEConnectivityExpand: TypeAlias = Literal["latest_status_log"]
"""References of a charger's connectivity that can be expanded."""


class EVSELockMode(OpenEnum):
    """Time at which a charger charges: whenever a vehicle is plugged in, at the hours of smart charging, or never."""

    UNLOCKED = Member("UNLOCKED")
    SMART = Member("SMART")
    LOCKED = Member("LOCKED")


class EVSELifecycleState(OpenEnum):
    """Stage of a charger's life with ev.energy."""

    CREATED_LINKED = Member("CREATED_LINKED")
    INSTALLED = Member("INSTALLED")
    COMMISSIONED = Member("COMMISSIONED")
    DECOMMISSIONED = Member("DECOMMISSIONED")
    UNKNOWN = Member("UNKNOWN")
    PROBABLY_INSTALLED = Member("PROBABLY_INSTALLED")
    UNPAIRED = Member("UNPAIRED")
    PENDING = Member("PENDING")
    ENROLLED = Member("ENROLLED")


class ControlPilotStatus(OpenEnum):
    """State on the control pilot line between charger and vehicle (SAE J1772).

    A has no vehicle, B a vehicle that does not charge, C and D one that charges, D with ventilation; E has no power, F
    is a fault.
    """

    A = Member("A")
    B = Member("B")
    C = Member("C")
    D = Member("D")
    E = Member("E")
    F = Member("F")


class EVSEMode(OpenEnum):
    """Activity of a charger. The texts are the API's own; FFR is Firm Frequency Response, a service to the grid."""

    UNKNOWN = Member("Unknown")
    IDLE = Member("Idle")
    DELAY = Member("Delay")
    CHARGE = Member("Charge")
    DISCHARGE = Member("Discharge")
    FFR = Member("FFR")
    LOAD_MATCH = Member("Load match")
    EXPORT_MATCH = Member("Export match")
    PEAK_TIME = Member("Peak time")
    DEEP_SLEEP = Member("Deep sleep")


@model
class EVSEStatusLog:
    """Status of a charger at one time. Each measurement is None when the charger did not report it.

    Attributes:
        url: Ends in the time that names the log.
        sampled_at: The time at which it was measured.
        logged_at: The time at which it was received and stored, usually later.
        evse: The URL of the charger, or the charger when it was expanded.
        is_plugged_in: Whether a vehicle is connected.
        is_charging: Whether it delivers energy.
        charge_rate_watts: The power that it delivers.
        export_power_watts: The power from the vehicle to the grid; None also for chargers of one direction.
        meter_reading_watt_hours: The reading of its own meter.
        is_enabled: Whether it charges whatever is plugged in (free vend).
        max_current_rating_milliamps: The most that a vehicle may draw from it.
        cable_current_rating_milliamps: The most that the cable is made for.
        signal_strength_rssi_dbm: The strength of its radio signal.
        inlet_power_watts: The power at the inlet of the property's supply.
        state_of_charge_percentage: The vehicle's state of charge, 0 to 100, as the charger knows it.
        mode: The activity of the charger.
    """

    url: str | None = None
    sampled_at: Time | None = None
    logged_at: Time | None = None
    evse: str | EVSE | None = None
    is_plugged_in: bool | None = None
    is_charging: bool | None = None
    charge_rate_watts: int | None = None
    export_power_watts: int | None = None
    control_pilot_status: ControlPilotStatus | None = None
    meter_reading_watt_hours: int | None = None
    is_enabled: bool | None = None
    max_current_rating_milliamps: int | None = None
    cable_current_rating_milliamps: int | None = None
    signal_strength_rssi_dbm: int | None = None
    inlet_power_watts: int | None = None
    voltage_millivolts: int | None = None
    state_of_charge_percentage: int | None = None
    mode: EVSEMode | None = None

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)


@model
class CTClamp:
    """Clamp that measures the current of a property's supply, mostly for charging from the sun.

    Attributes:
        evse: The URL of the charger that it belongs to, or the charger when it was expanded; None when there is none.
        calibration_factor: The factor for its readings; -1 for a clamp that was fitted the wrong way round.
    """

    id: str
    url: str | None = None
    evse: str | EVSE | None = None
    calibration_factor: int | None = None

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)


@model
class EVSE:
    """Charger: Electric Vehicle Supply Equipment.

    The API has no field for whether a charger is online: compare the ``sampled_at`` of its latest status log, which
    one request expands for 100 chargers, with the age that you accept.

    Attributes:
        cpid: The manufacturer's name of this charger; its form differs from make to make.
        model: The URL of the model, or the model when it was expanded.
        user: The URL of the owner, or the user when it was expanded.
        latest_status_log: The URL of the newest status log, which ends in its time, or the log when it was expanded;
            None when the charger never reported.
        ct_clamp: The URL of its clamp, or the clamp when it was expanded; None when it has none.
        lock_mode: None when it is not known.
        location: The place that decides on its grid, its time zone and its programs; None when it is not known.
        lifecycle_state: None when no stage was recorded, as for a charger that is new.
        charging_sub_sessions: The URL of its charging, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    cpid: str | None = None
    model: str | EVSEModel | None = None
    user: str | User | None = None
    latest_status_log: str | EVSEStatusLog | None = None
    ct_clamp: str | CTClamp | None = None
    lock_mode: EVSELockMode | None = None
    location: LatLong | None = None
    lifecycle_state: EVSELifecycleState | None = None
    charging_sub_sessions: str | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)

    @property
    def user_id(self) -> str | None:
        """Return the id of the owner, whether it was expanded or not."""
        return reference_id(self.user)

    @property
    def ct_clamp_id(self) -> str | None:
        """Return the id of the clamp, whether it was expanded or not."""
        return reference_id(self.ct_clamp)


@model
class EVSEConnectivity:
    """Connectivity of a charger now. Signal strengths are None for a charger on Wi-Fi.

    Attributes:
        lowest_signal_strength_rssi_dbm_7d: Of the last seven days.
        highest_signal_strength_rssi_dbm_7d: Of the last seven days.
        connection_reliability_30d: The share of the last 30 days that it was online, 0 to 100.
        ip_address: The address of its SIM; None when nothing is known of a SIM.
        iccid: The number of its SIM card; None likewise.
        firmware_version: The release that it runs; None when it is not known.
        latest_status_log: The URL of the newest status log, or the log when it was expanded.
    """

    signal_strength_rssi_dbm: int | None = None
    lowest_signal_strength_rssi_dbm_7d: int | None = None
    highest_signal_strength_rssi_dbm_7d: int | None = None
    connection_reliability_30d: int | None = None
    ip_address: str | None = None
    iccid: str | None = None
    firmware_version: str | None = None
    latest_status_log: str | EVSEStatusLog | None = None


@model
class EVSEReconnectionUrl:
    """URL at which a user links a charger again."""

    url: str | None = None


class EVSEs(Resource[M_co]):
    """Chargers that the credentials may see. The methods raise what `evenergy.errors` lists."""

    status_logs: Child[EVSEStatusLogs[M_co]] = Child("evse_logs:EVSEStatusLogs")
    """Status logs of chargers, newest first."""
    command_logs: Child[EVSECommandLogs[M_co]] = Child("evse_logs:EVSECommandLogs")
    """Commands to chargers, newest first."""
    error_logs: Child[EVSEErrorLogs[M_co]] = Child("evse_logs:EVSEErrorLogs")
    """Errors of chargers, newest first."""
    ocpp_logs: Child[EVSEOCPPLogs[M_co]] = Child("ocpp:EVSEOCPPLogs")
    """OCPP messages of chargers, newest first."""

    @operation
    def get(self, evse_id: str, /, *, expand: Iterable[EVSEExpand] = ()) -> Request[EVSE]:
        """Return one charger, by id or URL. API: ``GET /evses/{evse_id}``."""
        return request(EVSE, "GET", _kinds.EVSE.path(evse_id), expand=expand)

    @paged
    def list(
        self, *, cpid: str | None = None, expand: Iterable[EVSEExpand] = (), page_size: int | None = None
    ) -> ListRequest[EVSE]:
        """List all chargers, or the one with exactly this ``cpid``. API: ``GET /evses``.

        ``expand=["latest_status_log"]`` brings the newest status of 100 chargers in one request.
        """
        return list_request(EVSE, _kinds.EVSE.all, page_size=page_size, expand=expand, cpid=cpid)

    @operation
    def update(
        self,
        evse_id: str,
        /,
        *,
        location: LatLong | Mapping[str, object] | UnsetType | None = UNSET,
        expand: Iterable[EVSEExpand] = (),
    ) -> Request[EVSE]:
        """Change where a charger is. API: ``PATCH /evses/{evse_id}``.

        Args:
            evse_id: An id or a URL.
            location: A place in degrees, or a mapping with ``latitude`` and ``longitude``; None clears it.
            expand: The references to expand.
        """
        body = fields(location=location)
        return request(EVSE, "PATCH", _kinds.EVSE.path(evse_id), expand=expand, body=body)

    @operation
    def delete(self, evse_id: str, /) -> Request[None]:
        """Decommission a charger: ev.energy disconnects from it. API: ``DELETE /evses/{evse_id}``."""
        return request(NoneType, "DELETE", _kinds.EVSE.path(evse_id))

    @operation
    def reconnect(self, evse_id: str, /) -> Request[EVSEReconnectionUrl]:
        """Return the URL at which its user links it again; it must have one. API: ``POST /evses/{evse_id}/reconnect``.

        Each call makes another URL.
        """
        return request(EVSEReconnectionUrl, "POST", _kinds.EVSE.path(evse_id, "reconnect"), body={})

    @operation
    def vpp_modes(self, evse_id: str, /) -> Request[VPPModes]:
        """Return the modes in which a virtual power plant can control a charger.

        API: ``GET /evses/{evse_id}/vpp_modes``.
        """
        return request(VPPModes, "GET", _kinds.EVSE.path(evse_id, "vpp_modes"))

    @operation
    def connectivity(
        self, evse_id: str, /, *, expand: Iterable[EVSEConnectivityExpand] = ()
    ) -> Request[EVSEConnectivity]:
        """Return how well a charger is connected. API: ``GET /evses/{evse_id}/connectivity``."""
        return request(EVSEConnectivity, "GET", _kinds.EVSE.path(evse_id, "connectivity"), expand=expand)
