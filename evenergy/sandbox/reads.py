"""The operations that read."""

import re

from evenergy.sandbox import paging, render, times
from evenergy.sandbox.calls import Call, Operation
from evenergy.sandbox.catalogue import Make, Model
from evenergy.sandbox.fleet import User
from evenergy.sandbox.logbook import LogKind
from evenergy.sandbox.problems import ProblemError, invalid_query, not_found
from evenergy.sandbox.replies import Reply

_COLLECTIONS = ("users", "vehicles", "vehicle_makes", "vehicle_models", "vehicle_trims")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"\s*[A-Za-z]{2,3}-([A-Za-z]{2})\b")


def root(call: Call) -> Reply:
    """Point at the collections."""
    return Reply({name: call.url(name) for name in _COLLECTIONS})


def users(call: Call) -> Reply:
    """List users."""
    tree, email = render.expansion(call, render.ON_USER), call.query.get("email")
    found = [call.user] if call.user else list(call.fleet.users.values())
    if email is not None:
        found = [user for user in found if user.email == email.lower()]
    page = paging.page_of_items(call, found, "user")
    return Reply([render.user(call, user, tree) for user in page.items], headers=page.headers)


def user(call: Call) -> Reply:
    """Give one user."""
    tree = render.expansion(call, render.ON_USER)
    return Reply(render.user(call, call.found_user(), tree, alone=True))


def vehicles(call: Call) -> Reply:
    """List vehicles."""
    tree = render.expansion(call, render.ON_VEHICLE)
    found = call.fleet.vehicles_of[call.user.id] if call.user else call.fleet.vehicles
    page = paging.page_of_items(call, list(found.values()), "vhcl")
    return Reply([render.vehicle(call, vehicle, tree) for vehicle in page.items], headers=page.headers)


def vehicle(call: Call) -> Reply:
    """Give one vehicle."""
    tree = render.expansion(call, render.ON_VEHICLE)
    return Reply(render.vehicle(call, call.found_vehicle(), tree))


def log_list(kind: LogKind) -> Operation:
    """Make the operation that lists logs."""

    def operation(call: Call) -> Reply:
        vehicle, tree = call.found_vehicle(), render.expansion(call, render.ON_LOG)
        page = paging.page_of_logs(call, vehicle, kind)
        return Reply(render.logs(call, vehicle, kind, page.items, tree), headers=page.headers)

    return operation


def one_log(kind: LogKind) -> Operation:
    """Make the operation that gives one log."""

    def operation(call: Call) -> Reply:
        vehicle, tree = call.found_vehicle(), render.expansion(call, render.ON_LOG)
        key = times.parse(call.ids["key"])
        log = None if key is None else call.world.logs.find(vehicle, kind, key)
        if log is None:
            raise not_found()
        return Reply(render.logs(call, vehicle, kind, [log], tree)[0])

    return operation


def vehicle_connectors(call: Call) -> Reply:
    """Give the plugs of a vehicle."""
    return Reply(render.vehicle_connectors(call, call.found_vehicle()))


def state_of_charge(call: Call) -> Reply:
    """Give the charge of a vehicle."""
    return Reply(render.state_of_charge(call, call.found_vehicle()))


def vpp_modes(call: Call) -> Reply:
    """Say how a vehicle can be controlled."""
    connected = call.found_vehicle().integrated == "ACTIVE"
    modes = {"target_power": False, "import_max_power": connected, "export_max_power": False, "charge_mode": connected}
    return Reply(modes)


def makes(call: Call) -> Reply:
    """List makes."""
    render.expansion(call)
    user, models = call.available_for(), call.fleet.catalogue.models.values()

    def offered(make: Make) -> bool:
        return user is None or any(model.make is make and user.country in model.countries for model in models)

    found = paging.ordered(call, filter(offered, call.fleet.catalogue.makes.values()))
    page = paging.page_of_items(call, found, "vmak")
    return Reply([render.make(call, make) for make in page.items], headers=page.headers)


def make(call: Call) -> Reply:
    """Give one make."""
    render.expansion(call)
    return Reply(render.make(call, call.found_make()))


def models(call: Call) -> Reply:
    """List models."""
    tree = render.expansion(call, render.ON_MODEL)
    user, make_id = call.available_for(), call.query.get("make_id")

    def listed(model: Model) -> bool:
        return not model.hidden and make_id in (None, model.make.id) and _offered(model, user)

    found = paging.ordered(call, filter(listed, call.fleet.catalogue.models.values()))
    page = paging.page_of_items(call, found, "vmod")
    return Reply([render.model(call, model, tree) for model in page.items], headers=page.headers)


def model(call: Call) -> Reply:
    """Give one model."""
    tree = render.expansion(call, render.ON_MODEL)
    return Reply(render.model(call, call.found_model(), tree))


def connectors(call: Call) -> Reply:
    """List the connectors of a model."""
    model = call.found_model()
    page = paging.page_by_number(call, list(model.connectors.values()))
    return Reply([render.connector(call, model, connector) for connector in page.items], headers=page.headers)


def connector(call: Call) -> Reply:
    """Give the connector of a model in a region."""
    model, region = call.found_model(), call.ids["key"]
    if region not in model.connectors:
        raise not_found()
    return Reply(render.connector(call, model, model.connectors[region]))


def trims(call: Call) -> Reply:
    """List trims."""
    tree, model_id = render.expansion(call, render.ON_TRIM), call.query.get("model_id")
    trims = call.fleet.catalogue.trims.values()
    listed = (trim for trim in trims if not trim.hidden and model_id in (None, trim.model.id))
    page = paging.page_of_items(call, paging.ordered(call, listed), "trim")
    return Reply([render.trim(call, trim, tree) for trim in page.items], headers=page.headers)


def trim(call: Call) -> Reply:
    """Give one trim."""
    tree = render.expansion(call, render.ON_TRIM)
    return Reply(render.trim(call, call.found_trim(), tree))


def compatibility(call: Call) -> Reply:
    """Say whether a model is supported in a country."""
    model_id, country = call.query.get("vehicle_model_id", ""), _country(call)
    if not re.fullmatch(r"vmod[A-Z0-9]{26}", model_id):
        raise invalid_query("vehicle_model_id", "Must be the id of a vehicle model.")
    model = call.fleet.catalogue.models.get(model_id)
    if model is None:
        raise ProblemError(404, "There is no such model.", type="vehicle-model-not-found")
    if "program_id" in call.query:
        raise ProblemError(404, "There is no such program.", type="program-not-found")
    return Reply({"compatible": country in model.countries, "recommendation_rank": model.make.rank})


def _country(call: Call) -> str:
    if "country" in call.query:
        if not _COUNTRY.fullmatch(call.query["country"]):
            raise invalid_query("country", "Must be the two letters of a country.")
        return call.query["country"].upper()
    spoken = _LANGUAGE.match(call.language)
    return spoken[1].upper() if spoken else "US"


def _offered(model: Model, user: User | None) -> bool:
    return user is None or user.country in model.countries
