"""Resources as the API writes them, with references expanded where the caller asks for it."""

from collections.abc import Collection

from evenergy.sandbox.calls import Call
from evenergy.sandbox.catalogue import Connector, Make, Model, Trim
from evenergy.sandbox.dice import Dice
from evenergy.sandbox.fleet import User, Vehicle
from evenergy.sandbox.ids import make_id
from evenergy.sandbox.logbook import STATUS, LogKind
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.telematics import Log
from evenergy.sandbox.times import text

Data = dict[str, object]

ON_USER = ("default_location.tariff", "default_location.tariff.supplier", "default_location.evse_site")
ON_VEHICLE = ("user", "trim", "trim.model", "trim.model.make", "latest_status_log")
ON_LOG = ("vehicle", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make", "vehicle.user")
ON_TRIM = ("model", "model.make")
ON_MODEL = ("make",)

_TARIFF = make_id("tari", 0, Dice("tariff"))
_SUPPLIER = make_id("supl", 0, Dice("supplier"))
_SITE = make_id("site", 0, Dice("site"))


class Tree(dict[str, "Tree"]):
    """The fields to expand, and those to expand in them."""


def expansion(call: Call, known: Collection[str] = ()) -> Tree:
    """Read `expand`; a deeper path brings its parents along."""
    tree = Tree()
    for path in (value for name, value in call.query.items() if name == "expand"):
        if path not in known:
            raise invalid_query("expand", f"Cannot expand {path!r}.")
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, Tree())
    return tree


def make(call: Call, make: Make) -> Data:
    """Write a make."""
    name, package = make.subscription or (None, None)
    return {
        "id": make.id,
        "url": call.url("vehicle_makes", make.id),
        "name": make.name,
        "icon": make.icon,
        "onboarding_url": _onboarding(call, "make_id", make.id) if make.onboards else None,
        "models": call.url("vehicle_models", make_id=make.id),
        "subscription_name": name,
        "subscription_package": package,
    }


def model(call: Call, model: Model, tree: Tree) -> Data:
    """Write a model."""
    return {
        "id": model.id,
        "url": call.url("vehicle_models", model.id),
        "name": model.name,
        "make": make(call, model.make) if "make" in tree else call.url("vehicle_makes", model.make.id),
        "onboarding_url": _onboarding(call, "model_id", model.id) if model.onboards else None,
        "vehicle_trims": call.url("vehicle_trims", model_id=model.id),
        "default_battery_size_watt_hours": model.battery_size,
        "default_connector_type": model.default_connector_type,
    }


def trim(call: Call, trim: Trim, tree: Tree) -> Data:
    """Write a trim."""
    whole = tree.get("model")
    return {
        "id": trim.id,
        "url": call.url("vehicle_trims", trim.id),
        "name": trim.name,
        "model": call.url("vehicle_models", trim.model.id) if whole is None else model(call, trim.model, whole),
        "battery_size_watt_hours": trim.battery_size,
        "onboarding_url": _onboarding(call, "trim_id", trim.id) if trim.onboards else None,
    }


def connector(call: Call, model: Model, connector: Connector) -> Data:
    """Write the connector of a model in a region."""
    return {
        "url": call.url("vehicle_models", model.id, "connectors", connector.region),
        "vehicle_model": call.url("vehicle_models", model.id),
        "region": connector.region,
        "connector_type": connector.connector_type,
        "source": connector.source,
        "confidence": connector.confidence,
        "verified_at": connector.verified_at,
        "updated_at": connector.updated_at,
    }


def user(call: Call, user: User, tree: Tree, *, alone: bool = False) -> Data:
    """Write a user; alone, with the details that lists leave out."""
    return {
        "id": user.id,
        "url": call.url("users", user.id),
        "email": user.email,
        "full_name": user.full_name,
        "joined_at": user.joined_at,
        "terms_consent_datetime": user.joined_at if user.consented else None,
        "default_location": _location(call, user, tree.get("default_location", Tree()), alone=alone),
        "vehicles": [call.url("vehicles", vehicle_id) for vehicle_id in call.fleet.vehicles_of[user.id]],
        "evses": [],
    }


def vehicle(call: Call, vehicle: Vehicle, tree: Tree) -> Data:
    """Write a vehicle."""
    setting = vehicle.settings[-1]
    in_trim, in_user = tree.get("trim"), tree.get("user")
    return {
        "id": vehicle.id,
        "url": call.url("vehicles", vehicle.id),
        "trim": call.url("vehicle_trims", vehicle.trim.id) if in_trim is None else trim(call, vehicle.trim, in_trim),
        "user": call.url("users", vehicle.user.id) if in_user is None else user(call, vehicle.user, in_user),
        "latest_status_log": _latest(call, vehicle, whole="latest_status_log" in tree),
        "charging_sub_sessions": call.url("charging_sub_sessions", vehicle_id=vehicle.id),
        "integrated": vehicle.integrated,
        "battery_size_watt_hours": vehicle.battery_size,
        "effective_battery_size_watt_hours": vehicle.effective_battery_size,
        "maximum_charge_limit_percentage": setting.limit,
        "description": vehicle.description,
        "disabled": False,
        "smart_charging_enabled": setting.smart,
        "vehicle_class": vehicle.vehicle_class,
    }


def logs(call: Call, owner: Vehicle, kind: LogKind, page: Collection[Log], tree: Tree) -> list[Data]:
    """Write logs of one vehicle."""
    url = call.url("vehicles", owner.id)
    inner = tree.get("vehicle")
    # The vehicle is the same in all of them, so it is written once.
    reference = url if inner is None else vehicle(call, owner, inner)
    return [_log(url, kind, log, reference) for log in page]


def vehicle_connectors(call: Call, vehicle: Vehicle) -> Data:
    """Write the plugs of a vehicle."""
    return {
        "url": call.url("vehicles", vehicle.id, "connectors"),
        "vehicle": call.url("vehicles", vehicle.id),
        "native_connector": vehicle.native_connector or vehicle.trim.model.default_connector_type,
        "adaptors": vehicle.adaptors,
        "updated_at": vehicle.connectors_at,
    }


def state_of_charge(call: Call, vehicle: Vehicle) -> Data:
    """Write the charge: what the driver entered, until the vehicle itself tells something newer."""
    log = call.world.logs.latest(vehicle)
    charge, source, moment = None, None, None
    if log is not None and log.fields["state_of_charge_percentage"] is not None:
        charge, source, moment = log.fields["state_of_charge_percentage"], "CONNECTED", log.logged
    if vehicle.manual_charge is not None and (moment is None or vehicle.manual_charge[1] >= moment):
        (charge, moment), source = vehicle.manual_charge, "MANUAL"
    return {
        "url": call.url("vehicles", vehicle.id, "state_of_charge"),
        "vehicle": call.url("vehicles", vehicle.id),
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


def _latest(call: Call, vehicle: Vehicle, *, whole: bool) -> object:
    log = call.world.logs.latest(vehicle)
    if log is None:
        return None
    url = call.url("vehicles", vehicle.id)
    return _log(url, STATUS, log, url) if whole else f"{url}/{STATUS.name}/{text(log.key)}"


def _onboarding(call: Call, parameter: str, id: str) -> str:
    query = {parameter: id}
    if call.user is not None:
        query["user_id"] = call.user.id
    if not call.anonymous:
        query["client_id"] = call.world.client_id
    return call.url("vehicle_onboarding", **query)


def _location(call: Call, user: User, tree: Tree, *, alone: bool) -> Data:
    city, postal_code, country, state, latitude, longitude = user.city
    in_tariff = tree.get("tariff")
    site = call.url("evse_sites", _SITE) if user.at_site else None
    location: Data = {
        "address_1": user.street,
        "address_2": None,
        "city": city,
        "state": state,
        "postal_code": postal_code,
        "country_code": country,
        "coordinates": {"latitude": latitude, "longitude": longitude},
        "tariff": call.url("tariffs", _TARIFF) if in_tariff is None else _tariff(call, in_tariff),
        "evse_site": _site(site) if site and "evse_site" in tree else site,
    }
    return location | {"current_carbon_intensity_grams_per_kilowatt_hour": 142} if alone else location


def _tariff(call: Call, tree: Tree) -> Data:
    supplier = call.url("suppliers", _SUPPLIER)
    whole: Data = {"id": _SUPPLIER, "url": supplier, "name": "Sandbox Power", "icon": None, "highlighted": False}
    return {
        "id": _TARIFF,
        "url": call.url("tariffs", _TARIFF),
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
