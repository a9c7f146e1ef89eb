"""Ends of runs over fleets: nothing goes on in the background."""

from __future__ import annotations

import asyncio
import gc

import pytest
from aiohttp import web

from evenergy import (
    AsyncClient,
)
from tests.fleet.scripted import ScriptedFleet, client_of
from tests.fleet.world import marks_of

# Ends


def hanging(fleet: ScriptedFleet) -> asyncio.Event:
    """Let reads of single vehicles hang for ever; the event says that one has begun."""
    begun, respond = asyncio.Event(), fleet.respond

    async def hang(request: web.Request) -> web.StreamResponse:
        if "status_logs" in request.path:
            begun.set()
            await asyncio.Event().wait()
        return await respond(request)

    vars(fleet)["respond"] = hang
    return begun


async def reading(client: AsyncClient, fleet: ScriptedFleet) -> dict[str, str]:
    marks = marks_of([page async for page in client.fleet.new_status_logs()])
    for one in fleet.ids:
        fleet.report(one, 10, 20)
    return marks


def tasks() -> set[str]:
    """Return the names of what this library runs in the background."""
    found = [task.get_coro() for task in asyncio.all_tasks()]
    return {str(one) for one in found if "TaskPool" in str(one)}


@pytest.mark.parametrize("how", ["aclose", "cancel", "let go"])
async def test_no_task_is_left(how: str) -> None:
    fleet = ScriptedFleet()
    begun = hanging(fleet)
    async with client_of(fleet) as client:
        run = client.fleet.new_status_logs(await reading(client, fleet))
        await anext(run)
        waiting = asyncio.ensure_future(anext(run))
        await begun.wait()
        assert tasks()
        if how == "aclose":
            await run.aclose()
            with pytest.raises(StopAsyncIteration):
                await waiting
        else:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        if how == "let go":
            del waiting, run
            gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert tasks() == set()


async def test_a_run_that_is_let_go_cancels_its_reads() -> None:
    fleet = ScriptedFleet(vehicles=3)
    begun, respond = asyncio.Event(), fleet.respond

    async def hang(request: web.Request) -> web.StreamResponse:
        if any(f"{one}/" in request.path for one in fleet.ids[1:]):
            begun.set()
            await asyncio.Event().wait()
        return await respond(request)

    vars(fleet)["respond"] = hang
    async with client_of(fleet) as client:
        run = client.fleet.new_status_logs(await reading(client, fleet))
        await anext(run)
        assert (await anext(run)).vehicle_id == fleet.ids[0]
        await begun.wait()
        assert tasks()
        del run
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert tasks() == set()
