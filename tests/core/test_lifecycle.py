"""Nothing is left behind: loops one after another, clients dropped, cancellation anywhere."""

import asyncio
import gc
import os
import random
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, ClientCredentials, Retry
from evenergy._core.resource import Async
from evenergy.resources.catalogue import VehicleMakes
from evenergy.sandbox import Sandbox
from tests.server import MAKE, MAKE_ID, serving


async def ok(_: web.Request) -> web.Response:
    return web.json_response(MAKE)


def sockets() -> int:
    """Return the number that this process has open."""
    links = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    return sum("socket" in str(link.readlink()) for link in links)


def test_a_client_serves_several_loops_one_after_another() -> None:
    with Sandbox(vehicles=2) as sandbox:
        client = AsyncClient(ClientCredentials(sandbox.client_id, sandbox.client_secret), base_url=sandbox.base_url)

        async def work() -> int:
            return len(await client.vehicles.list().collect())

        for _ in range(3):
            assert asyncio.run(work()) == 2
            http = client._session.connections._http
            assert http is not None
            assert http.closed  # each loop's connections end with it
        asyncio.run(client.close())
        assert sandbox.requests == 3


async def test_an_injected_session_of_another_loop_is_a_clear_error() -> None:
    def foreign() -> None:
        async def use() -> None:
            async with AsyncClient("t", session=session) as client:
                with pytest.raises(evenergy.InvalidArgumentError, match="another event loop"):
                    await client.root()

        asyncio.run(use())

    async with aiohttp.ClientSession() as session:
        await asyncio.to_thread(foreign)


async def test_an_injected_session_that_is_closed_is_a_clear_error() -> None:
    async with aiohttp.ClientSession() as session:
        pass
    async with AsyncClient("t", session=session) as client:
        with pytest.raises(evenergy.ClosedError, match="given to the client is closed"):
            await client.root()


async def test_an_injected_session_with_an_auth_of_its_own_is_rejected() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of aiohttp
        session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("u", "p"))
    async with session, AsyncClient("t", session=session) as client:
        with pytest.raises(evenergy.InvalidArgumentError, match="auth of its own"):
            await client.root()


async def test_a_close_that_is_cancelled_closes_all_the_same() -> None:
    requested, go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        requested.set()
        await go.wait()
        return web.Response()

    ended = evenergy.Token.from_dict({"access_token": "t", "refresh_token": "r", "expires_at": 1.0})
    auth = evenergy.AuthorizationCode("app", "https://app.example/callback", token=ended)
    async with serving(slow) as server:
        client = AsyncClient(auth, base_url=server.url, retry=Retry(attempts=1))
        call = asyncio.create_task(client.root())
        await requested.wait()
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        with pytest.raises(evenergy.ClosedError):
            await client.root()
        go.set()
        with pytest.raises(evenergy.ClosedError):
            await call


@pytest.mark.parametrize(("method", "is_told"), [("POST", True), ("PATCH", True), ("GET", False), ("DELETE", False)])
@pytest.mark.parametrize("deadline", [None, 60.0])
async def test_the_error_of_a_write_that_was_sent_before_the_close_says_so(
    method: str, is_told: bool, deadline: float | None
) -> None:
    requested = asyncio.Event()

    async def silent(_: web.Request) -> web.Response:
        requested.set()
        await asyncio.Event().wait()
        return web.Response()

    async with serving(silent) as server:
        client = AsyncClient("t", base_url=server.url, deadline=deadline)
        call = asyncio.create_task(client.request(method, "/anything"))
        await requested.wait()
        await client.close()
        with pytest.raises(evenergy.ClosedError, match="the client was closed during the call") as raised:
            await call
    assert ("it was sent and may have taken effect" in str(raised.value)) is is_told


async def test_close_ends_a_call_that_waits_for_a_source_of_the_callers() -> None:
    class Slow:
        async def access_token(self) -> str:
            await asyncio.get_running_loop().create_future()
            return "never"

    client = AsyncClient(Slow())
    call = asyncio.create_task(client.root())
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(evenergy.ClosedError, match="token"):
        await call


def test_equal_credentials_share_the_token_and_the_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "from-the-environment")
    credentials = ClientCredentials("app", "secret")
    cases: list[tuple[evenergy.Auth | None, evenergy.Auth | None, evenergy.Auth]] = [
        ("text", "text", "another"),
        (evenergy.BearerToken("text"), "text", credentials),
        (credentials, ClientCredentials("app", "secret"), ClientCredentials("app", "other")),
        (None, "from-the-environment", "text"),
        (None, None, "text"),
    ]
    for auth, same, other in cases:
        client = AsyncClient(auth)
        bucket = client._session.credentials
        assert client.with_options(auth=same)._session.credentials is bucket
        assert client.with_options(auth=other)._session.credentials is not bucket


@pytest.mark.parametrize("kind", [AsyncClient, evenergy.Client])
def test_a_client_with_an_invalid_argument_has_a_repr_and_shows_no_token(
    kind: type[AsyncClient | evenergy.Client],
) -> None:
    client = kind("hush-hush")
    makes: list[Callable[[], object]] = [
        lambda: kind("hush-hush", base_url="nope"),
        lambda: kind("hush-hush", timeout=-1),
        lambda: client.with_options(auth="hush-hush", timeout=-1),
    ]
    for make in makes:
        with pytest.raises(evenergy.InvalidArgumentError) as raised:
            make()
        frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
        held = [frame.f_locals for frame in frames if "tests" not in frame.f_code.co_filename]
        assert "hush-hush" not in repr(held)
    assert repr(object.__new__(kind)) == f"<{kind.__name__} unfinished>"  # as a debugger shows it


def test_a_client_that_was_never_used_warns_of_nothing() -> None:
    client = AsyncClient("t")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del client
        gc.collect()
    assert not caught


async def test_a_client_dropped_unclosed_warns_once_and_says_where_it_was_made() -> None:
    async with serving(ok) as server:
        before = sockets()
        client = AsyncClient("t", base_url=server.url)
        await client.vehicle_makes.get(MAKE_ID)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del client
            gc.collect()
            for _ in range(20):
                await asyncio.sleep(0)
            gc.collect()
        (warning,) = caught
        assert warning.category is ResourceWarning
        assert f"{__file__}:" in str(warning.message)
        assert len([task for task in asyncio.all_tasks() if "evenergy" in repr(task.get_coro())]) == 0
        await asyncio.sleep(0)
    assert sockets() < before


@pytest.mark.parametrize("auth", ["t", evenergy.ClientCredentials("app", "secret")])
async def test_an_object_made_of_a_client_outlives_it(auth: evenergy.Auth) -> None:
    async def made(url: str) -> tuple[AsyncClient, VehicleMakes[Async], evenergy.Pager[evenergy.VehicleMake]]:
        client = AsyncClient(auth, base_url=url)
        return client.with_options(timeout=5), client.vehicle_makes, client.vehicle_makes.list()

    async def respond(request: web.Request) -> web.Response:
        if request.path == "/o/token/":
            return web.json_response({"access_token": "fresh", "expires_in": 36000})
        return web.json_response(MAKE if request.path.endswith(MAKE_ID) else [MAKE])

    async with serving(respond) as server:
        view, makes, pager = await made(server.url)
        gc.collect()
        assert (await view.vehicle_makes.get(MAKE_ID)).id == (await makes.get(MAKE_ID)).id == MAKE_ID
        assert len(await pager.collect()) == 1
        with pytest.warns(ResourceWarning, match="unclosed AsyncClient"):
            del view, makes, pager


async def test_views_close_nothing_and_share_the_connections() -> None:
    async with serving(ok) as server, AsyncClient("t", base_url=server.url) as client:
        async with client.with_options(timeout=5, user="user01HN2NJ9NMRZBXT1H6FT9N7735") as view:
            await view.vehicle_makes.get(MAKE_ID)
        await client.vehicle_makes.get(MAKE_ID)
        peers = {request.transport.get_extra_info("peername") for request in server.requests if request.transport}
        assert len(peers) == 1
        assert ["EvEnergy-User" in request.headers for request in server.requests] == [True, False]
        assert client.rate_limit == view.rate_limit


async def test_calls_cancelled_anywhere_leave_nothing() -> None:
    """Cancel at each place: the token, the rate limiter, the semaphore, the connection, the backoff."""
    rng = random.Random(5)

    async def sometimes(request: web.Request) -> web.Response:
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        if request.path == "/o/token/":
            return web.json_response({"access_token": "fresh-token", "expires_in": 36000})
        return web.json_response(MAKE, status=rng.choice([200, 200, 200, 503, 401]))

    async with serving(sometimes) as server:
        client = AsyncClient(
            ClientCredentials("app", "secret-secret"),
            base_url=server.url,
            concurrency=3,
            retry=Retry(attempts=3, backoff=0.001),
        )
        async with client:
            await _cancel_many(client, rng)
            found = await asyncio.gather(
                *(client.vehicle_makes.get(MAKE_ID) for _ in range(50)), return_exceptions=True
            )
            assert any(isinstance(one, evenergy.VehicleMake) for one in found)
            connections = client._session.connections
            assert client._session.credentials.limiter.queued == 0
            assert connections.semaphore._value == 3
            assert not connections.timeouts._running
    await _settled()


async def _cancel_many(client: AsyncClient, rng: random.Random) -> None:
    for _ in range(300):
        task = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
        for _ in range(rng.randrange(40)):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None or isinstance(task.exception(), evenergy.EvEnergyError)


async def _settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def test_closing_while_a_token_is_fetched_ends_the_fetch() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.Response()

    async with serving(stall) as server:
        client = AsyncClient(ClientCredentials("app", "secret-secret"), base_url=server.url)
        call = asyncio.create_task(client.root())
        while not server.requests:  # noqa: ASYNC110  the server has no event to wait for
            await asyncio.sleep(0)
        await client.close()
        with pytest.raises(evenergy.ClosedError):
            await call
    await _settled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_after_a_fork_the_child_starts_anew_and_the_parent_goes_on() -> None:
    script = """
import asyncio, os, sys, evenergy
from evenergy.resources.catalogue import VehicleMakes
from evenergy.sandbox import Sandbox

async def work(client):
    return len(await client.vehicles.list().collect())

with Sandbox(vehicles=3) as sandbox:
    auth = evenergy.ClientCredentials(sandbox.client_id, sandbox.client_secret)
    client = evenergy.AsyncClient(auth, base_url=sandbox.base_url)

    async def main():
        assert await work(client) == 3
        child = os.fork()
        if child == 0:
            asyncio.events._set_running_loop(None)
            os._exit(0 if asyncio.run(work(client)) == 3 else 1)
        status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status[1] == 0, status
        assert await work(client) == 3
        await client.close()

    asyncio.run(main())
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)
