"""The operations that change something."""

from typing import Any

import attrs

from evenergy.sandbox import render
from evenergy.sandbox import validation as v
from evenergy.sandbox.catalogue import Connector
from evenergy.sandbox.driving import Setting
from evenergy.sandbox.fleet import Vehicle
from evenergy.sandbox.log_reader import ERROR, STATUS, TimeRange
from evenergy.sandbox.problems import invalid_fields, not_found
from evenergy.sandbox.requests import Request
from evenergy.sandbox.responses import Response
from evenergy.sandbox.times import instant, text

_BATTERY = v.integer(1000, 300_000)
_CLASS = v.nullable(v.one_of("PASSENGER", "COMMERCIAL"))
_PLUG = v.one_of("CCS", "NACS", "CHADEMO")
_ANY_PLUG = v.one_of("CCS", "NACS", "CHADEMO", "GBT")
_PROVENANCE = {
    "source": v.nullable(v.one_of("EV_ENERGY", "CAR_API", "USER", "DVLA", "PROVIDER", "FLEET")),
    "confidence": v.nullable(v.one_of("HIGH", "MEDIUM", "LOW")),
    "verified_at": v.nullable(v.moment()),
}
_VEHICLE_CHANGES = {
    "maximum_charge_limit_percentage": v.integer(50, 100),
    "smart_charging_enabled": v.boolean(),
    "vehicle_class": _CLASS,
    "battery_size_watt_hours": _BATTERY,
}
_CONNECTOR_CHANGES = {"native_connector": v.nullable(_PLUG), "adaptors": v.distinct("CCS", "NACS", "CHADEMO")}
_LINK_LIFE = 3600


def create_vehicle(request: Request) -> Response:
    """Add a vehicle that no integration reaches."""
    tree = render.expansion(request, render.ON_VEHICLE)
    checks = {
        "model": v.reference("vehicle_models", request.fleet.catalogue.models),
        "user": v.reference("users", request.fleet.users),
        "battery_size_watt_hours": _BATTERY,
        "vehicle_class": _CLASS,
        "description": v.string(),
    }
    needed = ["model"] if request.user else ["model", "user"]
    values: dict[str, Any] = {"user": request.user, **v.checked(request.json(), checks, needed)}
    owner, model = values["user"], values["model"]
    if request.user not in (None, owner):
        raise invalid_fields({"user": ["Must be the user that the request is made for."]})
    vehicle = Vehicle(
        id=request.fleet.new_id("vhcl"),
        user=owner,
        trim=request.fleet.catalogue.first_trim(model),
        integrated="UNINTEGRATED",
        battery_size=_rounded(values.get("battery_size_watt_hours", model.battery_size)),
        odometer=0.0,
        settings=(Setting(float("-inf"), 100, smart=False),),
        vehicle_class=values.get("vehicle_class", "PASSENGER"),
        description=values.get("description", f"{owner.email} {model.make.name} {model.name}"),
    )
    request.fleet.add(vehicle)
    return Response(render.vehicle(request, vehicle, tree), status=201)


def update_vehicle(request: Request) -> Response:
    """Change what the driver wants, or corrects."""
    vehicle, tree = request.path_vehicle(), render.expansion(request, render.ON_VEHICLE)
    values = v.checked(request.json(), _VEHICLE_CHANGES)
    if "battery_size_watt_hours" in values and vehicle.integrated != "UNINTEGRATED":
        raise invalid_fields({"battery_size_watt_hours": ["The vehicle reports its battery size itself."]})
    vehicle.battery_size = _rounded(values.get("battery_size_watt_hours", vehicle.battery_size))
    vehicle.vehicle_class = values.get("vehicle_class", vehicle.vehicle_class)
    setting = vehicle.settings[-1]
    limit = values.get("maximum_charge_limit_percentage", setting.limit)
    smart = values.get("smart_charging_enabled", setting.smart)
    if (limit, smart) != (setting.limit, setting.smart):
        # What was driven and charged so far stays as it was reported.
        vehicle.settings += (Setting(request.state.clock(), limit, smart),)
    return Response(render.vehicle(request, vehicle, tree))


def delete_vehicle(request: Request) -> Response:
    """Remove a vehicle and its logs."""
    vehicle, logs = request.path_vehicle(), request.state.logs
    counts = {
        "vehicles": 1,
        "status_logs": sum(1 for _ in logs.newest(vehicle, STATUS, TimeRange())),
        "error_logs": sum(1 for _ in logs.newest(vehicle, ERROR, TimeRange())),
    }
    request.fleet.remove(vehicle)
    return Response(counts)


def update_vehicle_connectors(request: Request) -> Response:
    """Correct the plugs of a vehicle."""
    vehicle, values = request.path_vehicle(), v.checked(request.json(), _CONNECTOR_CHANGES)
    native = values.get("native_connector", vehicle.native_connector)
    adaptors = values.get("adaptors", vehicle.adaptors)
    if (native or vehicle.trim.model.default_connector_type) in adaptors:
        raise invalid_fields({"adaptors": ["The vehicle's own connector needs no adaptor."]})
    if values:
        vehicle.native_connector, vehicle.adaptors = native, adaptors
        vehicle.connectors_at = _now(request)
    return Response(render.vehicle_connectors(request, vehicle))


def update_state_of_charge(request: Request) -> Response:
    """Enter the charge by hand, or take it back."""
    vehicle = request.path_vehicle()
    values = v.checked(request.json(), {"state_of_charge_percentage": v.nullable(v.integer(0, 100))})
    if values:
        charge = values["state_of_charge_percentage"]
        vehicle.manual_charge = None if charge is None else (charge, instant(request.state.clock()))
    return Response(render.state_of_charge(request, vehicle))


def reconnect(request: Request) -> Response:
    """Return a link that would connect a vehicle again."""
    vehicle = request.path_vehicle()
    expires_at = text(instant(request.state.clock() + _LINK_LIFE))
    link = request.url("vehicle_onboarding", vehicle_id=vehicle.id, client_id=request.state.client_id)
    return Response({"url": link, "expires_at": expires_at}, status=201)


def disconnect(request: Request) -> Response:
    """Disconnect a vehicle: its logs end here."""
    vehicle = request.path_vehicle()
    if vehicle.integrated == "ACTIVE":
        vehicle.integrated = "INACTIVE"
        vehicle.silent_from = request.state.clock()
    return Response(render.vehicle(request, vehicle, render.Tree()))


def create_trim(request: Request) -> Response:
    """Add a trim for the one who misses it."""
    checks = {
        "name": v.string(),
        "model": v.reference("vehicle_models", request.fleet.catalogue.models),
        "battery_size_watt_hours": _BATTERY,
    }
    values = v.checked(request.json(), checks, needed=checks)
    trim = request.fleet.catalogue.add_trim(values["name"], values["model"], values["battery_size_watt_hours"])
    return Response(render.trim(request, trim, render.Tree()), status=201)


def create_model(request: Request) -> Response:
    """Add a model, hidden until somebody reviews it."""
    checks = {"name": v.string(), "make": v.reference("vehicle_makes", request.fleet.catalogue.makes)}
    values = v.checked(request.json(), checks, needed=checks)
    model = request.fleet.catalogue.add_model(values["name"], values["make"])
    return Response(render.model(request, model, render.Tree()), status=201)


def update_model(request: Request) -> Response:
    """Correct the connector that a model usually has."""
    model = request.path_model()
    values = v.checked(request.json(), {"default_connector_type": v.nullable(_PLUG)})
    model.default_connector_type = values.get("default_connector_type", model.default_connector_type)
    return Response(render.model(request, model, render.Tree()))


def create_connector(request: Request) -> Response:
    """Add the connector of a model in a region."""
    model = request.path_model()
    checks = {"region": v.one_of("NORTH_AMERICA", "EUROPE"), "connector_type": _ANY_PLUG, **_PROVENANCE}
    values = v.checked(request.json(), checks, needed=("region", "connector_type"))
    if values["region"] in model.connectors:
        raise invalid_fields({"region": ["The model has a connector there."]})
    unknown: dict[str, Any] = dict.fromkeys(_PROVENANCE)
    connector = Connector(**(unknown | values), updated_at=_now(request))
    model.connectors[connector.region] = connector
    return Response(render.connector(request, model, connector), status=201)


def update_connector(request: Request) -> Response:
    """Correct the connector of a model in a region."""
    model, region = request.path_model(), request.ids["key"]
    if region not in model.connectors:
        raise not_found()
    values = v.checked(request.json(), {"connector_type": _ANY_PLUG, **_PROVENANCE})
    connector = attrs.evolve(model.connectors[region], **values, updated_at=_now(request))
    model.connectors[region] = connector
    return Response(render.connector(request, model, connector))


def join_waitlist(request: Request) -> Response:
    """Record who waits for a model: one of the catalogue, or one described in words, not both."""
    models = request.fleet.catalogue.models
    checks = {
        "email": v.email(),
        "vehicle_model_id": v.nullable(v.one_of(*models)),
        "vehicle_make_name": v.nullable(v.string()),
        "vehicle_model_name": v.nullable(v.string()),
        "program_id": v.nullable(v.one_of()),
    }
    values = v.checked(request.json(), checks, needed=["email"])
    names = ("vehicle_model_id", "vehicle_make_name", "vehicle_model_name")
    picked, *described = (values.get(name) is not None for name in names)
    if any(described) == picked or any(described) != all(described):
        raise invalid_fields({"vehicle_model_id": ["Send this, or both vehicle_make_name and vehicle_model_name."]})
    return Response({"id": request.fleet.new_id("vwlt")}, status=201)


def _rounded(battery_size: int) -> int:
    return round(battery_size, -1)


def _now(request: Request) -> str:
    return text(instant(request.state.clock()))
