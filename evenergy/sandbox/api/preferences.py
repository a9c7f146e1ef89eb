"""Preferences of users: notifications, route planner, payout, and saved routes."""

import re
from typing import Any

from evenergy.sandbox import validation as v
from evenergy.sandbox.fields import computed, value
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError, invalid_fields
from evenergy.sandbox.requests import Data, Operation, Request
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.tables import Create, Table, Update
from evenergy.sandbox.times import now_text

_GROUPS = (
    "charging_flow",
    "charging_issues",
    "charging_optimisation",
    "deals_and_offers",
    "power_supply_notifications",
)
_POWERS = (22_000, 50_000, 100_000, 150_000, 250_000)
_RECEIVERS = {"PAYPAL": "EMAIL", "VENMO": "PHONE", "BILL_CREDITS": "ACCOUNT_NUMBER"}
_SHAPES = {"PAYPAL": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "VENMO": re.compile(r"\+?[0-9][0-9 -]{5,20}")}
_MOST_ROUTES = 50


def _kept(request: Request, name: str, default: Data) -> tuple[User, dict[str, Any]]:
    """Return the user in the path, and what is kept of their preferences."""
    user: User = request.resource("users")
    kept: dict[str, Any] = request.state.remembered(name).setdefault(user.id, default)
    return user, kept


def _notification_preferences(request: Request) -> tuple[User, dict[str, Any]]:
    groups: Data = {name: name != "deals_and_offers" for name in _GROUPS}
    return _kept(request, "notification preferences", groups)


def get_notification_preferences(request: Request) -> Response:
    """Return which groups of notifications a user gets."""
    user, groups = _notification_preferences(request)
    return Response({"url": request.url("users", user.id, "notification_preferences"), "groups": groups})


def update_notification_preferences(request: Request) -> Response:
    """Change the groups that are given, and no others."""
    checks = {"groups": v.object_of(dict.fromkeys(_GROUPS, v.boolean()), closed=True)}
    _, groups = _notification_preferences(request)
    groups.update(v.checked(request.json(), checks).get("groups", {}))
    return get_notification_preferences(request)


def _route_planner(request: Request) -> tuple[User, dict[str, Any]]:
    default: Data = {
        "preferred_vehicle": None,
        "min_charger_power_watts": None,
        "arrive_with_min_percent": 10,
        "updated_at": now_text(request.state.clock),
    }
    return _kept(request, "route planner preferences", default)


def get_route_planner_preferences(request: Request) -> Response:
    """Return the preferences of the route planner, made at the first look."""
    user, kept = _route_planner(request)
    vehicle = kept["preferred_vehicle"]
    url = request.url("users", user.id, "route_planner_preferences")
    return Response({"url": url, **kept, "preferred_vehicle": vehicle and request.url("vehicles", vehicle)})


def update_route_planner_preferences(request: Request) -> Response:
    """Change the preferences that are given, and no others."""
    _, kept = _route_planner(request)
    checks = {
        "preferred_vehicle": v.nullable(v.reference_id("vehicles", request.finder("vehicles"))),
        "min_charger_power_watts": v.nullable(v.one_number_of(*_POWERS)),
        "arrive_with_min_percent": v.integer(0, 100),
    }
    values = v.checked(request.json(), checks)
    if values:
        kept.update(values, updated_at=now_text(request.state.clock))
    return get_route_planner_preferences(request)


def get_payout_method(request: Request) -> Response:
    """Return the payout method; all of it is null where none is set."""
    user: User = request.resource("users")
    unset: Data = {"receiver": None, "receiver_type": None, "receiver_wallet": None}
    method = request.state.remembered("payout methods").get(user.id, unset)
    return Response({"url": request.url("users", user.id, "payout_method"), **method})


def update_payout_method(request: Request) -> Response:
    """Set the payout method."""
    user: User = request.resource("users")
    checks = {"receiver": v.nullable(v.string(254)), "receiver_wallet": v.one_of(*_RECEIVERS)}
    values = v.checked(request.json(), checks, needed=["receiver_wallet"])
    wallet, receiver = values["receiver_wallet"], values.get("receiver")
    shape = _SHAPES.get(wallet)
    if shape is None and "receiver" in values:
        raise invalid_fields({"receiver": [f"{wallet} takes it from the account."]})
    if shape is not None and (receiver is None or not shape.fullmatch(receiver)):
        raise invalid_fields({"receiver": [f"{wallet} needs it: {_RECEIVERS[wallet].lower()}."]})
    request.state.remembered("payout methods")[user.id] = {
        "receiver": receiver,
        "receiver_type": _RECEIVERS[wallet],
        "receiver_wallet": wallet,
    }
    return get_payout_method(request)


def delete_payout_method(request: Request) -> Response:
    """Clear the payout method, also where none is set."""
    user: User = request.resource("users")
    request.state.remembered("payout methods").pop(user.id, None)
    return Response(None, status=204)


def _route_checks(_: Request) -> dict[str, v.Check]:
    point = v.object_of(
        {"latitude": v.number(-90, 90), "longitude": v.number(-180, 180), "name": v.string(100)},
        ("latitude", "longitude", "name"),
    )
    return {
        "name": v.string(),
        "favourite": v.boolean(),
        "origin": point,
        "destination": point,
        "waypoints": v.list_of(point, longest=25),
        "arrive_with_min_percent": v.integer(0, 100),
        "preferred_departure_minutes": v.nullable(v.integer(0, 1439)),
        "last_used_at": v.moment(),
    }


def _also(request: Request, values: dict[str, Any]) -> Data:
    user: User = request.resource("users", "parent")
    if len(SAVED_ROUTES.pool(request.state).below(user.id)) >= _MOST_ROUTES:
        raise ProblemError(400, f"A user keeps at most {_MOST_ROUTES} routes.")
    now = now_text(request.state.clock)
    unset: Data = {"favourite": False, "waypoints": [], "preferred_departure_minutes": None, "last_used_at": now}
    return {"created_at": now, **unset, **values}


SAVED_ROUTES = Table(
    name="saved_routes",
    prefix="savr",
    scope="saved_routes:read",
    parent="users",
    create=Create(
        scope="saved_routes:write",
        checks=_route_checks,
        needed=("name", "origin", "destination", "arrive_with_min_percent"),
        also=_also,
    ),
    update=Update(scope="saved_routes:write", checks=_route_checks),
    delete="saved_routes:write",
    fields={
        "user": computed(lambda request, item: request.url("users", item.parent or "")),
        "name": value(),
        "favourite": value(),
        "origin": value(),
        "destination": value(),
        "waypoints": value(),
        "arrive_with_min_percent": value(),
        "preferred_departure_minutes": value(),
        "created_at": value(),
        "last_used_at": value(),
    },
)
COLLECTIONS = (SAVED_ROUTES,)


def _route(method: str, name: str, operation: Operation, scope: str | None = None) -> Route:
    verb = "read" if method == "GET" else "write"
    return Route(method, f"/users/{{id}}/{name}", operation, f"{scope or name}:{verb}")


ROUTES = (
    _route("GET", "notification_preferences", get_notification_preferences),
    _route("PATCH", "notification_preferences", update_notification_preferences),
    _route("GET", "route_planner_preferences", get_route_planner_preferences),
    _route("PATCH", "route_planner_preferences", update_route_planner_preferences),
    _route("GET", "payout_method", get_payout_method),
    _route("PATCH", "payout_method", update_payout_method),
    _route("DELETE", "payout_method", delete_payout_method),
)
