"""Every operation, sent by both clients to a server made from the description, breaks nothing of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from evenergy import AsyncClient, Client, ProblemError

from .mistakes import VIOLATIONS, Place
from .operations import OPERATIONS, USER, Operation
from .recording import TOKEN, Exchange, Recorder, perform, perform_blocking

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)


def violations(exchanges: Sequence[Exchange]) -> dict[Place, str]:
    """What Prism found wrong with requests: the place, such as ``("query", "expand")``, and why."""
    found: dict[Place, str] = {}
    for exchange in exchanges:
        for entry in json.loads(exchange.answer_headers.get("sl-violations", "[]")):
            side, *place = entry["location"]
            if side == "request":  # else an example in the description breaks its own schema
                found[tuple(place[:2])] = entry["message"]
    return found


def known(operation: Operation) -> set[Place]:
    return {place for name, place in VIOLATIONS if name == operation.id}


def tolerated(operation: Operation) -> tuple[type[Exception], ...]:
    return (ProblemError,) if known(operation) else ()  # what Prism answers to a request that breaks the description


def check(operation: Operation, exchanges: Sequence[Exchange]) -> None:
    found = violations(exchanges)
    assert {place: why for place, why in found.items() if place not in known(operation)} == {}
    assert known(operation) - found.keys() == set(), "the description is right now: the known mistake can go"
    assert len(exchanges) == 1 + len(operation.links)


@each_operation
async def test_async_requests_are_as_described(recorder: Recorder, operation: Operation) -> None:
    recorder.take()
    async with AsyncClient(TOKEN, user=USER, base_url=recorder.base_url) as client:
        await perform(client, operation, tolerated(operation))
    check(operation, recorder.take())


@each_operation
def test_blocking_requests_are_as_described(recorder: Recorder, operation: Operation) -> None:
    recorder.take()
    with Client(TOKEN, user=USER, base_url=recorder.base_url) as client:
        perform_blocking(client, operation, tolerated(operation))
    check(operation, recorder.take())


def test_every_known_mistake_names_an_operation() -> None:
    assert {name for name, _ in VIOLATIONS} <= {operation.id for operation in OPERATIONS}


async def test_a_broken_request_is_seen(recorder: Recorder) -> None:
    recorder.take()
    async with AsyncClient(TOKEN, base_url=recorder.base_url) as client:
        with pytest.raises(ProblemError):
            await client.request("GET", "/vehicles", params={"page_size": 1000})
    assert violations(recorder.take()) == {("query", "page_size"): "Request query parameter page_size must be <= 100"}
