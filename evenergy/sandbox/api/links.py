"""Links that lead users to the pages where they connect what they own."""

from evenergy.sandbox.problems import invalid_query, not_found
from evenergy.sandbox.requests import Request
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.tables import Table


def onboarding_link(request: Request, collection: str, **chosen: str) -> str:
    """Return the link that begins an onboarding; for a known caller it says for which user and application."""
    if request.user is not None:
        chosen["user_id"] = request.user.id
    if not request.anonymous:
        chosen["client_id"] = request.state.client_id
    return request.url(collection, **chosen)


def user_in_query(request: Request) -> User:
    """Return the user for whom a link is followed, by an application that is known."""
    if request.query.get("client_id") != request.state.client_id:
        raise invalid_query("client_id", "There is no such application.")
    user = request.fleet.users.get(request.query.get("user_id", ""))
    if user is None:
        raise not_found()
    return user


def chosen_in_query(request: Request, **tables: Table) -> str | None:
    """Return the id that a query chooses: by the last of the parameters that it has, each with its table, or None."""
    chosen = None
    for parameter, table in tables.items():
        if parameter in request.query:
            chosen = request.query[parameter]
            if chosen not in table.pool(request.state).items:
                raise invalid_query(parameter, "There is no such thing.")
    return chosen


def login_page(request: Request, collection: str, chosen: str | None, user: User) -> str:
    """Return the page where a user logs in to the maker of what they own."""
    return request.url(collection, "login", user_id=user.id, chosen=chosen or "")


def redirect(url: str) -> Response:
    """Return the response that sends a browser to a page."""
    return Response(None, status=302, headers={"Location": url})
