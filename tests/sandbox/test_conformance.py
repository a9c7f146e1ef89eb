"""The sandbox gives a described response to whatever the description allows, and never fails."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from evenergy.sandbox import Sandbox
from tests.sandbox.description import METHODS, Operation, corrected, each_operation, needs_description, operations
from tests.sandbox.helpers import Clock, connected
from tests.sandbox.known import known_ids

# Its types are in part unknown to a strict checker.
schemathesis: Any = pytest.importorskip("schemathesis")
checks: Any = pytest.importorskip("schemathesis.specs.openapi.checks")
failures: Any = pytest.importorskip("schemathesis.core.failures")

_EXAMPLES = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
_CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# Parameters and fields that name a resource, and what they are called in a path.
_NAMES = {"EvEnergy-User": "user_id", "available_for_user_id": "user_id", "user_rebate": "user_rebate_id"}
_ALIKE = {"make_id", "model_id", "trim_id"}
_TIMES = ("sampled_at", "logged_at", "valid_period_start")
_loaded: list[tuple[dict[str, Any], Any]] = []


@attrs.frozen
class Served:
    """A sandbox, a token for it, and the description with the ids of what there is."""

    sandbox: Sandbox
    token: str
    document: dict[str, Any]
    schema: Any


def conforms(served: Served, schema: Any, operation: Operation) -> None:
    """Send whatever the description allows, and check the responses."""

    @_EXAMPLES
    @given(schema[operation.path][operation.method].as_strategy())
    def check(case: Any) -> None:
        headers = {"Authorization": f"Bearer {served.token}"}
        response = case.call(base_url=served.sandbox.base_url, headers=headers, allow_redirects=False)
        case.validate_response(response, checks=_CHECKS)

    check()


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve a sandbox that no other operation has written to: a user who moved has another grid, and another tariff."""
    clock = Clock()

    async def look(sandbox: Sandbox) -> tuple[str, dict[str, list[str]]]:
        async with connected(sandbox, clock) as api:
            return api.headers["Authorization"].removeprefix("Bearer "), await known_ids(api)

    with Sandbox(clock=clock, rate_limit=1_000_000_000) as sandbox:
        token, ids = asyncio.run(look(sandbox))
        if not _loaded:  # The ids follow from the seed and the clock, so they are the same in all sandboxes.
            found = grounded(ids)
            _loaded.append((found, schemathesis.openapi.from_dict(found)))
        yield Served(sandbox, token, *_loaded[0])


def grounded(ids: dict[str, list[str]]) -> dict[str, Any]:
    """Return the description, whose ids are those that the sandbox has, and one more of each."""
    document = copy.deepcopy(corrected())
    for path, parameter in _parameters(document):
        name: str = parameter["name"]
        known = ids.get(_NAMES.get(name, name))
        if name in _ALIKE:
            kind = path.strip("/").split("_")[0]
            known = ids.get(f"{kind}_{name}") or ids.get(f"home_{kind}_{name}")
        if name in _TIMES and parameter["in"] == "path":
            known = ["2025-03-10T09:00:00Z"]
        if known:
            parameter["schema"] = {"type": "string", "enum": [*known, known[0][:4] + "0" * 26]}
    # What refers to it takes what the other operations on vehicles take.
    document["components"]["parameters"]["expand"] = document["components"]["parameters"]["expand-on-vehicle"]
    for item in document["paths"].values():
        for method in item.keys() & set(METHODS):
            # A body is JSON here; the description lets three operations take forms, too.
            body = item[method].get("requestBody", {})
            if "application/json" in body.get("content", {}):
                body["content"] = {"application/json": body["content"]["application/json"]}
    return document


def _parameters(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for parameter in document["components"]["parameters"].values():
        yield "", parameter
    for path, item in document["paths"].items():
        for holder in (item, *(item[method] for method in item.keys() & set(METHODS))):
            yield from ((path, parameter) for parameter in holder.get("parameters", ()) if "name" in parameter)


@each_operation("GET", "POST", "PATCH", "DELETE")
def test_conforms_to_the_description(operation: Operation, served: Served) -> None:
    conforms(served, served.schema, operation)


def break_field(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["VehicleMake"]["properties"]["name"] = {"type": "integer"}


def break_header(document: dict[str, Any]) -> None:
    document["components"]["headers"]["x-ratelimit-limit"]["schema"] = {"type": "boolean"}


def break_status(document: dict[str, Any]) -> None:
    del document["paths"]["/vehicle_makes/{vehicle_make_id}"]["get"]["responses"]["200"]


def break_type(document: dict[str, Any]) -> None:
    content = document["paths"]["/vehicle_makes/{vehicle_make_id}"]["get"]["responses"]["200"]["content"]
    content["text/csv"] = content.pop("application/json")


@needs_description
@pytest.mark.parametrize("change", [break_field, break_header, break_status, break_type], ids=lambda one: one.__name__)
def test_reports_a_response_that_does_not_conform(served: Served, change: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(served.document)
    change(document)
    operation = next(one for one in operations() if one.id == "get-vehicle_makes-vehicle_make_id")
    with pytest.raises(failures.FailureGroup):
        conforms(served, schemathesis.openapi.from_dict(document), operation)
