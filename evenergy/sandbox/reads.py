"""The operations that read."""

import re

from evenergy.sandbox import paging, render, times
from evenergy.sandbox.catalogue import Make, Model
from evenergy.sandbox.fleet import User
from evenergy.sandbox.log_reader import LogKind
from evenergy.sandbox.problems import ProblemError, invalid_query, not_found
from evenergy.sandbox.requests import Operation, Request
from evenergy.sandbox.responses import Response

_COLLECTIONS = ("users", "vehicles", "vehicle_makes", "vehicle_models", "vehicle_trims")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"\s*[A-Za-z]{2,3}-([A-Za-z]{2})\b")


def root(request: Request) -> Response:
    """Return the URLs of the collections."""
    return Response({name: request.url(name) for name in _COLLECTIONS})


def users(request: Request) -> Response:
    """List users."""
    tree, email = render.expansion(request, render.ON_USER), request.query.get("email")
    found = [request.user] if request.user else list(request.fleet.users.values())
    if email is not None:
        found = [user for user in found if user.email == email.lower()]
    page = paging.page_of_items(request, found, "user")
    return Response([render.user(request, user, tree) for user in page.items], headers=page.headers)


def user(request: Request) -> Response:
    """Return one user."""
    tree = render.expansion(request, render.ON_USER)
    return Response(render.user(request, request.path_user(), tree, alone=True))


def vehicles(request: Request) -> Response:
    """List vehicles."""
    tree = render.expansion(request, render.ON_VEHICLE)
    found = request.fleet.vehicles_of[request.user.id] if request.user else request.fleet.vehicles
    page = paging.page_of_items(request, list(found.values()), "vhcl")
    return Response([render.vehicle(request, vehicle, tree) for vehicle in page.items], headers=page.headers)


def vehicle(request: Request) -> Response:
    """Return one vehicle."""
    tree = render.expansion(request, render.ON_VEHICLE)
    return Response(render.vehicle(request, request.path_vehicle(), tree))


def log_list(kind: LogKind) -> Operation:
    """Return the operation that lists logs."""

    def operation(request: Request) -> Response:
        vehicle, tree = request.path_vehicle(), render.expansion(request, render.ON_LOG)
        page = paging.page_of_logs(request, vehicle, kind)
        return Response(render.logs(request, vehicle, kind, page.items, tree), headers=page.headers)

    return operation


def one_log(kind: LogKind) -> Operation:
    """Return the operation that gives one log."""

    def operation(request: Request) -> Response:
        vehicle, tree = request.path_vehicle(), render.expansion(request, render.ON_LOG)
        key = times.parse(request.ids["key"])
        log = None if key is None else request.state.logs.find(vehicle, kind, key)
        if log is None:
            raise not_found()
        return Response(render.logs(request, vehicle, kind, [log], tree)[0])

    return operation


def vehicle_connectors(request: Request) -> Response:
    """Return the plugs of a vehicle."""
    return Response(render.vehicle_connectors(request, request.path_vehicle()))


def state_of_charge(request: Request) -> Response:
    """Return the charge of a vehicle."""
    return Response(render.state_of_charge(request, request.path_vehicle()))


def vpp_modes(request: Request) -> Response:
    """Return how a vehicle can be controlled."""
    connected = request.path_vehicle().integrated == "ACTIVE"
    modes = {"target_power": False, "import_max_power": connected, "export_max_power": False, "charge_mode": connected}
    return Response(modes)


def makes(request: Request) -> Response:
    """List makes."""
    render.expansion(request)
    user, models = request.available_for(), request.fleet.catalogue.models.values()

    def offered(make: Make) -> bool:
        return user is None or any(model.make is make and user.country in model.countries for model in models)

    found = paging.ordered(request, filter(offered, request.fleet.catalogue.makes.values()))
    page = paging.page_of_items(request, found, "vmak")
    return Response([render.make(request, make) for make in page.items], headers=page.headers)


def make(request: Request) -> Response:
    """Return one make."""
    render.expansion(request)
    return Response(render.make(request, request.path_make()))


def models(request: Request) -> Response:
    """List models."""
    tree = render.expansion(request, render.ON_MODEL)
    user, make_id = request.available_for(), request.query.get("make_id")

    def listed(model: Model) -> bool:
        return not model.hidden and make_id in (None, model.make.id) and _offered(model, user)

    found = paging.ordered(request, filter(listed, request.fleet.catalogue.models.values()))
    page = paging.page_of_items(request, found, "vmod")
    return Response([render.model(request, model, tree) for model in page.items], headers=page.headers)


def model(request: Request) -> Response:
    """Return one model."""
    tree = render.expansion(request, render.ON_MODEL)
    return Response(render.model(request, request.path_model(), tree))


def connectors(request: Request) -> Response:
    """List the connectors of a model."""
    model = request.path_model()
    page = paging.page_by_number(request, list(model.connectors.values()))
    return Response([render.connector(request, model, connector) for connector in page.items], headers=page.headers)


def connector(request: Request) -> Response:
    """Return the connector of a model in a region."""
    model, region = request.path_model(), request.ids["key"]
    if region not in model.connectors:
        raise not_found()
    return Response(render.connector(request, model, model.connectors[region]))


def trims(request: Request) -> Response:
    """List trims."""
    tree, model_id = render.expansion(request, render.ON_TRIM), request.query.get("model_id")
    trims = request.fleet.catalogue.trims.values()
    listed = (trim for trim in trims if not trim.hidden and model_id in (None, trim.model.id))
    page = paging.page_of_items(request, paging.ordered(request, listed), "trim")
    return Response([render.trim(request, trim, tree) for trim in page.items], headers=page.headers)


def trim(request: Request) -> Response:
    """Return one trim."""
    tree = render.expansion(request, render.ON_TRIM)
    return Response(render.trim(request, request.path_trim(), tree))


def compatibility(request: Request) -> Response:
    """Return whether a model is supported in a country."""
    model_id, country = request.query.get("vehicle_model_id", ""), _country(request)
    if not re.fullmatch(r"vmod[A-Z0-9]{26}", model_id):
        raise invalid_query("vehicle_model_id", "Must be the id of a vehicle model.")
    model = request.fleet.catalogue.models.get(model_id)
    if model is None:
        raise ProblemError(404, "There is no such model.", type="vehicle-model-not-found")
    if "program_id" in request.query:
        raise ProblemError(404, "There is no such program.", type="program-not-found")
    return Response({"compatible": country in model.countries, "recommendation_rank": model.make.rank})


def _country(request: Request) -> str:
    if "country" in request.query:
        if not _COUNTRY.fullmatch(request.query["country"]):
            raise invalid_query("country", "Must be the two letters of a country.")
        return request.query["country"].upper()
    spoken = _LANGUAGE.match(request.language)
    return spoken[1].upper() if spoken else "US"


def _offered(model: Model, user: User | None) -> bool:
    return user is None or user.country in model.countries
