"""The operations that change something."""

from typing import Any

import attrs

from evenergy.sandbox import render
from evenergy.sandbox import validation as v
from evenergy.sandbox.calls import Call
from evenergy.sandbox.catalogue import Connector
from evenergy.sandbox.driving import Setting
from evenergy.sandbox.fleet import Vehicle
from evenergy.sandbox.logbook import ERROR, STATUS, Span
from evenergy.sandbox.problems import invalid_fields, not_found
from evenergy.sandbox.replies import Reply
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


def create_vehicle(call: Call) -> Reply:
    """Add a vehicle that no integration reaches."""
    tree = render.expansion(call, render.ON_VEHICLE)
    checks = {
        "model": v.reference("vehicle_models", call.fleet.catalogue.models),
        "user": v.reference("users", call.fleet.users),
        "battery_size_watt_hours": _BATTERY,
        "vehicle_class": _CLASS,
        "description": v.string(),
    }
    needed = ["model"] if call.user else ["model", "user"]
    values: dict[str, Any] = {"user": call.user, **v.checked(call.json(), checks, needed)}
    owner, model = values["user"], values["model"]
    if call.user not in (None, owner):
        raise invalid_fields({"user": ["Must be the user that the request is made for."]})
    vehicle = Vehicle(
        id=call.fleet.new_id("vhcl"),
        user=owner,
        trim=call.fleet.catalogue.first_trim(model),
        integrated="UNINTEGRATED",
        battery_size=_rounded(values.get("battery_size_watt_hours", model.battery_size)),
        odometer=0.0,
        settings=(Setting(float("-inf"), 100, smart=False),),
        vehicle_class=values.get("vehicle_class", "PASSENGER"),
        description=values.get("description", f"{owner.email} {model.make.name} {model.name}"),
    )
    call.fleet.add(vehicle)
    return Reply(render.vehicle(call, vehicle, tree), status=201)


def update_vehicle(call: Call) -> Reply:
    """Change what the driver wants, or corrects."""
    vehicle, tree = call.found_vehicle(), render.expansion(call, render.ON_VEHICLE)
    values = v.checked(call.json(), _VEHICLE_CHANGES)
    if "battery_size_watt_hours" in values and vehicle.integrated != "UNINTEGRATED":
        raise invalid_fields({"battery_size_watt_hours": ["The vehicle tells its battery size itself."]})
    vehicle.battery_size = _rounded(values.get("battery_size_watt_hours", vehicle.battery_size))
    vehicle.vehicle_class = values.get("vehicle_class", vehicle.vehicle_class)
    setting = vehicle.settings[-1]
    limit = values.get("maximum_charge_limit_percentage", setting.limit)
    smart = values.get("smart_charging_enabled", setting.smart)
    if (limit, smart) != (setting.limit, setting.smart):
        # What was driven and charged so far stays as it was told.
        vehicle.settings += (Setting(call.world.clock(), limit, smart),)
    return Reply(render.vehicle(call, vehicle, tree))


def delete_vehicle(call: Call) -> Reply:
    """Remove a vehicle and its logs."""
    vehicle, logs = call.found_vehicle(), call.world.logs
    counts = {
        "vehicles": 1,
        "status_logs": sum(1 for _ in logs.newest(vehicle, STATUS, Span())),
        "error_logs": sum(1 for _ in logs.newest(vehicle, ERROR, Span())),
    }
    call.fleet.remove(vehicle)
    return Reply(counts)


def update_vehicle_connectors(call: Call) -> Reply:
    """Correct the plugs of a vehicle."""
    vehicle, values = call.found_vehicle(), v.checked(call.json(), _CONNECTOR_CHANGES)
    native = values.get("native_connector", vehicle.native_connector)
    adaptors = values.get("adaptors", vehicle.adaptors)
    if (native or vehicle.trim.model.default_connector_type) in adaptors:
        raise invalid_fields({"adaptors": ["The vehicle's own connector needs no adaptor."]})
    if values:
        vehicle.native_connector, vehicle.adaptors = native, adaptors
        vehicle.connectors_at = _now(call)
    return Reply(render.vehicle_connectors(call, vehicle))


def update_state_of_charge(call: Call) -> Reply:
    """Enter the charge by hand, or take it back."""
    vehicle = call.found_vehicle()
    values = v.checked(call.json(), {"state_of_charge_percentage": v.nullable(v.integer(0, 100))})
    if values:
        charge = values["state_of_charge_percentage"]
        vehicle.manual_charge = None if charge is None else (charge, instant(call.world.clock()))
    return Reply(render.state_of_charge(call, vehicle))


def reconnect(call: Call) -> Reply:
    """Give a link that would connect a vehicle again."""
    vehicle = call.found_vehicle()
    expires_at = text(instant(call.world.clock() + _LINK_LIFE))
    link = call.url("vehicle_onboarding", vehicle_id=vehicle.id, client_id=call.world.client_id)
    return Reply({"url": link, "expires_at": expires_at}, status=201)


def disconnect(call: Call) -> Reply:
    """Cut a vehicle off: its logs end here."""
    vehicle = call.found_vehicle()
    if vehicle.integrated == "ACTIVE":
        vehicle.integrated = "INACTIVE"
        vehicle.silent_from = call.world.clock()
    return Reply(render.vehicle(call, vehicle, render.Tree()))


def create_trim(call: Call) -> Reply:
    """Add a trim for the one who misses it."""
    checks = {
        "name": v.string(),
        "model": v.reference("vehicle_models", call.fleet.catalogue.models),
        "battery_size_watt_hours": _BATTERY,
    }
    values = v.checked(call.json(), checks, needed=checks)
    trim = call.fleet.catalogue.add_trim(values["name"], values["model"], values["battery_size_watt_hours"])
    return Reply(render.trim(call, trim, render.Tree()), status=201)


def create_model(call: Call) -> Reply:
    """Add a model, hidden until somebody reviews it."""
    checks = {"name": v.string(), "make": v.reference("vehicle_makes", call.fleet.catalogue.makes)}
    values = v.checked(call.json(), checks, needed=checks)
    model = call.fleet.catalogue.add_model(values["name"], values["make"])
    return Reply(render.model(call, model, render.Tree()), status=201)


def update_model(call: Call) -> Reply:
    """Correct the connector that a model usually has."""
    model = call.found_model()
    values = v.checked(call.json(), {"default_connector_type": v.nullable(_PLUG)})
    model.default_connector_type = values.get("default_connector_type", model.default_connector_type)
    return Reply(render.model(call, model, render.Tree()))


def create_connector(call: Call) -> Reply:
    """Add the connector of a model in a region."""
    model = call.found_model()
    checks = {"region": v.one_of("NORTH_AMERICA", "EUROPE"), "connector_type": _ANY_PLUG, **_PROVENANCE}
    values = v.checked(call.json(), checks, needed=("region", "connector_type"))
    if values["region"] in model.connectors:
        raise invalid_fields({"region": ["The model has a connector there."]})
    unknown: dict[str, Any] = dict.fromkeys(_PROVENANCE)
    connector = Connector(**(unknown | values), updated_at=_now(call))
    model.connectors[connector.region] = connector
    return Reply(render.connector(call, model, connector), status=201)


def update_connector(call: Call) -> Reply:
    """Correct the connector of a model in a region."""
    model, region = call.found_model(), call.ids["key"]
    if region not in model.connectors:
        raise not_found()
    values = v.checked(call.json(), {"connector_type": _ANY_PLUG, **_PROVENANCE})
    connector = attrs.evolve(model.connectors[region], **values, updated_at=_now(call))
    model.connectors[region] = connector
    return Reply(render.connector(call, model, connector))


def join_waitlist(call: Call) -> Reply:
    """Note who waits for a model: one of the catalogue, or one described in words, not both."""
    models = call.fleet.catalogue.models
    checks = {
        "email": v.email(),
        "vehicle_model_id": v.nullable(v.one_of(*models)),
        "vehicle_make_name": v.nullable(v.string()),
        "vehicle_model_name": v.nullable(v.string()),
        "program_id": v.nullable(v.one_of()),
    }
    values = v.checked(call.json(), checks, needed=["email"])
    names = ("vehicle_model_id", "vehicle_make_name", "vehicle_model_name")
    picked, *described = (values.get(name) is not None for name in names)
    if any(described) == picked or any(described) != all(described):
        raise invalid_fields({"vehicle_model_id": ["Give this, or both vehicle_make_name and vehicle_model_name."]})
    return Reply({"id": call.fleet.new_id("vwlt")}, status=201)


def _rounded(battery_size: int) -> int:
    return round(battery_size, -1)


def _now(call: Call) -> str:
    return text(instant(call.world.clock()))
