"""Regions and their groups: areas of a utility, as GeoJSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import attrs
from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.urls import comma_list
from evenergy._codec.validate import latitude_longitude
from evenergy._codec.wire_types import Member, OpenEnum, Time
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request
from evenergy.errors import InvalidArgumentError

from ._kinds import Kind

if TYPE_CHECKING:
    from .users import LatLong

__all__ = [
    "GeoJsonMultiPolygon",
    "Geometry",
    "Region",
    "RegionGeometrySummary",
    "RegionGroup",
    "RegionGroupEntry",
    "RegionGroupNameCheck",
    "RegionGroupNameStatus",
    "RegionGroupValidation",
    "RegionType",
    "RegionValidation",
    "RegionValidationStatus",
    "SupportsGeoInterface",
]

REGION = Kind("regn", "regions")
REGION_GROUP = Kind("rgrp", "region_groups")


class SupportsGeoInterface(Protocol):
    """Object with ``__geo_interface__``, as the geometries of shapely and the frames of geopandas have it."""

    @property
    def __geo_interface__(self) -> Mapping[str, object]:
        """The object as GeoJSON data."""
        ...


Geometry: TypeAlias = Mapping[str, object] | SupportsGeoInterface
"""Polygon or multipolygon: GeoJSON data, or an object with ``__geo_interface__``; [longitude, latitude]."""


class RegionType(OpenEnum):
    """Use of a region."""

    ELECTRICITY = Member("ELECTRICITY")
    OTHER = Member("OTHER")


class RegionValidationStatus(OpenEnum):
    """Result of the validation of a region."""

    INVALID = Member("INVALID")
    INVALID_GEOMETRY = Member("INVALID_GEOMETRY")
    NAME_EXISTS = Member("NAME_EXISTS")
    OK = Member("OK")


class RegionGroupNameStatus(OpenEnum):
    """Result of the validation of a group's name."""

    AVAILABLE = Member("AVAILABLE")
    NAME_EXISTS = Member("NAME_EXISTS")


@model
class GeoJsonMultiPolygon:
    """Area as a GeoJSON multipolygon: polygons of rings of [longitude, latitude], unlike `LatLong`.

    ``shapely.geometry.shape(area)`` and geopandas take it as it is.
    """

    type: str | None = None
    coordinates: list[list[list[list[float]]]] | None = None

    @property
    def __geo_interface__(self) -> dict[str, object]:
        """Return the area as GeoJSON data."""
        return {"type": self.type, "coordinates": self.coordinates}


@model
class Region:
    """Region.

    Attributes:
        name: A name that no other region has; it cannot be changed.
        type: The use; None when it has none.
        region_groups: The URLs of its groups.
        geometry: The area; only of a single region, and None when it has none.
    """

    id: str
    url: str | None = None
    name: str | None = None
    type: RegionType | None = None
    region_groups: list[str] | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    geometry: GeoJsonMultiPolygon | None = None


@model
class RegionGroup:
    """Group of regions.

    Attributes:
        regions: The URLs of its regions.
        regions_collection: The URL of its regions, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    name: str | None = None
    regions: list[str] | None = None
    regions_collection: str | None = None
    created_at: Time | None = None


@model
class RegionGeometrySummary:
    """Summary of the geometries of a region.

    Attributes:
        geometry_count: The number of geometries that were sent.
        resulting_polygon_count: The number of polygons of the region.
        area_sq_km: The area in square kilometres.
    """

    geometry_count: int | None = None
    resulting_polygon_count: int | None = None
    area_sq_km: float | None = None


@model
class RegionValidation:
    """Result of the validation of a region of a group.

    Attributes:
        problems: The problems in words; empty for none.
        computed: The summary of its geometries; None when they are invalid.
        existing_region: The URL of the region that has the name already, or None.
    """

    name: str | None = None
    status: RegionValidationStatus | None = None
    problems: list[str] | None = None
    computed: RegionGeometrySummary | None = None
    existing_region: str | None = None


@model
class RegionGroupNameCheck:
    """Result of the validation of a group's name."""

    name: str | None = None
    status: RegionGroupNameStatus | None = None
    problems: list[str] | None = None


@model
class RegionGroupValidation:
    """Result of the validation of a group with its regions.

    Attributes:
        valid: Whether `create` with the same arguments would succeed.
        group: The group's name.
        regions: The regions, in the order in which they were sent.
    """

    valid: bool | None = None
    group: RegionGroupNameCheck | None = None
    regions: list[RegionValidation] | None = None


@attrs.frozen
class RegionGroupEntry:
    """Region of a new group.

    Attributes:
        name: A name that no other region has.
        geometries: The polygons and multipolygons of its area.
        type: The use; None for none.
    """

    name: str
    geometries: Sequence[Geometry]
    type: RegionType | str | None = None

    @classmethod
    def from_features(
        cls, features: object, *, name: str, type: RegionType | str | None = None
    ) -> list[RegionGroupEntry]:
        """Return a region for each feature of a shapefile or a frame.

        Args:
            features: Features: GeoJSON data, an object with ``__geo_interface__`` (such as a `geopandas` frame), or an
                iterable of these.
            name: The property of a feature that names its region; features of one name become one region.
            type: The use of all of them.

        Raises:
            InvalidArgumentError: A feature has no geometry, or no such property.
        """
        geometries: dict[str, list[Geometry]] = {}
        for feature in _features(features):
            properties: dict[str, Any] = feature.get("properties") or {}
            found, geometry = properties.get(name), feature.get("geometry")
            if found is None or geometry is None:
                raise InvalidArgumentError(
                    f"expected features with a geometry and a property {name!r}, got {feature!r:.200}"
                )
            geometries.setdefault(str(found), []).append(geometry)
        return [cls(region, areas, type) for region, areas in geometries.items()]


class Regions(Resource[M_co]):
    """Regions. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, region_id: str, /) -> Request[Region]:
        """Return one region with its area, by id or URL. API: ``GET /regions/{region_id}``."""
        return request(Region, "GET", REGION.path(region_id))

    @paged
    def list(
        self,
        *,
        name: str | None = None,
        name__in: Iterable[str] | None = None,
        region_group_id: str | None = None,
        type: RegionType | str | None = None,
        contains: LatLong | None = None,
        page_size: int | None = None,
    ) -> ListRequest[Region]:
        """List regions, without their areas. API: ``GET /regions``.

        Args:
            name: The name.
            name__in: Several names, none of which may hold a comma.
            region_group_id: The group, by id or URL.
            type: The use.
            contains: A place in the region.
            page_size: Regions for each request, 1 to 100; 100 unless it is given.
        """
        return list_request(
            Region,
            REGION.all,
            page_size=page_size,
            name=name,
            name__in=comma_list("name__in", name__in),
            region_group_id=REGION_GROUP.filter(region_group_id),
            type=type,
            contains=latitude_longitude("contains", contains),
        )

    @operation
    def create(
        self,
        *,
        name: str,
        geometries: Iterable[Geometry],
        type: RegionType | str | UnsetType | None = UNSET,
        region_groups: Iterable[RegionGroup | str] | UnsetType = UNSET,
    ) -> Request[Region]:
        """Add a region. API: ``POST /regions``.

        A `ConflictError` has the regions of the same name in its ``extensions``; more than 20 MB are a
        `PayloadTooLargeError`, an invalid area an `UnprocessableEntityError`.

        Args:
            name: A name that no other region has; it cannot be changed.
            geometries: The polygons and multipolygons of its area, in [longitude, latitude].
            type: The use.
            region_groups: The groups, their ids or their URLs.
        """
        groups = region_groups
        body = fields(
            name=name,
            geometries=geometries,
            type=type,
            region_groups=groups
            if isinstance(groups, UnsetType)
            else [REGION_GROUP.url(self._base_url, group) for group in groups],
        )
        return request(Region, "POST", REGION.all, body=body)


class RegionGroups(Resource[M_co]):
    """Groups of regions. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, group_id: str, /) -> Request[RegionGroup]:
        """Return one group, by id or URL. API: ``GET /region_groups/{region_group_id}``."""
        return request(RegionGroup, "GET", REGION_GROUP.path(group_id))

    @paged
    def list(self, *, name: str | None = None, page_size: int | None = None) -> ListRequest[RegionGroup]:
        """List all groups, or the one of a name. API: ``GET /region_groups``."""
        return list_request(RegionGroup, REGION_GROUP.all, page_size=page_size, name=name)

    @operation
    def create(self, *, name: str, regions: Iterable[RegionGroupEntry]) -> Request[RegionGroup]:
        """Add a group with all its regions, or nothing; `validate` it first. API: ``POST /region_groups``.

        A `ConflictError` says that the name of the group, or of regions, is taken; its ``extensions`` name them. An
        invalid area, or a name that comes twice or not at all, is an `UnprocessableEntityError`; more than 20 MB are a
        `PayloadTooLargeError`.

        Args:
            name: A name that no other group has.
            regions: The regions, at most 500.
        """
        return request(RegionGroup, "POST", REGION_GROUP.all, body=_group(name, regions))

    @operation
    def validate(self, *, name: str, regions: Iterable[RegionGroupEntry]) -> Request[RegionGroupValidation]:
        """Validate a group with all its regions; nothing is changed. API: ``POST /region_groups:validate``.

        Names that are taken and areas that are invalid are in the result; a body that is none, such as one of more than
        500 regions, is an `UnprocessableEntityError`, and more than 20 MB are a `PayloadTooLargeError`. The arguments
        are those of `create`.
        """
        return request(RegionGroupValidation, "POST", "/region_groups:validate", body=_group(name, regions))


def _group(name: str, regions: Iterable[RegionGroupEntry]) -> dict[str, object]:
    return {"name": name, "regions": list(regions)}


def _features(features: Any) -> Iterable[dict[str, Any]]:
    """Yield the features of GeoJSON data, of objects with ``__geo_interface__``, or of an iterable of these."""
    found: Any = getattr(features, "__geo_interface__", features)
    if not isinstance(found, Mapping):
        for feature in found:
            yield from _features(feature)
        return
    data = cast("Mapping[str, Any]", found)
    if data.get("type") == "FeatureCollection":
        yield from data.get("features", ())
    else:
        yield dict(data)
