"""Mistakes of the description, each with the reason why the client is not changed for it."""

from typing import TypeAlias

from tests.operations import OPERATIONS

Place: TypeAlias = tuple[str, ...]

# Listings of logs by time whose description has ids in its own links, as in the pattern of its cursors.
_LINKED_BY_ID = {"get-ct-clamps-ct_clamp_id-logs"}

_CURSOR = "its own links carry times where it has the pattern of an id: a log has no id"

# By operation, and the place in the request that Prism finds wrong.
VIOLATIONS: dict[tuple[str, Place], str] = {
    **{
        (row.id, ("query", cursor)): _CURSOR
        for row in OPERATIONS.values()
        if row.paging == "time" and row.id not in _LINKED_BY_ID
        for cursor in ("page_after", "page_before")
    },
    ("post-vehicles", ("query", "expand")): "a single string here, a list in all other operations",
    ("post-vehicle_onboarding-onboarding_link", ()): "its security scheme is OAuth2, the one defined is oauth2",
}

# Parameters that the client leaves out, by operation and name.
OMITTED: dict[tuple[str, str], str] = {
    ("get-subscription-offerings-offering_id", "expand"): "it lists fields of a subscription, which an offering lacks",
    ("get-carbon_feeds-carbon_feed_id-carbon_intensities", "expand"): "it would expand the feed that is requested",
    **{
        ("get-support_tickets", f"{time}__range"): "the same as __gte with __lte"
        for time in ("created_at", "resolved_at", "ticket_updated_at")
    },
}

# Enumerations that the client has as text.
MISDESCRIBED: dict[tuple[str, str], str] = {
    ("Location", "country_code"): "ISO 3166's list of countries; it changes, and a name for each would help nobody",
}

# Fields that the client reads in more forms than are described.
WIDER: dict[tuple[str, str], str] = {
    ("EnergyUsage", "charging_sub_session"): "described as a URL alone, though `expand` names it",
    ("EVSEOCPPCallResponse", "payload"): "described as an object; OCPP allows any JSON",
    ("EVSEOCPPLog", "payload"): "described as an object; OCPP allows any JSON",
    ("UsageInterval", "energy_delivered_by_price"): "described as one object, explained as one for each price",
}

_NAMED = "its schema requires nothing, though its own id is in each example and in paths"

# Fields that are always there, though the description does not require them.
ALWAYS: dict[tuple[str, str], str] = {
    ("CTClamp", "id"): _NAMED,
    ("HomeBatteryMake", "id"): _NAMED,
    ("HomeBatteryModel", "id"): _NAMED,
    ("SchedulePlan", "id"): _NAMED,
}

# Operations that the sandbox does not serve, though it serves others of the same collection.
UNSERVED: dict[str, str] = {}
