"""Mistakes of the description, each with the reason why the client is not changed for it."""

from typing import TypeAlias

from tests.operations import OPERATIONS

Place: TypeAlias = tuple[str, ...]

# Listings of logs by time whose description has ids in its own links, as in the pattern of its cursors.
_LINKED_BY_ID = {"get-ct-clamps-ct_clamp_id-logs", "get-carbon_feeds-carbon_feed_id-carbon_intensities"}

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

_NESTED = "a device stands within its own log until its id is gone"

# Responses of Prism that are not as described, by operation.
UNREADABLE: dict[str, str] = {
    "get-home_batteries": _NESTED,
    "get-home_batteries-home_battery_id": _NESTED,
    "get-boundary_meters": _NESTED,
    "get-boundary_meters-boundary_meter_id": _NESTED,
    "get-inverter_onboarding": "a redirect without a Location",
    "get-rebate_types": "its example holds a reference that nothing resolves",
    "get-rebates": "its example holds a reference that nothing resolves",
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
    ("CPMSProvider", "id"): "a word that names a resource; the operations know fewer of them than the responses",
    ("GeoJsonMultiPolygon", "type"): "it has one value, that of GeoJSON",
}

# Fields that the schema of a model lacks.
UNDESCRIBED: dict[tuple[str, str], str] = {
    ("RebateEvidenceSupportingData", "id"): "the update of a rebate wants it",
}

# Models that no response of the description has.
WITHOUT_SCHEMA: dict[str, str] = {
    "InverterOnboarding": "its response is a redirect, and no JSON",
    "RegionGroupEntry": "a part of requests, which takes geometries of any library",
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
    (model, "id"): _NAMED
    for model in (
        *("CTClamp", "DispatchCoordinator", "DispatchEvent", "HomeBatteryMake", "HomeBatteryModel", "IncentiveScheme"),
        *("ParticipationAgreementVersion", "Program", "ProgramTier", "RebateEvidenceFile", "RebateEvidenceUpload"),
        *("RebateType", "Region", "RegionGroup", "SchedulePlan", "SubscriptionOffering", "UserRebate"),
    )
}
