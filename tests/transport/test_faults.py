"""Faults from the field: odd statuses, bodies that nobody needs, and mocks that are no aiohttp."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import create_autospec

import aiohttp
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from multidict import CIMultiDict

import evenergy
from evenergy import AsyncClient, Client, Retry
from tests.server import MAKE, MAKE_ID, VEHICLE_ID, answer, raw_serving, serving

QUICK = Retry(attempts=4, backoff=0.001, max_backoff=0.001)
TRANSIENT = [408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530]


def statuses(*codes: int) -> Any:
    left = list(codes)

    async def handler(_: web.Request) -> web.Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        return web.json_response(MAKE if status == 200 else {"status": status}, status=status)

    return handler


@pytest.mark.parametrize("status", TRANSIENT)
async def test_a_transient_status_is_retried_on_a_get(status: int) -> None:
    async with serving(statuses(status, 200)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [*TRANSIENT, 505, 525, 599])
async def test_no_status_but_429_and_401_repeats_a_write(status: int) -> None:
    async with serving(statuses(status)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ProblemError) as raised:
            await client.vehicles.update(VEHICLE_ID, smart_charging_enabled=True)
    assert raised.value.status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 418, 501, 505, 525, 599])
async def test_a_final_status_is_not_retried(status: int) -> None:
    async with serving(statuses(status)) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        with pytest.raises(evenergy.ProblemError):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 1


DONE = {
    "204 with a body": answer(b'{"vehicles": 1}', "204 No Content"),
    "204 with a body that never ends": b"HTTP/1.1 204 No Content\r\nContent-Length: 99\r\n\r\n{",
    "204 in chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "200 that was cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
    "200 with rubbish for gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
}


@pytest.mark.parametrize("response", DONE.values(), ids=DONE.keys())
async def test_a_delete_that_was_done_is_done_whatever_its_body(response: bytes) -> None:
    async with raw_serving(response) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        await client.vehicles.delete(VEHICLE_ID)
    assert len(server.heads) == 1


async def test_the_next_request_after_a_204_with_a_body_gets_its_own_response() -> None:
    odd = answer(b'{"id": "vmak00000000000000000000000000"}', "204 No Content", keep_alive=True)
    good = answer(json.dumps(MAKE).encode(), keep_alive=True)
    async with (
        raw_serving(odd, good, keep_alive=True) as server,
        AsyncClient("t", base_url=server.url, retry=QUICK) as client,
    ):
        await client.vehicles.delete(VEHICLE_ID)
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID


async def test_a_read_whose_body_was_cut_short_is_retried() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
    good = answer(json.dumps(MAKE).encode())
    async with raw_serving(cut, good) as server, AsyncClient("t", base_url=server.url, retry=QUICK) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID


class PlainResponse:
    """Response of a mock that has only the commonest names, as Home Assistant's ``aioclient_mock`` has."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.status, self.headers, self._body = status, CIMultiDict({"Content-Type": "application/json"}), body
        self.content = StreamReader(_Protocol(), limit=2**16, loop=asyncio.get_running_loop())
        self.content.feed_data(body)
        self.content.feed_eof()
        self.released = 0

    async def read(self) -> bytes:
        return self._body

    async def text(self) -> str:
        return self._body.decode()

    async def json(self) -> object:
        return json.loads(self._body)

    def release(self) -> None:
        self.released += 1

    def close(self) -> None:
        self.released += 1


class _Protocol(BaseProtocol):
    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())


async def test_a_mock_with_the_commonest_names_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async with aiohttp.ClientSession() as session:

        async def respond(*_: object, **__: object) -> PlainResponse:
            return PlainResponse(json.dumps(MAKE).encode())

        monkeypatch.setattr(session, "_request", respond)
        async with AsyncClient("t", session=session) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
            await client.vehicles.delete(VEHICLE_ID)


async def test_an_autospec_of_a_client_knows_the_collections_and_their_methods() -> None:
    mock = create_autospec(AsyncClient, instance=True)
    mock.vehicle_makes.get.return_value = evenergy.VehicleMake(MAKE_ID)
    assert (await mock.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
    with pytest.raises(TypeError):
        await mock.vehicle_makes.get(make_id=MAKE_ID)
    with pytest.raises(AttributeError):
        _ = mock.vehicle_makes.gett
    blocking = create_autospec(Client, instance=True)
    blocking.vehicles.status_logs.list.return_value = []
    assert blocking.vehicles.status_logs.list(VEHICLE_ID, since=None) == []
    with pytest.raises(TypeError):
        blocking.vehicles.status_logs.list(VEHICLE_ID, sinse=None)
