"""Owner of a grant's token: one refresh for all clients, views, threads, event loops and processes' children."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import aiohttp
import pytest

import evenergy
from evenergy import AsyncClient, AuthorizationCode, Client, ClientCredentials, Retry
from evenergy._transport import token_owner
from tests.provider import Provider, expired_grant, token
from tests.server import MAKE_ID, serving

LIMIT = 20.0  # seconds: what takes longer hangs
ONCE = Retry(attempts=1)


def credentials() -> ClientCredentials:
    return ClientCredentials("app", "client-secret-value")


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so."""
    while not condition():  # noqa: ASYNC110  a server or a thread has no event to wait for
        await asyncio.sleep(0)


def in_thread(function: Callable[[], Any]) -> Future[Any]:
    """Call a function in a thread that nobody waits for at exit."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  it is the test's
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


async def test_clients_and_views_of_one_grant_share_one_refresh() -> None:
    grant, provider = expired_grant(), Provider(rotates=True)
    async with serving(provider) as server:
        first, second = AsyncClient(grant, base_url=server.url), AsyncClient(grant, base_url=server.url)
        third = AsyncClient("other", base_url=server.url)
        async with first, second, third:
            clients = [first, second, first.with_options(timeout=5), third.with_options(auth=grant)]
            await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for client in clients for _ in range(20)))
    assert (provider.requested, provider.calls, provider.rejected) == (1, 80, 0)
    assert grant.token is not None
    assert grant.token.refresh_token == "refresh-1"


async def test_equal_credentials_share_a_token_at_one_token_endpoint() -> None:
    here, there = Provider(), Provider()
    async with serving(here) as server, serving(there) as other:
        urls = [server.url, server.url, server.url, other.url]
        clients = [AsyncClient(credentials(), base_url=url) for url in urls]
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for client in clients for _ in range(5)))
        for client in clients:
            await client.close()
    assert (here.requested, there.requested) == (1, 1)


async def test_two_grants_of_one_user_share_nothing() -> None:
    provider = Provider()
    async with serving(provider) as server:
        for _ in range(2):
            async with AsyncClient(expired_grant(), base_url=server.url) as client:
                await client.vehicle_makes.get(MAKE_ID)
    assert provider.requested == 2


@pytest.mark.parametrize("grant", [expired_grant(), credentials()], ids=lambda grant: type(grant).__name__)
async def test_an_async_client_and_blocking_clients_share_one_refresh(grant: evenergy.Auth) -> None:
    provider = Provider(rotates=isinstance(grant, AuthorizationCode))
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        calls = [asyncio.create_task(client.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
        with (
            Client(grant, base_url=server.url) as one,
            Client(grant, base_url=server.url) as other,
            ThreadPoolExecutor(10) as pool,
        ):
            threads = [pool.submit(each.vehicle_makes.get, MAKE_ID) for each in (one, other) for _ in range(5)]
            await until(lambda: provider.requested)
            provider.gate.set()
            await asyncio.gather(*calls, *map(asyncio.wrap_future, threads))
    assert (provider.requested, provider.calls, provider.rejected) == (1, 15, 0)


async def test_a_blocking_client_refreshes_for_an_async_one() -> None:
    grant, provider = expired_grant(), Provider(rotates=True)
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        with Client(grant, base_url=server.url, user_agent="blocking/1") as other:
            thread = in_thread(lambda: other.vehicle_makes.get(MAKE_ID))
            await until(lambda: provider.requested)
            call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            await asyncio.sleep(0)
            provider.gate.set()
            await call
            await asyncio.wrap_future(thread)
    assert provider.agents == ["blocking/1"]


async def test_the_connections_of_the_client_that_needs_the_token_request_it() -> None:
    provider, grant = Provider(), credentials()
    async with (
        serving(provider) as server,
        AsyncClient(grant, base_url=server.url, user_agent="one/1"),
        AsyncClient(grant, base_url=server.url, user_agent="two/1") as second,
    ):
        await second.vehicle_makes.get(MAKE_ID)
    assert provider.agents == ["two/1"]


async def test_when_the_client_that_requests_a_token_is_closed_another_takes_over() -> None:
    provider, grant = Provider(), credentials()
    provider.gate.clear()
    async with serving(provider) as server:
        first = AsyncClient(grant, base_url=server.url, user_agent="one/1")
        async with AsyncClient(grant, base_url=server.url, user_agent="two/1") as second:
            lost = asyncio.create_task(first.vehicle_makes.get(MAKE_ID))
            await until(lambda: provider.requested)
            calls = [asyncio.create_task(second.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
            await asyncio.sleep(0)
            await first.close()
            with pytest.raises(evenergy.ClosedError):
                await lost
            provider.gate.set()
            await asyncio.gather(*calls)
    assert provider.agents == ["one/1", "two/1"]


async def test_a_refresh_token_on_the_wire_is_waited_for_by_close_and_serves_the_others() -> None:
    provider, grant = Provider(rotates=True), expired_grant()
    provider.gate.clear()
    async with serving(provider) as server:
        first = AsyncClient(grant, base_url=server.url)
        async with AsyncClient(grant, base_url=server.url) as second:
            lost = asyncio.create_task(first.vehicle_makes.get(MAKE_ID))
            await until(lambda: provider.requested)
            call = asyncio.create_task(second.vehicle_makes.get(MAKE_ID))
            closing = asyncio.create_task(first.close())
            for _ in range(10):
                await asyncio.sleep(0)
            assert not closing.done()
            provider.gate.set()
            await closing
            await call
            await asyncio.wait([lost])
    assert provider.requested == 1


async def test_a_client_that_only_waits_is_closed_at_once() -> None:
    provider, grant = Provider(rotates=True), expired_grant()
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as first:
        second = AsyncClient(grant, base_url=server.url)
        call = asyncio.create_task(first.vehicle_makes.get(MAKE_ID))
        await until(lambda: provider.requested)
        lost = asyncio.create_task(second.vehicle_makes.get(MAKE_ID))
        await asyncio.sleep(0)
        await second.close()
        with pytest.raises(evenergy.ClosedError, match="waited for a token"):
            await lost
        provider.gate.set()
        await call
    assert provider.requested == 1


async def test_a_client_whose_own_session_was_closed_ends_its_calls_and_not_those_of_others() -> None:
    provider, grant = Provider((503, b"")), credentials()
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as second:
        http = aiohttp.ClientSession()
        first = AsyncClient(grant, base_url=server.url, session=http, retry=Retry(attempts=4, backoff=0.001))
        lost = asyncio.create_task(first.vehicle_makes.get(MAKE_ID))
        await until(lambda: provider.requested)
        call = asyncio.create_task(second.vehicle_makes.get(MAKE_ID))
        await http.close()
        provider.gate.set()
        with pytest.raises(evenergy.EvEnergyError):
            await lost
        await call
        await first.close()


async def test_a_newer_token_of_the_caller_is_used() -> None:
    provider, grant = Provider(), expired_grant(token=token(1, expires_at=None))
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        provider.issued = 1
        await client.vehicle_makes.get(MAKE_ID)
        provider.issued = 2
        grant.token = token(2, expires_at=None)
        await client.vehicle_makes.get(MAKE_ID)
        grant.token = None
        with pytest.raises(evenergy.AuthenticationError, match="No token yet"):
            await client.vehicle_makes.get(MAKE_ID)
    assert (provider.requested, provider.rejected) == (0, 0)


async def test_a_newer_token_that_the_caller_sets_during_a_refresh_stays() -> None:
    provider, grant = Provider((400, {"error": "invalid_grant"}), rotates=True), expired_grant()
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
        await until(lambda: provider.requested)
        grant.token = newer = token(7, expires_at=None)  # of the program's own flow: the old refresh token is used up
        provider.issued = 7
        provider.gate.set()
        await call
    assert grant.token is newer
    assert (provider.requested, provider.rejected) == (1, 0)


async def test_a_loop_that_is_blocked_during_a_refresh_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_owner, "_POLL", 0.01)
    monkeypatch.setattr(token_owner, "_UNRESPONSIVE", 0.05)
    provider, grant, going = Provider(), credentials(), threading.Event()
    provider.gate.clear()

    def block(url: str) -> None:
        async def main() -> None:
            async with AsyncClient(grant, base_url=url) as client:
                call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
                await until(lambda: provider.requested)
                going.wait(LIMIT)  # blocks this loop
                await call

        asyncio.run(main())

    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        blocked = in_thread(lambda: block(server.url))
        await until(lambda: provider.requested)
        call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
        await until(lambda: provider.requested == 2)
        provider.gate.set()
        await call
        going.set()
        await asyncio.wrap_future(blocked)


def run_script(script: str) -> None:
    """Run a script that leaves behind what no test may."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("end", ["left.close()", ""], ids=["closed", "stopped"])
def test_a_loop_that_was_left_in_the_middle_of_a_refresh_holds_up_nobody(end: str) -> None:
    run_script(f"""
import asyncio, os
from evenergy import AsyncClient
from evenergy._transport import token_owner
from tests.provider import Provider
from tests.server import MAKE_ID, serving
from tests.transport.test_token_owner import credentials, in_thread

token_owner._POLL, token_owner._UNRESPONSIVE = 0.01, 0.05

async def start(client):
    calls.append(asyncio.create_task(client.vehicle_makes.get(MAKE_ID)))
    for _ in range(3):
        await asyncio.sleep(0)

async def main():
    provider = Provider()
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
        first = AsyncClient(grant, base_url=server.url)
        await asyncio.wrap_future(in_thread(lambda: left.run_until_complete(start(first))))
        {end}
        (owner,) = token_owner._owners.values()
        assert owner._refresh is not None
        await client.vehicle_makes.get(MAKE_ID)
        assert not calls[0].done()
        os._exit(0)

grant, left, calls = credentials(), asyncio.new_event_loop(), []
asyncio.run(main())
""")


async def test_an_owner_lives_as_long_as_the_clients_that_use_it() -> None:
    provider, grant = Provider(), credentials()
    async with serving(provider) as server:
        async with AsyncClient(grant, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
            assert (grant, f"{server.origin}/o/token/") in token_owner._owners
        gc.collect()
        assert (grant, f"{server.origin}/o/token/") not in token_owner._owners


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_after_a_fork_in_the_middle_of_a_refresh_the_child_requests_a_token_of_its_own() -> None:
    script = """
import asyncio, os, threading
from evenergy import AsyncClient, Client
from evenergy._transport import token_owner
from tests.provider import Provider
from tests.server import MAKE_ID, serving
from tests.transport.test_token_owner import credentials, in_thread, until

async def main():
    provider, grant = Provider(), credentials()
    provider.gate.clear()
    async with serving(provider) as server:
        parent, child = Client(grant, base_url=server.url), Client(grant, base_url=server.url)
        call = in_thread(lambda: parent.vehicle_makes.get(MAKE_ID))
        await until(lambda: provider.requested)
        (owner,) = token_owner._owners.values()
        with owner._lock, token_owner._owners_lock:  # as if another thread held them
            forked = os.fork()
            if forked == 0:
                answer = in_thread(lambda: child.vehicle_makes.get(MAKE_ID)).result(20)
                os._exit(0 if answer.id == MAKE_ID else 1)
        await until(lambda: provider.requested == 2)
        provider.gate.set()
        _, status = await asyncio.to_thread(os.waitpid, forked, 0)
        assert status == 0, status
        await asyncio.wrap_future(call)
        parent.close()
        child.close()

asyncio.run(main())
"""
    run_script(script)
