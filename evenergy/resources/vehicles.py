"""Vehicles: their state, their settings, and the actions on them."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._kinds import USER, VEHICLE, VEHICLE_MODEL
from .catalogue import ConnectorType, VehicleModel, VehicleTrim
from .users import User
from .vpp import VPPModes

if TYPE_CHECKING:
    from .vehicle_logs import VehicleCommandLogs, VehicleErrorLogs, VehicleLocationLogs, VehicleStatusLogs

__all__ = [
    "CurrentType",
    "Integration",
    "LogExpand",
    "StateOfChargeSource",
    "Vehicle",
    "VehicleClass",
    "VehicleConnectors",
    "VehicleExpand",
    "VehicleReconnectionUrl",
    "VehicleState",
    "VehicleStateOfCharge",
    "VehicleStatusLog",
]

VehicleExpand: TypeAlias = Literal["user", "trim", "trim.model", "trim.model.make", "latest_status_log"]
"""References of a vehicle that can be expanded."""

LogExpand: TypeAlias = Literal[
    "vehicle", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make", "vehicle.user"
]
"""References of a log that can be expanded."""


class Integration(OpenEnum):
    """State of the link between a vehicle and ev.energy."""

    UNINTEGRATED = Member("UNINTEGRATED")
    ACTIVE = Member("ACTIVE")
    INACTIVE = Member("INACTIVE")


class VehicleClass(OpenEnum):
    """Use of a vehicle."""

    PASSENGER = Member("PASSENGER")
    COMMERCIAL = Member("COMMERCIAL")


class CurrentType(OpenEnum):
    """Current that a vehicle charges with. The texts are the API's own."""

    AC = Member("AC - Typically home chargers")
    DC = Member("DC - Typically OTG chargers")


class VehicleState(OpenEnum):
    """Activity of a vehicle."""

    DRIVING = Member("DRIVING")
    RECENTLY_FINISHED_DRIVING = Member("RECENTLY_FINISHED_DRIVING")
    STATIONARY = Member("STATIONARY")
    IN_SERVICE = Member("IN_SERVICE")
    PLUGGED_IN_NOT_CHARGING = Member("PLUGGED_IN_NOT_CHARGING")
    PLUGGED_IN_CHARGING = Member("PLUGGED_IN_CHARGING")
    PLUGGED_IN_COMPLETE = Member("PLUGGED_IN_COMPLETE")
    PLUGGED_IN_NEAR_READY_BY_TIME = Member("PLUGGED_IN_NEAR_READY_BY_TIME")
    PLUGGED_IN_ALMOST_COMPLETE = Member("PLUGGED_IN_ALMOST_COMPLETE")
    UNKNOWN = Member("UNKNOWN")


@model
class VehicleStatusLog:
    """Status of a vehicle at one time. Each measurement is None when the vehicle did not report it.

    Attributes:
        url: Ends in the time that names the log.
        logged_at: The time at which it was received and stored.
        sampled_at: The time at which it was measured, usually earlier.
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        state_of_charge_percentage: The state of charge of the battery, 0 to 100.
        is_charging: Whether it receives charge.
        is_plugged_in: Whether it is connected to a charger.
        charge_rate_watts: The power that it receives, as reported.
        estimated_charge_rate_watts: The same, estimated.
        charge_level_watt_hours: The energy in the battery.
        target_charge_level_percentage: The state of charge at which charging ends, 0 to 100.
        target_charge_level_watt_hours: The same as energy.
        charge_energy_added_watt_hours: Since charging began.
        minutes_to_full_charge: As the vehicle estimates it.
        current_type: Alternating or direct current.
        is_complete: Whether charging is complete.
        odometer_meters: The distance driven.
        data_source: The source of the report.
        state: The activity of the vehicle.
    """

    url: str | None = None
    logged_at: Time | None = None
    sampled_at: Time | None = None
    vehicle: str | Vehicle | None = None
    state_of_charge_percentage: int | None = None
    is_charging: bool | None = None
    is_plugged_in: bool | None = None
    charge_rate_watts: int | None = None
    estimated_charge_rate_watts: int | None = None
    charge_level_watt_hours: int | None = None
    target_charge_level_percentage: int | None = None
    target_charge_level_watt_hours: int | None = None
    charge_energy_added_watt_hours: int | None = None
    minutes_to_full_charge: int | None = None
    current_type: CurrentType | None = None
    is_complete: bool | None = None
    odometer_meters: int | None = None
    data_source: str | None = None
    state: VehicleState | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@model
class Vehicle:
    """Electric vehicle.

    Attributes:
        trim: The URL of the trim, or the trim when it was expanded.
        user: The URL of the driver, or the user when it was expanded.
        latest_status_log: The URL of the newest status log, which ends in its time, or the log when it was expanded;
            None when the vehicle never reported.
        charging_sub_sessions: The URL of its charging, fit for ``client.pages``.
        integrated: Whether it is linked, and the link works.
        battery_size_watt_hours: When it was new.
        effective_battery_size_watt_hours: Now, as estimated from how far it was driven.
        maximum_charge_limit_percentage: The end of smart charging, 50 to 100; None when no limit was set.
        description: The user's name for it.
        disabled: Whether it can no longer be controlled.
        smart_charging_enabled: Whether ev.energy decides when it charges.
        vehicle_class: None when it is not known.
    """

    id: str
    url: str | None = None
    trim: str | VehicleTrim | None = None
    user: str | User | None = None
    latest_status_log: str | VehicleStatusLog | None = None
    charging_sub_sessions: str | None = None
    integrated: Integration | None = None
    battery_size_watt_hours: int | None = None
    effective_battery_size_watt_hours: int | None = None
    maximum_charge_limit_percentage: int | None = None
    description: str | None = None
    disabled: bool | None = None
    smart_charging_enabled: bool | None = None
    vehicle_class: VehicleClass | None = None

    @property
    def trim_id(self) -> str | None:
        """Return the id of the trim, whether it was expanded or not."""
        return reference_id(self.trim)

    @property
    def user_id(self) -> str | None:
        """Return the id of the driver, whether it was expanded or not."""
        return reference_id(self.user)


class StateOfChargeSource(OpenEnum):
    """Source of a state of charge."""

    MANUAL = Member("MANUAL")
    CONNECTED = Member("CONNECTED")


@model
class VehicleConnectors:
    """Connectors of a vehicle for DC fast chargers.

    Attributes:
        vehicle: The URL of the vehicle.
        native_connector: Built in; the model's when the vehicle has none of its own, None when neither is known.
        adaptors: Other connectors through an adaptor; empty for none.
        updated_at: None when it was never set.
    """

    url: str | None = None
    vehicle: str | None = None
    native_connector: ConnectorType | None = None
    adaptors: list[ConnectorType] | None = None
    updated_at: Time | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle."""
        return reference_id(self.vehicle)


@model
class VehicleStateOfCharge:
    """State of charge of a vehicle now.

    Attributes:
        vehicle: The URL of the vehicle.
        state_of_charge_percentage: 0 to 100; None when it is not known.
        source: The source; None when there is none.
        updated_at: None when it is not known.
    """

    url: str | None = None
    vehicle: str | None = None
    state_of_charge_percentage: int | None = None
    source: StateOfChargeSource | None = None
    updated_at: Time | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle."""
        return reference_id(self.vehicle)


@model
class VehicleReconnectionUrl:
    """URL at which a user links a vehicle again, until it expires."""

    url: str | None = None
    expires_at: Time | None = None


class VehicleConnectorSettings(Resource[M_co]):
    """Connectors of vehicles. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, vehicle_id: str, /) -> Request[VehicleConnectors]:
        """Return the connectors of a vehicle. API: ``GET /vehicles/{vehicle_id}/connectors``."""
        return request(VehicleConnectors, "GET", VEHICLE.path(vehicle_id, "connectors"))

    @operation
    def update(
        self,
        vehicle_id: str,
        /,
        *,
        native_connector: ConnectorType | str | UnsetType | None = UNSET,
        adaptors: Iterable[ConnectorType | str] | UnsetType = UNSET,
    ) -> Request[VehicleConnectors]:
        """Change the given fields; None clears. API: ``PATCH /vehicles/{vehicle_id}/connectors``."""
        body = fields(
            native_connector=native_connector,
            adaptors=adaptors if isinstance(adaptors, UnsetType) else list(adaptors),
        )
        return request(VehicleConnectors, "PATCH", VEHICLE.path(vehicle_id, "connectors"), body=body)


class VehicleStatesOfCharge(Resource[M_co]):
    """States of charge of vehicles now. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, vehicle_id: str, /) -> Request[VehicleStateOfCharge]:
        """Return the state of charge of a vehicle. API: ``GET /vehicles/{vehicle_id}/state_of_charge``."""
        return request(VehicleStateOfCharge, "GET", VEHICLE.path(vehicle_id, "state_of_charge"))

    @operation
    def update(
        self, vehicle_id: str, /, *, state_of_charge_percentage: int | UnsetType | None = UNSET
    ) -> Request[VehicleStateOfCharge]:
        """Set the state of charge, 0 to 100; None clears it. API: ``PATCH /vehicles/{vehicle_id}/state_of_charge``."""
        body = fields(state_of_charge_percentage=state_of_charge_percentage)
        return request(VehicleStateOfCharge, "PATCH", VEHICLE.path(vehicle_id, "state_of_charge"), body=body)


class Vehicles(Resource[M_co]):
    """Vehicles, and below them their logs. The methods raise what `evenergy.errors` lists."""

    status_logs: Child[VehicleStatusLogs[M_co]] = Child("vehicle_logs:VehicleStatusLogs")
    """Status logs, newest first."""
    location_logs: Child[VehicleLocationLogs[M_co]] = Child("vehicle_logs:VehicleLocationLogs")
    """Presence at home, newest first."""
    error_logs: Child[VehicleErrorLogs[M_co]] = Child("vehicle_logs:VehicleErrorLogs")
    """Errors, newest first."""
    command_logs: Child[VehicleCommandLogs[M_co]] = Child("vehicle_logs:VehicleCommandLogs")
    """Commands, newest first."""
    connectors: Child[VehicleConnectorSettings[M_co]] = Child("vehicles:VehicleConnectorSettings")
    """Connectors for DC fast chargers."""
    state_of_charge: Child[VehicleStatesOfCharge[M_co]] = Child("vehicles:VehicleStatesOfCharge")
    """State of charge now."""

    @operation
    def get(self, vehicle_id: str, /, *, expand: Iterable[VehicleExpand] = ()) -> Request[Vehicle]:
        """Return one vehicle, by id or URL. API: ``GET /vehicles/{vehicle_id}``."""
        return request(Vehicle, "GET", VEHICLE.path(vehicle_id), expand=expand)

    @paged
    def list(self, *, expand: Iterable[VehicleExpand] = (), page_size: int | None = None) -> ListRequest[Vehicle]:
        """List all vehicles that the credentials may see. API: ``GET /vehicles``.

        With ``expand=["latest_status_log"]`` the newest log of each comes along, 100 vehicles a request.
        """
        return list_request(Vehicle, VEHICLE.all, page_size=page_size, expand=expand)

    @operation
    def create(
        self,
        *,
        model: VehicleModel | str,
        battery_size_watt_hours: int | UnsetType = UNSET,
        description: str | UnsetType = UNSET,
        vehicle_class: VehicleClass | str | UnsetType | None = UNSET,
        user: User | str | UnsetType = UNSET,
        expand: Iterable[VehicleExpand] = (),
    ) -> Request[Vehicle]:
        """Add a vehicle that cannot be linked. API: ``POST /vehicles``.

        Under client credentials the user must be named, here and as the client's ``user``.

        Args:
            model: A model, its id or its URL.
            battery_size_watt_hours: From 1,000 to 300,000.
            description: At most 200 characters; made up by the API when it is left out.
            vehicle_class: The use of the vehicle, or None.
            user: The owner: a user, an id or a URL.
            expand: The references to expand.
        """
        body = fields(
            model=VEHICLE_MODEL.url(self._base_url, model),
            battery_size_watt_hours=battery_size_watt_hours,
            description=description,
            vehicle_class=vehicle_class,
            user=USER.optional_url(self._base_url, user),
        )
        return request(Vehicle, "POST", VEHICLE.all, expand=expand, body=body, needs_user=True)

    @operation
    def update(
        self,
        vehicle_id: str,
        /,
        *,
        maximum_charge_limit_percentage: int | UnsetType = UNSET,
        smart_charging_enabled: bool | UnsetType = UNSET,
        vehicle_class: VehicleClass | str | UnsetType | None = UNSET,
        battery_size_watt_hours: int | UnsetType = UNSET,
        expand: Iterable[VehicleExpand] = (),
    ) -> Request[Vehicle]:
        """Change the given fields. API: ``PATCH /vehicles/{vehicle_id}``.

        Args:
            vehicle_id: An id or a URL.
            maximum_charge_limit_percentage: From 50 to 100.
            smart_charging_enabled: Whether ev.energy decides when it charges.
            vehicle_class: The use of the vehicle; None clears it.
            battery_size_watt_hours: From 1,000 to 300,000; only for a vehicle that is not linked.
            expand: The references to expand.
        """
        body = fields(
            maximum_charge_limit_percentage=maximum_charge_limit_percentage,
            smart_charging_enabled=smart_charging_enabled,
            vehicle_class=vehicle_class,
            battery_size_watt_hours=battery_size_watt_hours,
        )
        return request(Vehicle, "PATCH", VEHICLE.path(vehicle_id), expand=expand, body=body)

    @operation
    def delete(self, vehicle_id: str, /) -> Request[None]:
        """Delete a vehicle. API: ``DELETE /vehicles/{vehicle_id}`` (the provider's sandbox keeps it)."""
        return request(NoneType, "DELETE", VEHICLE.path(vehicle_id))

    @operation
    def reconnect(self, vehicle_id: str, /) -> Request[VehicleReconnectionUrl]:
        """Return the URL at which its user links it again. API: ``POST /vehicles/{vehicle_id}/reconnect``."""
        return request(VehicleReconnectionUrl, "POST", VEHICLE.path(vehicle_id, "reconnect"), body={})

    @operation
    def disconnect(self, vehicle_id: str, /) -> Request[Vehicle]:
        """Unlink a vehicle and end its charging. API: ``POST /vehicles/{vehicle_id}/disconnect``."""
        return request(Vehicle, "POST", VEHICLE.path(vehicle_id, "disconnect"))

    @operation
    def vpp_modes(self, vehicle_id: str, /) -> Request[VPPModes]:
        """Return the modes in which a virtual power plant can control a vehicle.

        API: ``GET /vehicles/{vehicle_id}/vpp_modes``.
        """
        return request(VPPModes, "GET", VEHICLE.path(vehicle_id, "vpp_modes"))
