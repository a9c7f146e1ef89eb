"""Notifications, subscriptions, password reset, and the portal of webhooks."""

import secrets
from collections.abc import Iterator

from evenergy.sandbox import validation as v
from evenergy.sandbox.expansion import expansion, paths
from evenergy.sandbox.fields import any_of, computed, owner, reference, value
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.requests import Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.tables import ABSENT, Draw, Field, Item, Seed, Table
from evenergy.sandbox.times import instant, text

_MESSAGES = (
    ("ERR0123", "ACTIONABLE", "Your car is disconnected", "Log in again to keep smart charging"),
    ("SES0007", "SERVICE", "Charging is complete", "Your car is ready for the morning"),
    ("ERR0042", "RETRY", "We could not reach your car", "We try again in a few minutes"),
    ("MKT0001", "MARKETING", "Earn points this winter", "Charge at night and collect twice"),
    ("INT0003", "INTERNAL", "New terms", "Please read them when you have time"),
)
_OFFERINGS = ("Smart Charging", "Solar Lifetime", "Fleet Reports")
_MOST = 4  # notifications of a user
_SUBSCRIBED_EVERY = 3
_FRENCH = "Lire la suite"


def _notifications(state: State) -> Iterator[Seed]:
    for user in list(state.fleet.users.values()):
        random = SeededRandom(f"{user.id}/notifications")
        for _ in range(random.randrange(_MOST + 1)):
            message, category, title, body = random.choice(_MESSAGES)
            values = {"message_id": message, "category": category, "short_text_title": title, "short_text_body": body}
            yield Seed(user, values={**values})


def _before_now(draw: Draw) -> object:
    fleet = draw.state.fleet
    return text(instant(fleet.begin + draw.random.uniform(0, 0.9) * (draw.state.clock() - fleet.begin)))


def _unless_open(_: Request, item: Item, name: str, __: object) -> object:
    # A notification that is not read yet has no time of it; the description allows no null.
    return ABSENT if item.values[name] is None else item.values[name]


def _read(draw: Draw) -> object:
    return draw.values["event_time"] if draw.random.chance(0.5) else None


NOTIFICATIONS = Table(
    name="notifications",
    prefix="notf",
    scope="",
    needs_user=True,
    seeds=_notifications,
    fields={
        "message_id": value(),
        "category": value(),
        "event_time": value(_before_now),
        "short_text_title": value(),
        "short_text_body": value(),
        "detail_page_title": computed(lambda _, item: item.values["short_text_title"]),
        "detail_page_body": computed(lambda _, item: f"{item.values['short_text_body']}.\nAll is explained here."),
        "external_link": value(lambda draw: draw.random.choice((None, "https://help.example.com/"))),
        "external_button_label": computed(
            lambda request, _: _FRENCH if request.language.lower().startswith("fr") else "More info"
        ),
        "read_at": Field(_unless_open, _read),
        "resolved_at": Field(_unless_open, lambda draw: draw.values["read_at"] if draw.random.chance(0.4) else None),
    },
)
OFFERINGS = Table(
    name="subscription_offerings",
    prefix="subo",
    scope="subscription:read",
    listed=False,
    # The description lets an offering be asked for what only a subscription has; it changes nothing.
    expand=paths("user", "offering"),
    seeds=lambda _: (Seed(values={"name": name}) for name in _OFFERINGS),
    fields={"name": value()},
)
SUBSCRIPTIONS = Table(
    name="subscriptions",
    prefix="subs",
    scope="subscription:read",
    alone=False,
    expand=paths("user", "offering"),
    seeds=lambda state: (
        Seed(user) for user in list(state.fleet.users.values()) if user.order % _SUBSCRIBED_EVERY == 0
    ),
    fields={"offering": reference("subscription_offerings", any_of(OFFERINGS)), "user": owner()},
)
COLLECTIONS = (NOTIFICATIONS, OFFERINGS, SUBSCRIPTIONS)


def update_notification(request: Request) -> Response:
    """Mark a notification as read. The description wraps the response in an object."""
    item: Item = request.resource("notifications")
    tree = expansion(request, {})
    item.values.update(v.checked(request.json(), {"read_at": v.moment()}))
    return Response({"Notification": NOTIFICATIONS.write(request, item, tree, alone=True)})


def reset_password(request: Request) -> Response:
    """Answer the same, whether there is such an account or not."""
    try:
        v.checked(request.json(), {"email": v.email()}, needed=["email"])
    except ProblemError as error:
        raise ProblemError(422, error.detail, type=error.type, field_errors=error.field_errors) from None
    return Response({"status": "password_reset_email_sent"})


def open_webhook_portal(request: Request) -> Response:
    """Return a link that works once: each request makes another."""
    key = secrets.token_urlsafe(24)
    return Response({"url": f"{request.state.base_url.removesuffix('/v2')}/webhook_portal#key={key}"})


ROUTES = (
    Route("PATCH", "/notifications/{id}", update_notification, ""),
    Route("POST", "/auth/password_reset", reset_password, None),
    Route("GET", "/webhook_portal", open_webhook_portal, ""),
)
