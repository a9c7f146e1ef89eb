"""A request that passed the middleware, as an operation sees it."""

import json
from collections.abc import Callable, Mapping
from copy import copy
from functools import partial
from typing import Any, Protocol, cast
from urllib.parse import urlencode

import attrs

from evenergy.sandbox.problems import ProblemError, invalid_query, not_found
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.charging import Sessions
from evenergy.sandbox.simulation.fleet import Fleet, User
from evenergy.sandbox.simulation.home import Homes

Data = dict[str, object]


class Tree(dict[str, "Tree"]):
    """The fields to expand, and those to expand in them."""


class Owned(Protocol):
    """A resource that belongs to a user, or to nobody and is seen by all."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def owner(self) -> User | None:
        """The user whose it is."""
        ...


class Resources(Protocol):
    """A collection, as a reference to one of its resources needs it."""

    def find(self, request: "Request", id: str) -> Any | None:
        """Return a resource that the caller may see, or None."""
        ...

    def write(self, request: "Request", item: Any, tree: Tree, *, alone: bool = False) -> Data:
        """Return a resource as the API writes it."""
        ...


@attrs.define(eq=False)
class State:
    """The state that all operations share. It outlives a restart of the server."""

    client_id: str
    fleet: Fleet
    clock: Callable[[], float]
    collections: Mapping[str, Resources]
    late: float = 0.0
    base_url: str = ""
    pools: dict[str, Any] = attrs.field(factory=dict[str, Any])
    latest: dict[tuple[str, str], Any] = attrs.field(factory=dict[tuple[str, str], Any])
    memory: dict[str, dict[str, Any]] = attrs.field(factory=dict[str, dict[str, Any]])
    homes: Homes = attrs.field(init=False)
    sessions: Sessions = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.homes = Homes(self.fleet)
        self.sessions = Sessions(self.fleet)

    def at(self, time: float) -> "State":
        """Return the same state as of another time."""
        then = copy(self)
        then.clock, then.latest = lambda: time, {}
        return then

    def url(self, *parts: str, **query: str) -> str:
        """Return the URL of something here."""
        text = "/".join((self.base_url, *parts))
        return f"{text}?{urlencode(query)}" if query else text

    def remembered(self, name: str) -> dict[str, Any]:
        """Return what operations keep under this name."""
        return self.memory.setdefault(name, {})


@attrs.frozen
class Request:
    """One request."""

    state: State
    path: str  # below /v2
    ids: Mapping[str, str]
    query: Mapping[str, str]  # a multi-mapping: its items may repeat a name
    language: str
    body: bytes
    scopes: frozenset[str] | None  # None for anonymous callers
    own_token: bool  # a user's, and not the application's
    user: User | None

    @property
    def fleet(self) -> Fleet:
        """The users and vehicles."""
        return self.state.fleet

    @property
    def anonymous(self) -> bool:
        """Without an access token."""
        return self.scopes is None

    def url(self, *parts: str, **query: str) -> str:
        """Return the URL of something here."""
        return self.state.url(*parts, **query)

    def sees(self, item: Owned) -> bool:
        """Return whether the caller may see a resource."""
        return self.user is None or item.owner is None or item.owner is self.user

    def resource(self, collection: str, parameter: str = "id") -> Any:
        """Return the resource in the path, if the caller may see it."""
        item = self.state.collections[collection].find(self, self.ids[parameter])
        if item is None:
            raise not_found()
        return item

    def finder(self, collection: str) -> Callable[[str], Any | None]:
        """Return what finds the resources of a collection that the caller may see."""
        return partial(self.state.collections[collection].find, self)

    def needed_user(self) -> User:
        """Return the user that the request is made for."""
        if self.user is None:
            raise ProblemError(400, "Say for which user: send EvEnergy-User, or a user's own access token.")
        return self.user

    def available_for(self) -> User | None:
        """Return the user that the list is narrowed for."""
        if "available_for_user_id" not in self.query:
            return None
        user = self.fleet.users.get(self.query["available_for_user_id"])
        if user is None or not self.sees(user):
            raise invalid_query("available_for_user_id", "No such user.")
        return user

    def json(self) -> dict[str, object]:
        """Return the body, which must be a JSON object."""
        try:
            data = json.loads(self.body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise ProblemError(400, "The body is not JSON.") from None
        if not isinstance(data, dict):
            raise ProblemError(400, "The body must be a JSON object.")
        return cast("dict[str, object]", data)


Operation = Callable[[Request], Response]


def _no_number(name: str) -> None:
    raise ValueError(name)
