"""Users, and where they live."""

from collections.abc import Sequence
from typing import Any, cast

import attrs

from evenergy.sandbox import validation as v
from evenergy.sandbox.api.evses import EVSES
from evenergy.sandbox.api.feeds import carbon_feed_of
from evenergy.sandbox.api.sites import site_of
from evenergy.sandbox.api.tariffs import tariff_of
from evenergy.sandbox.expansion import expansion, paths, refer, reference
from evenergy.sandbox.filters import Predicate
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_fields
from evenergy.sandbox.requests import Data, Request, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import Address, User
from evenergy.sandbox.simulation.markets import carbon_at
from evenergy.sandbox.simulation.places import CITIES
from evenergy.sandbox.tables import Collection, Listed
from evenergy.sandbox.times import now_text

_TEXTS = ("address_1", "address_2", "city", "state", "postal_code")
_WHOLE = ("address_1", "city", "postal_code", "country_code")  # an address has all of these, or nothing


def _by_email(_: Request, __: str, text: str) -> Predicate:
    return lambda user: user.email == text.lower()


@attrs.frozen(eq=False, kw_only=True)
class Users(Listed[User]):
    """Users."""

    def items(self, request: Request) -> Sequence[User]:
        """Return the users that the caller may see."""
        return [request.user] if request.user else list(request.fleet.users.values())

    def find(self, request: Request, id: str) -> User | None:
        """Return a user that the caller may see, or None."""
        user = request.fleet.users.get(id)
        return user if user is not None and request.sees(user) else None

    def write(self, request: Request, item: User, tree: Tree, *, alone: bool = False) -> Data:
        """Return a user as the API writes it."""
        return {
            "id": item.id,
            "url": request.url("users", item.id),
            "email": item.email,
            "full_name": item.full_name,
            "joined_at": item.joined_at,
            "terms_consent_datetime": item.joined_at if item.consented else None,
            "default_location": _location(request, item, tree.get("default_location", Tree()), alone=alone),
            "vehicles": [request.url("vehicles", vehicle_id) for vehicle_id in request.fleet.vehicles_of[item.id]],
            "evses": [request.url("evses", evse.id) for evse in EVSES.pool(request.state).of(item)],
        }


USERS = Users(
    name="users",
    prefix="user",
    scope="user:read",
    filters={"email": _by_email},
    expand=paths("default_location.tariff", "default_location.tariff.supplier", "default_location.evse_site"),
)
COLLECTIONS: tuple[Collection[Any], ...] = (USERS,)


def create_user(request: Request) -> Response:
    """Add a user, who has no vehicles yet."""
    tree = expansion(request, USERS.expand)
    values = v.checked(request.json(), _checks(request), needed=["email"])
    email = values["email"].lower()
    if any(user.email == email for user in request.fleet.users.values()):
        raise invalid_fields({"email": ["There is a user with this address."]})
    order = request.fleet.new_order()
    user = User(
        id=request.fleet.new_id("user", order),
        order=order,
        email=email,
        full_name="",
        joined_at=now_text(request.state.clock),
        consented=False,
        home=CITIES[0],
        address=Address(),
        at_site=False,
    )
    _move(user, values.get("default_location"))
    request.fleet.add_user(user)
    return Response(USERS.write(request, user, tree, alone=True), status=201)


def update_user(request: Request) -> Response:
    """Change the email address or the location of a user."""
    user: User = request.resource("users")
    tree = expansion(request, USERS.expand)
    values = v.checked(request.json(), _checks(request))
    _move(user, values.get("default_location"))
    user.email = values.get("email", user.email).lower()
    return Response(USERS.write(request, user, tree, alone=True))


def _checks(request: Request) -> dict[str, v.Check]:
    texts = {name: v.nullable(v.string()) for name in _TEXTS}
    location: dict[str, v.Check] = {
        **texts,
        "country_code": v.nullable(v.matching(r"[A-Z]{2}", "Must be the two letters of a country.")),
        "coordinates": v.nullable(v.lat_long()),
        "tariff": v.nullable(v.reference_id("tariffs", request.finder("tariffs"))),
    }
    return {"email": v.email(), "default_location": v.object_of(location)}


def _move(user: User, location: Any) -> None:
    """Change the given parts of a location; an address is whole or not at all."""
    if location is None:
        return
    changes = cast("dict[str, Any]", location)
    parts = {name: changes[name] for name in changes if name != "tariff"}
    address = attrs.evolve(user.address, **parts)
    missing = [name for name in _WHOLE if getattr(address, name) is None]
    if missing and address != Address():
        raise invalid_fields({f"default_location.{name}": ["An address needs this field."] for name in missing})
    user.address = address
    user.tariff = changes.get("tariff", user.tariff)


def _location(request: Request, user: User, tree: Tree, *, alone: bool) -> Data:
    address, tariff = user.address, tariff_of(request.state, user)
    latitude, longitude = address.coordinates or (None, None)
    location: Data = {
        "address_1": address.address_1,
        "address_2": address.address_2,
        "city": address.city,
        "state": address.state,
        "postal_code": address.postal_code,
        "country_code": address.country_code,
        "coordinates": None if latitude is None else {"latitude": latitude, "longitude": longitude},
        "tariff": refer(request, "tariffs", tariff, tree.get("tariff")),
        "evse_site": reference(request, "evse_sites", site_of(request.state, user), tree.get("evse_site")),
    }
    if not alone:
        return location
    feed = carbon_feed_of(request.state, user)
    grams = feed and carbon_at(feed.values["base"], feed.values["name"], request.state.clock())
    return {**location, "current_carbon_intensity_grams_per_kilowatt_hour": grams}


ROUTES = (
    Route("POST", "/users", create_user, "user:write"),
    Route("PATCH", "/users/{id}", update_user, "user:write"),
)
