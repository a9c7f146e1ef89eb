"""Catalogue: makes of vehicles, their models, the models' connectors, and trims."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.validate import path_text
from evenergy._codec.wire_types import OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._kinds import USER, VEHICLE_MAKE, VEHICLE_MODEL, VEHICLE_TRIM

__all__ = [
    "ChargingRegion",
    "Confidence",
    "ConnectorSource",
    "ConnectorType",
    "ModelExpand",
    "Ordering",
    "TrimExpand",
    "VehicleMake",
    "VehicleModel",
    "VehicleModelConnector",
    "VehicleTrim",
]

Ordering: TypeAlias = Literal["name", "-name"]
"""Order by name, or by name backwards; without it the order of creation."""

TrimExpand: TypeAlias = Literal["model", "model.make"]
"""References of a trim that can be expanded."""

ModelExpand: TypeAlias = Literal["make"]
"""References of a model that can be expanded."""


class ConnectorType(OpenEnum):
    """Plug of a DC fast charger."""

    CCS = "CCS"
    NACS = "NACS"
    CHADEMO = "CHADEMO"
    GBT = "GBT"


class ChargingRegion(OpenEnum):
    """Region of the world for which a model's connector is known."""

    NORTH_AMERICA = "NORTH_AMERICA"
    EUROPE = "EUROPE"


class ConnectorSource(OpenEnum):
    """Source of the connector of a model."""

    EV_ENERGY = "EV_ENERGY"
    CAR_API = "CAR_API"
    USER = "USER"
    DVLA = "DVLA"
    PROVIDER = "PROVIDER"
    FLEET = "FLEET"


class Confidence(OpenEnum):
    """Confidence of a curator."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@model
class VehicleMake:
    """Manufacturer of vehicles.

    Attributes:
        icon: The URL of the logo; None when there is none.
        onboarding_url: URL at which a user links a vehicle of this make; None when a model must be chosen first. It
            names the user only where the request did.
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


@model
class VehicleModel:
    """Model of a make.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
        onboarding_url: URL at which a user links a vehicle of this model; None when a trim must be chosen first.
        vehicle_trims: The URL of the model's trims, fit for ``client.pages``.
        default_battery_size_watt_hours: The battery of most of its trims.
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
        """Return the id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@model
class VehicleModelConnector:
    """DC fast connector that a model has in one region.

    Attributes:
        vehicle_model: The URL of the model.
        source: The source; None when it is not known.
        confidence: The confidence of a curator; None when nobody judged it.
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
        """Return the id of the model."""
        return reference_id(self.vehicle_model)


@model
class VehicleTrim:
    """Version of a model, with its battery.

    Attributes:
        model: The URL of the model, or the model when it was expanded.
        battery_size_watt_hours: None when it is not known.
        onboarding_url: URL at which a user links a vehicle of this trim; None when it cannot be linked.
    """

    id: str
    url: str | None = None
    name: str | None = None
    model: str | VehicleModel | None = None
    battery_size_watt_hours: int | None = None
    onboarding_url: str | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)


class VehicleMakes(Resource[M_co]):
    """Manufacturers. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, make_id: str, /) -> Request[VehicleMake]:
        """Return one make, by id or URL. API: ``GET /vehicle_makes/{vehicle_make_id}``."""
        return request(VehicleMake, "GET", VEHICLE_MAKE.path(make_id))

    @paged
    def list(
        self,
        *,
        ordering: Ordering | None = None,
        available_for_user_id: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[VehicleMake]:
        """List all makes, or those that a user's region and program offer. API: ``GET /vehicle_makes``."""
        user_id = USER.filter(available_for_user_id)
        return list_request(
            VehicleMake, VEHICLE_MAKE.all, page_size=page_size, ordering=ordering, available_for_user_id=user_id
        )


class VehicleModelConnectors(Resource[M_co]):
    """DC fast connectors of models, by region. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, model_id: str, region: ChargingRegion | str, /) -> Request[VehicleModelConnector]:
        """Return the connector of one region. API: ``GET /vehicle_models/{vehicle_model_id}/connectors/{region}``."""
        path = VEHICLE_MODEL.path(model_id, "connectors", path_text("region", region))
        return request(VehicleModelConnector, "GET", path)

    @paged
    def list(self, model_id: str, /, *, page_size: int | None = None) -> ListRequest[VehicleModelConnector]:
        """List the connectors of a model. API: ``GET /vehicle_models/{vehicle_model_id}/connectors``."""
        return list_request(VehicleModelConnector, VEHICLE_MODEL.path(model_id, "connectors"), page_size=page_size)

    @operation
    def create(
        self,
        model_id: str,
        /,
        *,
        region: ChargingRegion | str,
        connector_type: ConnectorType | str,
        source: ConnectorSource | str | UnsetType | None = UNSET,
        confidence: Confidence | str | UnsetType | None = UNSET,
        verified_at: datetime | UnsetType | None = UNSET,
    ) -> Request[VehicleModelConnector]:
        """Set the connector of a model in a region. API: ``POST /vehicle_models/{vehicle_model_id}/connectors``."""
        body = fields(
            region=region, connector_type=connector_type, source=source, confidence=confidence, verified_at=verified_at
        )
        return request(VehicleModelConnector, "POST", VEHICLE_MODEL.path(model_id, "connectors"), body=body)

    @operation
    def update(
        self,
        model_id: str,
        region: ChargingRegion | str,
        /,
        *,
        connector_type: ConnectorType | str | UnsetType = UNSET,
        source: ConnectorSource | str | UnsetType | None = UNSET,
        confidence: Confidence | str | UnsetType | None = UNSET,
        verified_at: datetime | UnsetType | None = UNSET,
    ) -> Request[VehicleModelConnector]:
        """Change the given fields; None clears.

        API: ``PATCH /vehicle_models/{vehicle_model_id}/connectors/{region}``.
        """
        body = fields(connector_type=connector_type, source=source, confidence=confidence, verified_at=verified_at)
        path = VEHICLE_MODEL.path(model_id, "connectors", path_text("region", region))
        return request(VehicleModelConnector, "PATCH", path, body=body)


class VehicleModels(Resource[M_co]):
    """Models. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    connectors: Child[VehicleModelConnectors[M_co]] = Child("catalogue:VehicleModelConnectors")
    """DC fast connectors of models, by region."""

    @operation
    def get(self, model_id: str, /, *, expand: Iterable[ModelExpand] = ()) -> Request[VehicleModel]:
        """Return one model, by id or URL. API: ``GET /vehicle_models/{vehicle_model_id}``."""
        return request(VehicleModel, "GET", VEHICLE_MODEL.path(model_id), expand=expand)

    @paged
    def list(
        self,
        *,
        make_id: str | None = None,
        ordering: Ordering | None = None,
        available_for_user_id: str | None = None,
        expand: Iterable[ModelExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[VehicleModel]:
        """List all models, or those of a make, or those that a user can have. API: ``GET /vehicle_models``."""
        return list_request(
            VehicleModel,
            VEHICLE_MODEL.all,
            page_size=page_size,
            expand=expand,
            make_id=VEHICLE_MAKE.filter(make_id),
            ordering=ordering,
            available_for_user_id=USER.filter(available_for_user_id),
        )

    @operation
    def create(self, *, name: str, make: VehicleMake | str) -> Request[VehicleModel]:
        """Add a model that the catalogue lacks. API: ``POST /vehicle_models``.

        Args:
            name: The model's name.
            make: A make, its id or its URL.
        """
        body = fields(name=name, make=VEHICLE_MAKE.url(self._base_url, make))
        return request(VehicleModel, "POST", VEHICLE_MODEL.all, body=body)

    @operation
    def update(
        self, model_id: str, /, *, default_connector_type: ConnectorType | str | UnsetType | None = UNSET
    ) -> Request[VehicleModel]:
        """Change the given fields; None clears. API: ``PATCH /vehicle_models/{vehicle_model_id}``."""
        body = fields(default_connector_type=default_connector_type)
        return request(VehicleModel, "PATCH", VEHICLE_MODEL.path(model_id), body=body)


class VehicleTrims(Resource[M_co]):
    """Trims of models. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, trim_id: str, /, *, expand: Iterable[TrimExpand] = ()) -> Request[VehicleTrim]:
        """Return one trim, by id or URL. API: ``GET /vehicle_trims/{vehicle_trim_id}``."""
        return request(VehicleTrim, "GET", VEHICLE_TRIM.path(trim_id), expand=expand)

    @paged
    def list(
        self,
        *,
        model_id: str | None = None,
        ordering: Ordering | None = None,
        expand: Iterable[TrimExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[VehicleTrim]:
        """List all trims, or those of a model. API: ``GET /vehicle_trims``."""
        return list_request(
            VehicleTrim,
            VEHICLE_TRIM.all,
            page_size=page_size,
            expand=expand,
            model_id=VEHICLE_MODEL.filter(model_id),
            ordering=ordering,
        )

    @operation
    def create(self, *, name: str, model: VehicleModel | str, battery_size_watt_hours: int) -> Request[VehicleTrim]:
        """Add a trim that the catalogue lacks; `list` does not return it. API: ``POST /vehicle_trims``.

        Args:
            name: The trim's name.
            model: A model, its id or its URL.
            battery_size_watt_hours: From 1,000 to 300,000.
        """
        url = VEHICLE_MODEL.url(self._base_url, model)
        body = fields(name=name, model=url, battery_size_watt_hours=battery_size_watt_hours)
        return request(VehicleTrim, "POST", VEHICLE_TRIM.all, body=body)
