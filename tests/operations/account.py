from typing import get_args

from evenergy import Notification, PasswordReset, Subscription, SubscriptionExpand, SubscriptionOffering, Timezone

from ._row import NOTIFICATION, SINCE, SUBSCRIPTION_OFFERING, TIMEZONE, Row

ROWS = (
    Row(
        "post-auth-password_reset",
        lambda c: c.auth.password_reset(email="driver@example.com"),
        "POST /auth/password_reset",
        PasswordReset,
    ),
    Row(
        "get-notifications",
        lambda c: c.notifications.list(language="en-GB", page_size=50),
        "GET /notifications",
        Notification,
        "id",
        needs_user=True,
    ),
    Row(
        "get-notifications-notification_id",
        lambda c: c.notifications.get(NOTIFICATION, language="en-GB"),
        f"GET /notifications/{NOTIFICATION}",
        Notification,
    ),
    Row(
        "patch-notifications-notification_id",
        lambda c: c.notifications.update(NOTIFICATION, read_at=SINCE),
        f"PATCH /notifications/{NOTIFICATION}",
        Notification,
    ),
    Row(
        "get-subscriptions",
        lambda c: c.subscriptions.list(expand=get_args(SubscriptionExpand), language="en-GB", page_size=50),
        "GET /subscriptions",
        Subscription,
        "id",
    ),
    Row(
        "get-subscription-offerings-offering_id",
        lambda c: c.subscription_offerings.get(SUBSCRIPTION_OFFERING, language="en-GB"),
        f"GET /subscription_offerings/{SUBSCRIPTION_OFFERING}",
        SubscriptionOffering,
    ),
    Row(
        "get-timezones",
        lambda c: c.timezones.list(page_size=50),
        "GET /timezones",
        Timezone,
        "id",
    ),
    Row(
        "get-timezones-timezone_id",
        lambda c: c.timezones.get(TIMEZONE),
        f"GET /timezones/{TIMEZONE}",
        Timezone,
    ),
)
