"""A fan-out ends at the first error that every other item would get too."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web

from evenergy import (
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    Client,
    ClientCredentials,
    EvEnergyError,
    NotFoundError,
    Outcome,
    ProblemError,
    RateLimitError,
)
from evenergy._core.item_method import ItemMethod
from evenergy._core.resource import Resource
from evenergy.sandbox import Sandbox
from tests.server import serving

IDS = ["vhcl" + f"{number:026}" for number in range(100)]
SINCE = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=50, days=1) as sandbox:
        yield sandbox


def credentials(sandbox: Sandbox) -> ClientCredentials:
    return ClientCredentials(sandbox.client_id, sandbox.client_secret)


def problem(error: type[ProblemError], detail: str | None = None, *fields: str) -> Callable[..., Any]:
    """Return a function of one item that the API always rejects."""

    async def method(item: str, **_: object) -> str:
        raise error("no", detail=detail, field_errors={field: ["No."] for field in fields})

    return method


async def outcomes_of(
    client: AsyncClient, method: Any, items: Any, **options: Any
) -> tuple[Any, list[Outcome[Any, Any]]]:
    outcomes = client.fan_out(method, items, **options)
    return outcomes, [outcome async for outcome in outcomes]


async def test_a_rejected_token_ends_it(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    async with AsyncClient("wrong", base_url=sandbox.base_url) as client:
        outcomes, found = await outcomes_of(client, client.vehicles.get, IDS, concurrency=4)
    assert len(found) == 4
    assert 1 <= sandbox.requests <= 4
    assert all(isinstance(outcome.error, AuthenticationError) for outcome in found)
    assert outcomes.stopped_by is found[0].error
    assert outcomes.skipped == 96
    assert "96 remaining items were skipped" in vars(outcomes.stopped_by)["__notes__"][0]
    (record,) = [record for record in caplog.records if "remaining items were skipped" in record.message]
    assert record.levelno == logging.WARNING
    assert "wrong" not in record.message


def test_a_rejected_token_ends_a_blocking_one(sandbox: Sandbox) -> None:
    with Client("wrong", base_url=sandbox.base_url) as client:
        outcomes = client.fan_out(client.vehicles.get, iter(IDS), concurrency=4)
        found = list(outcomes)
    assert 1 <= sandbox.requests <= len(found) <= 4
    assert outcomes.stopped_by in [outcome.error for outcome in found]
    assert isinstance(outcomes.stopped_by, AuthenticationError)
    assert outcomes.skipped is None
    assert "the remaining items were skipped" in vars(outcomes.stopped_by)["__notes__"][0]


async def test_a_typo_in_expand_ends_it_and_the_known_fields_are_named(sandbox: Sandbox) -> None:
    items = iter(sandbox.vehicle_ids)
    async with AsyncClient(credentials(sandbox), base_url=sandbox.base_url) as client:
        logs: Any = client.vehicles.status_logs.list
        outcomes, found = await outcomes_of(client, logs, items, expand=["vehicle.trimm"], concurrency=3)
    assert len(found) == 3
    assert isinstance(outcomes.stopped_by, BadRequestError)  # so the field was sent
    (note,) = outcomes.stopped_by.__notes__
    assert note.endswith(
        "; this version of evenergy knows these fields of expand: vehicle, vehicle.trim, "
        "vehicle.trim.model, vehicle.trim.model.make, vehicle.user"
    )
    assert len(list(items)) == 47  # what was not tried is still in the iterator


@pytest.mark.parametrize(
    ("method", "ends"),
    [
        (problem(BadRequestError, None, "since"), True),
        (problem(BadRequestError, None, "since.0"), True),
        (problem(BadRequestError, "The parameter 'since' is not a time."), True),
        (problem(BadRequestError, "Sincerely, no."), False),
        (problem(BadRequestError, None, "vehicle_id"), False),
        (problem(BadRequestError), False),
        (problem(NotFoundError, "since"), False),
        (problem(RateLimitError), True),
        (problem(AuthenticationError), False),  # a function may use other credentials for each item
    ],
)
async def test_errors_that_every_item_would_get(method: Any, *, ends: bool) -> None:
    async with AsyncClient("t") as client:
        outcomes, found = await outcomes_of(client, method, list("abcdef"), since=SINCE, concurrency=2)
    assert len(found) == (2 if ends else 6)
    assert outcomes.skipped == (4 if ends else 0)
    assert outcomes.stopped_by is (found[0].error if ends else None)


async def test_a_parameter_that_is_named_as_the_api_names_it_is_shared_too() -> None:
    async def reject(request: web.Request) -> web.Response:
        field = "sampled_at__gte" if "sampled_at__gte" in request.query else "vehicle"
        return web.json_response({"status": 400, "field_errors": {field: ["No."]}}, status=400)

    async with serving(reject) as server, AsyncClient("t", base_url=server.url) as client:
        logs = client.vehicles.status_logs.list
        outcomes, found = await outcomes_of(client, logs, IDS, since=SINCE, concurrency=2)
        assert len(found) == 2
        assert isinstance(outcomes.stopped_by, BadRequestError)
        outcomes, found = await outcomes_of(client, logs, IDS[:10], concurrency=2)
        assert len(found) == 10
        links = [f"/vehicles/{vehicle}/status_logs?sampled_at__gte=2024" for vehicle in IDS[:10]]
        outcomes, found = await outcomes_of(client, client.pages, links, into=dict[str, str], concurrency=2)
        assert len(found) == 10  # each of these items brought the parameter itself
        assert outcomes.stopped_by is None


async def test_a_closed_client_ends_it() -> None:
    client = AsyncClient("t")
    await client.close()
    outcomes, found = await outcomes_of(client, client.vehicles.get, itertools.cycle(IDS), concurrency=2)
    assert len(found) == 2
    assert outcomes.skipped is None


async def test_nothing_is_said_to_be_skipped_when_every_item_was_tried(caplog: pytest.LogCaptureFixture) -> None:
    async with AsyncClient("t") as client:
        outcomes, found = await outcomes_of(client, problem(RateLimitError), ["a", "b"])
    assert outcomes.skipped == 0
    assert outcomes.stopped_by is found[0].error
    assert not hasattr(outcomes.stopped_by, "__notes__")
    assert not [record for record in caplog.records if "skipped" in record.message]


async def test_the_calls_in_flight_complete() -> None:
    go = asyncio.Event()

    async def method(item: str) -> str:
        if item == "b":
            raise RateLimitError("later", retry_after=3600)
        await go.wait()
        return item

    async with AsyncClient("t") as client:
        outcomes = client.fan_out(method, list("abcdef"), concurrency=3)
        first = await anext(outcomes)
        assert outcomes.stopped_by is first.error
        go.set()
        assert sorted([outcome.unwrap() async for outcome in outcomes]) == ["a", "c"]
    assert outcomes.skipped == 3


def collections(resource: Any) -> Iterator[Any]:
    """Return a resource and all below it."""
    yield resource
    for name in dir(resource):
        child: Any = None if name.startswith("_") else getattr(resource, name)
        if isinstance(child, Resource):
            yield from collections(cast("Any", child))


@pytest.mark.parametrize("client", [AsyncClient("t"), Client("t")], ids=["async", "blocking"])
def test_every_method_knows_the_fields_that_its_expand_takes(client: AsyncClient | Client) -> None:
    checked = 0
    for resource in collections(client):
        for name in dir(resource):
            method: Any = None if name.startswith("_") else getattr(resource, name)
            if not inspect.ismethod(method) or "expand" not in inspect.signature(method).parameters:
                continue
            parameters = inspect.signature(method).parameters.values()
            if inspect.Parameter.POSITIONAL_ONLY not in {one.kind for one in parameters}:
                continue  # a listing without ids is nothing to fan out
            keywords = {
                one.name: None for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty
            }
            shared = ItemMethod[str](method, IDS, {**keywords, "expand": ["typo"]}, is_ours=True)
            hint = shared.hint(BadRequestError("no", field_errors={"expand": ["no"]}))
            assert "knows these fields of expand: " in hint, method
            checked += 1
    assert checked > 5


def test_an_error_without_expand_has_no_hint() -> None:
    shared = ItemMethod[str](Client("t").vehicles.get, IDS, {"expand": ["typo"]}, is_ours=True)
    for error in (BadRequestError("no", field_errors={"vehicle": ["no"]}), EvEnergyError("expand")):
        assert shared.hint(error) == ""
    untyped = ItemMethod[str](problem(BadRequestError), IDS, {"expand": ["typo"]}, is_ours=False)
    assert untyped.hint(BadRequestError("no", detail="expand")) == ""


async def test_an_asynchronous_source_ends_too() -> None:
    async def endless() -> AsyncIterator[str]:
        for item in itertools.cycle(IDS):
            yield item

    async with AsyncClient("t") as client:
        outcomes, found = await outcomes_of(client, problem(RateLimitError), endless(), concurrency=2)
    assert 1 <= len(found) <= 2
    assert outcomes.skipped is None
