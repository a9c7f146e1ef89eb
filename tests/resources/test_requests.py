"""Request of each operation, and the class of its result, by both clients over a real server."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any, cast

import pytest

from evenergy import AsyncClient, BadRequestError, InvalidArgumentError
from tests.operations import OPERATIONS, ROWS, USER, Row, Sent
from tests.operations._variants import calls_with_none, calls_with_references, invalid_calls, minimal_call
from tests.recorder import Exchange, Perform, Recorder, responding

from .conftest import TOKEN

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
each_operation = pytest.mark.parametrize("row", OPERATIONS.values(), ids=lambda row: row.id)


def method_of(row: Row) -> Any:
    return attrgetter(row.called.method)(AsyncClient)


def sent_by(exchange: Exchange) -> Sent:
    """Return the request as rows describe them; pairs of one name stay in their order."""
    query = sorted(exchange.query, key=lambda pair: pair[0])
    body = json.loads(exchange.body) if exchange.body else None
    return Sent(exchange.line, query, body, exchange.headers.get("Accept-Language"))


def assert_headers(exchange: Exchange, base_url: str) -> None:
    headers = exchange.headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Accept"] == "application/json, application/problem+json"
    assert headers["EvEnergy-Version"] == "2"
    assert headers["EvEnergy-User"] == f"{base_url}/users/{USER}"
    assert headers["User-Agent"].startswith("evenergy/")
    assert (headers.get("Content-Type") == "application/json") is (exchange.method in ("POST", "PATCH"))


def assert_result(row: Row, result: object) -> None:
    if row.paging is not None:
        assert isinstance(result, list)
        kinds = {type(item) for item in cast("list[object]", result)}
        assert kinds == {row.result}
    else:
        assert type(result) is (type(None) if row.result is None else row.result)


@each_row
def test_request_and_result(row: Row, perform: Perform, server: Recorder) -> None:
    server.handler = responding(*row.responds)
    result = perform(row.call)
    (exchange,) = server.take()
    assert sent_by(exchange) == row.sent(server.base_url)
    assert_headers(exchange, server.base_url)
    assert_result(row, result)


@each_operation
def test_arguments_that_are_left_out(row: Row, perform: Perform, server: Recorder) -> None:
    server.handler = responding(*row.responds)
    for call in (minimal_call(row, method_of(row)), *calls_with_none(row, method_of(row))):
        perform(call.on)
        (exchange,) = server.take()
        assert sent_by(exchange) == row.sent(server.base_url, call), call


@each_operation
def test_urls_and_models_in_place_of_ids(row: Row, perform: Perform, server: Recorder) -> None:
    server.handler = responding(*row.responds)
    for call in calls_with_references(row, method_of(row)):
        perform(call.on)
        (exchange,) = server.take()
        assert sent_by(exchange) == row.sent(server.base_url), call


@each_operation
def test_invalid_arguments_send_nothing(row: Row, perform: Perform, server: Recorder) -> None:
    for call in invalid_calls(row, method_of(row)):
        with pytest.raises(InvalidArgumentError, match="expected"):
            pytest.fail(f"{call} gave {perform(call.on)}")
        assert server.take() == [], call


@each_operation
def test_hint_at_a_missing_user(row: Row, perform: Perform, server: Recorder) -> None:
    server.handler = responding({"title": "Bad request"}, 400)
    with pytest.raises(BadRequestError) as caught:
        perform(lambda client: row.called.on(client.with_options(user=None)))
    assert ("pass user=" in str(caught.value)) is row.needs_user
    server.take()
