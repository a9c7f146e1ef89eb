"""Responses that the schemas allow: the client decodes them, and gives back the same data."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator
from typing import Any, cast

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import evenergy
from evenergy import AsyncClient, DecodeError, Pager, Retry, ServerError
from evenergy._codec.decode import decode
from tests.operations import OPERATIONS, USER, Row
from tests.operations._row import VEHICLE
from tests.operations._values import Model
from tests.recorder import Exchange, Recorder

from .description import Description
from .mistakes import UNREADABLE, VIOLATIONS
from .models import DESCRIBED, schemas_of
from .recording import TOKEN, forwarding
from .responses import documents, same_value

_READ, _TRIES = 2, 80  # of large responses one in six is as described
jsonschema: Any = pytest.importorskip("jsonschema")  # its types are another package

_LATER = {("query", "page_after"), ("query", "page_before")}

# Prism responds with 400 alone where the description is wrong about the first request.
SUCCESSFUL = [
    row
    for row in OPERATIONS.values()
    if not {place for name, place in VIOLATIONS if name == row.id} - _LATER and row.id not in UNREADABLE
]

_THOROUGH = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],  # to explain a failure takes minutes, and says little of large documents
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # a vehicle with all expanded is large
)


@pytest.mark.parametrize("model", DESCRIBED.values(), ids=DESCRIBED)
def test_schema_is_decoded(description: Description, model: Model) -> None:
    @_THOROUGH
    @given(documents(description, schemas_of(description).of[model]).filter(lambda one: one is not None))
    def reads(document: dict[str, Any]) -> None:
        value = decode(json.dumps(document).encode(), model)
        back = evenergy.to_dict(value)
        assert same_value(model, document, back), (document, back)
        assert decode(json.dumps(back).encode(), model) == value

    reads()


def test_a_difference_is_found() -> None:
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
    """Give the recorder before a Prism that makes up its responses, headers among them."""
    before, recorder.handler = recorder.handler, forwarding(prism, {"Prefer": "dynamic=true"})
    yield recorder
    recorder.handler = before


async def first_result(client: AsyncClient, row: Row) -> object:
    """Return a value, or the values of a first page."""
    result = row.call(client)
    if not isinstance(result, Pager):
        return await cast("Awaitable[object]", result)
    page = await cast("Pager[object]", result).pages().next_page()
    assert page is not None
    return page.items


_WRAPPED = {
    "patch-notifications-notification_id": "Notification",
    "get-carbon_feeds-carbon_feed_id-carbon_intensities": "carbon_intensities",
}
"""Operations whose response is described as an object around the value, with its member."""


def gives_back(value: object, came: Any) -> bool:
    if isinstance(value, list):
        values = cast("list[object]", value)
        return len(values) == len(came) and all(map(gives_back, values, came))
    if attrs.has(type(value)):
        model = cast("attrs.AttrsInstance", value)
        return same_value(type(model), came, evenergy.to_dict(model))
    return value in (came, None)  # the plain data of the root, or nothing


def conforms(description: Description, row: Row, exchange: Exchange) -> bool:
    """Return whether a response is as described: Prism makes up nonsense deep inside of resources in each other."""
    content = description.response(description.operations[row.id], str(exchange.status))
    if not content:
        return not exchange.response
    schema = {**content, "components": description.document["components"]}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(json.loads(exchange.response)))


@pytest.mark.parametrize("row", SUCCESSFUL, ids=lambda row: row.id)
async def test_responses_of_prism_are_decoded(description: Description, inventive: Recorder, row: Row) -> None:
    read = 0
    for _ in range(_TRIES):
        inventive.take()
        value: object = None
        failed: DecodeError | None = None
        # A client for each: the rate limit that Prism makes up would stop the next request.
        async with AsyncClient(TOKEN, user=USER, base_url=inventive.base_url, retry=Retry(attempts=1)) as client:
            try:
                value = await first_result(client, row)
            except DecodeError as error:
                failed = error
            except ServerError:  # Prism cannot make up some unions of lists
                continue
        (exchange,) = inventive.take()
        if conforms(description, row, exchange):
            assert failed is None, (failed, exchange.response)
            came: Any = json.loads(exchange.response) if exchange.response else None
            assert gives_back(value, came.get(_WRAPPED[row.id]) if row.id in _WRAPPED else came), exchange.response
            read += 1
        if read == _READ:
            return
    pytest.fail(f"of {_TRIES} responses that Prism made up, {read} were as described")


async def test_retry_after_on_success_is_ignored(recorder: Recorder) -> None:
    async with AsyncClient(TOKEN, base_url=recorder.base_url, max_wait=0) as client:
        for _ in range(3):
            await client.vehicles.get(VEHICLE)
        assert client.rate_limit is not None
        assert (client.rate_limit.limit, client.rate_limit.remaining) == (1000, 999)
    responses = [exchange.response_headers for exchange in recorder.take()]
    assert [headers.get("RetryAfter") for headers in responses] == ["3600"] * 3
