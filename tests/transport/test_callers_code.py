"""Code of the caller within a refresh: it may use the client, it may hang, fail, or close the client."""

import asyncio
import threading
import time
from typing import Any

import pytest

import evenergy
from evenergy import AsyncClient, Client, Token
from evenergy._transport import callers_code
from evenergy._transport.callers_code import PlainThread
from tests.provider import Provider, expired_grant
from tests.server import MAKE_ID, run_jumping, serving

LIMIT = 20.0  # seconds: what takes longer hangs


async def forever(*_: object) -> None:
    await asyncio.get_running_loop().create_future()


async def settled() -> None:
    """Let the loop run, and find that no task is left but those of the server."""
    for _ in range(20):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - {asyncio.current_task()} if "evenergy" in repr(task.get_coro())]
    assert not left


async def test_a_token_is_stored_before_it_is_used() -> None:
    seen: list[str] = []
    provider = Provider()

    async def on_token(_: Token) -> None:
        await asyncio.sleep(0)
        seen.append(f"stored, {provider.calls} calls")

    async with (
        serving(provider) as server,
        AsyncClient(expired_grant(on_token=on_token), base_url=server.url) as client,
    ):
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(5)))
    assert seen == ["stored, 0 calls"]


@pytest.mark.parametrize("deep", [False, True])
async def test_on_token_may_use_the_client(deep: bool) -> None:
    clients: list[AsyncClient] = []
    found: list[evenergy.VehicleMake] = []

    async def on_token(_: Token) -> None:
        call = clients[0].vehicle_makes.get(MAKE_ID)
        found.append(await (asyncio.create_task(call) if deep else call))

    provider = Provider(rotates=True)
    async with (
        serving(provider) as server,
        AsyncClient(expired_grant(on_token=on_token), base_url=server.url) as client,
    ):
        clients.append(client)
        await client.vehicle_makes.get(MAKE_ID)
    assert len(found) == 1
    assert (provider.requested, provider.calls, provider.rejected) == (1, 2, 0)


async def test_a_plain_on_token_of_a_blocking_client_may_use_the_client() -> None:
    clients: list[Client] = []
    found: list[evenergy.VehicleMake] = []

    def on_token(_: Token) -> None:
        found.append(clients[0].vehicle_makes.get(MAKE_ID))

    provider = Provider(rotates=True)
    async with serving(provider) as server:
        with Client(expired_grant(on_token=on_token), base_url=server.url) as client:
            clients.append(client)
            await asyncio.to_thread(client.vehicle_makes.get, MAKE_ID)
    assert len(found) == 1
    assert (provider.requested, provider.calls, provider.rejected) == (1, 2, 0)


async def test_a_plain_on_token_of_an_async_client_is_called_on_its_loop() -> None:
    threads: list[int] = []

    def on_token(_: Token) -> None:
        threads.append(threading.get_ident())

    async with (
        serving(Provider()) as server,
        AsyncClient(expired_grant(on_token=on_token), base_url=server.url) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
    assert threads == [threading.get_ident()]


async def test_a_task_that_on_token_began_waits_for_the_next_refresh_like_any_other() -> None:
    clients: list[AsyncClient] = []
    begun: list[asyncio.Task[Any]] = []
    provider, going = Provider(rotates=True), asyncio.Event()

    async def later() -> None:
        await going.wait()
        await clients[0].vehicle_makes.get(MAKE_ID)

    def on_token(_: Token) -> None:
        begun.append(asyncio.create_task(later()))

    async with (
        serving(provider) as server,
        AsyncClient(expired_grant(on_token=on_token), base_url=server.url) as client,
    ):
        clients.append(client)
        await client.vehicle_makes.get(MAKE_ID)
        client._session.credentials.invalidate(*_rejection(client))
        going.set()
        await begun[0]
        await asyncio.sleep(0)
        for task in begun:
            task.cancel()
    assert (provider.requested, provider.rejected) == (2, 0)


def _rejection(client: AsyncClient) -> tuple[Any, evenergy.AuthenticationError]:
    return client._session.credentials._token, evenergy.AuthenticationError("401")


def test_an_on_token_that_hangs_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        provider, loop = Provider(rotates=True), asyncio.get_running_loop()
        async with (
            serving(provider) as server,
            AsyncClient(expired_grant(on_token=forever), base_url=server.url) as client,
        ):
            began = loop.time()
            await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(5)))
            assert loop.time() - began == pytest.approx(callers_code.TIME, abs=1)
        assert (provider.requested, provider.rejected) == (1, 0)

    run_jumping(main())
    assert "on_token did not return within 10 s" in caplog.text
    assert "token-1" not in caplog.text


def test_an_on_token_that_hangs_does_not_keep_close_waiting() -> None:
    async def main() -> None:
        loop, grant = asyncio.get_running_loop(), expired_grant(on_token=forever)
        provider = Provider(rotates=True)
        async with serving(provider) as server:
            client = AsyncClient(grant, base_url=server.url)
            call = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            while grant.token is None or grant.token.refresh_token != "refresh-1":  # noqa: ASYNC110  no event for it
                await asyncio.sleep(0)
            began = loop.time()
            await client.close()
            assert loop.time() - began < 2
            with pytest.raises(evenergy.ClosedError):
                await call
            await settled()

    run_jumping(main())


async def test_an_on_token_that_hangs_does_not_keep_a_blocking_client_from_closing() -> None:
    began, going = threading.Event(), threading.Event()

    def on_token(_: Token) -> None:
        began.set()
        going.wait(LIMIT)

    async with serving(Provider(rotates=True)) as server:
        client = Client(expired_grant(on_token=on_token), base_url=server.url)
        call = asyncio.create_task(asyncio.to_thread(client.vehicle_makes.get, MAKE_ID))
        await asyncio.to_thread(began.wait, LIMIT)
        started = time.monotonic()
        await asyncio.to_thread(client.close)
        assert time.monotonic() - started < LIMIT / 2
        with pytest.raises(evenergy.ClosedError):
            await call
        going.set()


async def test_on_token_may_close_the_client() -> None:
    async def on_token(_: Token) -> None:
        await client.close()
        stored.append(grant.token)

    stored: list[Token | None] = []
    grant = expired_grant(on_token=on_token)
    async with serving(Provider(rotates=True)) as server:
        client = AsyncClient(grant, base_url=server.url)
        with pytest.raises(evenergy.ClosedError):
            await client.vehicle_makes.get(MAKE_ID)
        await settled()
    assert [token and token.refresh_token for token in stored] == ["refresh-1"]


async def test_an_on_token_that_fails_fails_the_calls_that_waited_and_its_token_is_used() -> None:
    def on_token(_: Token) -> None:
        raise LookupError("no keyring")

    provider = Provider(rotates=True)
    async with (
        serving(provider) as server,
        AsyncClient(expired_grant(on_token=on_token), base_url=server.url) as client,
    ):
        calls = (client.vehicle_makes.get(MAKE_ID) for _ in range(5))
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [str(one) for one in found] == ["no keyring"] * 5
        await client.vehicle_makes.get(MAKE_ID)
    assert (provider.requested, provider.rejected) == (1, 0)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_a_system_exit_of_on_token_ends_the_call_and_not_the_loop(error: type[BaseException]) -> None:
    def on_token(_: Token) -> None:
        raise error

    def call() -> BaseException | None:
        try:
            client.vehicle_makes.get(MAKE_ID)
        except BaseException as found:  # noqa: BLE001  asyncio would pass it on to this loop
            return found
        return None

    async with serving(Provider(rotates=True)) as server:
        with Client(expired_grant(on_token=on_token), base_url=server.url) as client:
            assert isinstance(await asyncio.to_thread(call), error)
            assert await asyncio.to_thread(call) is None


async def test_a_thread_for_plain_functions_runs_one_after_another_and_ends() -> None:
    thread, order = PlainThread(), list[int]()
    first = threading.Event()

    def work(number: int) -> int:
        if not number:
            first.wait(LIMIT)
        order.append(number)
        return threading.get_ident()

    calls = [asyncio.create_task(thread.run(work, number)) for number in range(4)]
    await asyncio.sleep(0)
    calls[1].cancel()  # its function runs to its end all the same
    first.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert order == [0, 1, 2, 3]
    assert isinstance(found[1], asyncio.CancelledError)
    assert len({one for one in found if isinstance(one, int)}) == 1
    assert await thread.run(work, 9) != threading.get_ident()
    while any(each.name == "evenergy-caller" for each in threading.enumerate()):  # noqa: ASYNC110  it ends soon
        await asyncio.sleep(0)


async def test_a_thread_that_cannot_be_started_fails_the_call_and_leaves_the_next_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    thread, done = PlainThread(), list[str]()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(evenergy.EvEnergyError, match="needs a thread, and none could be started"):
            await thread.run(done.append, "first")
    await asyncio.wait_for(thread.run(done.append, "second"), LIMIT)
    assert done == ["second"]


async def test_a_thread_for_plain_functions_passes_on_whatever_they_raise() -> None:
    def fail(error: BaseException) -> None:
        raise error

    for error in (LookupError("x"), StopIteration(), SystemExit(3)):
        with pytest.raises((type(error), RuntimeError)):
            await PlainThread().run(fail, error)
