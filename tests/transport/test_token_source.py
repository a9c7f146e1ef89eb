"""Token source: one refresh at a time, whoever waits or gives up, whatever the token endpoint responds."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, ClientCredentials, Retry
from evenergy._transport import token_owner
from tests.provider import Provider
from tests.server import MAKE, MAKE_ID, run_jumping, serving


@pytest.fixture(autouse=True)
def no_owner_of_another_test() -> None:
    """Forget owners that the collector has not come to: the port of an earlier test's server may come again."""
    token_owner._owners.clear()


AUTH = ClientCredentials("app", "client-secret-value")
ONCE = Retry(attempts=1)


async def test_fifty_callers_one_token_request() -> None:
    provider = Provider()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))
    assert (provider.requested, provider.calls) == (1, 50)
    assert provider.forms == [{"grant_type": "client_credentials"}]


async def test_fifty_callers_with_a_revoked_token_one_more() -> None:
    provider = Provider()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        provider.issued += 1  # the one that the client has is no longer the newest
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))
    assert provider.requested == 2


async def test_a_waiter_that_gives_up_does_not_stop_the_fetch() -> None:
    provider = Provider()
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        first = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
        while not provider.requested:  # noqa: ASYNC110  the server has no event to wait for
            await asyncio.sleep(0)
        others = [asyncio.create_task(client.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        provider.gate.set()
        await asyncio.gather(*others)
    assert first.cancelled()
    assert provider.requested == 1


@pytest.mark.parametrize(
    ("status", "body", "after"),
    [(429, {}, "7"), (429, {"error": "slow_down"}, "7"), (429, {}, None), (503, {}, "7"), (503, b"<html>", None)],
)
def test_a_token_endpoint_that_is_overloaded_is_asked_again_when_it_says(
    status: int, body: object, after: str | None
) -> None:
    asked: list[float] = []

    async def handler(request: web.Request) -> web.Response:
        if request.path != "/o/token/":
            return web.json_response(MAKE)
        asked.append(asyncio.get_running_loop().time())
        if len(asked) > 1:
            return web.json_response({"access_token": "token-1", "expires_in": 36000})
        headers = {} if after is None else {"Retry-After": after}
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=text, headers=headers)

    async def main() -> None:
        async with serving(handler) as server, AsyncClient(AUTH, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)

    run_jumping(main())
    assert len(asked) == 2
    assert asked[1] - asked[0] >= float(after or 0)


def test_waits_that_the_token_endpoint_asks_for_add_up_to_max_wait() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "10"})

    async def main() -> None:
        async with serving(handler) as server, AsyncClient(AUTH, base_url=server.url, max_wait=15) as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(evenergy.RateLimitError):
                await client.vehicle_makes.get(MAKE_ID)
            assert asyncio.get_running_loop().time() - started <= 15
            assert len(server.requests) == 2

    run_jumping(main())


async def test_a_404_of_the_token_endpoint_is_no_delete_that_was_done() -> None:
    answers = {"/v2/vehicles": iter([502, 401]), "/o/token/": iter([200, 404])}

    async def handler(request: web.Request) -> web.Response:
        status = next(answers["/o/token/" if request.path == "/o/token/" else "/v2/vehicles"])
        body = {"access_token": "fresh"} if status == 200 else {"error": "not_found"}
        return web.json_response(body, status=status)

    quick = Retry(attempts=4, backoff=0.001)
    async with serving(handler) as server, AsyncClient(AUTH, base_url=server.url, retry=quick) as client:
        with pytest.raises(evenergy.NotFoundError, match="token endpoint"):
            await client.vehicles.delete("vhcl01HRFF3SEVSCRAV9B3CHVDFN0H")


async def test_an_error_of_the_token_endpoint_that_is_no_code_is_not_shown() -> None:
    provider = Provider((500, {"error": "Basic client-secret-value"}))
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url, retry=ONCE) as client:
        with pytest.raises(evenergy.ServerError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert "Basic" not in str(raised.value)


def test_a_token_endpoint_that_wants_too_long_a_wait_is_told_at_once() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "300"})

    async def main() -> None:
        async with serving(handler) as server, AsyncClient(AUTH, base_url=server.url) as client:
            with pytest.raises(evenergy.RateLimitError, match="token endpoint") as raised:
                await client.vehicle_makes.get(MAKE_ID)
            assert raised.value.retry_after == 300
            assert len(server.requests) == 1

    run_jumping(main())


@pytest.mark.parametrize("error", ["invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client"])
async def test_a_final_refusal_is_shared_by_all_who_wait_and_shows_only_the_error(error: str) -> None:
    provider = Provider((400, {"error": error, "error_description": "you sent client-secret-value"}))
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        calls = (client.vehicle_makes.get(MAKE_ID) for _ in range(20))
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert provider.requested == 1
        for one in found:
            assert isinstance(one, evenergy.AuthenticationError)
            assert error in str(one)
            assert "client-secret-value" not in str(one)
        await client.vehicle_makes.get(MAKE_ID)  # the next one asks again
    assert provider.requested == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, b"<html>"), evenergy.ServerError),
        ((503, {"error": "temporarily_unavailable"}), evenergy.ServerError),
        ((200, b"<html>"), evenergy.DecodeError),
        ((200, b"[" * 100_000), evenergy.DecodeError),
        ((200, {"token_type": "bearer"}), evenergy.DecodeError),
        ((200, {"access_token": 5}), evenergy.DecodeError),
        ((200, {"access_token": "a b\n"}), evenergy.DecodeError),
        ((401, b"no"), evenergy.DecodeError),
        ((400, {"error": "unsupported_grant_type"}), evenergy.BadRequestError),
    ],
)
async def test_a_failure_that_is_no_rejection_is_no_authentication_error(
    answer: tuple[int, Any], kind: type[Exception]
) -> None:
    provider = Provider(answer)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url, retry=ONCE) as client:
        with pytest.raises(kind) as raised:
            await client.vehicle_makes.get(MAKE_ID)
        assert not isinstance(raised.value, evenergy.AuthenticationError)
        await client.vehicle_makes.get(MAKE_ID)
    assert provider.calls == 1


async def test_a_write_tries_again_when_its_token_could_not_be_had_for_it_was_not_sent() -> None:
    provider = Provider((503, b""), (503, b""))
    quick = Retry(attempts=3, backoff=0.001)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url, retry=quick) as client:
        await client.request("POST", "/vehicles", json={})
    assert (provider.requested, provider.calls) == (3, 1)


def test_a_token_endpoint_that_stalls_is_a_timeout() -> None:
    async def main() -> None:
        provider = Provider()
        provider.gate.clear()
        async with (
            serving(provider) as server,
            AsyncClient(AUTH, base_url=server.url, retry=ONCE, timeout=5) as client,
        ):
            with pytest.raises(evenergy.RequestTimeoutError):
                await client.vehicle_makes.get(MAKE_ID)

    run_jumping(main())


@pytest.mark.parametrize("takes_none", [True, False])
async def test_a_401_causes_one_refresh_and_one_more_try_at_most(takes_none: bool) -> None:
    provider = Provider(same=not takes_none)
    provider.takes_none = True
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError):
            await client.vehicle_makes.get(MAKE_ID)
    assert provider.requested == 2
    assert provider.calls == (2 if takes_none else 1)  # the same token is not tried twice


@pytest.mark.parametrize("life", [0, -5, 1, 1e12, "soon", None, 1e300])
async def test_odd_lives_do_not_make_every_call_fetch_a_token(life: Any) -> None:
    provider = Provider(life=life)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        for _ in range(20):
            await client.vehicle_makes.get(MAKE_ID)
    assert provider.requested == 1


def test_a_token_is_renewed_ahead_of_its_end_without_anybody_waiting() -> None:
    async def main() -> None:
        provider = Provider(life=36000)
        async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000 - 200)
            provider.gate.clear()
            await client.vehicle_makes.get(MAKE_ID)  # with the old one; the endpoint does not answer yet
            await asyncio.sleep(1)
            assert provider.requested == 2
            provider.gate.set()
            await asyncio.sleep(10)
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000)
            await client.vehicle_makes.get(MAKE_ID)  # long gone: now it is waited for
        assert (provider.requested, provider.rejected) == (3, 0)

    run_jumping(main())


def test_while_the_old_token_is_good_a_failing_endpoint_is_not_asked_at_each_call() -> None:
    async def main() -> None:
        provider = Provider(life=36000)
        async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000 - 200)
            provider.responses = [(503, b"")] * 100
            for _ in range(20):
                await client.vehicle_makes.get(MAKE_ID)
                await asyncio.sleep(1)
            assert provider.requested <= 3

    run_jumping(main())


async def test_views_share_the_token_unless_the_auth_differs() -> None:
    provider = Provider(same=True)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        await client.with_options(timeout=5).vehicle_makes.get(MAKE_ID)
        assert provider.requested == 1
        await client.with_options(auth=ClientCredentials("other", "client-secret-value")).vehicle_makes.get(MAKE_ID)
        assert provider.requested == 2
