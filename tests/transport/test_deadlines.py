"""Deadlines: they cover a whole call, and cost its first attempt next to nothing."""

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, Retry
from evenergy._transport.attempts import Attempts
from tests.server import MAKE, MAKE_ID, Handler, run_jumping, serving
from tests.transport.responding import QUICK, stalling, statuses


async def ok(_: web.Request) -> web.Response:
    return web.json_response(MAKE)


@pytest.mark.parametrize("deadline", [None, 30.0])
async def test_a_call_that_succeeds_at_once_needs_no_retry_policy(
    deadline: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Attempts, "_policy", None)
    async with serving(ok) as server, AsyncClient("t", base_url=server.url, deadline=deadline) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID


def test_waiting_for_the_first_answer_is_no_wait_for_the_rate_limit() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(10)
        return web.json_response(MAKE, headers={"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "90"})

    async def main() -> None:
        async with serving(slow) as server, AsyncClient("t", base_url=server.url, max_wait=0) as client:
            assert len(await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))) == 50

    run_jumping(main())


def test_a_server_that_hangs_is_a_timeout_for_all_and_no_rate_limit() -> None:
    async def main() -> None:
        once = Retry(attempts=1)
        async with (
            serving(stalling) as server,
            AsyncClient("t", base_url=server.url, timeout=1, max_wait=2, retry=once) as client,
        ):
            found = await asyncio.gather(
                *(client.vehicle_makes.get(MAKE_ID) for _ in range(50)), return_exceptions=True
            )
            assert {type(one) for one in found} == {evenergy.RequestTimeoutError}

    run_jumping(main())


async def test_a_deadline_does_not_use_up_the_retries() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url, deadline=30) as client:
        client._session.retry_budget._left = 100
        for _ in range(10):
            await client.vehicle_makes.get(MAKE_ID)
        assert client._session.retry_budget._left == 110


def test_the_timeout_covers_a_body_that_drips() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(1)

    async def main() -> None:
        async with serving(drip) as server, AsyncClient("t", base_url=server.url, timeout=10, retry=QUICK) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RequestTimeoutError, match="10 s"):
                await client.vehicle_makes.get(MAKE_ID)
            assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
        assert len(server.requests) == 3

    run_jumping(main())


@pytest.mark.parametrize("pool", ["concurrency", "session"])
def test_waiting_for_a_connection_is_no_part_of_the_timeout(pool: str) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.json_response(MAKE)

    async def main() -> None:
        async with (
            serving(slow) as server,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2)) as session,
            AsyncClient(
                "t",
                base_url=server.url,
                timeout=5,
                retry=Retry(attempts=1),
                concurrency=2 if pool == "concurrency" else 32,
                session=session if pool == "session" else None,
            ) as client,
        ):
            makes = await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(8)))
        assert len(makes) == 8

    run_jumping(main())


def test_a_deadline_covers_attempts_and_the_waits_between_them() -> None:
    async def main() -> None:
        handler = statuses(503, headers={"Retry-After": "20"})
        async with serving(handler) as server, AsyncClient("t", base_url=server.url, deadline=30) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RequestTimeoutError, match=r"deadline of 30 s .*; before that: 503 ") as raised:
                await client.vehicle_makes.get(MAKE_ID)
            assert isinstance(raised.value.__cause__, evenergy.ServerError)
            assert asyncio.get_running_loop().time() - started == pytest.approx(30, abs=1)
        assert len(server.requests) == 2

    run_jumping(main())


def test_a_wait_for_the_rate_limit_that_outlasts_the_deadline_is_refused_at_once() -> None:
    async def main() -> None:
        handler = statuses(429, headers={"Retry-After": "60"})
        async with (
            serving(handler) as server,
            AsyncClient("t", base_url=server.url, deadline=5, max_wait=None) as client,
        ):
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RateLimitError, match="429 No") as first:
                await client.root()
            with pytest.raises(evenergy.RateLimitError, match=r"Not sent.*\(GET http") as second:
                await client.root()
            assert asyncio.get_running_loop().time() - started < 1
            assert 59 < second.value.retry_after <= 62
            assert first.value.retry_after == 60
            with pytest.raises(evenergy.RateLimitError, match=r"Not sent.*\(GET http"):
                await client.with_options(max_wait=0).root()
        assert len(server.requests) == 1

    run_jumping(main())


def test_a_deadline_during_a_write_leaves_its_outcome_unknown() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.json_response(MAKE)

    async def main() -> None:
        async with serving(stall) as server, AsyncClient("t", base_url=server.url, deadline=5) as client:
            with pytest.raises(evenergy.OutcomeUnknownError):
                await client.request("PATCH", "/vehicles", json={})

    run_jumping(main())


STEPS: dict[str, Callable[[], Handler]] = {
    "stall": lambda: stalling,
    "drip": lambda: _dripping,
    "backoff": lambda: statuses(503, headers={"Retry-After": "50"}),
    "rate limit": lambda: statuses(429, headers={"Retry-After": "50"}),
}


async def _dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.sleep(1000)
    return response


@pytest.mark.parametrize("step", STEPS)
def test_a_timeout_of_the_caller_ends_a_call_cleanly(step: str) -> None:
    async def main() -> None:
        async with serving(STEPS[step]()) as server, AsyncClient("t", base_url=server.url) as client:
            with pytest.raises(TimeoutError) as raised:
                async with asyncio.timeout(5):
                    await client.vehicle_makes.get(MAKE_ID)
            assert not isinstance(raised.value, evenergy.EvEnergyError)
            assert len(asyncio.all_tasks()) <= 3  # this one, and those of the server

    run_jumping(main())
