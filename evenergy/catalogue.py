"""The catalogue: makes, their models, the models' connectors, and trims."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from .blocking import Facade, blocking, blocking_pager
from .calls import call, fields
from .checks import expansion, identifier, query, word
from .codec import OpenEnum, Time, reference_id
from .loopthread import LoopThread
from .pager import Pager, listing
from .session import Session
from .values import frozen

Ordering: TypeAlias = Literal["name", "-name"]
"""By name, or by name backwards; without it things come in the order in which they were made."""

TrimExpand: TypeAlias = Literal["model", "model.make"]
"""What a trim can be answered with instead of a URL."""

ModelExpand: TypeAlias = Literal["make"]
"""What a model can be answered with instead of a URL."""


class ConnectorType(OpenEnum):
    """The plug of a DC fast charger."""

    CCS = "CCS"
    NACS = "NACS"
    CHADEMO = "CHADEMO"
    GBT = "GBT"


class ChargingRegion(OpenEnum):
    """Where a model's connector is what it is."""

    NORTH_AMERICA = "NORTH_AMERICA"
    EUROPE = "EUROPE"


class ConnectorSource(OpenEnum):
    """Who says what a model's connector is."""

    EV_ENERGY = "EV_ENERGY"
    CAR_API = "CAR_API"
    USER = "USER"
    DVLA = "DVLA"
    PROVIDER = "PROVIDER"
    FLEET = "FLEET"


class Confidence(OpenEnum):
    """How sure a curator is."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@frozen
class VehicleMake:
    """A manufacturer.

    Attributes:
        icon: The URL of the logo; None when there is none.
        onboarding_url: Where a user links a vehicle of this make; None when a model must be chosen first. It names the
            user only where the request did.
        models: The URL of the make's models, fit for ``client.pages``.
        subscription_name: Of the manufacturer's own service that linking needs; None when it needs none.
        subscription_package: Likewise.
    """

    id: str
    url: str | None = None
    name: str | None = None
    icon: str | None = None
    onboarding_url: str | None = None
    models: str | None = None
    subscription_name: str | None = None
    subscription_package: str | None = None


@frozen
class VehicleModel:
    """A model of a make.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
        onboarding_url: Where a user links a vehicle of this model; None when a trim must be chosen first.
        vehicle_trims: The URL of the model's trims, fit for ``client.pages``.
        default_battery_size_watt_hours: What most of its trims have.
        default_connector_type: None when it is not known.
    """

    id: str
    url: str | None = None
    name: str | None = None
    make: str | VehicleMake | None = None
    onboarding_url: str | None = None
    vehicle_trims: str | None = None
    default_battery_size_watt_hours: int | None = None
    default_connector_type: ConnectorType | None = None

    @property
    def make_id(self) -> str | None:
        """The id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@frozen
class VehicleModelConnector:
    """The DC fast connector that a model has in one region.

    Attributes:
        vehicle_model: The URL of the model.
        source: Who says so; None when it is not known.
        confidence: How sure that is; None when nobody judged it.
        verified_at: When it was last verified; None when it never was.
    """

    url: str | None = None
    vehicle_model: str | None = None
    region: ChargingRegion | None = None
    connector_type: ConnectorType | None = None
    source: ConnectorSource | None = None
    confidence: Confidence | None = None
    verified_at: Time | None = None
    updated_at: Time | None = None

    @property
    def vehicle_model_id(self) -> str | None:
        """The id of the model."""
        return reference_id(self.vehicle_model)


@frozen
class VehicleTrim:
    """A version of a model, with its battery.

    Attributes:
        model: The URL of the model, or the model when it was expanded.
        battery_size_watt_hours: None when it is not known.
        onboarding_url: Where a user links a vehicle of this trim; None when it cannot be linked.
    """

    id: str
    url: str | None = None
    name: str | None = None
    model: str | VehicleModel | None = None
    battery_size_watt_hours: int | None = None
    onboarding_url: str | None = None

    @property
    def model_id(self) -> str | None:
        """The id of the model, whether it was expanded or not."""
        return reference_id(self.model)


class VehicleMakes:
    """Manufacturers. Anonymous callers are answered too. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, make_id: str, /) -> VehicleMake:
        """One make, by id or URL. API: ``GET /vehicle_makes/{vehicle_make_id}``."""
        return await self._session.send(call(VehicleMake, "GET", "vehicle_makes", identifier(make_id, "vmak")))

    def list(
        self,
        *,
        ordering: Ordering | None = None,
        available_for_user_id: str | None = None,
        page_size: int | None = None,
    ) -> Pager[VehicleMake]:
        """All makes, or those that a user's region and program offer. API: ``GET /vehicle_makes``."""
        filters = query(ordering=ordering, available_for_user_id=_user(available_for_user_id))
        return Pager(self._session, listing(VehicleMake, "vehicle_makes", page_size=page_size, query=filters))


class VehicleModelConnectors:
    """The DC fast connectors of models, by region. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, model_id: str, region: ChargingRegion | str, /) -> VehicleModelConnector:
        """One region's connector. API: ``GET /vehicle_models/{vehicle_model_id}/connectors/{region}``."""
        path = ("vehicle_models", identifier(model_id, "vmod"), "connectors", word("region", region))
        return await self._session.send(call(VehicleModelConnector, "GET", *path))

    def list(self, model_id: str, /, *, page_size: int | None = None) -> Pager[VehicleModelConnector]:
        """A model's connectors. API: ``GET /vehicle_models/{vehicle_model_id}/connectors``."""
        path = ("vehicle_models", identifier(model_id, "vmod"), "connectors")
        return Pager(self._session, listing(VehicleModelConnector, *path, page_size=page_size))

    async def create(
        self,
        model_id: str,
        /,
        *,
        region: ChargingRegion | str,
        connector_type: ConnectorType | str,
        source: ConnectorSource | str | UnsetType | None = UNSET,
        confidence: Confidence | str | UnsetType | None = UNSET,
        verified_at: datetime | UnsetType | None = UNSET,
    ) -> VehicleModelConnector:
        """Say what a model has in a region. API: ``POST /vehicle_models/{vehicle_model_id}/connectors``."""
        body = fields(
            region=region, connector_type=connector_type, source=source, confidence=confidence, verified_at=verified_at
        )
        path = ("vehicle_models", identifier(model_id, "vmod"), "connectors")
        return await self._session.send(call(VehicleModelConnector, "POST", *path, body=body))

    async def update(
        self,
        model_id: str,
        region: ChargingRegion | str,
        /,
        *,
        connector_type: ConnectorType | str | UnsetType = UNSET,
        source: ConnectorSource | str | UnsetType | None = UNSET,
        confidence: Confidence | str | UnsetType | None = UNSET,
        verified_at: datetime | UnsetType | None = UNSET,
    ) -> VehicleModelConnector:
        """Change what is given; None clears. API: ``PATCH /vehicle_models/{vehicle_model_id}/connectors/{region}``."""
        body = fields(connector_type=connector_type, source=source, confidence=confidence, verified_at=verified_at)
        path = ("vehicle_models", identifier(model_id, "vmod"), "connectors", word("region", region))
        return await self._session.send(call(VehicleModelConnector, "PATCH", *path, body=body))


class VehicleModels:
    """Models. Anonymous callers are answered too. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.connectors: VehicleModelConnectors = VehicleModelConnectors(session)

    async def get(self, model_id: str, /, *, expand: Iterable[ModelExpand] = ()) -> VehicleModel:
        """One model, by id or URL. API: ``GET /vehicle_models/{vehicle_model_id}``."""
        expanded = query(expand=expansion(expand))
        return await self._session.send(
            call(VehicleModel, "GET", "vehicle_models", identifier(model_id, "vmod"), query=expanded)
        )

    def list(
        self,
        *,
        make_id: str | None = None,
        ordering: Ordering | None = None,
        available_for_user_id: str | None = None,
        expand: Iterable[ModelExpand] = (),
        page_size: int | None = None,
    ) -> Pager[VehicleModel]:
        """All models, or those of a make, or those that a user can have. API: ``GET /vehicle_models``."""
        filters = query(
            make_id=None if make_id is None else identifier(make_id, "vmak"),
            ordering=ordering,
            available_for_user_id=_user(available_for_user_id),
            expand=expansion(expand),
        )
        return Pager(self._session, listing(VehicleModel, "vehicle_models", page_size=page_size, query=filters))

    async def create(self, *, name: str, make: VehicleMake | str) -> VehicleModel:
        """Add a model that the catalogue lacks. API: ``POST /vehicle_models``.

        Args:
            name: The model's name.
            make: A make, its id or its URL.
        """
        body = fields(name=name, make=self._session.reference(make, "vmak", "vehicle_makes"))
        return await self._session.send(call(VehicleModel, "POST", "vehicle_models", body=body))

    async def update(
        self, model_id: str, /, *, default_connector_type: ConnectorType | str | UnsetType | None = UNSET
    ) -> VehicleModel:
        """Change what is given; None clears it. API: ``PATCH /vehicle_models/{vehicle_model_id}``."""
        body = fields(default_connector_type=default_connector_type)
        return await self._session.send(
            call(VehicleModel, "PATCH", "vehicle_models", identifier(model_id, "vmod"), body=body)
        )


class VehicleTrims:
    """Trims. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, trim_id: str, /, *, expand: Iterable[TrimExpand] = ()) -> VehicleTrim:
        """One trim, by id or URL. API: ``GET /vehicle_trims/{vehicle_trim_id}``."""
        expanded = query(expand=expansion(expand))
        return await self._session.send(
            call(VehicleTrim, "GET", "vehicle_trims", identifier(trim_id, "trim"), query=expanded)
        )

    def list(
        self,
        *,
        model_id: str | None = None,
        ordering: Ordering | None = None,
        expand: Iterable[TrimExpand] = (),
        page_size: int | None = None,
    ) -> Pager[VehicleTrim]:
        """All trims, or those of a model. API: ``GET /vehicle_trims``."""
        filters = query(
            model_id=None if model_id is None else identifier(model_id, "vmod"),
            ordering=ordering,
            expand=expansion(expand),
        )
        return Pager(self._session, listing(VehicleTrim, "vehicle_trims", page_size=page_size, query=filters))

    async def create(self, *, name: str, model: VehicleModel | str, battery_size_watt_hours: int) -> VehicleTrim:
        """Add a trim that the catalogue lacks; `list` will not show it. API: ``POST /vehicle_trims``.

        Args:
            name: The trim's name.
            model: A model, its id or its URL.
            battery_size_watt_hours: From 1,000 to 300,000.
        """
        url = self._session.reference(model, "vmod", "vehicle_models")
        body = fields(name=name, model=url, battery_size_watt_hours=battery_size_watt_hours)
        return await self._session.send(call(VehicleTrim, "POST", "vehicle_trims", body=body))


class BlockingVehicleMakes(Facade[VehicleMakes]):
    """`VehicleMakes`, blocking."""

    get: Final = blocking(VehicleMakes.get)
    list: Final = blocking_pager(VehicleMakes.list)


class BlockingVehicleModelConnectors(Facade[VehicleModelConnectors]):
    """`VehicleModelConnectors`, blocking."""

    get: Final = blocking(VehicleModelConnectors.get)
    list: Final = blocking_pager(VehicleModelConnectors.list)
    create: Final = blocking(VehicleModelConnectors.create)
    update: Final = blocking(VehicleModelConnectors.update)


class BlockingVehicleModels(Facade[VehicleModels]):
    """`VehicleModels`, blocking."""

    def __init__(self, twin: VehicleModels, loop: LoopThread) -> None:
        super().__init__(twin, loop)
        self.connectors: BlockingVehicleModelConnectors = BlockingVehicleModelConnectors(twin.connectors, loop)

    get: Final = blocking(VehicleModels.get)
    list: Final = blocking_pager(VehicleModels.list)
    create: Final = blocking(VehicleModels.create)
    update: Final = blocking(VehicleModels.update)


class BlockingVehicleTrims(Facade[VehicleTrims]):
    """`VehicleTrims`, blocking."""

    get: Final = blocking(VehicleTrims.get)
    list: Final = blocking_pager(VehicleTrims.list)
    create: Final = blocking(VehicleTrims.create)


def _user(user_id: str | None) -> str | None:
    return None if user_id is None else identifier(user_id, "user")
