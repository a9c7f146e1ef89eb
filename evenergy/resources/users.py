"""Users, and their homes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._kinds import USER
from .sites import EVSESite
from .tariffs import Tariff

if TYPE_CHECKING:
    from .preferences import NotificationPreferences, PayoutMethods, RoutePlannerSettings, SavedRoutes

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
        tariff: The URL of the electricity tariff, or the tariff when it was expanded.
        evse_site: The URL of the charging site, or the site when it was expanded; None where there is none.
        current_carbon_intensity_grams_per_kilowatt_hour: Of the grid there; only when a single user is requested.
    """

    address_1: str | None = None
    address_2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country_code: str | None = None
    coordinates: LatLong | None = None
    tariff: str | Tariff | None = None
    evse_site: str | EVSESite | None = None
    current_carbon_intensity_grams_per_kilowatt_hour: int | None = None

    @property
    def tariff_id(self) -> str | None:
        """Return the id of the tariff, whether it was expanded or not."""
        return reference_id(self.tariff)

    @property
    def evse_site_id(self) -> str | None:
        """Return the id of the site, whether it was expanded or not."""
        return reference_id(self.evse_site)


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

    notification_preferences: Child[NotificationPreferences[M_co]] = Child("preferences:NotificationPreferences")
    """Groups of notifications that they get."""
    route_planner_preferences: Child[RoutePlannerSettings[M_co]] = Child("preferences:RoutePlannerSettings")
    """Defaults of their route planners."""
    payout_method: Child[PayoutMethods[M_co]] = Child("preferences:PayoutMethods")
    """Ways in which they are paid."""
    saved_routes: Child[SavedRoutes[M_co]] = Child("preferences:SavedRoutes")
    """Routes that they saved."""

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

    @operation
    def create(
        self, *, email: str, default_location: Location | Mapping[str, object] | UnsetType = UNSET
    ) -> Request[User]:
        """Add a user. API: ``POST /users``.

        Args:
            email: The address of the user.
            default_location: The home. A `Location` is sent without what is None, a mapping as it stands.
        """
        return request(User, "POST", USER.all, body=fields(email=email, default_location=default_location))

    @operation
    def update(
        self,
        user_id: str,
        /,
        *,
        email: str | UnsetType = UNSET,
        default_location: Location | Mapping[str, object] | UnsetType = UNSET,
        expand: Iterable[UserExpand] = (),
    ) -> Request[User]:
        """Change the given fields. API: ``PATCH /users/{user_id}``.

        Args:
            user_id: An id or a URL.
            email: The address of the user.
            default_location: The home: all of the address or none of it, else it is a `BadRequestError`. A `Location`
                is sent without what is None, a mapping as it stands, so that None in it clears a part.
            expand: The references to expand.
        """
        body = fields(email=email, default_location=default_location)
        return request(User, "PATCH", USER.path(user_id), expand=expand, body=body)
