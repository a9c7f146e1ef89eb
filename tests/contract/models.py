"""The value classes, and the schema that each stands for."""

from __future__ import annotations

import types
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs

import evenergy
from evenergy._codec.wire_types import Time

Model: TypeAlias = type[attrs.AttrsInstance]

_SCHEMAS = "#/components/schemas/"

MODELS: dict[Model, str] = {
    evenergy.CompletedOnboarding: f"{_SCHEMAS}VehicleOnboardingCompleteResponse",
    evenergy.LatLong: f"{_SCHEMAS}LatLong",
    evenergy.Location: f"{_SCHEMAS}LocationDetail",
    evenergy.OnboardedVehicle: f"{_SCHEMAS}VehicleOnboardingCompleteResponse/properties/vehicles/items",
    evenergy.User: f"{_SCHEMAS}User",
    evenergy.VPPModes: f"{_SCHEMAS}VPPModes",
    evenergy.Vehicle: f"{_SCHEMAS}Vehicle",
    evenergy.VehicleCommandLog: f"{_SCHEMAS}VehicleCommandLog",
    evenergy.VehicleCompatibility: f"{_SCHEMAS}VehicleCompatibilityCheckResult",
    evenergy.VehicleConnectors: f"{_SCHEMAS}VehicleConnectors",
    evenergy.VehicleErrorLog: f"{_SCHEMAS}VehicleAPIErrorLog",
    evenergy.VehicleLocationLog: f"{_SCHEMAS}VehicleLocationLog",
    evenergy.VehicleMake: f"{_SCHEMAS}VehicleMake",
    evenergy.VehicleModel: f"{_SCHEMAS}VehicleModel",
    evenergy.VehicleModelConnector: f"{_SCHEMAS}VehicleModelConnector",
    evenergy.VehicleOnboarding: f"{_SCHEMAS}VehicleOnboardingJsonResponse",
    evenergy.VehicleReconnectionUrl: f"{_SCHEMAS}VehicleReconnectionUrl",
    evenergy.VehicleStateOfCharge: f"{_SCHEMAS}VehicleStateOfCharge",
    evenergy.VehicleStatusLog: f"{_SCHEMAS}VehicleStatusLog",
    evenergy.VehicleTrim: f"{_SCHEMAS}VehicleTrim",
    evenergy.WaitlistEntry: f"{_SCHEMAS}VehicleWaitlistResponse",
}

# Schemas that stand for one of another name, which has all of their properties and more.
SMALLER = {f"{_SCHEMAS}Location": f"{_SCHEMAS}LocationDetail"}


def hints(model: Model) -> dict[str, Any]:
    """The annotations of a class's fields, without what `Annotated` adds."""
    found: dict[str, Any] = get_type_hints(model)
    return {field.name: found[field.name] for field in attrs.fields(model)}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one annotation that it is."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for member in get_args(annotation) for part in alternatives(member))
    return (datetime,) if annotation is Time else (annotation,)


def kind(annotation: Any) -> str:
    """What an annotation other than a union takes, in the words of `test_models.kinds`."""
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "date-time", type(None): "null"}
    if annotation in plain:
        return plain[annotation]
    if get_origin(annotation) is list:
        return f"[{' | '.join(sorted(map(kind, alternatives(get_args(annotation)[0]))))}]"
    if get_origin(annotation) is dict:
        return "data"
    if issubclass(annotation, Enum):
        return "string"
    return MODELS[annotation]
