"""The root of the API."""

from evenergy.sandbox.operations import Route
from evenergy.sandbox.requests import Request
from evenergy.sandbox.responses import Response

_COLLECTIONS = (
    "users",
    "carbon_feeds",
    "evses",
    "evse_models",
    "evse_makes",
    "vehicles",
    "vehicle_trims",
    "vehicle_models",
    "vehicle_makes",
    "suppliers",
    "tariffs",
    "support_tickets",
    "dispatch_coordinators",
    "grid_feeds",
)


def root(request: Request) -> Response:
    """Return the URLs of the collections, as far as the API names them."""
    return Response({name: request.url(name) for name in _COLLECTIONS})


ROUTES = (Route("GET", "", root, None),)
