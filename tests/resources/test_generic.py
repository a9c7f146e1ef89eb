"""Calls that fit every operation: the requests of `request` and `pages`, by both clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from evenergy import InvalidArgumentError, Response, Vehicle, VehicleMake, VehicleModel
from tests.operations._row import API, MAKE, MODEL, SINCE
from tests.recorder import Perform, Recorder, responding

FOREIGN = "https://evil.example/v2/vehicles"


def test_request(perform: Perform, server: Recorder) -> None:
    server.handler = responding({"any": 1})
    params = {"y": [1, True], "z": None, "since": SINCE}
    response = perform(lambda c: c.request("post", f"{API}/anything/7?x=1", params=params, json={"a": [None]}))
    (exchange,) = server.take()
    assert exchange.line == "POST /anything/7"
    assert exchange.query == (("x", "1"), ("y", "1"), ("y", "true"), ("since", "2024-01-01T11:30:00Z"))
    assert json.loads(exchange.body) == {"a": [None]}
    assert isinstance(response, Response)
    assert response.json() == {"any": 1}


def test_request_decoded_into_a_type(perform: Perform, server: Recorder) -> None:
    server.handler = responding([{"id": "v"}])
    assert perform(lambda c: c.request("GET", "/vehicles", into=list[Vehicle])) == [Vehicle("v")]
    (exchange,) = server.take()
    assert (exchange.line, exchange.query, exchange.body) == ("GET /vehicles", (), b"")


def test_pages_of_a_url(perform: Perform, server: Recorder) -> None:
    server.handler = responding([{"id": MODEL}])
    url = f"{API}/vehicle_models?make_id={MAKE}&page_size=10&ordering=name"
    assert perform(lambda c: c.pages(url, into=VehicleModel, ordering="-name")) == [VehicleModel(MODEL)]
    (exchange,) = server.take()
    assert exchange.line == "GET /vehicle_models"
    assert exchange.query == (("make_id", MAKE), ("page_size", "10"), ("ordering", "-name"))


def test_pages_of_a_path(perform: Perform, server: Recorder) -> None:
    server.handler = responding([])
    assert perform(lambda c: c.pages("/vehicle_models", VehicleModel)) == []
    (exchange,) = server.take()
    assert (exchange.line, exchange.query) == ("GET /vehicle_models", (("page_size", "100"),))


INVALID: dict[str, Callable[[Any], object]] = {
    "a foreign origin": lambda c: c.request("GET", FOREIGN),
    "a path that climbs": lambda c: c.request("GET", "/a/%2e%2e/b"),
    "no JSON": lambda c: c.request("POST", "/vehicles", json=object()),
    "a lone surrogate": lambda c: c.request("POST", "/vehicles", json={"x": "\ud800"}),
    "pages of a foreign origin": lambda c: c.pages(FOREIGN, VehicleMake),
    "an empty page": lambda c: c.pages("/vehicles", VehicleMake, page_size=0),
}


@pytest.mark.parametrize("call", INVALID.values(), ids=INVALID)
def test_invalid_arguments_send_nothing(call: Callable[[Any], object], perform: Perform, server: Recorder) -> None:
    with pytest.raises(InvalidArgumentError, match="expected"):
        perform(call)
    assert server.take() == []
