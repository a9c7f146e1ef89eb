"""Every operation, sent by both clients to a server made from the description, breaks nothing of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from evenergy import AsyncClient, Client, DecodeError, ProblemError
from tests.operations import OPERATIONS, USER, Row
from tests.recorder import Exchange, Recorder

from .mistakes import UNREADABLE, VIOLATIONS, Place
from .recording import TOKEN, perform, perform_blocking

each_operation = pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda row: row.id)


def violations(exchanges: Sequence[Exchange]) -> dict[Place, str]:
    """Return what Prism found wrong with requests: the place, such as ``("query", "expand")``, and why."""
    found: dict[Place, str] = {}
    for exchange in exchanges:
        for entry in json.loads(exchange.response_headers.get("sl-violations", "[]")):
            side, *place = entry["location"]
            if side == "request":  # else an example in the description breaks its own schema
                found[tuple(place[:2])] = entry["message"]
    return found


def known(row: Row) -> set[Place]:
    return {place for name, place in VIOLATIONS if name == row.id}


def tolerated(row: Row) -> tuple[type[Exception], ...]:
    rejected = (ProblemError,) if known(row) else ()  # the response of Prism to a request that breaks the description
    return (*rejected, DecodeError) if row.id in UNREADABLE else rejected


def check(row: Row, exchanges: Sequence[Exchange]) -> None:
    found = violations(exchanges)
    assert {place: why for place, why in found.items() if place not in known(row)} == {}
    assert known(row) - found.keys() == set(), "the description is right now: the known mistake can go"
    links = ", ".join(exchanges[0].response_headers.getall("Link", []))
    pages = 0 if row.paging in (None, "none") else links.count("<http")  # the next page, and the previous one
    assert len(exchanges) == 1 + pages


@each_operation
async def test_async_requests_are_as_described(recorder: Recorder, row: Row) -> None:
    recorder.take()
    async with AsyncClient(TOKEN, user=USER, base_url=recorder.base_url) as client:
        await perform(client, row, tolerated(row))
    check(row, recorder.take())


@each_operation
def test_blocking_requests_are_as_described(recorder: Recorder, row: Row) -> None:
    recorder.take()
    with Client(TOKEN, user=USER, base_url=recorder.base_url) as client:
        perform_blocking(client, row, tolerated(row))
    check(row, recorder.take())


def test_every_known_mistake_names_an_operation() -> None:
    assert {name for name, _ in VIOLATIONS} <= OPERATIONS.keys()


async def test_a_broken_request_is_seen(recorder: Recorder) -> None:
    recorder.take()
    async with AsyncClient(TOKEN, base_url=recorder.base_url) as client:
        with pytest.raises(ProblemError):
            await client.request("GET", "/vehicles", params={"page_size": 1000})
    assert violations(recorder.take()) == {("query", "page_size"): "Request query parameter page_size must be <= 100"}
