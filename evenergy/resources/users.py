"""Users, and their homes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import Time
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import USER

__all__ = [
    "LatLong",
    "Location",
    "User",
    "UserExpand",
]

UserExpand: TypeAlias = Literal[
    "default_location.tariff", "default_location.tariff.supplier", "default_location.evse_site"
]
"""References of a user that can be expanded."""


@model
class LatLong:
    """Place on the globe, in degrees."""

    latitude: float
    longitude: float


@model
class Location:
    """Home of a user, and place of charging. Each field is None when it is not known.

    Attributes:
        country_code: ISO 3166-1, two letters.
        tariff: The URL of the electricity tariff, or the tariff as plain data when it was expanded.
        evse_site: The URL of the charging site, or the site as plain data when it was expanded.
        current_carbon_intensity_grams_per_kilowatt_hour: Of the grid there; only when a single user is requested.
    """

    address_1: str | None = None
    address_2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country_code: str | None = None
    coordinates: LatLong | None = None
    tariff: str | dict[str, Any] | None = None
    evse_site: str | dict[str, Any] | None = None
    current_carbon_intensity_grams_per_kilowatt_hour: int | None = None


@model
class User:
    """Driver.

    Attributes:
        terms_consent_datetime: The time at which the terms were accepted; None when they were not.
        default_location: Home; None when it is not known.
        vehicles: URLs of the user's vehicles.
        evses: URLs of the user's chargers.
    """

    id: str
    url: str | None = None
    email: str | None = None
    full_name: str | None = None
    joined_at: Time | None = None
    terms_consent_datetime: Time | None = None
    default_location: Location | None = None
    vehicles: list[str] | None = None
    evses: list[str] | None = None


class Users(Resource[M_co]):
    """Users that the credentials may see. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, user_id: str, /, *, expand: Iterable[UserExpand] = ()) -> Request[User]:
        """Return one user, by id or URL. API: ``GET /users/{user_id}``."""
        return request(User, "GET", USER.path(user_id), expand=expand)

    @paged
    def list(
        self, *, email: str | None = None, expand: Iterable[UserExpand] = (), page_size: int | None = None
    ) -> ListRequest[User]:
        """List all users, or those with the email address, in any case of letters. API: ``GET /users``."""
        return list_request(User, USER.all, page_size=page_size, expand=expand, email=email)
