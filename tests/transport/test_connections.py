"""The connections of a client: what ends with them, and what they need of the loop."""

import asyncio
import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import pytest
from aiohttp import web

from evenergy import AsyncClient, InvalidArgumentError
from evenergy._transport.connections import Connections, Network
from evenergy._transport.exchange import Exchange
from tests.server import MAKE, MAKE_ID, serving


class Source:
    """Part that ends with the connections."""

    async def close(self) -> None:
        """Do nothing."""


async def test_views_of_many_threads_all_end_with_the_connections() -> None:
    connections, kept = Connections(None, Network(concurrency=1), unclosed=None), [Source() for _ in range(2000)]
    barrier = threading.Barrier(4)

    def own(sources: list[Source]) -> None:
        barrier.wait()
        for source in sources:
            connections.own(source)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(own, [kept[start::4] for start in range(4)]))
    finally:
        sys.setswitchinterval(interval)
    assert {reference() for reference in connections._owned} == set(kept)
    kept.clear()
    gc.collect()
    assert connections._owned == []
    await connections.close()


async def ok(_: web.Request) -> web.Response:
    return web.json_response(MAKE, headers={"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1"})


async def test_a_loop_that_has_no_threads_any_more_still_makes_calls() -> None:
    async with serving(ok) as server, aiohttp.ClientSession() as session:
        await asyncio.get_running_loop().shutdown_default_executor()
        async with AsyncClient("t", base_url=server.url, session=session) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID


async def test_a_request_that_is_invalid_at_the_moment_of_sending_uses_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def rejecting(*args: object) -> None:
        *_, ready, loop = args
        assert loop is asyncio.get_running_loop()
        assert callable(ready)
        assert ready(asyncio.get_running_loop().time())
        raise InvalidArgumentError("invalid")

    async with serving(ok) as server, AsyncClient("t", base_url=server.url, max_wait=0) as client:
        await client.vehicle_makes.get(MAKE_ID)
        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "send", rejecting)
            for _ in range(3):
                with pytest.raises(InvalidArgumentError):
                    await client.vehicle_makes.get(MAKE_ID)
        await client.vehicle_makes.get(MAKE_ID)
