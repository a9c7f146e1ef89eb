"""Vehicles: the resource, its logs, and what can be done with it."""

from collections.abc import Sequence
from typing import Any

import attrs

from evenergy.sandbox import validation as v
from evenergy.sandbox.api.catalogue import BATTERY, PLUG
from evenergy.sandbox.expansion import expansion, paths, refer
from evenergy.sandbox.logs import CycleLogs, LogKind, TimeRange
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_fields
from evenergy.sandbox.requests import Data, Request, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.driving import Setting
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.simulation.vehicle_logs import command_logs, error_logs, location_logs, status_logs
from evenergy.sandbox.tables import Collection, Listed
from evenergy.sandbox.times import instant, now_text, text

_SEE, _CHANGE = "vehicle:read", "vehicle:write"
_CLASS = v.nullable(v.one_of("PASSENGER", "COMMERCIAL"))
_CHANGES = {
    "maximum_charge_limit_percentage": v.integer(50, 100),
    "smart_charging_enabled": v.boolean(),
    "vehicle_class": _CLASS,
    "battery_size_watt_hours": BATTERY,
}
_CONNECTOR_CHANGES = {"native_connector": v.nullable(PLUG), "adaptors": v.distinct("CCS", "NACS", "CHADEMO")}
_LINK_LIFE = 3600


def _log_kind(name: str, key: str, source: CycleLogs[Vehicle], scope: str = _SEE) -> LogKind:
    expand = paths("vehicle", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make", "vehicle.user")
    return LogKind(
        collection="vehicles", name=name, key=key, field="vehicle", source=source, scope=scope, expand=expand
    )


def _itself(vehicle: Vehicle) -> Vehicle:
    return vehicle


STATUS = _log_kind("status_logs", "sampled_at", CycleLogs("status", _itself, status_logs, silenced=True, delayed=True))
LOCATION = _log_kind(
    "location_logs", "sampled_at", CycleLogs("location", _itself, location_logs, silenced=True, delayed=True)
)
ERROR = _log_kind("error_logs", "logged_at", CycleLogs("errors", _itself, error_logs, silenced=True))
COMMAND = _log_kind(
    "command_logs", "logged_at", CycleLogs("commands", _itself, command_logs, silenced=True), "debug:read"
)
LOGS = (STATUS, LOCATION, ERROR, COMMAND)


@attrs.frozen(eq=False, kw_only=True)
class Vehicles(Listed[Vehicle]):
    """Vehicles."""

    def items(self, request: Request) -> Sequence[Vehicle]:
        """Return the vehicles that the caller may see."""
        fleet = request.fleet
        return list((fleet.vehicles_of[request.user.id] if request.user else fleet.vehicles).values())

    def find(self, request: Request, id: str) -> Vehicle | None:
        """Return a vehicle that the caller may see, or None."""
        vehicle = request.fleet.vehicles.get(id)
        return vehicle if vehicle is not None and request.sees(vehicle) else None

    def write(self, request: Request, item: Vehicle, tree: Tree, *, alone: bool = False) -> Data:
        """Return a vehicle as the API writes it."""
        del alone
        setting = item.settings[-1]
        return {
            "id": item.id,
            "url": request.url("vehicles", item.id),
            "trim": refer(request, "vehicle_trims", item.trim, tree.get("trim")),
            "user": refer(request, "users", item.owner, tree.get("user")),
            "latest_status_log": STATUS.latest(request, item, tree.get("latest_status_log")),
            "charging_sub_sessions": request.url("charging_sub_sessions", vehicle_id=item.id),
            "integrated": item.integrated,
            "battery_size_watt_hours": item.battery_size,
            "effective_battery_size_watt_hours": item.effective_battery_size,
            "maximum_charge_limit_percentage": setting.limit,
            "description": item.description,
            "disabled": False,
            "smart_charging_enabled": setting.smart,
            "vehicle_class": item.vehicle_class,
        }


VEHICLES = Vehicles(
    name="vehicles",
    prefix="vhcl",
    scope=_SEE,
    expand=paths("user", "trim", "trim.model", "trim.model.make", "latest_status_log"),
)
COLLECTIONS: tuple[Collection[Any], ...] = (VEHICLES,)


def create_vehicle(request: Request) -> Response:
    """Add a vehicle that no integration reaches."""
    tree = expansion(request, VEHICLES.expand)
    checks = {
        "model": v.reference("vehicle_models", request.finder("vehicle_models")),
        "user": v.reference("users", request.fleet.users.get),
        "battery_size_watt_hours": BATTERY,
        "vehicle_class": _CLASS,
        "description": v.string(),
    }
    needed = ["model"] if request.user else ["model", "user"]
    values: dict[str, Any] = {"user": request.user, **v.checked(request.json(), checks, needed)}
    owner, model, fleet = values["user"], values["model"], request.fleet
    if request.user not in (None, owner):
        raise invalid_fields({"user": ["Must be the user that the request is made for."]})
    order = fleet.new_order()
    vehicle = Vehicle(
        id=fleet.new_id("vhcl", order),
        order=order,
        owner=owner,
        trim=fleet.catalogue.first_trim(model),
        integrated="UNINTEGRATED",
        battery_size=_rounded(values.get("battery_size_watt_hours", model.battery_size)),
        odometer=0.0,
        settings=(Setting(float("-inf"), 100, smart=False),),
        vehicle_class=values.get("vehicle_class", "PASSENGER"),
        description=values.get("description", f"{owner.email} {model.make.name} {model.name}"),
    )
    fleet.add(vehicle)
    return Response(VEHICLES.write(request, vehicle, tree), status=201)


def update_vehicle(request: Request) -> Response:
    """Change what the driver wants, or corrects."""
    vehicle: Vehicle = request.resource("vehicles")
    tree = expansion(request, VEHICLES.expand)
    values = v.checked(request.json(), _CHANGES)
    if "battery_size_watt_hours" in values and vehicle.integrated != "UNINTEGRATED":
        raise invalid_fields({"battery_size_watt_hours": ["The vehicle reports its battery size itself."]})
    vehicle.battery_size = _rounded(values.get("battery_size_watt_hours", vehicle.battery_size))
    vehicle.vehicle_class = values.get("vehicle_class", vehicle.vehicle_class)
    setting = vehicle.settings[-1]
    limit = values.get("maximum_charge_limit_percentage", setting.limit)
    smart = values.get("smart_charging_enabled", setting.smart)
    if (limit, smart) != (setting.limit, setting.smart):
        since = request.state.clock()
        request.fleet.change(vehicle, attrs.evolve(setting, since=since, limit=limit, smart=smart))
    return Response(VEHICLES.write(request, vehicle, tree))


def delete_vehicle(request: Request) -> Response:
    """Remove a vehicle and its logs."""
    vehicle: Vehicle = request.resource("vehicles")
    counts = {
        "vehicles": 1,
        "status_logs": sum(1 for _ in STATUS.source.read(request.state, vehicle, TimeRange(), -1)),
        "error_logs": sum(1 for _ in ERROR.source.read(request.state, vehicle, TimeRange(), -1)),
    }
    request.fleet.remove(vehicle)
    return Response(counts)


def get_connectors(request: Request) -> Response:
    """Return the plugs of a vehicle."""
    return Response(_connectors(request, request.resource("vehicles")))


def update_connectors(request: Request) -> Response:
    """Correct the plugs of a vehicle."""
    vehicle: Vehicle = request.resource("vehicles")
    values = v.checked(request.json(), _CONNECTOR_CHANGES)
    native = values.get("native_connector", vehicle.native_connector)
    adaptors = values.get("adaptors", vehicle.adaptors)
    if (native or vehicle.trim.model.default_connector_type) in adaptors:
        raise invalid_fields({"adaptors": ["The vehicle's own connector needs no adaptor."]})
    if values:
        vehicle.native_connector, vehicle.adaptors = native, adaptors
        vehicle.connectors_at = now_text(request.state.clock)
    return Response(_connectors(request, vehicle))


def get_state_of_charge(request: Request) -> Response:
    """Return the charge of a vehicle."""
    return Response(_state_of_charge(request, request.resource("vehicles")))


def update_state_of_charge(request: Request) -> Response:
    """Enter the charge by hand, or take it back."""
    vehicle: Vehicle = request.resource("vehicles")
    values = v.checked(request.json(), {"state_of_charge_percentage": v.nullable(v.integer(0, 100))})
    if "state_of_charge_percentage" in values:
        charge = values["state_of_charge_percentage"]
        vehicle.manual_charge = None if charge is None else (charge, instant(request.state.clock()))
    return Response(_state_of_charge(request, vehicle))


def get_vpp_modes(request: Request) -> Response:
    """Return how a vehicle can be controlled."""
    vehicle: Vehicle = request.resource("vehicles")
    connected = vehicle.integrated == "ACTIVE"
    modes = {"target_power": False, "import_max_power": connected, "export_max_power": False, "charge_mode": connected}
    return Response(modes)


def reconnect(request: Request) -> Response:
    """Return a link that would connect a vehicle again."""
    vehicle: Vehicle = request.resource("vehicles")
    expires_at = text(instant(request.state.clock() + _LINK_LIFE))
    link = request.url("vehicle_onboarding", vehicle_id=vehicle.id, client_id=request.state.client_id)
    return Response({"url": link, "expires_at": expires_at}, status=201)


def disconnect(request: Request) -> Response:
    """Disconnect a vehicle: its logs end here."""
    vehicle: Vehicle = request.resource("vehicles")
    if vehicle.integrated == "ACTIVE":
        request.fleet.silence(vehicle, request.state.clock())
    return Response(VEHICLES.write(request, vehicle, Tree()))


def _connectors(request: Request, vehicle: Vehicle) -> Data:
    return {
        "url": request.url("vehicles", vehicle.id, "connectors"),
        "vehicle": request.url("vehicles", vehicle.id),
        "native_connector": vehicle.native_connector or vehicle.trim.model.default_connector_type,
        "adaptors": vehicle.adaptors,
        "updated_at": vehicle.connectors_at,
    }


def _state_of_charge(request: Request, vehicle: Vehicle) -> Data:
    """Return the charge: what the driver entered, until the vehicle itself reports something newer."""
    log = STATUS.source.latest(request.state, vehicle)
    charge, source, moment = None, None, None
    reported = None if log is None else log.fields()["state_of_charge_percentage"]
    if log is not None and reported is not None:
        charge, source, moment = reported, "CONNECTED", log.logged
    if vehicle.manual_charge is not None and (moment is None or vehicle.manual_charge[1] >= moment):
        (charge, moment), source = vehicle.manual_charge, "MANUAL"
    return {
        "url": request.url("vehicles", vehicle.id, "state_of_charge"),
        "vehicle": request.url("vehicles", vehicle.id),
        "state_of_charge_percentage": charge,
        "source": source,
        "updated_at": None if moment is None else text(moment),
    }


def _rounded(battery_size: int) -> int:
    return round(battery_size, -1)


ROUTES = (
    Route("POST", "/vehicles", create_vehicle, _CHANGE),
    Route("PATCH", "/vehicles/{id}", update_vehicle, _CHANGE),
    Route("DELETE", "/vehicles/{id}", delete_vehicle, _CHANGE),
    Route("GET", "/vehicles/{id}/connectors", get_connectors, _SEE),
    Route("PATCH", "/vehicles/{id}/connectors", update_connectors, _CHANGE),
    Route("GET", "/vehicles/{id}/state_of_charge", get_state_of_charge, _SEE),
    Route("PATCH", "/vehicles/{id}/state_of_charge", update_state_of_charge, _CHANGE),
    Route("GET", "/vehicles/{id}/vpp_modes", get_vpp_modes, _SEE),
    Route("POST", "/vehicles/{id}/reconnect", reconnect, _CHANGE),
    Route("POST", "/vehicles/{id}/disconnect", disconnect, _CHANGE),
)
