"""Names, arguments, wire places, spellings, fields and members of the map of all operations, in both clients."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from enum import Enum
from operator import attrgetter
from types import GenericAlias
from typing import Any, get_args

import attrs
import pytest
from aiohttp import web

import evenergy
from evenergy import UNSET, AsyncClient, BadRequestError, Client, InvalidArgumentError, OutcomeUnknownError, Retry
from evenergy._codec.decode import decode
from tests.house import assert_none, operations as operations_of
from tests.operations import OPERATIONS, USER, Call
from tests.operations._values import filled, hints, minimal, required
from tests.recorder import Exchange, Perform, Recorder, performing, responding, serving

from . import operation_map
from .operation_map import Mapped, Parameter, Value
from .samples import invalid, samples

WHERE = operation_map.directory()
MAP = operation_map.operations(WHERE) if WHERE else []
VALUES = operation_map.values(WHERE) if WHERE else []
PREFIXES = operation_map.prefixes(MAP)

METHODS = operations_of(AsyncClient)
THERE = [one for one in MAP if one.name in METHODS]
KNOWN = [one for one in VALUES if hasattr(evenergy, one.name)]

each_client = pytest.mark.parametrize("client", [AsyncClient, Client])
each_operation = pytest.mark.parametrize("mapped", THERE, ids=lambda mapped: mapped.name)


def of_kind(*kinds: str) -> pytest.MarkDecorator:
    found = [value for value in KNOWN if value.kind in kinds]
    return pytest.mark.parametrize("value", found, ids=lambda value: value.name)


@pytest.fixture(scope="module")
def local() -> Iterator[Recorder]:
    with serving(Recorder(responding({}))) as recorder:
        yield recorder


@pytest.fixture
def server(local: Recorder) -> Recorder:
    """Give the server without what earlier tests left."""
    local.take()
    return local


@pytest.fixture(scope="module", params=[AsyncClient, Client])
def perform(request: pytest.FixtureRequest, local: Recorder) -> Iterator[Perform]:
    with performing(request.param, local.base_url, token="a-token", user=USER) as perform:
        yield perform


def test_the_map_is_there() -> None:
    if WHERE is None:
        pytest.skip(f"{operation_map.VARIABLE} does not name the directory of operations.csv, nor is it in ../shared")
    assert len(MAP) == 210
    assert len(THERE) >= 41
    assert len(KNOWN) > 30


@pytest.mark.skipif(WHERE is None, reason="no map")
def test_every_row_is_an_operation_of_the_map() -> None:
    known = {one.operation_id for one in MAP}
    assert_none(f"{row} is no operation: correct the id of its row" for row in OPERATIONS if row not in known)


@pytest.mark.skipif(WHERE is None, reason="no map")
def test_every_operation_is_there() -> None:
    assert_none(f"client.{one.client_call} of {one.operation_id} is missing" for one in MAP if one not in THERE)


@pytest.mark.skipif(WHERE is None, reason="no map")
def test_every_class_is_there() -> None:
    assert_none(f"evenergy.{one.name} ({one.kind}) is missing" for one in VALUES if one not in KNOWN)


# Names, kinds, defaults and results


@each_client
@each_operation
def test_signature(mapped: Mapped, client: type[AsyncClient | Client]) -> None:
    signature = inspect.signature(attrgetter(mapped.name)(client("token")))
    parameters = list(signature.parameters.values())
    found = [(one.name, KINDS[one.kind], default_of(one)) for one in parameters]
    assert [one for one in found if one[1] != "keyword"] == [one for one in mapped.arguments if one[1] != "keyword"]
    assert sorted(found) == sorted(mapped.arguments)
    assert [one.name for one in parameters if one.annotation is one.empty] == []
    is_blocking_pager = issubclass(client, Client) and mapped.result.startswith("Pager[")
    assert signature.return_annotation == f"{'Blocking' if is_blocking_pager else ''}{mapped.result}"


KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional or keyword",
    inspect.Parameter.VAR_POSITIONAL: "any positional",
    inspect.Parameter.VAR_KEYWORD: "any keyword",
}


def default_of(parameter: inspect.Parameter) -> str:
    default = parameter.default
    return "required" if default is parameter.empty else "UNSET" if default is UNSET else repr(default)


@each_operation
def test_row_of_the_table(mapped: Mapped) -> None:
    row = OPERATIONS[mapped.operation_id]
    assert row.called.method == mapped.name
    one_page = mapped.paging == "none" and mapped.result.startswith("Pager[")
    assert row.paging == ("none" if one_page else None if mapped.paging == "none" else mapped.paging)
    assert row.needs_user is (mapped.needs_user == "yes") or mapped.needs_user == "own"


# Places on the wire


def call_of(mapped: Mapped, base_url: str, **changed: Any) -> Call:
    """Return a call with the arguments that are required, and some others."""
    given, keywords = list[Any](), dict[str, Any]()
    for parameter in mapped.parameters:
        if parameter.is_required or parameter.name in changed:
            value = changed.get(parameter.name, samples(parameter, base_url, PREFIXES)[0][0])
            if parameter.kind == "positional":
                given.append(value)
            else:
                keywords[parameter.name] = value
    return Call(mapped.name, tuple(given), keywords)


def on_the_wire(exchange: Exchange, mapped: Mapped, parameter: Parameter) -> Any:
    """Return what stands at the place of an argument: text, a list of texts in a query; UNSET for nothing."""
    if parameter.place == "path":
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(mapped.path))
        found = re.fullmatch(pattern, exchange.path)
        return UNSET if found is None else found[parameter.wire_name]
    if parameter.place == "query":
        return [value for name, value in exchange.query if name == parameter.wire_name] or UNSET
    if parameter.place == "header":
        return exchange.headers.get(parameter.wire_name, UNSET)
    body: Any = json.loads(exchange.body) if exchange.body else {}
    return body if parameter.wire_name == "*" else body.get(parameter.wire_name, UNSET)


def allowed(mapped: Mapped, parameter: Parameter, base_url: str) -> Iterator[tuple[Call, Any]]:
    """Yield calls, each with what must stand at the place of an argument."""
    for value, wire in samples(parameter, base_url, PREFIXES):
        yield call_of(mapped, base_url, **{parameter.name: value}), wire
    nothing = ["100"] if parameter.name == "page_size" else UNSET
    if not parameter.is_required:
        yield call_of(mapped, base_url), nothing
    if "UnsetType" in parameter.classes:
        yield call_of(mapped, base_url, **{parameter.name: UNSET}), UNSET
    if "None" in parameter.classes:
        yield call_of(mapped, base_url, **{parameter.name: None}), None if parameter.place == "body" else nothing


def findings(mapped: Mapped, perform: Perform, server: Recorder) -> Iterator[str]:
    """Yield each difference between the arguments of an operation and the map."""
    for parameter in mapped.parameters:
        place = f"{parameter.place} {parameter.wire_name}"
        for call, wire in allowed(mapped, parameter, server.base_url):
            try:
                perform(call.on)
            except Exception as error:  # noqa: BLE001  whatever it is, the message names the call
                yield f"{call} raised {error!r}"
            for exchange in server.take():
                found = on_the_wire(exchange, mapped, parameter)
                if found != wire:
                    yield f"{call} has {found!r} as {place}, expected {wire!r}"
                if exchange.method != mapped.method or not fits(mapped.path, exchange.path):
                    yield f"{call} sends {exchange.line}, expected {mapped.method} {mapped.path}"
        for value in invalid(parameter):
            call = call_of(mapped, server.base_url, **{parameter.name: value})
            try:
                perform(call.on)
            except InvalidArgumentError:
                pass
            else:
                yield f"{call} is not rejected: {parameter.name} is {parameter.written}"
            yield from (f"{call} is rejected after {one.line} was sent" for one in server.take())


def fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path) is not None


@each_operation
def test_arguments(mapped: Mapped, perform: Perform, server: Recorder) -> None:
    server.handler = responding(*OPERATIONS[mapped.operation_id].responds)
    assert_none(findings(mapped, perform, server))


@each_operation
def test_line(mapped: Mapped, perform: Perform, server: Recorder) -> None:
    server.handler = responding(*OPERATIONS[mapped.operation_id].responds)
    perform(call_of(mapped, server.base_url).on)
    (exchange,) = server.take()
    assert exchange.method == mapped.method
    assert fits(mapped.path, exchange.path), exchange.path


# Users, and writes whose response is lost


@each_operation
def test_hint_at_a_missing_user(mapped: Mapped, perform: Perform, server: Recorder) -> None:
    server.handler = responding({"title": "Bad request"}, 400)
    call = call_of(mapped, server.base_url)
    with pytest.raises(BadRequestError) as caught:
        perform(lambda client: call.on(client.with_options(user=None)))
    server.take()
    if mapped.needs_user != "own":
        assert ("user=" in str(caught.value)) is (mapped.needs_user == "yes")


@pytest.mark.parametrize("mapped", [one for one in THERE if one.method != "GET"], ids=lambda mapped: mapped.name)
def test_a_write_is_sent_once_and_a_delete_again(mapped: Mapped, perform: Perform, server: Recorder) -> None:
    async def lose(request: web.Request, body: bytes) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.handler = lose
    call, retry = call_of(mapped, server.base_url), Retry(attempts=2, backoff=0.001)
    is_write = mapped.method in ("POST", "PATCH")
    with pytest.raises(OutcomeUnknownError if is_write else evenergy.TransportError):
        perform(lambda client: call.on(client.with_options(retry=retry)))
    assert len(server.take()) == (1 if is_write else 2)


# Classes, enumerations and lists of literals

# Models whose required fields are others than `id`.
REQUIRED: dict[str, set[str]] = {
    "LatLong": {"latitude", "longitude"},
    "RoutePoint": {"latitude", "longitude", "name"},
    "VehicleOnboarding": {"authorization_request_id"},
    "RebateEvidenceType": set(),
    "RebateEvidenceSupportingData": set(),
}


@of_kind("value")
def test_fields(value: Value) -> None:
    model = getattr(evenergy, value.name)
    assert attrs.has(model)
    assert set(hints(model)) == set(value.members)
    is_event = value.domain_file == "webhooks.py" and "message_id" in value.members
    usual = set(value.members) if is_event else {"id"} & set(value.members)
    assert required(model) == REQUIRED.get(value.name, usual)


@of_kind("value")
def test_a_model_is_frozen_and_gives_back_its_data(value: Value) -> None:
    model = getattr(evenergy, value.name)
    full = filled(model)
    decoded = decode(json.dumps(full).encode(), model)
    assert evenergy.to_dict(decoded) == full
    assert decode(json.dumps({**full, "a_new_field": {"a": [1]}}).encode(), model) == decoded
    with pytest.raises(AttributeError):
        setattr(decoded, value.members[0], None)


def without_nulls(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    fields: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]  it was Any
    return {name: without_nulls(value) for name, value in fields.items() if value is not None}


@of_kind("value")
def test_fields_may_be_absent_or_null(value: Value) -> None:
    model = getattr(evenergy, value.name)
    least = minimal(model)
    absent = decode(json.dumps(least).encode(), model)
    nulls = {name: None for name in value.members if name not in required(model)}
    assert decode(json.dumps({**nulls, **least}).encode(), model) == absent
    assert hash(absent) == hash(decode(json.dumps(least).encode(), model))
    assert without_nulls(evenergy.to_dict(absent)) == least


@of_kind("enum")
def test_members(value: Value) -> None:
    kind: Any = getattr(evenergy, value.name)
    assert issubclass(kind, Enum)
    assert {member.value for member in kind} == set(value.members)
    kinds: Any = GenericAlias(list, (kind,))
    (unknown,) = decode(b'["SOMETHING_NEW"]', kinds)
    assert unknown == "SOMETHING_NEW"
    assert isinstance(unknown, kind)


@of_kind("expand", "literal")
def test_literals(value: Value) -> None:
    assert set(get_args(getattr(evenergy, value.name))) == set(value.members)
