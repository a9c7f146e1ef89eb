"""What a vehicle is, and what it reported and when: status, location, error and command logs, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Final, Generic, Literal, TypeAlias, TypeVar

from .blocking import Facade, blocking, blocking_pager
from .calls import call
from .catalogue import VehicleTrim
from .checks import between, expansion, identifier, log_key, query
from .codec import OpenEnum, Time, reference_id
from .pager import Pager, listing
from .session import Session
from .users import User
from .values import frozen

L = TypeVar("L")

LogExpand: TypeAlias = Literal[
    "vehicle", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make", "vehicle.user"
]
"""What a log can be answered with instead of a URL."""


class Integration(OpenEnum):
    """Whether a vehicle is linked to ev.energy."""

    UNINTEGRATED = "UNINTEGRATED"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class VehicleClass(OpenEnum):
    """What a vehicle is for."""

    PASSENGER = "PASSENGER"
    COMMERCIAL = "COMMERCIAL"


class CurrentType(OpenEnum):
    """What a vehicle charges with. The texts are the API's own."""

    AC = "AC - Typically home chargers"
    DC = "DC - Typically OTG chargers"


class VehicleState(OpenEnum):
    """What a vehicle was doing."""

    DRIVING = "DRIVING"
    RECENTLY_FINISHED_DRIVING = "RECENTLY_FINISHED_DRIVING"
    STATIONARY = "STATIONARY"
    IN_SERVICE = "IN_SERVICE"
    PLUGGED_IN_NOT_CHARGING = "PLUGGED_IN_NOT_CHARGING"
    PLUGGED_IN_CHARGING = "PLUGGED_IN_CHARGING"
    PLUGGED_IN_COMPLETE = "PLUGGED_IN_COMPLETE"
    PLUGGED_IN_NEAR_READY_BY_TIME = "PLUGGED_IN_NEAR_READY_BY_TIME"
    PLUGGED_IN_ALMOST_COMPLETE = "PLUGGED_IN_ALMOST_COMPLETE"
    UNKNOWN = "UNKNOWN"


class Command(OpenEnum):
    """What a vehicle was told to do."""

    START_CHARGE = "START_CHARGE"
    STOP_CHARGE = "STOP_CHARGE"
    WAKE_UP = "WAKE_UP"
    SEND_SCHEDULE = "SEND_SCHEDULE"


@frozen
class VehicleStatusLog:
    """What a vehicle reported of itself at one time. Each measurement is None when the vehicle did not tell it.

    Attributes:
        url: Ends in the time that names the log.
        logged_at: When it was received and stored.
        sampled_at: When it was measured, usually earlier.
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        state_of_charge_percentage: How full the battery is, 0 to 100.
        is_charging: Whether it receives charge.
        is_plugged_in: Whether it is connected to a charger.
        charge_rate_watts: The power that it receives, as reported.
        estimated_charge_rate_watts: The same, estimated.
        charge_level_watt_hours: The energy in the battery.
        target_charge_level_percentage: Where charging ends, 0 to 100.
        target_charge_level_watt_hours: The same as energy.
        charge_energy_added_watt_hours: Since charging began.
        minutes_to_full_charge: As the vehicle estimates it.
        current_type: Alternating or direct current.
        is_complete: Whether charging is complete.
        odometer_meters: How far it has been driven.
        data_source: Where the report comes from.
        state: What the vehicle was doing.
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
        """The id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@frozen
class Vehicle:
    """A vehicle.

    Attributes:
        trim: The URL of the trim, or the trim when it was expanded.
        user: The URL of the driver, or the user when it was expanded.
        latest_status_log: The URL of the newest status log, which ends in its time, or the log when it was expanded;
            None when the vehicle never reported.
        charging_sub_sessions: The URL of its charging, fit for ``client.pages``.
        integrated: Whether it is linked, and the link works.
        battery_size_watt_hours: When it was new.
        effective_battery_size_watt_hours: Now, as estimated from how far it was driven.
        maximum_charge_limit_percentage: Smart charging ends there, 50 to 100; None when no limit was set.
        description: What the user calls it.
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
        """The id of the trim, whether it was expanded or not."""
        return reference_id(self.trim)

    @property
    def user_id(self) -> str | None:
        """The id of the driver, whether it was expanded or not."""
        return reference_id(self.user)


@frozen
class VehicleErrorLog:
    """Something that went wrong between ev.energy and the vehicle's telematics.

    Attributes:
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        status_code: What the telematics answered.
        controller: The integration that was used.
        command: What was being done.
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
        """The id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@frozen
class VehicleLocationLog:
    """Whether a vehicle was at home at one time; where else it was the API does not tell.

    Attributes:
        sampled_at: When it was measured.
        logged_at: When it was received.
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
        """The id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


@frozen
class VehicleCommandLog:
    """A command that was sent to a vehicle.

    Attributes:
        vehicle: The URL of the vehicle, or the vehicle when it was expanded.
        external_command_id: What the manufacturer calls it; None when it gave no name.
        current_milliamps: What it was told to charge with; None for other commands.
        internal_command_id: What ev.energy calls it, in error logs too.
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
        """The id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)


class _Logs(Generic[L]):
    """The logs of vehicles of one kind, newest first."""

    _into: type[L]
    _name: ClassVar[str]
    _time: ClassVar[str]

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, vehicle_id: str, time: datetime | str, /, *, expand: Iterable[LogExpand] = ()) -> L:
        """One log, by the time that names it. API: ``GET /vehicles/{vehicle_id}/…_logs/{time}``.

        Args:
            vehicle_id: An id or a URL.
            time: An aware datetime, or the last part of the log's ``url`` as it is there.
            expand: What is answered with the resource instead of its URL.
        """
        path = ("vehicles", identifier(vehicle_id, "vhcl"), self._name, log_key(time))
        return await self._session.send(call(self._into, "GET", *path, query=query(expand=expansion(expand))))

    def list(
        self,
        vehicle_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        expand: Iterable[LogExpand] = (),
        page_size: int | None = None,
    ) -> Pager[L]:
        """A vehicle's logs, newest first. API: ``GET /vehicles/{vehicle_id}/…_logs``.

        Args:
            vehicle_id: An id or a URL.
            since: Of that time or later (measured; error and command logs: stored); an aware datetime.
            until: Of that time or earlier; an aware datetime.
            expand: What is answered with the resource instead of its URL.
            page_size: Logs for each request, 1 to 100; 100 unless it is given.
        """
        path = ("vehicles", identifier(vehicle_id, "vhcl"), self._name)
        low, high = between(since, until)
        filters = query(**{f"{self._time}__gte": low, f"{self._time}__lte": high}, expand=expansion(expand))
        return Pager(self._session, listing(self._into, *path, page_size=page_size, query=filters))


class VehicleStatusLogs(_Logs[VehicleStatusLog]):
    """What vehicles reported, newest first. The methods raise what `evenergy.errors` lists."""

    _into, _name, _time = VehicleStatusLog, "status_logs", "sampled_at"


class VehicleLocationLogs(_Logs[VehicleLocationLog]):
    """Whether vehicles were at home, newest first. The methods raise what `evenergy.errors` lists."""

    _into, _name, _time = VehicleLocationLog, "location_logs", "sampled_at"


class VehicleErrorLogs(_Logs[VehicleErrorLog]):
    """What went wrong with vehicles, newest first. The methods raise what `evenergy.errors` lists."""

    _into, _name, _time = VehicleErrorLog, "error_logs", "logged_at"


class VehicleCommandLogs(_Logs[VehicleCommandLog]):
    """What vehicles were told, newest first. The methods raise what `evenergy.errors` lists."""

    _into, _name, _time = VehicleCommandLog, "command_logs", "logged_at"


class BlockingVehicleStatusLogs(Facade[VehicleStatusLogs]):
    """`VehicleStatusLogs`, blocking."""

    get: Final = blocking(VehicleStatusLogs.get)
    list: Final = blocking_pager(VehicleStatusLogs.list)


class BlockingVehicleLocationLogs(Facade[VehicleLocationLogs]):
    """`VehicleLocationLogs`, blocking."""

    get: Final = blocking(VehicleLocationLogs.get)
    list: Final = blocking_pager(VehicleLocationLogs.list)


class BlockingVehicleErrorLogs(Facade[VehicleErrorLogs]):
    """`VehicleErrorLogs`, blocking."""

    get: Final = blocking(VehicleErrorLogs.get)
    list: Final = blocking_pager(VehicleErrorLogs.list)


class BlockingVehicleCommandLogs(Facade[VehicleCommandLogs]):
    """`VehicleCommandLogs`, blocking."""

    get: Final = blocking(VehicleCommandLogs.get)
    list: Final = blocking_pager(VehicleCommandLogs.list)
