"""Public names: the same in both clients, right for help() and mocks, complete in ``evenergy``."""

from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, cast, get_overloads, get_type_hints
from unittest.mock import AsyncMock, NonCallableMagicMock, create_autospec

import pytest

import evenergy
from evenergy import AsyncClient, BlockingFanOut, BlockingPager, Client, FanOut, Pager, Vehicle
from tests.house import (
    DOMAINS,
    MODULES,
    PACKAGE,
    PUBLIC,
    assert_none,
    collections,
    lacking_exports,
    methods,
    operations,
    public,
)
from tests.operations._row import VEHICLE

PATHS = [path for path, _ in collections(AsyncClient)]
METHODS = sorted(methods(AsyncClient))

each_path = pytest.mark.parametrize("path", PATHS)
each_method = pytest.mark.parametrize("name", METHODS)


@pytest.mark.parametrize("client", [AsyncClient, Client])
@pytest.mark.parametrize("name", ["__init__", "with_options"])
def test_the_types_of_the_arguments_of_a_client_are_found_at_run_time(client: type, name: str) -> None:
    assert None not in get_type_hints(getattr(client, name)).values()  # as programs do that inject what is annotated


def of_both(path: str) -> tuple[Any, Any]:
    """Return what stands at a path of both clients."""
    clients = AsyncClient("token"), Client("token")
    return clients if not path else (attrgetter(path)(clients[0]), attrgetter(path)(clients[1]))


def parameters(method: Callable[..., object]) -> list[inspect.Parameter]:
    return list(inspect.signature(method).parameters.values())


def returned(method: Callable[..., object]) -> str:
    return str(inspect.signature(method).return_annotation)


def help_of(thing: object) -> str:
    """Return what `help` shows, in one line and without the quotes of annotations: Python 3.14 wraps and has none."""
    shown = pydoc.render_doc(thing, renderer=cast("Any", pydoc).plaintext)
    line = re.sub(r"\n(?: \|)* *", " ", shown).replace("'", "")
    return line.replace("( ", "(").replace(" )", ")")


def test_the_walk_finds_the_collections() -> None:
    assert {"", "vehicles.status_logs", "vehicle_models.connectors"} <= set(PATHS)
    assert {"root", "vehicles.status_logs.list", "oauth.exchange"} <= set(METHODS)
    assert len(PATHS) > 15


@each_path
def test_both_clients_have_the_same_names(path: str) -> None:
    awaiting, blocking = of_both(path)
    assert public(blocking) == public(awaiting)


@each_method
def test_both_clients_take_the_same_arguments(name: str) -> None:
    awaiting, blocking = of_both(name)
    assert parameters(blocking) == parameters(awaiting)
    assert all(one.annotation is not one.empty for one in parameters(awaiting))


@each_method
def test_both_clients_give_the_same_results(name: str) -> None:
    awaiting, blocking = of_both(name)
    in_two_forms = returned(awaiting).startswith(("Pager", "NewStatusLogs", "Watch"))
    assert returned(blocking) == (f"Blocking{returned(awaiting)}" if in_two_forms else returned(awaiting))
    assert not inspect.iscoroutinefunction(blocking)


@each_method
def test_both_clients_have_the_same_words(name: str) -> None:
    awaiting, blocking = of_both(name)
    assert awaiting.__doc__
    assert name == "close" or blocking.__doc__ == awaiting.__doc__
    assert awaiting.__name__ == blocking.__name__ == name.rpartition(".")[2]


def test_methods_of_one_result_are_coroutine_functions() -> None:
    described = operations(AsyncClient)
    assert {"vehicles.get", "vehicles.status_logs.get", "root"} <= described.keys()
    for name, method in described.items():
        assert inspect.iscoroutinefunction(method) is not returned(method).startswith("Pager"), name
    for name in ("request", "oauth.revoke", "close"):
        assert inspect.iscoroutinefunction(methods(AsyncClient)[name])


@pytest.mark.parametrize("of_class", [True, False])
@pytest.mark.parametrize(("client", "result"), [(AsyncClient, "Pager"), (Client, "BlockingPager")])
def test_help_has_the_signatures_of_the_client(client: type[AsyncClient | Client], result: str, of_class: bool) -> None:
    holder: Any = client if of_class else client("token")
    shown = help_of(holder.vehicles)
    assert "get(self, vehicle_id: str, /, *, expand: Iterable[VehicleExpand] = ()) -> Vehicle" in shown
    assert f"page_size: int | None = None) -> {result}[Vehicle]" in shown
    assert "Vehicles, and below them their logs." in shown
    shown = help_of(holder.vehicles.status_logs.list)
    assert "list(vehicle_id: str, /, *, since: datetime | None = None," in shown
    assert f"-> {result}[VehicleStatusLog]" in shown
    assert "root(self) -> dict[str, str]" in help_of(client)


def test_a_client_of_ones_own_is_like_the_client() -> None:
    class Own(Client):
        pass

    assert returned(methods(Own)["vehicles.list"]) == "BlockingPager[Vehicle]"
    assert returned(Own("token").vehicles.status_logs.list) == "BlockingPager[VehicleStatusLog]"


@pytest.mark.parametrize("spec", [AsyncClient, AsyncClient("token"), Client, Client("token")])
def test_mocks_with_a_spec_have_the_methods_of_collections(spec: AsyncClient | Client | type) -> None:
    client: Any = create_autospec(spec, instance=isinstance(spec, type))
    is_async = spec is AsyncClient or isinstance(spec, AsyncClient)
    for collection in (client.vehicles, client.vehicles.status_logs):
        assert isinstance(collection, NonCallableMagicMock)
        assert isinstance(collection.get, AsyncMock) is is_async
        with pytest.raises(TypeError):
            collection.get()
        with pytest.raises(TypeError):
            collection.list(VEHICLE, page=1)
        with pytest.raises(AttributeError):
            _ = collection.gett


async def test_mocks_are_called_like_clients() -> None:
    awaiting, blocking = create_autospec(AsyncClient, instance=True), create_autospec(Client, instance=True)
    awaiting.vehicles.get.return_value = blocking.vehicles.get.return_value = Vehicle("v")
    assert await awaiting.vehicles.get(VEHICLE, expand=["user"]) == Vehicle("v")
    assert blocking.vehicles.get(VEHICLE, expand=["user"]) == Vehicle("v")
    awaiting.vehicles.get.assert_awaited_once_with(VEHICLE, expand=["user"])
    blocking.vehicles.get.assert_called_once_with(VEHICLE, expand=["user"])


def test_both_clients_take_the_same_options_but_for_the_session() -> None:
    own = [each for each in parameters(AsyncClient) if each.name != "session"]
    assert parameters(Client) == own


def test_both_pagers_have_the_same_names() -> None:
    awaiting, blocking = cast("Any", Pager), cast("Any", BlockingPager)
    assert public(blocking) == public(awaiting)
    assert parameters(blocking.collect) == parameters(awaiting.collect)
    assert parameters(blocking.pages) == parameters(awaiting.pages)


def test_a_collection_is_made_once() -> None:
    for client in (AsyncClient("token"), Client("token")):
        assert client.vehicles is client.vehicles
        assert client.vehicles.status_logs is client.vehicles.status_logs
        assert client.with_options(timeout=1).vehicles is not client.vehicles
        assert type(client.with_options(timeout=1).vehicles) is type(client.vehicles)


def test_all_is_the_public_names() -> None:
    for name in PUBLIC:
        assert getattr(evenergy, name) is not None  # all modules are imported by now
    found = {
        name
        for name, value in vars(evenergy).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(PUBLIC) == found
    assert len(PUBLIC) == len(set(PUBLIC))
    assert set(PUBLIC) <= set(dir(evenergy))


def test_models_enumerations_and_aliases_are_public() -> None:
    assert len({name for module in DOMAINS.values() for name in getattr(module, "__all__", ())}) > 35
    assert_none(lacking_exports(DOMAINS, MODULES, (PACKAGE / "__init__.py").read_text(encoding="utf-8")))


def test_errors_are_public() -> None:
    assert {name for name in public(evenergy.errors) if name.endswith("Error")} <= set(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    unknown = "Vehicel"
    with pytest.raises(AttributeError, match="has no attribute 'Vehicel'"):
        getattr(evenergy, unknown)


def test_a_module_is_imported_at_its_first_use() -> None:
    script = (
        "import sys, evenergy; print(*sys.modules); evenergy.Client('token').vehicle_makes; print(*sys.modules);"
        " from evenergy import VehicleStatusLog; print(VehicleStatusLog.__module__)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, second, third = run.stdout.splitlines()
    assert not set(first.split()) & {"aiohttp", "attrs", "msgspec", "evenergy.client"}
    loaded = {name for name in second.split() if name.startswith("evenergy.")}
    assert {name for name in loaded if name.startswith("evenergy.resources.")} == {
        "evenergy.resources._kinds",
        "evenergy.resources.catalogue",
    }
    assert not loaded & {f"evenergy.{name}" for name in ("_codec.strict", "sandbox", "cli")}
    assert not set(second.split()) & {"cattrs", "tenacity"}
    assert third == "evenergy.resources.vehicles"


def signatures() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield all that a user calls, but for the models."""
    for client in (AsyncClient("token"), Client("token")):
        for name, method in methods(client).items():
            yield f"{type(client).__name__}.{name}", method
    for kind in (Pager, BlockingPager, FanOut, BlockingFanOut):
        for name in public(kind):
            member: Any = getattr(kind, name)
            yield f"{kind.__name__}.{name}", getattr(member, "fget", member)
    yield "AsyncClient()", AsyncClient.__init__
    yield "Client()", Client.__init__
    yield "to_dict", evenergy.to_dict


@pytest.mark.parametrize("function", [pytest.param(function, id=name) for name, function in signatures()])
def test_no_public_signature_holds_any(function: Callable[..., object]) -> None:
    for form in get_overloads(inspect.unwrap(function)) or [function]:
        assert callable(form)
        # The result of an overloaded coroutine is written as what calling it gives.
        assert not re.search(r"\bAny\b", str(inspect.signature(form)).replace("Coroutine[Any, Any, ", ""))
