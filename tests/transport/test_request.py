"""Requests: bodies, and redirects that are a response."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from aiohttp import web
from msgspec import UNSET

import evenergy
from evenergy import AsyncClient, DecodeError, LatLong, Location, Token, Vehicle, VehicleState
from evenergy._transport.request import encode, fields, redirect_request
from tests.codec.rejections import rejected
from tests.server import serving

EAST = timezone(timedelta(hours=1))


class Shape:
    """Geometry of another library."""

    __geo_interface__ = {"type": "Polygon", "coordinates": [[(0, 1), (2.5, 3)]]}  # noqa: RUF012  as it is there


def numbers() -> Iterator[int]:
    yield from (1, 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, None),
        ({"a": None, "b": [1, 2.5, True, "x"]}, {"a": None, "b": [1, 2.5, True, "x"]}),
        ({"state": VehicleState.DRIVING, "new": VehicleState("NEW")}, {"state": "DRIVING", "new": "NEW"}),
        ({"at": datetime(2024, 1, 1, 1, 0, 0, 5, tzinfo=EAST)}, {"at": "2024-01-01T00:00:00.000005Z"}),
        ([datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 31)], ["2024-01-01T00:00:00Z", "2024-01-31"]),
        ({"place": LatLong(51.5, -0.1)}, {"place": {"latitude": 51.5, "longitude": -0.1}}),
        (
            {"home": Location(city="London", coordinates=LatLong(0, 0), tariff="https://x/t")},
            {"home": {"city": "London", "coordinates": {"latitude": 0, "longitude": 0}, "tariff": "https://x/t"}},
        ),
        (
            {"home": {"city": None, "place": LatLong(0, 0)}},
            {"home": {"city": None, "place": {"latitude": 0, "longitude": 0}}},
        ),
        ({"vehicles": [Vehicle("v", url="https://x/v"), "https://x/w"]}, {"vehicles": ["https://x/v", "https://x/w"]}),
        ({"vehicle": Vehicle("v")}, {"vehicle": {"id": "v"}}),
        (Vehicle("v", url="https://x/v"), {"id": "v", "url": "https://x/v"}),
        ({"area": Shape()}, {"area": {"type": "Polygon", "coordinates": [[[0, 1], [2.5, 3]]]}}),
        ({"numbers": numbers(), "keys": {"a": 1}.keys(), "set": {7}}, {"numbers": [1, 2], "keys": ["a"], "set": [7]}),
    ],
)
def test_a_body(body: object, expected: object) -> None:
    assert json.loads(encode(body)) == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"at": datetime(2024, 1, 1)}, "without a zone it names no instant"),  # noqa: DTZ001  that is the point
        ([{"x": math.nan}], "a number that JSON knows"),
        ({"x": (math.inf,)}, "a number that JSON knows"),
        ({"place": LatLong(math.nan, 0)}, "a number that JSON knows"),
        ({"x": object()}, "a body of JSON data"),
        ({"token": Token.from_dict({"access_token": "hush"})}, "a body of JSON data"),
        ("\ud800", "a body of JSON data"),
    ],
)
def test_a_body_that_json_would_change_or_does_not_know_is_rejected(body: object, why: str) -> None:
    message = rejected(encode, body)
    assert why in message
    assert "hush" not in message


def test_a_body_that_holds_itself_is_rejected() -> None:
    body: list[Any] = []
    body.append(body)
    assert "a body of JSON data" in rejected(encode, body)


def test_the_fields_of_a_body_leave_out_what_is_unset() -> None:
    assert fields(a=1, b=None, c=UNSET) == {"a": 1, "b": None}


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://link.example/x?y=1", "https://link.example/x?y=1"),
        ("/o/link", "{origin}/o/link"),
        ("done?z=1", "{origin}/v2/done?z=1"),
    ],
)
async def test_a_redirect_may_be_the_response_and_is_not_followed(location: str, target: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        request = redirect_request(str.upper, "/onboarding", base_url=server.url, language="de", user_id="u", x=None)
        assert await client._session.send(request) == target.format(origin=server.origin).upper()
    assert [one.path_qs for one in server.requests] == ["/v2/onboarding?user_id=u"]
    assert server.requests[0].headers["Accept-Language"] == "de"


@pytest.mark.parametrize("headers", [{}, {"Location": ""}, {"Location": "mailto:x"}, {"Location": "http://["}])
@pytest.mark.parametrize("status", [200, 302])
async def test_a_redirect_without_a_target_is_a_decode_error(status: int, headers: dict[str, str]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        request = redirect_request(str, "/onboarding", base_url="")
        with pytest.raises(DecodeError) as caught:
            await client._session.send(request)
    assert caught.value.where == "Location"
    assert caught.value.status == status


async def test_a_redirect_elsewhere_stays_an_error() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/x"})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        with pytest.raises(evenergy.TransportError, match="is a redirect"):
            await client.vehicles.list().collect()
