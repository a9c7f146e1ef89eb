"""What the schemas allow, the client reads, and gives back as it came."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from typing import Any, cast

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

import evenergy
from evenergy import AsyncClient, Pager
from evenergy.codec import decode

from .answers import documents, same, same_value
from .description import Description
from .mistakes import VIOLATIONS
from .models import MODELS, Model
from .operations import OPERATIONS, USER, VEHICLE, Operation
from .recording import TOKEN, Recorder, forwarding

# Prism has no answer but 400 where the description is wrong about the first request.
ANSWERED = [one for one in OPERATIONS if all(name != one.id or place[1:] for name, place in VIOLATIONS)]

_THOROUGH = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
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


@pytest.mark.parametrize("operation", ANSWERED, ids=lambda operation: operation.id)
async def test_what_prism_makes_up_is_read(inventive: Recorder, operation: Operation) -> None:
    for _ in range(3):
        inventive.take()
        # A client for each: what Prism makes up for the rate limit would stop the next request.
        async with AsyncClient(TOKEN, user=USER, base_url=inventive.base_url, max_wait=0) as client:
            result = operation.call(client)
            value = await (result.collect(1) if isinstance(result, Pager) else cast("Awaitable[object]", result))
        (exchange,) = inventive.take()
        came = json.loads(exchange.answer) if exchange.answer else None
        if isinstance(value, list):
            assert len(value) == len(came)
            assert all(map(same, map(type, value), came, map(evenergy.to_dict, value)))
        elif attrs.has(type(value)):
            assert same(type(value), came, evenergy.to_dict(value))
        else:
            assert value in (came, None)


async def test_waits_that_prism_names_on_success_are_ignored(recorder: Recorder) -> None:
    async with AsyncClient(TOKEN, base_url=recorder.base_url, max_wait=0) as client:
        for _ in range(3):
            await client.vehicles.get(VEHICLE)
        assert client.rate_limit is not None
        assert (client.rate_limit.limit, client.rate_limit.remaining) == (1000, 999)
    answers = [exchange.answer_headers for exchange in recorder.take()]
    assert [headers.get("RetryAfter") for headers in answers] == ["3600"] * 3
