"""Resources as the API writes them, with references expanded where the request says so."""

from collections.abc import Collection

from evenergy.sandbox.catalogue import Connector, Make, Model, Trim
from evenergy.sandbox.fleet import User, Vehicle
from evenergy.sandbox.ids import make_id
from evenergy.sandbox.log_reader import STATUS, LogKind
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.requests import Request
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.times import text
from evenergy.sandbox.vehicle_logs import Log

Data = dict[str, object]

ON_USER = ("default_location.tariff", "default_location.tariff.supplier", "default_location.evse_site")
ON_VEHICLE = ("user", "trim", "trim.model", "trim.model.make", "latest_status_log")
ON_LOG = ("vehicle", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make", "vehicle.user")
ON_TRIM = ("model", "model.make")
ON_MODEL = ("make",)

_TARIFF = make_id("tari", 0, SeededRandom("tariff"))
_SUPPLIER = make_id("supl", 0, SeededRandom("supplier"))
_SITE = make_id("site", 0, SeededRandom("site"))


class Tree(dict[str, "Tree"]):
    """The fields to expand, and those to expand in them."""


def expansion(request: Request, known: Collection[str] = ()) -> Tree:
    """Return the fields of `expand`; a deeper path brings its parents along."""
    tree = Tree()
    for path in (value for name, value in request.query.items() if name == "expand"):
        if path not in known:
            raise invalid_query("expand", f"Cannot expand {path!r}.")
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, Tree())
    return tree


def make(request: Request, make: Make) -> Data:
    """Return a make."""
    name, package = make.subscription or (None, None)
    return {
        "id": make.id,
        "url": request.url("vehicle_makes", make.id),
        "name": make.name,
        "icon": make.icon,
        "onboarding_url": _onboarding(request, "make_id", make.id) if make.onboards else None,
        "models": request.url("vehicle_models", make_id=make.id),
        "subscription_name": name,
        "subscription_package": package,
    }


def model(request: Request, model: Model, tree: Tree) -> Data:
    """Return a model."""
    return {
        "id": model.id,
        "url": request.url("vehicle_models", model.id),
        "name": model.name,
        "make": make(request, model.make) if "make" in tree else request.url("vehicle_makes", model.make.id),
        "onboarding_url": _onboarding(request, "model_id", model.id) if model.onboards else None,
        "vehicle_trims": request.url("vehicle_trims", model_id=model.id),
        "default_battery_size_watt_hours": model.battery_size,
        "default_connector_type": model.default_connector_type,
    }


def trim(request: Request, trim: Trim, tree: Tree) -> Data:
    """Return a trim."""
    whole = tree.get("model")
    return {
        "id": trim.id,
        "url": request.url("vehicle_trims", trim.id),
        "name": trim.name,
        "model": request.url("vehicle_models", trim.model.id) if whole is None else model(request, trim.model, whole),
        "battery_size_watt_hours": trim.battery_size,
        "onboarding_url": _onboarding(request, "trim_id", trim.id) if trim.onboards else None,
    }


def connector(request: Request, model: Model, connector: Connector) -> Data:
    """Return the connector of a model in a region."""
    return {
        "url": request.url("vehicle_models", model.id, "connectors", connector.region),
        "vehicle_model": request.url("vehicle_models", model.id),
        "region": connector.region,
        "connector_type": connector.connector_type,
        "source": connector.source,
        "confidence": connector.confidence,
        "verified_at": connector.verified_at,
        "updated_at": connector.updated_at,
    }


def user(request: Request, user: User, tree: Tree, *, alone: bool = False) -> Data:
    """Return a user; alone, with the details that lists leave out."""
    return {
        "id": user.id,
        "url": request.url("users", user.id),
        "email": user.email,
        "full_name": user.full_name,
        "joined_at": user.joined_at,
        "terms_consent_datetime": user.joined_at if user.consented else None,
        "default_location": _location(request, user, tree.get("default_location", Tree()), alone=alone),
        "vehicles": [request.url("vehicles", vehicle_id) for vehicle_id in request.fleet.vehicles_of[user.id]],
        "evses": [],
    }


def vehicle(request: Request, vehicle: Vehicle, tree: Tree) -> Data:
    """Return a vehicle."""
    setting = vehicle.settings[-1]
    in_trim, in_user = tree.get("trim"), tree.get("user")
    return {
        "id": vehicle.id,
        "url": request.url("vehicles", vehicle.id),
        "trim": request.url("vehicle_trims", vehicle.trim.id)
        if in_trim is None
        else trim(request, vehicle.trim, in_trim),
        "user": request.url("users", vehicle.user.id) if in_user is None else user(request, vehicle.user, in_user),
        "latest_status_log": _latest(request, vehicle, whole="latest_status_log" in tree),
        "charging_sub_sessions": request.url("charging_sub_sessions", vehicle_id=vehicle.id),
        "integrated": vehicle.integrated,
        "battery_size_watt_hours": vehicle.battery_size,
        "effective_battery_size_watt_hours": vehicle.effective_battery_size,
        "maximum_charge_limit_percentage": setting.limit,
        "description": vehicle.description,
        "disabled": False,
        "smart_charging_enabled": setting.smart,
        "vehicle_class": vehicle.vehicle_class,
    }


def logs(request: Request, owner: Vehicle, kind: LogKind, page: Collection[Log], tree: Tree) -> list[Data]:
    """Return logs of one vehicle."""
    url = request.url("vehicles", owner.id)
    inner = tree.get("vehicle")
    # The vehicle is the same in all of them, so it is written once.
    reference = url if inner is None else vehicle(request, owner, inner)
    return [_log(url, kind, log, reference) for log in page]


def vehicle_connectors(request: Request, vehicle: Vehicle) -> Data:
    """Return the plugs of a vehicle."""
    return {
        "url": request.url("vehicles", vehicle.id, "connectors"),
        "vehicle": request.url("vehicles", vehicle.id),
        "native_connector": vehicle.native_connector or vehicle.trim.model.default_connector_type,
        "adaptors": vehicle.adaptors,
        "updated_at": vehicle.connectors_at,
    }


def state_of_charge(request: Request, vehicle: Vehicle) -> Data:
    """Return the charge: what the driver entered, until the vehicle itself reports something newer."""
    log = request.state.logs.latest(vehicle)
    charge, source, moment = None, None, None
    if log is not None and log.fields["state_of_charge_percentage"] is not None:
        charge, source, moment = log.fields["state_of_charge_percentage"], "CONNECTED", log.logged
    if vehicle.manual_charge is not None and (moment is None or vehicle.manual_charge[1] >= moment):
        (charge, moment), source = vehicle.manual_charge, "MANUAL"
    return {
        "url": request.url("vehicles", vehicle.id, "state_of_charge"),
        "vehicle": request.url("vehicles", vehicle.id),
        "state_of_charge_percentage": charge,
        "source": source,
        "updated_at": None if moment is None else text(moment),
    }


def _log(url: str, kind: LogKind, log: Log, reference: object) -> Data:
    written = text(log.key)
    data: Data = {"url": f"{url}/{kind.name}/{written}", "logged_at": text(log.logged)}
    if kind.key == "sampled_at":
        data["sampled_at"] = written
    data["vehicle"] = reference
    return data | log.fields


def _latest(request: Request, vehicle: Vehicle, *, whole: bool) -> object:
    log = request.state.logs.latest(vehicle)
    if log is None:
        return None
    url = request.url("vehicles", vehicle.id)
    return _log(url, STATUS, log, url) if whole else f"{url}/{STATUS.name}/{text(log.key)}"


def _onboarding(request: Request, parameter: str, id: str) -> str:
    query = {parameter: id}
    if request.user is not None:
        query["user_id"] = request.user.id
    if not request.anonymous:
        query["client_id"] = request.state.client_id
    return request.url("vehicle_onboarding", **query)


def _location(request: Request, user: User, tree: Tree, *, alone: bool) -> Data:
    city, postal_code, country, state, latitude, longitude = user.city
    in_tariff = tree.get("tariff")
    site = request.url("evse_sites", _SITE) if user.at_site else None
    location: Data = {
        "address_1": user.street,
        "address_2": None,
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "country_code": country,
        "coordinates": {"latitude": latitude, "longitude": longitude},
        "tariff": request.url("tariffs", _TARIFF) if in_tariff is None else _tariff(request, in_tariff),
        "evse_site": _site(site) if site and "evse_site" in tree else site,
    }
    return location | {"current_carbon_intensity_grams_per_kilowatt_hour": 142} if alone else location


def _tariff(request: Request, tree: Tree) -> Data:
    supplier = request.url("suppliers", _SUPPLIER)
    whole: Data = {"id": _SUPPLIER, "url": supplier, "name": "Sandbox Power", "icon": None, "highlighted": False}
    return {
        "id": _TARIFF,
        "url": request.url("tariffs", _TARIFF),
        "supplier": whole if "supplier" in tree else supplier,
        "name": "Night Saver",
        "currency": "GBP",
        "highlighted": True,
        "type": "DUAL_RATE",
    }


def _site(url: str) -> Data:
    return {
        "id": _SITE,
        "url": url,
        "evses": [],
        "cpms_connection": None,
        "cpms_connection_display_name": None,
        "user_connected": None,
    }
