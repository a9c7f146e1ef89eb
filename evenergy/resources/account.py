"""Accounts: notifications, subscriptions, time zones, password resets, and the portal of webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.decode import decode
from evenergy._codec.model import model, secret_field
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co, Resource, coroutine, operation, paged
from evenergy._transport.request import ListRequest, Request, Response, encode, fields, list_request, request

from ._kinds import Kind
from .users import User

__all__ = [
    "Notification",
    "NotificationCategory",
    "PasswordReset",
    "PasswordResetStatus",
    "Subscription",
    "SubscriptionExpand",
    "SubscriptionOffering",
    "Timezone",
    "WebhookPortal",
]

NOTIFICATION = Kind("notf", "notifications")
SUBSCRIPTION = Kind("subs", "subscriptions")
SUBSCRIPTION_OFFERING = Kind("subo", "subscription_offerings")
TIMEZONE = Kind("tzon", "timezones")

SubscriptionExpand: TypeAlias = Literal["user", "offering"]
"""References of a subscription that can be expanded."""


class PasswordResetStatus(OpenEnum):
    """Result of a request for a password reset."""

    PASSWORD_RESET_EMAIL_SENT = Member("password_reset_email_sent")


class NotificationCategory(OpenEnum):
    """Category of a notification."""

    ACTIONABLE = Member("ACTIONABLE")
    INTERNAL = Member("INTERNAL")
    MARKETING = Member("MARKETING")
    RETRY = Member("RETRY")
    SERVICE = Member("SERVICE")


@model
class PasswordReset:
    """Response to a request for a password reset."""

    status: PasswordResetStatus | None = None


@model
class WebhookPortal:
    """Access to the pages on which webhooks are set up.

    Attributes:
        url: A link that works once and signs in; repr() does not show it, and it belongs into no log.
    """

    url: str | None = secret_field()


@model
class Notification:
    """Notification for a user, in the language of the request.

    Attributes:
        message_id: The kind of notification, such as ``ERR0023``.
        event_time: The time of the event that it tells of.
        detail_page_title: The title of a page with more about it; None when there is none.
        detail_page_body: The text of that page.
        external_link: The URL of somebody else's page with more about it; None when there is none.
        external_button_label: The label for a button to that page.
        read_at: The time at which the user read it; None when it is unread.
        resolved_at: The time at which the problem ended; None when it has not, or there is none.
    """

    id: str
    url: str | None = None
    message_id: str | None = None
    category: NotificationCategory | None = None
    event_time: Time | None = None
    short_text_title: str | None = None
    short_text_body: str | None = None
    detail_page_title: str | None = None
    detail_page_body: str | None = None
    external_link: str | None = None
    external_button_label: str | None = None
    read_at: Time | None = None
    resolved_at: Time | None = None


@model
class SubscriptionOffering:
    """Offering that users can subscribe to."""

    id: str
    url: str | None = None
    name: str | None = None


@model
class Subscription:
    """Subscription of a user.

    Attributes:
        offering: The URL of the offering, or the offering when it was expanded.
        user: The URL of the user, or the user when it was expanded.
    """

    id: str
    url: str | None = None
    offering: str | SubscriptionOffering | None = None
    user: str | User | None = None

    @property
    def offering_id(self) -> str | None:
        """Return the id of the offering, whether it was expanded or not."""
        return reference_id(self.offering)

    @property
    def user_id(self) -> str | None:
        """Return the id of the user, whether it was expanded or not."""
        return reference_id(self.user)


@model
class Timezone:
    """Time zone.

    Attributes:
        name: The IANA name, fit for `zoneinfo.ZoneInfo`.
    """

    id: str
    url: str | None = None
    name: str | None = None


class Accounts(Resource[M_co]):
    """Accounts of users: ``client.auth`` is this collection, and not the credentials of the client."""

    @operation
    def password_reset(self, *, email: str) -> Request[PasswordReset]:
        """Mail a user the link to a new password. API: ``POST /auth/password_reset``.

        It needs no token, and the response does not say whether there is such an account.

        Args:
            email: The address; one that is none is an `UnprocessableEntityError`.
        """
        return request(PasswordReset, "POST", "/auth/password_reset", body=fields(email=email))


class Notifications(Resource[M_co]):
    """Notifications for users. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, notification_id: str, /, *, language: str | None = None) -> Request[Notification]:
        """Return one notification, by id or URL. API: ``GET /notifications/{notification_id}``."""
        return request(Notification, "GET", NOTIFICATION.path(notification_id), language=language)

    @paged
    def list(self, *, language: str | None = None, page_size: int | None = None) -> ListRequest[Notification]:
        """List the notifications for the user. API: ``GET /notifications``.

        Under client credentials it needs the client's ``user``.
        """
        return list_request(Notification, NOTIFICATION.all, page_size=page_size, language=language, needs_user=True)

    @operation
    def update(self, notification_id: str, /, *, read_at: datetime | UnsetType = UNSET) -> Request[Notification]:
        """Mark a notification as read; it cannot be marked as unread.

        API: ``PATCH /notifications/{notification_id}``.

        Args:
            notification_id: An id or a URL.
            read_at: The time, as an aware datetime.
        """
        return _update(notification_id, read_at)

    @coroutine
    async def mark_read(self, notification_id: str, /) -> Notification:
        """Mark a notification as read now: `update` with the time of this machine's clock.

        Args:
            notification_id: An id or a URL.
        """
        return await self._session.send(_update(notification_id, datetime.now(UTC)))


class Subscriptions(Resource[M_co]):
    """Subscriptions of users; the API has no way to read a single one."""

    @paged
    def list(
        self,
        *,
        expand: Iterable[SubscriptionExpand] = (),
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[Subscription]:
        """List the subscriptions that the credentials, or the client's ``user``, may see.

        API: ``GET /subscriptions``.
        """
        return list_request(Subscription, SUBSCRIPTION.all, page_size=page_size, expand=expand, language=language)


class SubscriptionOfferings(Resource[M_co]):
    """Offerings that users can subscribe to; the API has no list of them."""

    @operation
    def get(self, offering_id: str, /, *, language: str | None = None) -> Request[SubscriptionOffering]:
        """Return one offering, by id or URL. API: ``GET /subscription_offerings/{offering_id}``."""
        return request(SubscriptionOffering, "GET", SUBSCRIPTION_OFFERING.path(offering_id), language=language)


class Timezones(Resource[M_co]):
    """Time zones that the API knows. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, timezone_id: str, /) -> Request[Timezone]:
        """Return one time zone, by id or URL. API: ``GET /timezones/{timezone_id}``."""
        return request(Timezone, "GET", TIMEZONE.path(timezone_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[Timezone]:
        """List all time zones. API: ``GET /timezones``."""
        return list_request(Timezone, TIMEZONE.all, page_size=page_size)


def _update(notification_id: str, read_at: datetime | UnsetType) -> Request[Notification]:
    body = encode(fields(read_at=read_at))
    return Request("PATCH", NOTIFICATION.path(notification_id), _read_notification, body=body)


def _read_notification(response: Response) -> Notification:
    """Return a notification; the description wraps that of an update in an object, its neighbours are bare."""
    document = response.json()
    inner = document.get("Notification") if isinstance(document, dict) else None
    return decode(response.body if inner is None else encode(inner), Notification)
