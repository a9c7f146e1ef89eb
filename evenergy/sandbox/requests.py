"""A request that passed the middleware, as an operation sees it."""

import json
from collections.abc import Callable, Mapping
from typing import TypeVar, cast
from urllib.parse import urlencode

import attrs

from evenergy.sandbox.catalogue import Make, Model, Trim
from evenergy.sandbox.fleet import Fleet, User, Vehicle
from evenergy.sandbox.log_reader import LogReader
from evenergy.sandbox.problems import ProblemError, invalid_query, not_found
from evenergy.sandbox.responses import Response


@attrs.frozen
class State:
    """The state that all operations share."""

    base_url: str
    client_id: str
    fleet: Fleet
    logs: LogReader
    clock: Callable[[], float]


@attrs.frozen
class Request:
    """One request."""

    state: State
    path: str  # below /v2
    ids: Mapping[str, str]
    query: Mapping[str, str]  # a multi-mapping: its items may repeat a name
    language: str
    body: bytes
    anonymous: bool
    user: User | None

    @property
    def fleet(self) -> Fleet:
        """The users and vehicles."""
        return self.state.fleet

    def url(self, *parts: str, **query: str) -> str:
        """Return the URL of something here."""
        text = "/".join((self.state.base_url, *parts))
        return f"{text}?{urlencode(query)}" if query else text

    def path_vehicle(self) -> Vehicle:
        """Return the vehicle in the path, if the caller may see it."""
        vehicle = self.fleet.vehicles.get(self.ids["id"])
        if vehicle is None or (self.user is not None and vehicle.user is not self.user):
            raise not_found()
        return vehicle

    def path_user(self) -> User:
        """Return the user in the path, if the caller may see them."""
        user = self.fleet.users.get(self.ids["id"])
        if user is None or (self.user is not None and user is not self.user):
            raise not_found()
        return user

    def path_make(self) -> Make:
        """Return the make in the path."""
        return _found(self.fleet.catalogue.makes, self.ids["id"])

    def path_model(self) -> Model:
        """Return the model in the path."""
        return _found(self.fleet.catalogue.models, self.ids["id"])

    def path_trim(self) -> Trim:
        """Return the trim in the path."""
        return _found(self.fleet.catalogue.trims, self.ids["id"])

    def available_for(self) -> User | None:
        """Return the user that the list is narrowed for."""
        if "available_for_user_id" not in self.query:
            return None
        user = self.fleet.users.get(self.query["available_for_user_id"])
        if user is None or (self.user is not None and user is not self.user):
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


T = TypeVar("T")
Operation = Callable[[Request], Response]


def _found(pool: Mapping[str, T], id: str) -> T:
    if id not in pool:
        raise not_found()
    return pool[id]


def _no_number(name: str) -> None:
    raise ValueError(name)
