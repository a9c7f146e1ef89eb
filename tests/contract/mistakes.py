"""What the description has wrong, each with the reason why the client is not changed for it."""

from typing import TypeAlias

Place: TypeAlias = tuple[str, ...]

_CURSOR = "its own links carry times where it has the pattern of an id: a log has no id"

# By operation, and what Prism finds wrong there.
VIOLATIONS: dict[tuple[str, Place], str] = {
    **{
        (f"get-vehicles-vehicle_id-{kind}_logs", ("query", cursor)): _CURSOR
        for kind in ("status", "location", "error", "command")
        for cursor in ("page_after", "page_before")
    },
    ("post-vehicles", ("query", "expand")): "a single string here, a list in all other operations",
    ("post-vehicle_onboarding-onboarding_link", ()): "its security scheme is OAuth2, the one defined is oauth2",
}

# Enumerations that the client has as text.
MISDESCRIBED: dict[tuple[str, str], str] = {
    ("Location", "country_code"): "ISO 3166's list of countries; it changes, and a name for each would help nobody",
}

# Operations that the sandbox does not serve: they lead to the pages of manufacturers, or to mail.
UNSERVED = {
    "get-vehicle_onboarding",
    "post-vehicle_onboarding-complete",
    "post-vehicle_onboarding-onboarding_link",
}
