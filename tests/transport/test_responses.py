"""Responses, read and decoded, and those that cannot be."""

import gzip
import json
import pickle
from datetime import datetime
from typing import Any

import msgspec
import pytest

import evenergy
from evenergy import AsyncClient
from evenergy._transport.failures import MAX_BODY
from tests.server import MAKE, MAKE_ID, VEHICLE_ID, answer, raw_serving, serving
from tests.transport.responding import BODY, CUT, QUICK, statuses


async def test_an_answer_pickles() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url) as client:
        found = await client.request("GET", "/x")
    same = pickle.loads(pickle.dumps(found))  # noqa: S301
    assert (same, same.json()) == (found, MAKE)
    assert same.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("into", [[evenergy.Vehicle], "Vehicle", evenergy.Vehicle | evenergy.User, object(), 5])
async def test_a_type_that_no_response_can_be_decoded_into_is_rejected_before_anything_is_sent(into: Any) -> None:
    async with AsyncClient("t", base_url="http://127.0.0.1:9/v2") as client:
        with pytest.raises(evenergy.InvalidArgumentError, match="expected a type such as"):
            await client.request("GET", "/x", into=into)
        with pytest.raises(evenergy.InvalidArgumentError, match="expected a type such as"):
            client.pages("/x", into=into)


class Fleet(msgspec.Struct):
    """A class of a caller's, which holds a value of the library."""

    vehicles: list[evenergy.Vehicle]
    size: int = 0


async def test_an_answer_is_read_into_classes_of_the_callers_too() -> None:
    body = b'{"vehicles": [{"id": "v", "unknown": 1}], "size": 1.0}'
    async with raw_serving(answer(body)) as server, AsyncClient("t", base_url=server.url) as client:
        fleet = await client.request("GET", "/x", into=Fleet)
    assert (fleet.vehicles[0].id, fleet.size) == ("v", 1)


@pytest.mark.parametrize("body", [float("nan"), {"at": datetime(2024, 1, 1)}, [{"x": (float("inf"),)}], {1j}])  # noqa: DTZ001
async def test_a_body_that_json_cannot_hold_is_refused(body: object) -> None:
    async with AsyncClient("t") as client:
        with pytest.raises(evenergy.InvalidArgumentError):
            await client.request("POST", "/x", json=body)


async def test_a_body_cut_short_is_told_without_the_names_of_the_libraries_below() -> None:
    async with raw_serving(CUT["by length"]) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match=r"cut short.*.* of 500 bytes") as caught:
            await client.root()
    assert "Error" not in str(caught.value)


async def test_a_body_that_is_no_json_to_the_end_is_a_decode_error() -> None:
    async with raw_serving(CUT["html"]) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert (raised.value.status, raised.value.where, raised.value.method) == (200, "$", "GET")
    assert len(server.heads) == 3


async def test_an_answer_of_the_wrong_shape_is_not_asked_for_again_and_names_the_place() -> None:
    wrong = answer(b'[{"sampled_at": "2024-01-01T00:00:00Z"}, {"sampled_at": "yesterday"}]')
    async with raw_serving(wrong) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError, match=r"\$\[1\]\.sampled_at") as raised:
            await client.vehicles.status_logs.list(VEHICLE_ID).collect()
    assert raised.value.where == "$[1].sampled_at"
    assert len(server.heads) == 1


async def test_a_redirect_is_an_error_that_names_the_place_without_its_query() -> None:
    redirect = answer(b"", "307 Temporary Redirect", "Location: https://elsewhere.example/v2/x?token=abc")
    async with raw_serving(redirect) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match=r"https://elsewhere\.example/v2/x") as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert "abc" not in str(raised.value)
    assert len(server.heads) == 1


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_is_refused(announced: bool) -> None:
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
    small = head + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1)
    async with (
        raw_serving(large if announced else small, keep_alive=True) as server,
        AsyncClient("t", base_url=server.url, retry=QUICK) as client,
    ):
        with pytest.raises(evenergy.TransportError, match="8 MiB"):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.heads) == 1


async def test_a_404_below_a_base_url_without_a_path_asks_whether_v2_is_missing() -> None:
    async with serving(statuses(404)) as server:
        async with AsyncClient("t", base_url=server.origin) as client:
            with pytest.raises(evenergy.NotFoundError, match="is /v2 missing"):
                await client.root()
        async with AsyncClient("t", base_url=server.url) as client:
            with pytest.raises(evenergy.NotFoundError) as raised:
                await client.root()
        assert "/v2 missing" not in str(raised.value)


async def test_a_body_that_is_no_json_is_named_with_its_type() -> None:
    page = answer(b"<html>log in</html>").replace(b"application/json", b"text/html")
    async with raw_serving(page) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.DecodeError, match=r"not a whole JSON document.*\(200, text/html, GET http"):
            await client.root()


async def test_an_answer_that_arrived_unasked_is_never_taken_for_the_next_one() -> None:
    stale = answer(BODY, keep_alive=True) + answer(json.dumps({**MAKE, "name": "Stale"}).encode())
    right = answer(json.dumps({**MAKE, "name": "Right"}).encode())
    async with raw_serving(stale, right, keep_alive=True) as server, AsyncClient("t", base_url=server.url) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
        assert (await client.vehicle_makes.get(MAKE_ID)).name == "Right"
    assert server.connections == 2
