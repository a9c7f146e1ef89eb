"""Every response conforms to the provider's description, whose path EVENERGY_OPENAPI holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from evenergy.sandbox import Sandbox
from evenergy.sandbox.routes import ROUTES
from tests.sandbox.description import (
    Operation,
    corrected,
    each_operation,
    is_list,
    needs_description,
    normal,
    operations,
    validate,
)
from tests.sandbox.helpers import Api, Clock, Response, connected, serving
from tests.sandbox.known import known_ids

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENERGY = (("start", "2025-03-10T00:00:00Z"), ("end", "2025-03-10T09:00:00Z"), ("resolution", "PT30M"))
_NEEDS_USER = ("get-notifications", "get-incentive_schemes")


@attrs.frozen
class Served:
    sandbox: Sandbox
    clock: Clock
    ids: dict[str, list[str]]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    clock = Clock()

    async def ids(sandbox: Sandbox) -> dict[str, list[str]]:
        async with connected(sandbox, clock) as api:
            return await known_ids(api)

    with Sandbox(clock=clock, rate_limit=1_000_000) as sandbox:
        yield Served(sandbox, clock, asyncio.run(ids(sandbox)))


async def path_of(api: Api, operation: Operation, ids: dict[str, list[str]]) -> str:
    """Return a path to something that exists; a log is named by its time."""
    path = operation.path
    for parameter in operation.parameters:
        if parameter["in"] == "path" and parameter["name"] in ids:
            path = path.replace(f"{{{parameter['name']}}}", ids[parameter["name"]][0])
    if "{" in path:
        logs = await api.data(path.rpartition("/")[0] + "?page_size=1")
        path = logs[0]["url"].removeprefix(api.sandbox.base_url)
    return path


def query_of(operation: Operation, ids: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return the parameters that an operation needs, and the largest page."""
    if operation.id.endswith("energy_stats"):
        return list(_ENERGY)
    query = [("page_size", "100")] if operation.takes("page_size") else []
    for parameter in operation.parameters:
        if parameter["in"] == "query" and parameter.get("required"):
            value = "sandbox" if parameter["name"] == "client_id" else ids[parameter["name"]][0]
            query.append((parameter["name"], value))
    if operation.takes("response_type"):
        kind = operation.path.removeprefix("/").partition("_")[0]
        query += [("response_type", "json"), ("make_id", ids[f"{kind}_make_id"][0])]
    return query


def headers_of(operation: Operation, ids: dict[str, list[str]]) -> dict[str, str]:
    return {"EvEnergy-User": ids["notified_user_id"][0]} if operation.id in _NEEDS_USER else {}


@each_operation("GET")
async def test_serves_reads_as_described(operation: Operation, served: Served) -> None:
    async with connected(served.sandbox, served.clock) as api:
        path, query = await path_of(api, operation, served.ids), query_of(operation, served.ids)
        headers = headers_of(operation, served.ids)
        for expand in ((), *((one,) for one in operation.expansions), operation.expansions):
            params = [*query, *(("expand", one) for one in expand)]
            response = await api.get(path, params=params, headers=headers)
            assert response.status in (200, 302), response
            validate(operation, response.status, response.json() if response.body else None)
            if not expand:
                assert missing(operation, response) <= _OPTIONAL.get(operation.id, set())


def missing(operation: Operation, response: Response) -> set[str]:
    """Return the fields that are described and in no row of the response."""
    data: Any = response.json() if response.body else {}
    rows: list[dict[str, Any]] = data if is_list(data) else [data]
    content = operation.responses[str(response.status)].get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return _properties(schema.get("items", schema)) - {name for row in rows for name in row}


def _properties(schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = corrected()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        names |= _properties(part)
    return names


# The list of tariffs has daily prices for those who ask for them.
_OPTIONAL = {"get-tariffs": {"daily_prices"}}


@needs_description
def test_serves_every_operation() -> None:
    routes = {(route.method, normal(route.path)) for route in ROUTES}
    assert routes == {(operation.method, normal(operation.path)) for operation in operations()}


@needs_description
async def test_expands_each_reference() -> None:
    async with serving(rate_limit=1_000_000) as api:
        ids = await known_ids(api)
        for operation in operations():
            if operation.method != "GET" or not operation.path.endswith("s"):
                continue
            path, query = await path_of(api, operation, ids), query_of(operation, ids)
            for name in (one for one in operation.expansions if "." not in one):
                params = [*query, ("expand", name)]
                rows: Any = await api.data(path, params=params, headers=headers_of(operation, ids))
                listed: list[dict[str, Any]] = rows if is_list(rows) else []
                found: list[Any] = [row[name] for row in listed if name in row]
                if found and operation.id not in _UNEXPANDED:
                    assert any(isinstance(one, dict | list) for one in found), (operation.id, name)


# `prices` comes with one tariff alone, whatever the parameter of the list says.
_UNEXPANDED = ("get-tariffs",)


@needs_description
async def test_serves_problems_as_described() -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    async with serving(rate_limit=4) as api:
        schema = {"$ref": "#/components/schemas/RFC9457ProblemDetail", "components": corrected()["components"]}
        anonymous = api.bearing(None)
        responses = [
            await anonymous.get("/vehicles"),
            await api.get("/nothing"),
            await api.send("PUT", "/vehicles"),
            await api.get("/vehicles?page_size=0"),
            await api.send("POST", "/vehicles", json={}),
            await api.get("/vehicles"),
        ]
        assert [response.status for response in responses] == [401, 404, 405, 400, 400, 429]
        for response in responses:
            jsonschema.Draft202012Validator(schema).validate(response.json())
