"""What the schemas allow, the client reads, and gives back as it came."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from typing import Any, cast

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import evenergy
from evenergy import AsyncClient, DecodeError, Pager
from evenergy._codec.decode import decode

from .answers import documents, same_value
from .description import Description
from .mistakes import VIOLATIONS
from .models import MODELS, Model
from .operations import OPERATIONS, USER, VEHICLE, Operation
from .recording import TOKEN, Exchange, Recorder, forwarding

_READ, _TRIES = 2, 80  # of large answers one in six is as described
jsonschema: Any = pytest.importorskip("jsonschema")  # its types are another package

_LATER = {("query", "page_after"), ("query", "page_before")}

# Prism has no answer but 400 where the description is wrong about the first request.
ANSWERED = [one for one in OPERATIONS if not {place for name, place in VIOLATIONS if name == one.id} - _LATER]

_THOROUGH = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],  # to explain a failure takes minutes, and says little of large documents
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # a vehicle with all expanded is large
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_a_schema_allows_is_read(description: Description, model: Model) -> None:
    @_THOROUGH
    @given(documents(description, {"$ref": MODELS[model]}))
    def reads(document: dict[str, Any]) -> None:
        value = decode(json.dumps(document).encode(), model)
        back = evenergy.to_dict(value)
        assert same_value(model, document, back), (document, back)
        assert decode(json.dumps(back).encode(), model) == value

    reads()


def test_a_value_that_differs_is_seen() -> None:
    came = {"id": "vhcl1", "disabled": True, "latest_status_log": {"sampled_at": "2024-01-01T00:00:00+01:00"}}
    back = evenergy.to_dict(decode(json.dumps(came).encode(), evenergy.Vehicle))
    assert same_value(evenergy.Vehicle, came, back)
    for changed in (
        {**came, "disabled": 1},
        {**came, "disabled": None},
        {**came, "description": "new"},
        {**came, "latest_status_log": {"sampled_at": "2024-01-01T00:00:00Z"}},
        {**came, "latest_status_log": None},
    ):
        assert not same_value(evenergy.Vehicle, changed, back)


@pytest.fixture
def inventive(recorder: Recorder, prism: str) -> Iterator[Recorder]:
    """The recorder before a Prism that makes up its answers, headers among them."""
    before, recorder.handler = recorder.handler, forwarding(prism, {"Prefer": "dynamic=true"})
    yield recorder
    recorder.handler = before


async def ask(client: AsyncClient, operation: Operation) -> object:
    """A value, or the values of a first page."""
    result = operation.call(client)
    if not isinstance(result, Pager):
        return await cast("Awaitable[object]", result)
    page = await cast("Pager[object]", result).pages().next_page()
    assert page is not None
    return page.items


def gives_back(value: object, came: Any) -> bool:
    if isinstance(value, list):
        values = cast("list[object]", value)
        return len(values) == len(came) and all(map(gives_back, values, came))
    if attrs.has(type(value)):
        model = cast("attrs.AttrsInstance", value)
        return same_value(type(model), came, evenergy.to_dict(model))
    return value in (came, None)  # the plain data of the root, or nothing


def conforms(description: Description, operation: Operation, exchange: Exchange) -> bool:
    """Whether an answer is as described: Prism makes up nonsense deep inside of resources that hold each other."""
    responses = description.operations[operation.id].raw["responses"]
    content = description.resolve(responses[str(exchange.status)]).get("content")
    if content is None:
        return not exchange.answer
    schema = {**content["application/json"]["schema"], "components": description.document["components"]}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(json.loads(exchange.answer)))


@pytest.mark.parametrize("operation", ANSWERED, ids=lambda operation: operation.id)
async def test_what_prism_makes_up_is_read(description: Description, inventive: Recorder, operation: Operation) -> None:
    read = 0
    for _ in range(_TRIES):
        inventive.take()
        value: object = None
        failed: DecodeError | None = None
        # A client for each: what Prism makes up for the rate limit would stop the next request.
        async with AsyncClient(TOKEN, user=USER, base_url=inventive.base_url) as client:
            try:
                value = await ask(client, operation)
            except DecodeError as error:
                failed = error
        (exchange,) = inventive.take()
        if conforms(description, operation, exchange):
            assert failed is None, (failed, exchange.answer)
            assert gives_back(value, json.loads(exchange.answer) if exchange.answer else None), exchange.answer
            read += 1
        if read == _READ:
            return
    pytest.fail(f"of {_TRIES} answers that Prism made up, {read} were as described")


async def test_waits_that_prism_names_on_success_are_ignored(recorder: Recorder) -> None:
    async with AsyncClient(TOKEN, base_url=recorder.base_url, max_wait=0) as client:
        for _ in range(3):
            await client.vehicles.get(VEHICLE)
        assert client.rate_limit is not None
        assert (client.rate_limit.limit, client.rate_limit.remaining) == (1000, 999)
    answers = [exchange.answer_headers for exchange in recorder.take()]
    assert [headers.get("RetryAfter") for headers in answers] == ["3600"] * 3
