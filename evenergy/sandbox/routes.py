"""The operations by method and path, each with the scope that it needs."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from evenergy.sandbox.api import (
    account,
    catalogue,
    charging_sessions,
    dispatch,
    evse_catalogue,
    evses,
    feeds,
    hem,
    home_energy,
    onboarding,
    preferences,
    programs,
    rebates,
    regions,
    root,
    sites,
    solar,
    sub_sessions,
    support,
    tariffs,
    users,
    vehicles,
)
from evenergy.sandbox.operations import Route, log_routes_of, routes_of
from evenergy.sandbox.router import Router
from evenergy.sandbox.tables import Collection

_MODULES: tuple[ModuleType, ...] = (
    root,
    users,
    preferences,
    account,
    vehicles,
    catalogue,
    onboarding,
    evse_catalogue,
    evses,
    charging_sessions,
    sub_sessions,
    tariffs,
    feeds,
    programs,
    rebates,
    regions,
    sites,
    home_energy,
    solar,
    hem,
    support,
    dispatch,
)


def _collections() -> Iterator[Collection[Any]]:
    for module in _MODULES:
        yield from getattr(module, "COLLECTIONS", ())


def _routes() -> Iterator[Route]:
    for module in _MODULES:
        yield from getattr(module, "ROUTES", ())
    for collection in _collections():
        yield from routes_of(collection)
    for module in _MODULES:
        for kind in getattr(module, "LOGS", ()):
            yield from log_routes_of(kind)


COLLECTIONS: Mapping[str, Collection[Any]] = {collection.key: collection for collection in _collections()}
ROUTES: tuple[Route, ...] = tuple(_routes())
ROUTER = Router(ROUTES)
SCOPES: tuple[str, ...] = tuple(sorted({route.scope for route in ROUTES if route.scope}))
