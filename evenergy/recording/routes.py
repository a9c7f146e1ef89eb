"""Paths of the API that a crawl reads, as the sandbox's table of routes has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from urllib.parse import quote

from evenergy.sandbox.routes import ROUTER, ROUTES

_STARTS: Final = frozenset({"/vehicle_onboarding", "/evse_onboarding", "/inverter_onboarding", "/webhook_portal"})
"""Operations that read nothing: they begin something, or give a link that signs in."""
_BY_QUERY: Final[Mapping[str, str]] = {
    "/vehicle_models/{}": "/vehicle_compatibility/check",
    "/evse_models/{}": "/evse_compatibility/check",
    "/charging_sub_sessions/{}": "/dispatcher_logs",
}
"""Operations that take the id of a resource in their query, by the path of that resource."""
_WILD: Final = re.compile(r"{\w+}")


@cache
def patterns() -> tuple[str, ...]:
    """Return the paths of all operations that a crawl may read, with ``{}`` for each id."""
    return tuple(_pattern(route.path) for route in ROUTES if route.method == "GET" and route.path not in _STARTS)


def first_patterns() -> list[str]:
    """Return the paths that need no id; those of support last, since few programs read them."""
    found = [one for one in patterns() if "{}" not in one and one not in _BY_QUERY.values()]
    return sorted(found, key=lambda path: path.startswith("/support"))


@cache
def patterns_below(pattern: str) -> tuple[str, ...]:
    """Return the operations that need no more ids than those of a resource."""
    count = pattern.count("{}")
    found = (one for one in patterns() if one.startswith(f"{pattern}/") and one.count("{}") == count)
    return (*found, *([_BY_QUERY[pattern]] if pattern in _BY_QUERY else ())) if count else ()


def takes_id_in_query(pattern: str) -> bool:
    """Return whether an operation takes the id of a resource in its query."""
    return pattern in _BY_QUERY.values()


def route_of(path: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the path with ``{}`` for each id, and the ids; None where the API has nothing."""
    routes, ids = ROUTER.match(path)
    route = next(iter(routes.values()), None)
    return None if route is None else (_pattern(route.path), tuple(ids))


def path_of(pattern: str, ids: Sequence[str]) -> str:
    """Return a path, given its ids."""
    return pattern.format(*(quote(one, safe=":") for one in ids))


def _pattern(path: str) -> str:
    return _WILD.sub("{}", path) or "/"
