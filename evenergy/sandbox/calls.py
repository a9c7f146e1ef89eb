"""A request that was let in, as an operation sees it."""

import json
from collections.abc import Callable, Mapping
from typing import TypeVar, cast
from urllib.parse import urlencode

import attrs

from evenergy.sandbox.catalogue import Make, Model, Trim
from evenergy.sandbox.fleet import Fleet, User, Vehicle
from evenergy.sandbox.logbook import LogBook
from evenergy.sandbox.problems import ProblemError, invalid_query, not_found
from evenergy.sandbox.replies import Reply


@attrs.frozen
class World:
    """What all operations work on."""

    base_url: str
    client_id: str
    fleet: Fleet
    logs: LogBook
    clock: Callable[[], float]


@attrs.frozen
class Call:
    """One request."""

    world: World
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
        return self.world.fleet

    def url(self, *parts: str, **query: str) -> str:
        """Give the URL of something here."""
        text = "/".join((self.world.base_url, *parts))
        return f"{text}?{urlencode(query)}" if query else text

    def found_vehicle(self) -> Vehicle:
        """Give the vehicle in the path, if the caller may see it."""
        vehicle = self.fleet.vehicles.get(self.ids["id"])
        if vehicle is None or (self.user is not None and vehicle.user is not self.user):
            raise not_found()
        return vehicle

    def found_user(self) -> User:
        """Give the user in the path, if the caller may see them."""
        user = self.fleet.users.get(self.ids["id"])
        if user is None or (self.user is not None and user is not self.user):
            raise not_found()
        return user

    def found_make(self) -> Make:
        """Give the make in the path."""
        return _found(self.fleet.catalogue.makes, self.ids["id"])

    def found_model(self) -> Model:
        """Give the model in the path."""
        return _found(self.fleet.catalogue.models, self.ids["id"])

    def found_trim(self) -> Trim:
        """Give the trim in the path."""
        return _found(self.fleet.catalogue.trims, self.ids["id"])

    def available_for(self) -> User | None:
        """Give the user that the list is narrowed for."""
        if "available_for_user_id" not in self.query:
            return None
        user = self.fleet.users.get(self.query["available_for_user_id"])
        if user is None or (self.user is not None and user is not self.user):
            raise invalid_query("available_for_user_id", "No such user.")
        return user

    def json(self) -> dict[str, object]:
        """Read the body, which must be a JSON object."""
        try:
            data = json.loads(self.body, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise ProblemError(400, "The body is not JSON.") from None
        if not isinstance(data, dict):
            raise ProblemError(400, "The body must be a JSON object.")
        return cast("dict[str, object]", data)


T = TypeVar("T")
Operation = Callable[[Call], Reply]


def _found(pool: Mapping[str, T], id: str) -> T:
    if id not in pool:
        raise not_found()
    return pool[id]


def _no_number(name: str) -> None:
    raise ValueError(name)
