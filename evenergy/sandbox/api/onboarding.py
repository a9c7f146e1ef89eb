"""Onboarding of vehicles and chargers: links, compatibility, and waiting lists."""

import re
from operator import attrgetter
from uuid import UUID

from evenergy.sandbox import validation as v
from evenergy.sandbox.api.evse_catalogue import EVSE_MAKES, EVSE_MODELS
from evenergy.sandbox.api.evses import EVSES
from evenergy.sandbox.api.links import chosen_in_query, login_page, redirect, user_in_query
from evenergy.sandbox.api.programs import PROGRAMS
from evenergy.sandbox.expansion import expansion
from evenergy.sandbox.ids import digest
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError, invalid_fields, invalid_query, not_found
from evenergy.sandbox.requests import Request
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.catalogue import Trim
from evenergy.sandbox.simulation.driving import Setting
from evenergy.sandbox.simulation.fleet import User, Vehicle
from evenergy.sandbox.tables import Item, Seed

_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"\s*[A-Za-z]{2,3}-([A-Za-z]{2})\b")
_PROVIDERS = ("ChargePoint", "EO", "SyncEV", "EnelX", "Easee", "Wallbox", "Zaptec")
_SERIAL = re.compile(r"[A-Z0-9][A-Z0-9-]{3,29}")
_REQUESTS = "authorization requests"
_LIFE = 3600.0  # seconds, of a request to authorize
_NEEDS_MODEL = ("model_id", "trim_id")


def start_vehicle(request: Request) -> Response:
    """Begin to onboard a vehicle: as JSON for apps, else as a redirect."""
    user, trim = user_in_query(request), _trim_in_query(request)
    link = login_page(request, "vehicle_onboarding", trim.id if trim else None, user)
    if request.query.get("response_type") != "json":
        return redirect(link)
    if trim is None:
        raise ProblemError(
            422, "Choose a make, a model or a trim that can be onboarded.", type="onboarding-unavailable"
        )
    order = request.fleet.new_order()
    id_ = str(UUID(int=digest(f"{request.fleet.seed}/{user.id}/{order}", 128), version=4))
    request.state.remembered(_REQUESTS)[id_] = (user, trim, request.state.clock() + _LIFE)
    scopes = ["read_vehicle_info", "read_battery", "control_charge"]
    data = {
        "authorization_request_id": id_,
        "url": link,
        "auth_method": "api" if trim.model.make.onboards else "native",
        "scopes": scopes if trim.model.make.onboards else None,
        "single_select": True,
    }
    return Response(data)


def complete_vehicle(request: Request) -> Response:
    """Add the vehicle of a request to authorize; from then on it reports."""
    checks = {
        "authorization_request_uid": v.matching(r"[0-9a-fA-F-]{36}", "Must be a UUID."),
        "auth_code": v.string(1000),
        "smartcar_user_id": v.nullable(v.string(100)),
    }
    values = v.checked(request.json(), checks, needed=("authorization_request_uid", "auth_code"))
    begun = request.state.remembered(_REQUESTS).pop(values["authorization_request_uid"].lower(), None)
    if begun is None:
        raise not_found()
    user, trim, expires = begun
    if request.state.clock() >= expires:
        raise ProblemError(422, "The request to authorize has expired.", type="authorization-request-expired")
    vehicle = _onboarded(request, user, trim)
    request.fleet.add(vehicle)
    return Response({"vehicles": [{"id": vehicle.id, "url": request.url("vehicles", vehicle.id)}]}, status=201)


def send_link(request: Request) -> Response:
    """Pretend to send a link by mail."""
    request.needed_user()
    makes = request.fleet.catalogue.makes
    checks = {"email": v.email(), "make": v.one_of(*makes, *(request.url("vehicle_makes", id_) for id_ in makes))}
    v.checked(request.json(), checks, needed=checks)
    return Response(None, status=204)


def start_evse(request: Request) -> Response:
    """Begin to onboard a charger: as JSON for apps, else as a redirect."""
    user = user_in_query(request)
    chosen = chosen_in_query(request, make_id=EVSE_MAKES, model_id=EVSE_MODELS)
    link = login_page(request, "evse_onboarding", chosen, user)
    if request.query.get("response_type") != "json":
        return redirect(link)
    if chosen is None:
        raise invalid_query("make_id", "Give make_id or model_id.")
    return Response({"url": link})


def import_evse(request: Request) -> Response:
    """Add a charger by its serial number; one that does not look like a serial number is unknown."""
    user = request.needed_user()
    checks = {"provider": v.one_of(*_PROVIDERS), "serial_number": v.string()}
    values = v.checked(request.json(), checks, needed=checks)
    tree, serial = expansion(request, EVSES.expand), values["serial_number"]
    if not _SERIAL.fullmatch(serial):
        raise ProblemError(404, "The provider knows no such serial number.")
    if any(item.values["cpid"] == serial for item in EVSES.pool(request.state).items.values()):
        raise ProblemError(422, "The charger is registered already.", type="evse-already-registered")
    charger = EVSES.add(request.state, Seed(user, values={"cpid": serial, "lifecycle_state": "ENROLLED"}))
    return Response(EVSES.write(request, charger, tree, alone=True), status=201)


def check_vehicle(request: Request) -> Response:
    """Return whether a vehicle model is supported in a country."""
    id_ = _model_in_query(request, "vehicle_model_id", "vmod")
    model = request.fleet.catalogue.models.get(id_)
    if model is None:
        raise ProblemError(404, "There is no such model.", type="vehicle-model-not-found")
    compatible = any(country in model.countries for country in _countries(request))
    return Response({"compatible": compatible, "recommendation_rank": model.make.rank})


def check_evse(request: Request) -> Response:
    """Return whether a charger model is supported in a country."""
    id_ = _model_in_query(request, "evse_model_id", "emod")
    model = EVSE_MODELS.pool(request.state).items.get(id_)
    if model is None:
        raise ProblemError(404, "There is no such model.", type="evse-model-not-found")
    make = EVSE_MAKES.pool(request.state).items[model.values["make"]]
    compatible = any(country in model.values["countries"] for country in _countries(request))
    rank = 1 + digest(model.id, 8) % 10
    return Response({"compatible": compatible, "beta": make.values["is_beta"], "recommendation_rank": rank})


def join_vehicle_waitlist(request: Request) -> Response:
    """Record who waits for a vehicle model."""
    return _waiting(request, "vehicle", list(request.fleet.catalogue.models), "vwlt")


def join_evse_waitlist(request: Request) -> Response:
    """Record who waits for a charger model."""
    return _waiting(request, "evse", list(EVSE_MODELS.pool(request.state).items), "ewlt")


def _waiting(request: Request, kind: str, models: list[str], prefix: str) -> Response:
    """Record who waits for a model: one of the catalogue, or one described in words, not both."""
    model, make_name, model_name = f"{kind}_model_id", f"{kind}_make_name", f"{kind}_model_name"
    programs = PROGRAMS.pool(request.state).items
    checks = {
        "email": v.email(),
        model: v.nullable(v.one_of(*models)),
        make_name: v.nullable(v.string()),
        model_name: v.nullable(v.string()),
        "program_id": v.nullable(v.one_of(*programs)),
    }
    values = v.checked(request.json(), checks, needed=["email"])
    picked, *described = (values.get(name) is not None for name in (model, make_name, model_name))
    if any(described) == picked or any(described) != all(described):
        raise invalid_fields({model: [f"Send this, or both {make_name} and {model_name}."]})
    return Response({"id": request.fleet.new_id(prefix)}, status=201)


def _trim_in_query(request: Request) -> Trim | None:
    """Return the trim that the query leads to; None where the user has yet to choose."""
    catalogue, query = request.fleet.catalogue, request.query
    trims = list(catalogue.trims.values())
    for parameter, attribute in (("trim_id", "id"), ("model_id", "model.id"), ("make_id", "model.make.id")):
        if parameter in query:
            trims = [trim for trim in trims if attrgetter(attribute)(trim) == query[parameter]]
            if not trims:
                raise invalid_query(parameter, "There is no such thing.")
    chosen = any(name in query for name in _NEEDS_MODEL) or trims[0].model.make.onboards
    return trims[0] if chosen and len(trims) < len(catalogue.trims) else None


def _onboarded(request: Request, user: User, trim: Trim) -> Vehicle:
    fleet = request.fleet
    order = fleet.new_order()
    id_ = fleet.new_id("vhcl", order)
    return Vehicle(
        id=id_,
        order=order,
        owner=user,
        trim=trim,
        integrated="ACTIVE",
        battery_size=trim.battery_size,
        odometer=float(1_000_000 + digest(id_, 24)),
        settings=(Setting(float("-inf"), 80, smart=True),),
        description=f"{trim.model.make.name} {trim.model.name}",
        reports_from=request.state.clock(),
    )


def _model_in_query(request: Request, parameter: str, prefix: str) -> str:
    id_ = request.query.get(parameter, "")
    if not re.fullmatch(prefix + "[A-Z0-9]{26}", id_):
        raise invalid_query(parameter, "Must be the id of a model.")
    return id_


def _countries(request: Request) -> tuple[str, ...]:
    """Return the countries that are meant; a program overrules the parameter and the language."""
    if "program_id" in request.query:
        program: Item | None = PROGRAMS.pool(request.state).items.get(request.query["program_id"])
        if program is None:
            raise ProblemError(404, "There is no such program.", type="program-not-found")
        countries: tuple[str, ...] = program.values["countries"]
        return countries
    if "country" in request.query:
        if not _COUNTRY.fullmatch(request.query["country"]):
            raise invalid_query("country", "Must be the two letters of a country.")
        return (request.query["country"].upper(),)
    spoken = _LANGUAGE.match(request.language)
    return (spoken[1].upper() if spoken else "US",)


ROUTES = (
    Route("GET", "/vehicle_onboarding", start_vehicle, None),
    Route("POST", "/vehicle_onboarding/complete", complete_vehicle, None),
    Route("POST", "/vehicle_onboarding/onboarding_link", send_link, "vehicle:write"),
    Route("GET", "/vehicle_compatibility/check", check_vehicle, None),
    Route("POST", "/vehicle_waitlist", join_vehicle_waitlist, None),
    Route("GET", "/evse_onboarding", start_evse, None),
    Route("POST", "/evse_onboarding/import", import_evse, "evse:write"),
    Route("GET", "/evse_compatibility/check", check_evse, None),
    Route("POST", "/evse_waitlist", join_evse_waitlist, None),
)
