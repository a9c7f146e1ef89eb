"""Makes, models and firmware of chargers."""

from evenergy.sandbox import filters
from evenergy.sandbox.api.links import onboarding_link
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import computed, hidden, named, one_of, reference, value
from evenergy.sandbox.filters import Predicate
from evenergy.sandbox.requests import Request
from evenergy.sandbox.tables import Field, Seed, Table

_EUROPE, _AMERICA = ("GB", "DE", "FR", "NL", "IE"), ("US",)
_MAKES = (
    ("Easee", _EUROPE, False, (("Home", 32_000), ("Charge Up", 32_000))),
    ("Wallbox", _EUROPE + _AMERICA, False, (("Pulsar Plus", 32_000), ("Pulsar Max", 40_000))),
    ("Zaptec", _EUROPE, True, (("Go", 32_000),)),
    ("ChargePoint", _AMERICA, False, (("Home Flex", 50_000),)),
    ("EO", ("GB", "IE"), False, (("Mini Pro 3", 32_000),)),
)
_FIRMWARE = (
    ("4.11.0", "4.11", "More exact meter values."),
    ("4.12.3", "4.12", None),
    ("5.0.1", None, "OCPP security profile 2."),
)


def _available(request: Request, _: str, __: str) -> Predicate:
    user = request.available_for()
    return lambda item: user is None or user.country in item.values["countries"]


def _onboarding(parameter: str) -> Field:
    return computed(lambda request, item: onboarding_link(request, "evse_onboarding", **{parameter: item.id}))


EVSE_MAKES = Table(
    name="evse_makes",
    prefix="emak",
    scope=None,
    filters={"available_for_user_id": _available},
    seeds=lambda _: (
        Seed(values={"name": name, "is_beta": beta, "countries": countries}) for name, countries, beta, _ in _MAKES
    ),
    fields={
        "name": value(),
        "display_name": computed(lambda _, make: f"{make.values['name']} chargers" if make.values["is_beta"] else None),
        "icon": value(one_of(None, "https://icons.example.com/evse.svg")),
        "onboarding_url": _onboarding("make_id"),
        "is_beta": value(),
        "evse_models": computed(lambda request, make: request.url("evse_models", make_id=make.id)),
        "countries": hidden(),
    },
)
EVSE_MODELS = Table(
    name="evse_models",
    prefix="emod",
    scope=None,
    expand=paths("make"),
    filters={"available_for_user_id": _available, "make_id": filters.equal(filters.stored("make"))},
    seeds=lambda _: (
        Seed(values={"name": name, "current": current, "make_name": make, "countries": countries})
        for make, countries, _, models in _MAKES
        for name, current in models
    ),
    fields={
        "name": value(),
        "make": reference("evse_makes", named(lambda: EVSE_MAKES, "make_name")),
        "display_name": computed(lambda _, model: f"{model.values['make_name']} {model.values['name']}"),
        "onboarding_url": _onboarding("model_id"),
        "countries": hidden(),
        "current": hidden(),
    },
)
FIRMWARE = Table(
    name="evse_firmware_versions",
    prefix="evsf",
    scope="evse:read",
    seeds=lambda _: (
        Seed(values={"version": version, "public_version": public, "change_log": log})
        for version, public, log in _FIRMWARE
    ),
    fields={
        "version": value(),
        "public_version": value(),
        "change_log": value(),
        "support_url": value(one_of(None, "https://support.example.com/firmware")),
    },
)

COLLECTIONS = (EVSE_MAKES, EVSE_MODELS, FIRMWARE)
