from __future__ import annotations

import inspect
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, cast, get_overloads

import attrs
import pytest

import evenergy
from evenergy import (
    AsyncClient,
    BlockingPager,
    Client,
    FanOut,
    Pager,
    catalogue,
    onboarding,
    telemetry,
    users,
    vehicles,
)
from evenergy._core.blocking import Facade

BY_HAND = {"request", "fan_out", "with_options", "close", "rate_limit", "authorization_request"}
"""What has a blocking form of its own, not one that `blocking` makes, and so words of its own too."""


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def collections(one: object, other: object, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The client and its collections, each with its blocking twin."""
    yield path, one, other
    for name in sorted(public(one)):
        inner = getattr(one, name)
        if type(inner).__module__.startswith("evenergy."):
            yield from collections(inner, getattr(other, name), f"{path}.{name}")


PAIRS = list(collections(AsyncClient("token"), Client("token"), "client"))
METHODS = [
    pytest.param(getattr(one, name), getattr(other, name), id=f"{path}.{name}")
    for path, one, other in PAIRS
    for name in sorted(public(one) & public(other))
    if inspect.ismethod(getattr(one, name))
]


def shape(method: Callable[..., object], *, annotated: bool) -> list[object]:
    parameters = inspect.signature(method).parameters.values()
    return [(each.name, each.kind, each.default, annotated and each.annotation) for each in parameters]


def test_the_walk_finds_the_collections() -> None:
    assert {"client", "client.vehicles.status_logs", "client.vehicle_models.connectors"} <= {
        path for path, _, _ in PAIRS
    }
    assert len(PAIRS) > 15


@pytest.mark.parametrize(("path", "one", "other"), PAIRS, ids=[path for path, _, _ in PAIRS])
def test_each_blocking_class_has_the_names_of_its_twin(path: str, one: object, other: object) -> None:
    assert public(other) == public(one)
    assert isinstance(other, Facade)
    assert not isinstance(one, Facade)


@pytest.mark.parametrize(("one", "other"), METHODS)
def test_each_blocking_method_takes_what_its_twin_takes(one: Any, other: Any) -> None:
    annotated = one.__name__ != "fan_out"  # it takes methods of its own client, and no asynchronous items
    assert shape(other, annotated=annotated) == shape(one, annotated=annotated)
    assert not inspect.iscoroutinefunction(other)


@pytest.mark.parametrize(("one", "other"), METHODS)
def test_each_method_says_what_it_does(one: Any, other: Any) -> None:
    assert one.__doc__
    assert other.__doc__
    if one.__name__ not in BY_HAND:
        assert other.__doc__ == one.__doc__


def test_the_clients_take_the_same_options_but_for_the_session() -> None:
    own = [each for each in inspect.signature(AsyncClient).parameters.values() if each.name != "session"]
    assert list(inspect.signature(Client).parameters.values()) == own


def test_the_pagers_have_the_same_names() -> None:
    one, other = cast("Any", Pager), cast("Any", BlockingPager)
    assert public(other) == public(one)
    assert shape(other.collect, annotated=True) == shape(one.collect, annotated=True)
    assert shape(other.pages, annotated=True) == shape(one.pages, annotated=True)


def test_all_is_what_is_public() -> None:
    for name in evenergy.__all__:
        assert getattr(evenergy, name) is not None  # what is imported late is imported by now
    found = {
        name
        for name, value in vars(evenergy).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(evenergy.__all__) == found
    assert len(evenergy.__all__) == len(set(evenergy.__all__))


def test_the_values_of_all_domains_are_public() -> None:
    domains = [catalogue, onboarding, telemetry, users, vehicles]
    values = {
        kind.__name__
        for domain in domains
        for kind in vars(domain).values()
        if isinstance(kind, type) and kind.__module__ == domain.__name__ and (attrs.has(kind) or issubclass(kind, Enum))
    }
    assert len(values) > 25
    assert values <= set(evenergy.__all__)
    assert set(evenergy.__all__) <= set(dir(evenergy))


def test_a_collection_is_made_once() -> None:
    for client in (AsyncClient("token"), Client("token")):
        assert client.vehicles is client.vehicles
        assert client.with_options(timeout=1).vehicles is not client.vehicles
    assert AsyncClient.vehicles.__doc__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Vehicel'"):
        _ = cast("Any", evenergy).Vehicel


def test_what_is_not_used_is_not_imported() -> None:
    script = (
        "import sys, evenergy; evenergy.Client('token').vehicle_makes; print(*sys.modules);"
        " from evenergy import VehicleStatusLog; print(VehicleStatusLog.__module__)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second = run.stdout.splitlines()
    loaded = set(first.split())
    assert "evenergy.resources.catalogue" in loaded
    unused = ("telemetry", "users", "vehicles", "onboarding", "oauth", "rules", "sandbox", "demo", "cli")
    assert not loaded & {"cattrs", "tenacity", *(f"evenergy.{name}" for name in unused)}
    assert second == "evenergy.resources.vehicle_logs"


def test_all_errors_are_public() -> None:
    errors = {name for name in dir(evenergy.errors) if name.endswith("Error")}
    assert errors <= set(evenergy.__all__)


def functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """All that a user calls, but for the values."""
    kinds: list[Any] = [*(type(thing) for _, *pair in PAIRS for thing in pair), Pager, BlockingPager, FanOut]
    for kind in kinds:
        for name in sorted(public(kind)):
            member: Any = getattr(kind, name)
            yield f"{kind.__name__}.{name}", getattr(member, "fget", getattr(member, "func", member))
    yield "AsyncClient()", AsyncClient.__init__
    yield "Client()", Client.__init__
    yield "to_dict", evenergy.to_dict


@pytest.mark.parametrize("function", [pytest.param(function, id=name) for name, function in functions()])
def test_no_public_signature_holds_any(function: Callable[..., object]) -> None:
    for form in get_overloads(function) or [function]:
        assert callable(form)
        assert not re.search(r"\bAny\b", str(inspect.signature(form)))
