"""Credentials at work: a rejected token is sent by nobody who knows of it; sources of the caller's, plain and async."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, AuthorizationCode, BearerToken, Client, ClientCredentials, Retry, Token
from evenergy._transport.retry import RetryBudget
from tests.provider import Provider, expired_grant, token
from tests.server import MAKE, MAKE_ID, run_jumping, serving

CALLS, CONCURRENCY = 200, 8


async def outcomes(client: AsyncClient, calls: int = CALLS) -> list[Any]:
    found = await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(calls)), return_exceptions=True)
    return list(found)


async def test_calls_that_wait_with_a_rejected_token_take_the_next_one() -> None:
    provider, grant = Provider(), expired_grant(token=token(1, expires_at=None))
    provider.issued = 2  # the first is not the newest any more
    async with serving(provider) as server, AsyncClient(grant, base_url=server.url, concurrency=CONCURRENCY) as client:
        found = await outcomes(client)
    assert all(isinstance(one, evenergy.VehicleMake) for one in found)
    assert provider.rejected <= CONCURRENCY
    assert provider.requested == 1


async def test_a_token_that_another_client_of_the_grant_found_rejected_is_not_sent() -> None:
    provider, grant = Provider(), expired_grant(token=token(1, expires_at=None))
    provider.issued = 1
    async with serving(provider) as server:
        options: dict[str, Any] = {"base_url": server.url, "concurrency": 1}
        async with AsyncClient(grant, **options) as first, AsyncClient(grant, **options) as second:
            await second.vehicle_makes.get(MAKE_ID)
            waiting = second._session.connections.semaphore
            await waiting.acquire()
            calls = asyncio.gather(*(second.vehicle_makes.get(MAKE_ID) for _ in range(5)))
            await asyncio.sleep(0)  # they have the token, and wait for a connection
            provider.issued = 2
            await first.vehicle_makes.get(MAKE_ID)
            waiting.release()
            await calls
    assert (provider.rejected, provider.requested) == (1, 1)


async def test_a_source_derived_from_a_bearer_token_is_asked_for_each_call() -> None:
    class Rotating(BearerToken):
        async def access_token(self) -> str:
            tokens.append(f"token-{len(tokens)}")
            return tokens[-1]

    async def echoing(request: web.Request) -> web.Response:
        sent.append(request.headers["Authorization"])
        return web.json_response(MAKE)

    tokens, sent = list[str](), list[str]()
    async with serving(echoing) as server, AsyncClient(Rotating("unused"), base_url=server.url) as client:
        for _ in range(3):
            await client.vehicle_makes.get(MAKE_ID)
    assert sent == ["Bearer token-0", "Bearer token-1", "Bearer token-2"]


async def test_a_source_derived_from_a_bearer_token_may_be_plain_and_ends_with_the_client() -> None:
    class PlainOne(BearerToken):
        def access_token(self) -> str:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
            return "token-0"

    class Stalled(BearerToken):
        async def access_token(self) -> str:
            await asyncio.Event().wait()
            return "never"

    async with serving(Provider()) as server:
        async with AsyncClient(PlainOne("unused"), base_url=server.url) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
        client = AsyncClient(Stalled("unused"), base_url=server.url)
        call = asyncio.ensure_future(client.vehicle_makes.get(MAKE_ID))
        for _ in range(10):
            await asyncio.sleep(0)
        await client.close()
        with pytest.raises(evenergy.ClosedError):
            await call


@pytest.mark.parametrize("auth", ["token-0", BearerToken("token-0")], ids=["text", "bearer"])
async def test_a_fixed_token_that_is_rejected_ends_the_calls_that_wait_with_it(auth: evenergy.Auth) -> None:
    provider = Provider()
    provider.issued = 1
    async with serving(provider) as server, AsyncClient(auth, base_url=server.url, concurrency=CONCURRENCY) as client:
        found = await outcomes(client)
        assert {type(one) for one in found} == {evenergy.AuthenticationError}
        assert provider.calls <= CONCURRENCY
        assert sum("not sent" in str(one) for one in found) == CALLS - provider.calls
        provider.issued, calls = 0, provider.calls
        await client.vehicle_makes.get(MAKE_ID)  # a new call tries it once
        assert provider.calls == calls + 1


@pytest.mark.parametrize("auth", ["token-0", ClientCredentials("app", "client-secret-value")], ids=["text", "grant"])
async def test_no_call_sends_a_rejected_token_twice_while_others_begin(auth: evenergy.Auth) -> None:
    provider, calls = Provider(same=True), list[asyncio.Task[Any]]()
    provider.takes_none = True

    def another(_: evenergy.Attempt) -> None:
        if len(calls) < 20:  # it takes the token anew, before the call that was just rejected may retry
            calls.append(asyncio.create_task(client.vehicle_makes.get(MAKE_ID)))

    async with serving(provider) as server, AsyncClient(auth, base_url=server.url, on_attempt=another) as client:
        found = await outcomes(client, 3)
        for call in calls:  # more are appended meanwhile
            found += await asyncio.gather(call, return_exceptions=True)
    assert {type(one) for one in found} == {evenergy.AuthenticationError}
    assert provider.calls <= len(found) == 23


class Insisting:
    """Source that has looked after an invalidation, and is sure of its token."""

    def __init__(self) -> None:
        self.invalidated: list[str] = []

    async def access_token(self) -> str:
        return "token-0"

    def invalidate(self, token: str) -> None:
        self.invalidated.append(token)


async def test_a_source_that_insists_is_tried_and_then_believed_no_more() -> None:
    provider = Provider()
    provider.issued = 1
    async with (
        serving(provider) as server,
        AsyncClient(Insisting(), base_url=server.url, concurrency=CONCURRENCY) as client,
    ):
        found = await outcomes(client)
    assert {type(one) for one in found} == {evenergy.AuthenticationError}
    assert provider.calls <= 2 * CONCURRENCY


async def test_a_source_that_insists_after_a_rejection_by_mistake_serves_all_who_wait() -> None:
    rejected = 0

    async def once(_: web.Request) -> web.Response:
        nonlocal rejected
        rejected += 1
        return web.json_response(MAKE) if rejected > 1 else web.json_response({"title": "No"}, status=401)

    source = Insisting()
    async with serving(once) as server, AsyncClient(source, base_url=server.url, concurrency=1) as client:
        found = await outcomes(client, 20)
    assert [isinstance(one, evenergy.VehicleMake) for one in found].count(False) == 1  # the same call tries it no twice
    assert source.invalidated == ["token-0"]


async def test_the_same_token_issued_again_is_tried_once_by_each_call() -> None:
    provider = Provider(same=True)
    provider.takes_none = True
    async with serving(provider) as server:
        grant = ClientCredentials("app", "client-secret-value")
        async with AsyncClient(grant, base_url=server.url, concurrency=CONCURRENCY) as client:
            found = await outcomes(client)
    assert {type(one) for one in found} == {evenergy.AuthenticationError}
    assert provider.calls <= 2 * CONCURRENCY


class Plain:
    """Source of a program that knows no asyncio."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        self.fetch = fetch
        self.threads: set[int] = set()
        self.rejected: list[str] = []

    def access_token(self) -> str:
        self.threads.add(threading.get_ident())
        return self.fetch()

    def invalidate(self, token: str) -> None:
        self.rejected.append(token)


async def test_a_plain_source_is_called_on_the_loop_of_an_async_client() -> None:
    provider = Provider()
    provider.issued = 1
    source = Plain(lambda: f"token-{len(source.rejected)}")
    async with serving(provider) as server, AsyncClient(source, base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
    assert source.rejected == ["token-0"]
    assert source.threads == {threading.get_ident()}


async def test_a_plain_source_of_a_blocking_client_may_block_and_is_called_by_one_thread_at_a_time() -> None:
    provider, asking = Provider(), threading.Lock()
    provider.issued = 1

    def fetch() -> str:
        assert asking.acquire(blocking=False)
        try:
            return str(helper.request("GET", "/x").json() and "token-1")
        finally:
            asking.release()

    async with serving(provider) as server:
        with Client("token-1", base_url=server.url) as helper, Client(Plain(fetch), base_url=server.url) as client:
            calls = [asyncio.to_thread(client.vehicle_makes.get, MAKE_ID) for _ in range(10)]
            await asyncio.gather(*calls)
    assert provider.rejected == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "evenergy-caller"]


async def test_a_source_whose_plain_method_returns_an_awaitable() -> None:
    class Wrapped:
        def access_token(self) -> Any:
            return asyncio.sleep(0, "token-1")

    provider = Provider()
    provider.issued = 1
    async with serving(provider) as server:
        async with AsyncClient(Wrapped(), base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
        with Client(Wrapped(), base_url=server.url) as blocking:
            await asyncio.to_thread(blocking.vehicle_makes.get, MAKE_ID)


async def test_the_error_of_a_plain_source_reaches_its_caller() -> None:
    def fail() -> str:
        raise LookupError("no keyring")

    with (
        Client(Plain(fail), base_url="http://127.0.0.1:1/v2") as client,
        pytest.raises(LookupError, match="no keyring"),
    ):
        await asyncio.to_thread(client.root)
    async with AsyncClient(Plain(fail), base_url="http://127.0.0.1:1/v2") as other:
        with pytest.raises(LookupError, match="no keyring"):
            await other.root()


class AsyncInvalidate(Insisting):
    async def invalidate(self, token: str) -> None:  # type: ignore[override]  # which is the mistake
        """Never awaited."""


class WithArguments:
    async def access_token(self, scope: str) -> str:
        return scope


NO_SOURCES: list[tuple[object, str]] = [
    (Token.from_dict({"access_token": "hush-hush"}), r"BearerToken\(token\.access_token\).*AuthorizationCode\("),
    (Insisting, "the class Insisting: pass an instance"),
    (AsyncInvalidate(), r"invalidate\(token\) of the token source as a plain function"),
    (WithArguments(), r"access_token\(\) of the token source as a method without arguments"),
    (object(), "got object"),
    ({"access_token": "hush-hush"}, "got dict"),
    (lambda: "hush-hush", "got function"),
    (5, "got int"),
]


@pytest.mark.parametrize(("auth", "message"), NO_SOURCES)
@pytest.mark.parametrize("kind", [AsyncClient, Client])
def test_an_object_that_is_no_source_is_rejected_when_the_client_is_made(
    auth: Any, message: str, kind: type[Any]
) -> None:
    client = kind("t")
    with pytest.raises(evenergy.InvalidArgumentError, match=message) as raised:
        kind(auth)
    assert "hush" not in str(raised.value)
    with pytest.raises(evenergy.InvalidArgumentError, match=message):
        client.with_options(auth=auth)


def budget_of(client: AsyncClient) -> int:
    return client._session.retry_budget._left


def test_one_failure_of_the_token_endpoint_is_one_failure_of_the_retry_budget() -> None:
    async def main() -> None:
        provider = Provider((503, b""), rotates=True)
        async with serving(provider) as server, AsyncClient(expired_grant(), base_url=server.url) as client:
            found = await outcomes(client, 500)
            assert all(isinstance(one, evenergy.VehicleMake) for one in found)
            assert RetryBudget.FULL - budget_of(client) <= 5
        assert provider.requested == 2

    run_jumping(main())


def test_a_token_endpoint_that_is_down_costs_one_call_of_retries_whoever_waits() -> None:
    async def main() -> None:
        provider = Provider(*[(503, b"")] * 8)
        retry = Retry(attempts=3)
        async with (
            serving(provider) as server,
            AsyncClient(expired_grant(), base_url=server.url, retry=retry) as client,
        ):
            found = await outcomes(client, 500)
            assert {type(one) for one in found} == {evenergy.ServerError}
            assert {"after 3 attempts" in str(one) for one in found} == {True}
            assert len({id(one) for one in found}) == 500  # each may be changed on its way
            assert RetryBudget.FULL - budget_of(client) == 10
            assert provider.requested == 3
            with pytest.raises(evenergy.ServerError):
                await client.vehicle_makes.get(MAKE_ID)  # the next call requests it again
            assert provider.requested == 6

    run_jumping(main())


async def test_a_single_token_request_that_fails_is_not_counted_in_the_message() -> None:
    provider = Provider((503, b""))
    async with serving(provider) as server, AsyncClient(expired_grant(), base_url=server.url) as client:
        while client._session.retry_budget.spend(None):
            pass
        with pytest.raises(evenergy.ServerError, match="POST") as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert "attempts" not in str(raised.value)
    assert provider.requested == 1


def test_a_waiter_with_a_deadline_gives_up_alone() -> None:
    async def main() -> None:
        provider = Provider(rotates=True)
        provider.gate.clear()
        grant = AuthorizationCode("app", "https://x", token=token(0))
        async with serving(provider) as server, AsyncClient(grant, base_url=server.url) as client:
            patient = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            with pytest.raises(evenergy.RequestTimeoutError, match="deadline of 5 s"):
                await client.with_options(deadline=5).vehicle_makes.get(MAKE_ID)
            provider.gate.set()
            await patient
        assert provider.requested == 1

    run_jumping(main())
