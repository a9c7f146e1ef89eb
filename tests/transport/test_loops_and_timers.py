"""Connections that two loops use in turn, and what a client leaves on a loop: no timer, no context, no cycle."""

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, VehicleMake
from evenergy._transport.request import request
from evenergy._transport.timeouts import Timeouts
from tests.server import MAKE, MAKE_ID, run_jumping, serving


async def make(_: web.Request) -> web.Response:
    return web.json_response(MAKE)


def test_a_call_that_waited_for_its_token_takes_the_connections_back_from_another_loop() -> None:
    gate, stack = asyncio.Event(), AsyncExitStack()

    class Waiting:
        async def access_token(self) -> str:
            await gate.wait()
            return "token"

    async def begin() -> tuple[AsyncClient, asyncio.Task[VehicleMake]]:
        server = await stack.enter_async_context(serving(make))
        client = await stack.enter_async_context(AsyncClient(Waiting(), base_url=server.url, concurrency=1))
        call = asyncio.ensure_future(client.vehicle_makes.get(MAKE_ID))
        for _ in range(10):
            await asyncio.sleep(0)
        return client, call

    async def take_over(client: AsyncClient) -> None:
        connections = client._session.connections
        connections.session(asyncio.get_running_loop())
        await connections.semaphore.acquire()

    async def finish(call: asyncio.Task[VehicleMake]) -> VehicleMake:
        gate.set()
        try:
            return await asyncio.wait_for(call, 5)
        finally:
            await stack.aclose()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        client, call = first.run(begin())
        second.run(take_over(client))
        assert first.run(finish(call)).id == MAKE_ID


def test_expand_takes_arrays_whose_comparison_is_an_array() -> None:
    class Array(list[str]):
        def __ne__(self, other: object) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

    url = request(VehicleMake, "GET", "/vehicles", expand=Array(["user"])).url("https://api.example/v2")
    assert url == "https://api.example/v2/vehicles?expand=user"


async def test_a_kept_timer_keeps_no_context_of_a_call() -> None:
    class Scope:
        """Such as the request of a web framework."""

    scope = contextvars.ContextVar[Scope]("scope")
    timeouts, loop = Timeouts(), asyncio.get_running_loop()

    async def handler() -> weakref.ref[Scope]:
        scope.set(one := Scope())
        with timeouts.watch(3600, loop, loop.time()):
            pass
        return weakref.ref(one)

    reference = await asyncio.ensure_future(handler())
    await asyncio.sleep(0)  # the loop lets go of the task
    gc.collect()
    assert reference() is None
    timeouts.expire_all()


async def test_a_client_that_is_dropped_leaves_no_timer() -> None:
    async with serving(make) as server:
        client = AsyncClient("token", base_url=server.url, timeout=3600)
        await client.vehicle_makes.get(MAKE_ID)
        timeouts = client._session.connections.timeouts
        held = [client]
        del client
        with pytest.warns(ResourceWarning, match="unclosed"):
            held.clear()
        for _ in range(10):
            await asyncio.sleep(0)
        assert timeouts._timer is None


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Let nothing be freed but by its last reference."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_the_error_of_a_spent_deadline_is_freed_with_its_last_reference() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.Response()

    async def main() -> weakref.ref[Any]:
        async with serving(stall) as server, AsyncClient("token", base_url=server.url, deadline=5) as client:
            try:
                await client.vehicle_makes.get(MAKE_ID)
            except evenergy.RequestTimeoutError as error:
                return weakref.ref(error)
        raise AssertionError("the deadline did not end it")

    assert run_jumping(main())() is None
