"""Words of the API: names of fields, words of paths and members of enumerations, which tell nothing of an account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any, Final

import attrs

import evenergy
from evenergy._names import MODULES
from evenergy.resources import account, batteries, catalogue, evse_catalogue, inverters, meters, sites, tariffs
from evenergy.resources.regions import GeoJsonMultiPolygon
from evenergy.sandbox.routes import ROUTES

from .kinds import fields_of

_OF_QUERIES: Final = (
    *("page", "size", "after", "before", "cursor", "expand", "gte", "lte", "range", "in", "isnull", "since", "until"),
    *("resolution", "search", "ordering", "response", "redirect", "uri", "client"),
)
_OF_PROBLEMS: Final = (
    *("problems", "rate-limit-exceeded", "pagination-parameters", "unsupported-version", "validation-failed"),
    *(
        f"validation-failed-{one}"
        for one in (
            *("create-vehicle", "create-vehicle-model-connector", "password-reset", "saved-route", "update-evse"),
            *("update-notification-preferences", "update-payout-method", "update-route-planner-preferences"),
            *("update-vehicle-connectors", "update-vehicle-state-of-charge"),
        )
    ),
)
_WILD: Final = re.compile(r"{\w+}")

PUBLIC_TEXT: Final[frozenset[tuple[Any, str]]] = frozenset(
    {
        *((one, "name") for one in (catalogue.VehicleMake, catalogue.VehicleModel, catalogue.VehicleTrim)),
        *((one, "name") for one in (inverters.InverterMake, inverters.InverterModel)),
        *((one, "name") for one in (batteries.HomeBatteryMake, batteries.HomeBatteryModel)),
        *((one, "name") for one in (meters.BoundaryMeterMake, meters.BoundaryMeterModel)),
        *(
            (one, name)
            for one in (evse_catalogue.EVSEMake, evse_catalogue.EVSEModel)
            for name in ("name", "display_name")
        ),
        *((evse_catalogue.EVSEFirmwareVersion, name) for name in ("version", "public_version")),
        *((one, "name") for one in (tariffs.Supplier, sites.CPMSProvider, account.Timezone)),
    }
)
"""Fields of the catalogue, whose text is the same for all customers: by class and name."""


@cache
def path_words() -> frozenset[str]:
    """Return the words of all paths."""
    words = {word for route in ROUTES for word in route.path.split("/") if word and not _WILD.search(word)}
    return frozenset(words.union(_OF_PROBLEMS))


@cache
def field_names() -> frozenset[str]:
    """Return the names of all fields of all classes."""
    return frozenset(name for kind in _public() if attrs.has(kind) for name in fields_of(kind))


@cache
def members() -> frozenset[str]:
    """Return the members of all enumerations, and the types of GeoJSON that the API has."""
    found = {str(one.value) for kind in _public() if issubclass(kind, Enum) for one in kind}
    return frozenset(found | {"Polygon", "MultiPolygon"})


@cache
def _name_words() -> frozenset[str]:
    names = (*field_names(), *path_words())
    return frozenset({word for name in names for word in re.split("[_-]", name)}.union(_OF_QUERIES))


def is_name(text: str) -> bool:
    """Return whether a text is made of words of fields and parameters alone, such as ``sampled_at__gte``."""
    return all(word in _name_words() for word in text.replace("__", "_").split("_"))


def is_public_text(model: object, field: str, text: str) -> bool:
    """Return whether a text is the same for all customers, given the class and the field that it stands in."""
    return (model, field) in PUBLIC_TEXT or (model is GeoJsonMultiPolygon and text in members())


def _public() -> Iterator[type]:
    for module, names in MODULES.items():
        if module.startswith(".resources."):
            found = (getattr(evenergy, name) for name in names)
            yield from (one for one in found if isinstance(one, type))
