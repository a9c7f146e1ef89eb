"""Charging sites that several users share, their management systems, and time zones."""

from evenergy.sandbox import paging
from evenergy.sandbox.api.evses import EVSES
from evenergy.sandbox.fields import computed, value
from evenergy.sandbox.requests import Request, State
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.simulation.places import CITIES
from evenergy.sandbox.tables import Item, Seed, Table

_SYSTEMS = (("CHARGEPOINT", "ChargePoint"), ("SWTCH", "SWTCH Energy"))
_SITES = ("CHARGEPOINT", None, "SWTCH", "CHARGEPOINT", None)
_EVERY = 10  # of ten users one lives at a site


def _evses(request: Request, site: Item) -> list[str]:
    order = list(SITES.pool(request.state).items).index(site.id)
    users = [
        user for user in request.fleet.users.values() if user.at_site and user.order // _EVERY % len(_SITES) == order
    ]
    pool = EVSES.pool(request.state)
    return [request.url("evses", evse.id) for user in users if request.sees(user) for evse in pool.of(user)]


def _connected(request: Request, site: Item) -> bool | None:
    if request.user is None or site.values["cpms_connection"] is None:
        return None
    return site_of(request.state, request.user) == site.id


CPMS_PROVIDERS = Table(
    name="cpms_providers",
    prefix="",
    scope="",
    seeds=lambda _: (Seed(id=id_, values={"name": name}) for id_, name in _SYSTEMS),
    fields={"name": value(), "icon": value()},
)
SITES = Table(
    name="evse_sites",
    prefix="site",
    scope="site:read",
    page=paging.by_link,
    seeds=lambda _: (Seed(values={"cpms_connection": system}) for system in _SITES),
    fields={
        "evses": computed(_evses),
        "cpms_connection": value(),
        "cpms_connection_display_name": computed(lambda _, site: dict(_SYSTEMS).get(site.values["cpms_connection"])),
        "user_connected": computed(_connected),
    },
)
TIMEZONES = Table(
    name="timezones",
    prefix="tzon",
    scope="",
    seeds=lambda _: (Seed(values={"name": name}) for name in sorted({"UTC", *(city.timezone for city in CITIES)})),
    fields={"name": value()},
)
COLLECTIONS = (CPMS_PROVIDERS, SITES, TIMEZONES)


def site_of(state: State, user: User) -> str | None:
    """Return the id of the site where a user lives, or None."""
    sites = list(SITES.pool(state).items)
    return sites[user.order // _EVERY % len(sites)] if user.at_site else None
