"""Responses of the sandbox to whatever the description allows: they are as described, and none is a failure."""

from __future__ import annotations

import asyncio
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings

from evenergy import AsyncClient
from evenergy.sandbox import Sandbox
from evenergy.sandbox.routes import ROUTES
from tests.operations import OPERATIONS

from .description import Description, Schema
from .mistakes import UNSERVED

# Its types are in part unknown to a strict checker.
schemathesis: Any = pytest.importorskip("schemathesis")
checks: Any = pytest.importorskip("schemathesis.specs.openapi.checks")
failures: Any = pytest.importorskip("schemathesis.core.failures")

_EXAMPLES = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

_CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

LINES = [re.compile(f"{route.method} {re.sub(r'{[^}]+}', '[^/]+', route.path) or '/'}") for route in ROUTES]
SERVED = [row.id for row in OPERATIONS.values() if any(line.fullmatch(row.line) for line in LINES)]

# Parameters and fields of bodies that name a resource, and what they are called in a path.
_NAMES = {
    "EvEnergy-User": "user_id",
    "available_for_user_id": "user_id",
    "make_id": "vehicle_make_id",
    "model_id": "vehicle_model_id",
}
_UNKNOWN = {"sampled_at": "2019-08-24T14:15:22Z", "logged_at": "2019-08-24T14:15:22Z"}
_REFERENCES = {
    ("VehicleWrite", "model"): ("vehicle_models", "vehicle_model_id"),
    ("VehicleWrite", "user"): ("users", "user_id"),
    ("VehicleTrimCreate", "model"): ("vehicle_models", "vehicle_model_id"),
    ("VehicleModelWrite", "make"): ("vehicle_makes", "vehicle_make_id"),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=4, days=7, rate_limit=1_000_000) as sandbox:
        yield sandbox


async def real(sandbox: Sandbox) -> tuple[str, dict[str, list[str]]]:
    """Return a token, and ids of the sandbox: without them hardly anything but 404 would come."""
    token = await _token(sandbox)
    async with AsyncClient(token, base_url=sandbox.base_url) as client:
        vehicle = sandbox.vehicle_ids[0]
        logs = client.vehicles
        sampled = [
            log for kind in (logs.status_logs, logs.location_logs) for log in await kind.list(vehicle).collect(3)
        ]
        logged = [log for kind in (logs.error_logs, logs.command_logs) for log in await kind.list(vehicle).collect(3)]
        made = await client.vehicle_models.create(name="New", make=sandbox.make_ids[0])  # one without connectors
        models = await client.vehicle_models.list().collect(2)
        return token, {
            "vehicle_id": [vehicle],
            "user_id": sandbox.user_ids,
            "vehicle_make_id": sandbox.make_ids[:3],
            "vehicle_model_id": [made.id, *(model.id for model in models)],
            "vehicle_trim_id": [trim.id for trim in await client.vehicle_trims.list().collect(3)],
            "sampled_at": [_key(log.url) for log in sampled],
            "logged_at": [_key(log.url) for log in logged],
        }


def _key(url: str | None) -> str:
    return str(url).rstrip("/").rpartition("/")[2]


async def _token(sandbox: Sandbox) -> str:
    url = sandbox.base_url.removesuffix("/v2") + "/o/token/"
    login = {"Authorization": aiohttp.encode_basic_auth(sandbox.client_id, sandbox.client_secret)}
    async with (
        aiohttp.ClientSession(headers=login) as http,
        http.post(url, data={"grant_type": "client_credentials"}) as answer,
    ):
        granted: dict[str, Any] = await answer.json()
        return str(granted["access_token"])


def grounded(description: Description, sandbox: Sandbox, ids: dict[str, list[str]]) -> Schema:
    """Return the description with the ids and references of the sandbox, and one more of each."""
    document = copy.deepcopy(description.document)
    for parameter in _parameters(document):
        name: str = _NAMES.get(parameter["name"]) or parameter["name"]
        known = ids.get(name)
        if known:
            parameter["schema"] = {"type": "string", "enum": [*known, _UNKNOWN.get(name, known[0][:4] + "0" * 26)]}
    for (schema, field), (collection, name) in _REFERENCES.items():
        urls = [f"{sandbox.base_url}/{collection}/{one}" for one in ids[name]]
        properties = document["components"]["schemas"][schema]["properties"]
        properties[field] = {"type": "string", "enum": [*urls, f"{sandbox.base_url}/{collection}/unknown"]}
    # The operation that refers to it takes what the other operations on vehicles take (see `mistakes`).
    document["components"]["parameters"]["expand"] = document["components"]["parameters"]["expand-on-vehicle"]
    # The description only says in words that a model and the names of one exclude each other.
    waits = document["components"]["schemas"]["VehicleWaitlistRequest"]
    waits["properties"] = {
        "email": {"type": "string", "enum": ["driver@example.com", "nobody"]},
        "vehicle_model_id": {"type": "string", "enum": ids["vehicle_model_id"]},
    }
    waits["required"] = ["email", "vehicle_model_id"]
    return document


def _parameters(document: Schema) -> Iterator[Schema]:
    yield from document["components"]["parameters"].values()
    for item in document["paths"].values():
        for holder in (item, *(item[method] for method in item.keys() & {"get", "post", "patch", "delete"})):
            yield from (parameter for parameter in holder.get("parameters", ()) if "name" in parameter)


def statuses_of(description: Description, document: Schema, sandbox: Sandbox, token: str, served: str) -> Counter[int]:
    """Request whatever the description allows, check the responses, and count their statuses."""
    statuses: Counter[int] = Counter()
    operation = description.operations[served]

    @_EXAMPLES
    @given(schemathesis.openapi.from_dict(document)[operation.path][operation.method].as_strategy())
    def conforms(case: Any) -> None:
        response = case.call(base_url=sandbox.base_url, headers={"Authorization": f"Bearer {token}"})
        statuses[response.status_code] += 1
        case.validate_response(response, checks=_CHECKS)

    conforms()
    return statuses


@pytest.mark.parametrize("served", SERVED)
def test_responses_conform(description: Description, sandbox: Sandbox, served: str) -> None:
    token, ids = asyncio.run(real(sandbox))
    statuses = statuses_of(description, grounded(description, sandbox, ids), sandbox, token, served)
    assert any(status < 300 for status in statuses), statuses  # else only rejections were seen


def break_field(document: Schema) -> None:
    document["components"]["schemas"]["VehicleMake"]["properties"]["name"] = {"type": "integer"}


def break_header(document: Schema) -> None:
    document["components"]["headers"]["x-ratelimit-limit"]["schema"] = {"type": "boolean"}


def break_status(document: Schema) -> None:
    del document["paths"]["/vehicle_makes/{vehicle_make_id}"]["get"]["responses"]["200"]


def break_type(document: Schema) -> None:
    content = document["paths"]["/vehicle_makes/{vehicle_make_id}"]["get"]["responses"]["200"]["content"]
    content["text/csv"] = content.pop("application/json")


@pytest.mark.parametrize("change", [break_field, break_header, break_status, break_type], ids=lambda one: one.__name__)
def test_a_response_that_does_not_conform_is_found(
    description: Description, sandbox: Sandbox, change: Callable[[Schema], None]
) -> None:
    token, ids = asyncio.run(real(sandbox))
    document = grounded(description, sandbox, ids)
    change(document)
    with pytest.raises(failures.FailureGroup):
        statuses_of(description, document, sandbox, token, "get-vehicle_makes-vehicle_make_id")


def test_every_route_is_an_operation() -> None:
    unknown = [line.pattern for line in LINES if not any(line.fullmatch(row.line) for row in OPERATIONS.values())]
    assert unknown == []


def test_a_collection_is_served_whole() -> None:
    collections = {line.pattern.split("/")[1] for line in LINES}
    lacking = {row.id for row in OPERATIONS.values() if row.line.split("/")[1] in collections} - {*SERVED}
    assert lacking == UNSERVED.keys(), "serve these in the sandbox, or name them in UNSERVED with the reason"
