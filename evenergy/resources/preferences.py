"""Preferences of users: notifications, the route planner, payouts, and saved routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import NoneType
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._kinds import USER, VEHICLE, Kind

if TYPE_CHECKING:
    from .vehicles import Vehicle

__all__ = [
    "PayoutMethod",
    "PayoutReceiverType",
    "PayoutWallet",
    "RoutePlannerPreferences",
    "RoutePoint",
    "SavedRoute",
    "UserNotificationPreferences",
]

SAVED_ROUTE = Kind("savr", "saved_routes")


class PayoutReceiverType(OpenEnum):
    """Kind of a receiver of payouts."""

    ACCOUNT_NUMBER = Member("ACCOUNT_NUMBER")
    EMAIL = Member("EMAIL")
    PHONE = Member("PHONE")


class PayoutWallet(OpenEnum):
    """Way in which a user is paid."""

    BILL_CREDITS = Member("BILL_CREDITS")
    PAYPAL = Member("PAYPAL")
    VENMO = Member("VENMO")


@model
class UserNotificationPreferences:
    """Groups of notifications that a user gets.

    Attributes:
        groups: Whether the user gets each group, by its name; new groups come through.
    """

    url: str | None = None
    groups: dict[str, bool] | None = None


@model
class RoutePlannerPreferences:
    """Defaults of a user's route planner.

    Attributes:
        preferred_vehicle: The URL of the vehicle; None when none is set.
        min_charger_power_watts: The least power of chargers on the way; None for all chargers.
        arrive_with_min_percent: The least state of charge on arrival, 0 to 100.
        updated_at: The time of the last change; None when nothing was ever set.
    """

    url: str | None = None
    preferred_vehicle: str | None = None
    min_charger_power_watts: int | None = None
    arrive_with_min_percent: int | None = None
    updated_at: Time | None = None

    @property
    def preferred_vehicle_id(self) -> str | None:
        """Return the id of the vehicle."""
        return reference_id(self.preferred_vehicle)


@model
class PayoutMethod:
    """Way in which a user is paid; all fields are None when none is set.

    Attributes:
        receiver: The email address, phone number or account number, by the wallet.
        receiver_type: The kind of the receiver, derived by the API.
    """

    url: str | None = None
    receiver: str | None = None
    receiver_type: PayoutReceiverType | None = None
    receiver_wallet: PayoutWallet | None = None


@model
class RoutePoint:
    """Place on a route, in degrees, with a name."""

    latitude: float
    longitude: float
    name: str


@model
class SavedRoute:
    """Route that a user saved.

    Attributes:
        user: The URL of the user.
        waypoints: The stops between the ends, in order; empty for none.
        arrive_with_min_percent: The least state of charge on arrival, 0 to 100.
        preferred_departure_minutes: The departure in minutes after midnight; None for at once.
        last_used_at: The time at which it was last planned.
    """

    id: str
    url: str | None = None
    user: str | None = None
    name: str | None = None
    favourite: bool | None = None
    origin: RoutePoint | None = None
    destination: RoutePoint | None = None
    waypoints: list[RoutePoint] | None = None
    arrive_with_min_percent: int | None = None
    preferred_departure_minutes: int | None = None
    created_at: Time | None = None
    last_used_at: Time | None = None

    @property
    def user_id(self) -> str | None:
        """Return the id of the user."""
        return reference_id(self.user)


class NotificationPreferences(Resource[M_co]):
    """Groups of notifications that users get. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, user_id: str, /) -> Request[UserNotificationPreferences]:
        """Return the preferences of a user. API: ``GET /users/{user_id}/notification_preferences``."""
        return request(UserNotificationPreferences, "GET", USER.path(user_id, "notification_preferences"))

    @operation
    def update(
        self, user_id: str, /, *, groups: Mapping[str, bool] | UnsetType = UNSET
    ) -> Request[UserNotificationPreferences]:
        """Change the given groups; the others stay. API: ``PATCH /users/{user_id}/notification_preferences``.

        Args:
            user_id: An id or a URL.
            groups: Whether the user gets each group, by its name; an unknown one is a `BadRequestError`.
        """
        path = USER.path(user_id, "notification_preferences")
        return request(UserNotificationPreferences, "PATCH", path, body=fields(groups=groups))


class RoutePlannerSettings(Resource[M_co]):
    """Defaults of users' route planners. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, user_id: str, /) -> Request[RoutePlannerPreferences]:
        """Return the defaults of a user. API: ``GET /users/{user_id}/route_planner_preferences``."""
        return request(RoutePlannerPreferences, "GET", USER.path(user_id, "route_planner_preferences"))

    @operation
    def update(
        self,
        user_id: str,
        /,
        *,
        preferred_vehicle: Vehicle | str | UnsetType | None = UNSET,
        min_charger_power_watts: int | UnsetType | None = UNSET,
        arrive_with_min_percent: int | UnsetType = UNSET,
    ) -> Request[RoutePlannerPreferences]:
        """Change the given fields. API: ``PATCH /users/{user_id}/route_planner_preferences``.

        Args:
            user_id: An id or a URL.
            preferred_vehicle: A vehicle, its id or its URL; None clears it.
            min_charger_power_watts: 22000, 50000, 100000, 150000 or 250000; None for all chargers.
            arrive_with_min_percent: The least state of charge on arrival, 0 to 100.
        """
        vehicle = preferred_vehicle
        body = fields(
            preferred_vehicle=vehicle if vehicle is None else VEHICLE.optional_url(self._base_url, vehicle),
            min_charger_power_watts=min_charger_power_watts,
            arrive_with_min_percent=arrive_with_min_percent,
        )
        return request(RoutePlannerPreferences, "PATCH", USER.path(user_id, "route_planner_preferences"), body=body)


class PayoutMethods(Resource[M_co]):
    """Ways in which users are paid. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, user_id: str, /) -> Request[PayoutMethod]:
        """Return the method of a user; its fields are None when none is set.

        API: ``GET /users/{user_id}/payout_method``.
        """
        return request(PayoutMethod, "GET", USER.path(user_id, "payout_method"))

    @operation
    def update(
        self, user_id: str, /, *, receiver_wallet: PayoutWallet | str, receiver: str | UnsetType | None = UNSET
    ) -> Request[PayoutMethod]:
        """Set the method of a user. API: ``PATCH /users/{user_id}/payout_method``.

        Args:
            user_id: An id or a URL.
            receiver_wallet: The wallet.
            receiver: The email address for PayPal or the phone number for Venmo, at most 254 characters; leave it
                out for bill credits.
        """
        body = fields(receiver_wallet=receiver_wallet, receiver=receiver)
        return request(PayoutMethod, "PATCH", USER.path(user_id, "payout_method"), body=body)

    @operation
    def delete(self, user_id: str, /) -> Request[None]:
        """Clear the method of a user, also when none is set. API: ``DELETE /users/{user_id}/payout_method``."""
        return request(NoneType, "DELETE", USER.path(user_id, "payout_method"))


class SavedRoutes(Resource[M_co]):
    """Routes that users saved, at most 50 each. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, user_id: str, route_id: str, /) -> Request[SavedRoute]:
        """Return one route, by id or URL. API: ``GET /users/{user_id}/saved_routes/{saved_route_id}``."""
        return request(SavedRoute, "GET", USER.path(user_id, "saved_routes", SAVED_ROUTE.id(route_id)))

    @paged
    def list(self, user_id: str, /, *, page_size: int | None = None) -> ListRequest[SavedRoute]:
        """List the routes of a user. API: ``GET /users/{user_id}/saved_routes``."""
        return list_request(SavedRoute, USER.path(user_id, "saved_routes"), page_size=page_size)

    @operation
    def create(
        self,
        user_id: str,
        /,
        *,
        name: str,
        origin: RoutePoint | Mapping[str, object],
        destination: RoutePoint | Mapping[str, object],
        arrive_with_min_percent: int,
        favourite: bool | UnsetType = UNSET,
        waypoints: Iterable[RoutePoint | Mapping[str, object]] | UnsetType = UNSET,
        preferred_departure_minutes: int | UnsetType | None = UNSET,
        last_used_at: datetime | UnsetType = UNSET,
    ) -> Request[SavedRoute]:
        """Save a route. API: ``POST /users/{user_id}/saved_routes``.

        Args:
            user_id: An id or a URL.
            name: At most 200 characters.
            origin: The beginning.
            destination: The end.
            arrive_with_min_percent: The least state of charge on arrival, 0 to 100.
            favourite: Whether it is a favourite.
            waypoints: The stops between the ends, in order.
            preferred_departure_minutes: The departure in minutes after midnight, 0 to 1439; None for at once.
            last_used_at: The time at which it was last planned, as an aware datetime.
        """
        body = fields(
            name=name,
            origin=origin,
            destination=destination,
            arrive_with_min_percent=arrive_with_min_percent,
            favourite=favourite,
            waypoints=waypoints,
            preferred_departure_minutes=preferred_departure_minutes,
            last_used_at=last_used_at,
        )
        return request(SavedRoute, "POST", USER.path(user_id, "saved_routes"), body=body)

    @operation
    def update(
        self,
        user_id: str,
        route_id: str,
        /,
        *,
        name: str | UnsetType = UNSET,
        favourite: bool | UnsetType = UNSET,
        origin: RoutePoint | Mapping[str, object] | UnsetType = UNSET,
        destination: RoutePoint | Mapping[str, object] | UnsetType = UNSET,
        waypoints: Iterable[RoutePoint | Mapping[str, object]] | UnsetType = UNSET,
        arrive_with_min_percent: int | UnsetType = UNSET,
        preferred_departure_minutes: int | UnsetType | None = UNSET,
        last_used_at: datetime | UnsetType = UNSET,
    ) -> Request[SavedRoute]:
        """Change the given fields; the stops are replaced as a whole.

        API: ``PATCH /users/{user_id}/saved_routes/{saved_route_id}``. The arguments are those of `create`.
        """
        body = fields(
            name=name,
            favourite=favourite,
            origin=origin,
            destination=destination,
            waypoints=waypoints,
            arrive_with_min_percent=arrive_with_min_percent,
            preferred_departure_minutes=preferred_departure_minutes,
            last_used_at=last_used_at,
        )
        return request(SavedRoute, "PATCH", USER.path(user_id, "saved_routes", SAVED_ROUTE.id(route_id)), body=body)

    @operation
    def delete(self, user_id: str, route_id: str, /) -> Request[None]:
        """Delete a route. API: ``DELETE /users/{user_id}/saved_routes/{saved_route_id}``."""
        return request(NoneType, "DELETE", USER.path(user_id, "saved_routes", SAVED_ROUTE.id(route_id)))
