"""Makes, models and trims of vehicles, and the connectors of models."""

from collections.abc import Sequence
from typing import Any

import attrs

from evenergy.sandbox import paging, validation as v
from evenergy.sandbox.api.links import onboarding_link
from evenergy.sandbox.expansion import paths, refer
from evenergy.sandbox.filters import equal
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_fields, not_found
from evenergy.sandbox.requests import Data, Request, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.catalogue import Connector, Make, Model, Trim
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.tables import Collection, Listed
from evenergy.sandbox.times import now_text

BATTERY = v.integer(1000, 300_000)
PLUG = v.one_of("CCS", "NACS", "CHADEMO")
_ANY_PLUG = v.one_of("CCS", "NACS", "CHADEMO", "GBT")
_PROVENANCE = {
    "source": v.nullable(v.one_of("EV_ENERGY", "CAR_API", "USER", "DVLA", "PROVIDER", "FLEET")),
    "confidence": v.nullable(v.one_of("HIGH", "MEDIUM", "LOW")),
    "verified_at": v.nullable(v.moment()),
}
_CURATE, _CHANGE = "vehicle_catalogue:write", "vehicle:write"


@attrs.frozen(eq=False, kw_only=True)
class Makes(Listed[Make]):
    """Vehicle makes."""

    def items(self, request: Request) -> Sequence[Make]:
        """Return the makes that are available for the user in the query."""
        user, catalogue = request.available_for(), request.fleet.catalogue
        models = [model for model in catalogue.models.values() if _offered(model, user)]
        return [make for make in catalogue.makes.values() if user is None or any(m.make is make for m in models)]

    def find(self, request: Request, id: str) -> Make | None:
        """Return a make, or None."""
        return request.fleet.catalogue.makes.get(id)

    def write(self, request: Request, item: Make, tree: Tree, *, alone: bool = False) -> Data:
        """Return a make as the API writes it."""
        del tree, alone
        name, package = item.subscription or (None, None)
        return {
            "id": item.id,
            "url": request.url("vehicle_makes", item.id),
            "name": item.name,
            "icon": item.icon,
            "onboarding_url": onboarding_link(request, "vehicle_onboarding", make_id=item.id)
            if item.onboards
            else None,
            "models": request.url("vehicle_models", make_id=item.id),
            "subscription_name": name,
            "subscription_package": package,
        }


@attrs.frozen(eq=False, kw_only=True)
class Models(Listed[Model]):
    """Vehicle models. A hidden one is found by its id, but not listed."""

    def items(self, request: Request) -> Sequence[Model]:
        """Return the models that are available for the user in the query."""
        user = request.available_for()
        return [m for m in request.fleet.catalogue.models.values() if not m.hidden and _offered(m, user)]

    def find(self, request: Request, id: str) -> Model | None:
        """Return a model, or None."""
        return request.fleet.catalogue.models.get(id)

    def write(self, request: Request, item: Model, tree: Tree, *, alone: bool = False) -> Data:
        """Return a model as the API writes it."""
        del alone
        return {
            "id": item.id,
            "url": request.url("vehicle_models", item.id),
            "name": item.name,
            "make": refer(request, "vehicle_makes", item.make, tree.get("make")),
            "onboarding_url": onboarding_link(request, "vehicle_onboarding", model_id=item.id)
            if item.onboards
            else None,
            "vehicle_trims": request.url("vehicle_trims", model_id=item.id),
            "default_battery_size_watt_hours": item.battery_size,
            "default_connector_type": item.default_connector_type,
        }


@attrs.frozen(eq=False, kw_only=True)
class Trims(Listed[Trim]):
    """Vehicle trims. A hidden one is found by its id, but not listed."""

    def items(self, request: Request) -> Sequence[Trim]:
        """Return the trims that are listed."""
        return [trim for trim in request.fleet.catalogue.trims.values() if not trim.hidden]

    def find(self, request: Request, id: str) -> Trim | None:
        """Return a trim, or None."""
        return request.fleet.catalogue.trims.get(id)

    def write(self, request: Request, item: Trim, tree: Tree, *, alone: bool = False) -> Data:
        """Return a trim as the API writes it."""
        del alone
        return {
            "id": item.id,
            "url": request.url("vehicle_trims", item.id),
            "name": item.name,
            "model": refer(request, "vehicle_models", item.model, tree.get("model")),
            "battery_size_watt_hours": item.battery_size,
            "onboarding_url": onboarding_link(request, "vehicle_onboarding", trim_id=item.id)
            if item.onboards
            else None,
        }


MAKES = Makes(name="vehicle_makes", prefix="vmak", scope=None, ordering=True)
MODELS = Models(
    name="vehicle_models",
    prefix="vmod",
    scope=None,
    expand=paths("make"),
    filters={"make_id": equal(lambda model: model.make.id)},
    ordering=True,
)
TRIMS = Trims(
    name="vehicle_trims",
    prefix="trim",
    scope="vehicle:read",
    expand=paths("model", "model.make"),
    filters={"model_id": equal(lambda trim: trim.model.id)},
    ordering=True,
)
COLLECTIONS: tuple[Collection[Any], ...] = (MAKES, MODELS, TRIMS)


def create_trim(request: Request) -> Response:
    """Add a trim for the one who misses it."""
    checks = {
        "name": v.string(),
        "model": v.reference("vehicle_models", request.finder("vehicle_models")),
        "battery_size_watt_hours": BATTERY,
    }
    values = v.checked(request.json(), checks, needed=checks)
    trim = request.fleet.catalogue.add_trim(values["name"], values["model"], values["battery_size_watt_hours"])
    return Response(TRIMS.write(request, trim, Tree()), status=201)


def create_model(request: Request) -> Response:
    """Add a model, hidden until somebody reviews it."""
    checks = {"name": v.string(), "make": v.reference("vehicle_makes", request.finder("vehicle_makes"))}
    values = v.checked(request.json(), checks, needed=checks)
    model = request.fleet.catalogue.add_model(values["name"], values["make"])
    return Response(MODELS.write(request, model, Tree()), status=201)


def update_model(request: Request) -> Response:
    """Correct the connector that a model usually has."""
    model: Model = request.resource("vehicle_models")
    values = v.checked(request.json(), {"default_connector_type": v.nullable(PLUG)})
    model.default_connector_type = values.get("default_connector_type", model.default_connector_type)
    return Response(MODELS.write(request, model, Tree()))


def list_connectors(request: Request) -> Response:
    """List the connectors of a model."""
    model: Model = request.resource("vehicle_models")
    page = paging.by_number(request, list(model.connectors.values()))
    return Response([_connector(request, model, connector) for connector in page.items], headers=page.headers)


def get_connector(request: Request) -> Response:
    """Return the connector of a model in a region."""
    model: Model = request.resource("vehicle_models")
    return Response(_connector(request, model, _connector_in(request, model)))


def create_connector(request: Request) -> Response:
    """Add the connector of a model in a region."""
    model: Model = request.resource("vehicle_models")
    checks = {"region": v.one_of("NORTH_AMERICA", "EUROPE"), "connector_type": _ANY_PLUG, **_PROVENANCE}
    values = v.checked(request.json(), checks, needed=("region", "connector_type"))
    if values["region"] in model.connectors:
        raise invalid_fields({"region": ["The model has a connector there."]})
    unknown: dict[str, Any] = dict.fromkeys(_PROVENANCE)
    connector = Connector(**(unknown | values), updated_at=now_text(request.state.clock))
    model.connectors[connector.region] = connector
    return Response(_connector(request, model, connector), status=201)


def update_connector(request: Request) -> Response:
    """Correct the connector of a model in a region."""
    model: Model = request.resource("vehicle_models")
    before = _connector_in(request, model)
    values = v.checked(request.json(), {"connector_type": _ANY_PLUG, **_PROVENANCE})
    connector = attrs.evolve(before, **values, updated_at=now_text(request.state.clock))
    model.connectors[connector.region] = connector
    return Response(_connector(request, model, connector))


def _connector_in(request: Request, model: Model) -> Connector:
    connector = model.connectors.get(request.ids["region"])
    if connector is None:
        raise not_found()
    return connector


def _connector(request: Request, model: Model, connector: Connector) -> Data:
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


def _offered(model: Model, user: User | None) -> bool:
    return user is None or user.country in model.countries


ROUTES = (
    Route("POST", "/vehicle_trims", create_trim, _CHANGE),
    Route("POST", "/vehicle_models", create_model, _CHANGE),
    Route("PATCH", "/vehicle_models/{id}", update_model, _CURATE),
    Route("GET", "/vehicle_models/{id}/connectors", list_connectors, None),
    Route("POST", "/vehicle_models/{id}/connectors", create_connector, _CURATE),
    Route("GET", "/vehicle_models/{id}/connectors/{region}", get_connector, None),
    Route("PATCH", "/vehicle_models/{id}/connectors/{region}", update_connector, _CURATE),
)
