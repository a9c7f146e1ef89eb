"""Vehicles: what they are, what they can do, and what they are told."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import Final, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from .blocking import Facade, blocking, blocking_pager
from .calls import call, fields
from .catalogue import ConnectorType, VehicleModel
from .checks import expansion, identifier, query
from .codec import OpenEnum, Time, reference_id
from .loopthread import LoopThread
from .pager import Pager, listing
from .session import Session
from .telemetry import (
    BlockingVehicleCommandLogs,
    BlockingVehicleErrorLogs,
    BlockingVehicleLocationLogs,
    BlockingVehicleStatusLogs,
    Vehicle,
    VehicleClass,
    VehicleCommandLogs,
    VehicleErrorLogs,
    VehicleLocationLogs,
    VehicleStatusLogs,
)
from .users import User
from .values import frozen

VehicleExpand: TypeAlias = Literal["user", "trim", "trim.model", "trim.model.make", "latest_status_log"]
"""What a vehicle can be answered with instead of a URL."""


class StateOfChargeSource(OpenEnum):
    """Where a state of charge comes from."""

    MANUAL = "MANUAL"
    CONNECTED = "CONNECTED"


@frozen
class VehicleConnectors:
    """What a vehicle charges through at DC fast chargers.

    Attributes:
        vehicle: The URL of the vehicle.
        native_connector: Built in; the model's when the vehicle has none of its own, None when neither is known.
        adaptors: What else it can be connected to; empty for nothing.
        updated_at: None when it was never set.
    """

    url: str | None = None
    vehicle: str | None = None
    native_connector: ConnectorType | None = None
    adaptors: list[ConnectorType] | None = None
    updated_at: Time | None = None

    @property
    def vehicle_id(self) -> str | None:
        """The id of the vehicle."""
        return reference_id(self.vehicle)


@frozen
class VehicleStateOfCharge:
    """How full a vehicle's battery is now.

    Attributes:
        vehicle: The URL of the vehicle.
        state_of_charge_percentage: 0 to 100; None when it is not known.
        source: Who said so; None when nobody did.
        updated_at: None when it is not known.
    """

    url: str | None = None
    vehicle: str | None = None
    state_of_charge_percentage: int | None = None
    source: StateOfChargeSource | None = None
    updated_at: Time | None = None

    @property
    def vehicle_id(self) -> str | None:
        """The id of the vehicle."""
        return reference_id(self.vehicle)


@frozen
class VPPModes:
    """How a virtual power plant can steer a vehicle: which of the modes it understands."""

    target_power: bool | None = None
    import_max_power: bool | None = None
    export_max_power: bool | None = None
    charge_mode: bool | None = None


@frozen
class VehicleReconnectionUrl:
    """Where a user links a vehicle again, until it expires."""

    url: str | None = None
    expires_at: Time | None = None


class VehicleConnectorSettings:
    """The connectors of vehicles. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, vehicle_id: str, /) -> VehicleConnectors:
        """A vehicle's connectors. API: ``GET /vehicles/{vehicle_id}/connectors``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "connectors")
        return await self._session.send(call(VehicleConnectors, "GET", *path))

    async def update(
        self,
        vehicle_id: str,
        /,
        *,
        native_connector: ConnectorType | str | UnsetType | None = UNSET,
        adaptors: Iterable[ConnectorType | str] | UnsetType = UNSET,
    ) -> VehicleConnectors:
        """Change what is given; None clears. API: ``PATCH /vehicles/{vehicle_id}/connectors``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "connectors")
        body = fields(
            native_connector=native_connector,
            adaptors=UNSET if isinstance(adaptors, UnsetType) else list(adaptors),
        )
        return await self._session.send(call(VehicleConnectors, "PATCH", *path, body=body))


class VehicleStatesOfCharge:
    """How full vehicles are now. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, vehicle_id: str, /) -> VehicleStateOfCharge:
        """A vehicle's state of charge. API: ``GET /vehicles/{vehicle_id}/state_of_charge``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "state_of_charge")
        return await self._session.send(call(VehicleStateOfCharge, "GET", *path))

    async def update(
        self, vehicle_id: str, /, *, state_of_charge_percentage: int | UnsetType | None = UNSET
    ) -> VehicleStateOfCharge:
        """Say how full it is, 0 to 100; None clears it. API: ``PATCH /vehicles/{vehicle_id}/state_of_charge``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "state_of_charge")
        body = fields(state_of_charge_percentage=state_of_charge_percentage)
        return await self._session.send(call(VehicleStateOfCharge, "PATCH", *path, body=body))


class Vehicles:
    """Vehicles, and below them their logs. The methods raise what `evenergy.errors` lists.

    Attributes:
        status_logs: What they reported.
        location_logs: Whether they were at home.
        error_logs: What went wrong with them.
        command_logs: What they were told.
        connectors: What they charge through.
        state_of_charge: How full they are now.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.status_logs: VehicleStatusLogs = VehicleStatusLogs(session)
        self.location_logs: VehicleLocationLogs = VehicleLocationLogs(session)
        self.error_logs: VehicleErrorLogs = VehicleErrorLogs(session)
        self.command_logs: VehicleCommandLogs = VehicleCommandLogs(session)
        self.connectors: VehicleConnectorSettings = VehicleConnectorSettings(session)
        self.state_of_charge: VehicleStatesOfCharge = VehicleStatesOfCharge(session)

    async def get(self, vehicle_id: str, /, *, expand: Iterable[VehicleExpand] = ()) -> Vehicle:
        """One vehicle, by id or URL. API: ``GET /vehicles/{vehicle_id}``."""
        expanded = query(expand=expansion(expand))
        return await self._session.send(
            call(Vehicle, "GET", "vehicles", identifier(vehicle_id, "vhcl"), query=expanded)
        )

    def list(self, *, expand: Iterable[VehicleExpand] = (), page_size: int | None = None) -> Pager[Vehicle]:
        """All vehicles that the credentials may see. API: ``GET /vehicles``.

        With ``expand=["latest_status_log"]`` the newest log of each comes along, 100 vehicles a request.
        """
        expanded = query(expand=expansion(expand))
        return Pager(self._session, listing(Vehicle, "vehicles", page_size=page_size, query=expanded))

    async def create(
        self,
        *,
        model: VehicleModel | str,
        battery_size_watt_hours: int | UnsetType = UNSET,
        description: str | UnsetType = UNSET,
        vehicle_class: VehicleClass | str | UnsetType | None = UNSET,
        user: User | str | UnsetType = UNSET,
        expand: Iterable[VehicleExpand] = (),
    ) -> Vehicle:
        """Add a vehicle that cannot be linked. API: ``POST /vehicles``.

        Under client credentials the user must be named, here and as the client's ``user``.

        Args:
            model: A model, its id or its URL.
            battery_size_watt_hours: From 1,000 to 300,000.
            description: At most 200 characters; made up by the API when it is left out.
            vehicle_class: What it is for, or None.
            user: Whose it is: a user, an id or a URL.
            expand: What is answered with the resource instead of its URL.
        """
        body = fields(
            model=self._session.reference(model, "vmod", "vehicle_models"),
            battery_size_watt_hours=battery_size_watt_hours,
            description=description,
            vehicle_class=vehicle_class,
            user=UNSET if isinstance(user, UnsetType) else self._session.reference(user, "user", "users"),
        )
        expanded = query(expand=expansion(expand))
        return await self._session.send(call(Vehicle, "POST", "vehicles", query=expanded, body=body, needs_user=True))

    async def update(
        self,
        vehicle_id: str,
        /,
        *,
        maximum_charge_limit_percentage: int | UnsetType = UNSET,
        smart_charging_enabled: bool | UnsetType = UNSET,
        vehicle_class: VehicleClass | str | UnsetType | None = UNSET,
        battery_size_watt_hours: int | UnsetType = UNSET,
        expand: Iterable[VehicleExpand] = (),
    ) -> Vehicle:
        """Change what is given. API: ``PATCH /vehicles/{vehicle_id}``.

        Args:
            vehicle_id: An id or a URL.
            maximum_charge_limit_percentage: From 50 to 100.
            smart_charging_enabled: Whether ev.energy decides when it charges.
            vehicle_class: What it is for; None clears it.
            battery_size_watt_hours: From 1,000 to 300,000; only for a vehicle that is not linked.
            expand: What is answered with the resource instead of its URL.
        """
        body = fields(
            maximum_charge_limit_percentage=maximum_charge_limit_percentage,
            smart_charging_enabled=smart_charging_enabled,
            vehicle_class=vehicle_class,
            battery_size_watt_hours=battery_size_watt_hours,
        )
        path = ("vehicles", identifier(vehicle_id, "vhcl"))
        return await self._session.send(call(Vehicle, "PATCH", *path, query=query(expand=expansion(expand)), body=body))

    async def delete(self, vehicle_id: str, /) -> None:
        """Remove a vehicle. API: ``DELETE /vehicles/{vehicle_id}`` (the provider's sandbox keeps it)."""
        return await self._session.send(call(NoneType, "DELETE", "vehicles", identifier(vehicle_id, "vhcl")))

    async def reconnect(self, vehicle_id: str, /) -> VehicleReconnectionUrl:
        """Where its user links it again. API: ``POST /vehicles/{vehicle_id}/reconnect``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "reconnect")
        return await self._session.send(call(VehicleReconnectionUrl, "POST", *path, body={}))

    async def disconnect(self, vehicle_id: str, /) -> Vehicle:
        """Unlink it, and end its charging; nothing happens to one that is not linked.

        API: ``POST /vehicles/{vehicle_id}/disconnect``.
        """
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "disconnect")
        return await self._session.send(call(Vehicle, "POST", *path))

    async def vpp_modes(self, vehicle_id: str, /) -> VPPModes:
        """How a virtual power plant can steer it. API: ``GET /vehicles/{vehicle_id}/vpp_modes``."""
        path = ("vehicles", identifier(vehicle_id, "vhcl"), "vpp_modes")
        return await self._session.send(call(VPPModes, "GET", *path))


class BlockingVehicleConnectorSettings(Facade[VehicleConnectorSettings]):
    """`VehicleConnectorSettings`, blocking."""

    get: Final = blocking(VehicleConnectorSettings.get)
    update: Final = blocking(VehicleConnectorSettings.update)


class BlockingVehicleStatesOfCharge(Facade[VehicleStatesOfCharge]):
    """`VehicleStatesOfCharge`, blocking."""

    get: Final = blocking(VehicleStatesOfCharge.get)
    update: Final = blocking(VehicleStatesOfCharge.update)


class BlockingVehicles(Facade[Vehicles]):
    """`Vehicles`, blocking."""

    def __init__(self, twin: Vehicles, loop: LoopThread) -> None:
        super().__init__(twin, loop)
        self.status_logs: BlockingVehicleStatusLogs = BlockingVehicleStatusLogs(twin.status_logs, loop)
        self.location_logs: BlockingVehicleLocationLogs = BlockingVehicleLocationLogs(twin.location_logs, loop)
        self.error_logs: BlockingVehicleErrorLogs = BlockingVehicleErrorLogs(twin.error_logs, loop)
        self.command_logs: BlockingVehicleCommandLogs = BlockingVehicleCommandLogs(twin.command_logs, loop)
        self.connectors: BlockingVehicleConnectorSettings = BlockingVehicleConnectorSettings(twin.connectors, loop)
        self.state_of_charge: BlockingVehicleStatesOfCharge = BlockingVehicleStatesOfCharge(twin.state_of_charge, loop)

    get: Final = blocking(Vehicles.get)
    list: Final = blocking_pager(Vehicles.list)
    create: Final = blocking(Vehicles.create)
    update: Final = blocking(Vehicles.update)
    delete: Final = blocking(Vehicles.delete)
    reconnect: Final = blocking(Vehicles.reconnect)
    disconnect: Final = blocking(Vehicles.disconnect)
    vpp_modes: Final = blocking(Vehicles.vpp_modes)
