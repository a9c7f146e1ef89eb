"""Tokens: one refresh at a time, whoever waits, whoever gives up, whatever the endpoint answers."""

import asyncio
import base64
import copy
import hashlib
import json
import pickle
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, AuthorizationCode, BearerToken, Client, ClientCredentials, Retry, Token
from evenergy.sandbox import Sandbox
from tests.server import MAKE, MAKE_ID, Handler, run_jumping, serving

AUTH = ClientCredentials("app", "client-secret-value")
ONCE = Retry(attempts=1)


class Provider:
    """A token endpoint that gives t1, t2, …, and an API that takes the newest."""

    def __init__(self, *answers: tuple[int, Any], life: Any = 36000, same: bool = False) -> None:
        self.answers = list(answers)
        self.life = life
        self.same = same
        self.issued = self.asked = self.calls = self.refused = 0
        self.forms: list[dict[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.takes_none = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path != "/o/token/":
            self.calls += 1
            good = not self.takes_none and request.headers.get("Authorization") == f"Bearer token-{self.issued}"
            self.refused += not good
            return web.json_response(MAKE if good else {"title": "Unauthorized"}, status=200 if good else 401)
        self.asked += 1
        self.forms.append(dict(parse_qsl(await request.text())))
        await self.gate.wait()
        if self.answers:
            status, body = self.answers.pop(0)
            return web.Response(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())
        self.issued = 1 if self.same else self.issued + 1
        return web.json_response({"access_token": f"token-{self.issued}", "expires_in": self.life})


async def test_fifty_callers_one_token_request() -> None:
    provider = Provider()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))
    assert (provider.asked, provider.calls) == (1, 50)
    assert provider.forms == [{"grant_type": "client_credentials"}]


async def test_fifty_callers_with_a_revoked_token_one_more() -> None:
    provider = Provider()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        provider.issued += 1  # the one that the client has is no longer the newest
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(50)))
    assert provider.asked == 2


async def test_a_waiter_that_gives_up_does_not_stop_the_fetch() -> None:
    provider = Provider()
    provider.gate.clear()
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        first = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
        while not provider.asked:  # noqa: ASYNC110  the server has no event to wait for
            await asyncio.sleep(0)
        others = [asyncio.create_task(client.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        provider.gate.set()
        await asyncio.gather(*others)
    assert first.cancelled()
    assert provider.asked == 1


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


async def test_what_a_token_endpoint_does_not_find_is_no_delete_that_was_done() -> None:
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
        assert provider.asked == 1
        for one in found:
            assert isinstance(one, evenergy.AuthenticationError)
            assert error in str(one)
            assert "client-secret-value" not in str(one)
        await client.vehicle_makes.get(MAKE_ID)  # the next one asks again
    assert provider.asked == 2


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
async def test_what_is_no_refusal_is_no_authentication_error(answer: tuple[int, Any], kind: type[Exception]) -> None:
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
    assert (provider.asked, provider.calls) == (3, 1)


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
    assert provider.asked == 2
    assert provider.calls == (2 if takes_none else 1)  # the same token is not tried twice


@pytest.mark.parametrize("life", [0, -5, 1, 1e12, "soon", None, 1e300])
async def test_odd_lives_do_not_make_every_call_fetch_a_token(life: Any) -> None:
    provider = Provider(life=life)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        for _ in range(20):
            await client.vehicle_makes.get(MAKE_ID)
    assert provider.asked == 1


def test_a_token_is_renewed_ahead_of_its_end_without_anybody_waiting() -> None:
    async def main() -> None:
        provider = Provider(life=36000)
        async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000 - 200)
            provider.gate.clear()
            await client.vehicle_makes.get(MAKE_ID)  # with the old one; the endpoint does not answer yet
            await asyncio.sleep(1)
            assert provider.asked == 2
            provider.gate.set()
            await asyncio.sleep(10)
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000)
            await client.vehicle_makes.get(MAKE_ID)  # long gone: now it is waited for
        assert (provider.asked, provider.refused) == (3, 0)

    run_jumping(main())


def test_while_the_old_token_is_good_a_failing_endpoint_is_not_asked_at_each_call() -> None:
    async def main() -> None:
        provider = Provider(life=36000)
        async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
            await asyncio.sleep(36000 - 200)
            provider.answers = [(503, b"")] * 100
            for _ in range(20):
                await client.vehicle_makes.get(MAKE_ID)
                await asyncio.sleep(1)
            assert provider.asked <= 3

    run_jumping(main())


async def authorized(sandbox: Sandbox, app: AuthorizationCode, client: AsyncClient) -> Token:
    """What a user's browser does."""
    request = client.oauth.authorization_request()
    async with aiohttp.ClientSession() as browser, browser.get(request.url, allow_redirects=False) as response:
        back = parse_qs(urlsplit(response.headers["Location"]).query)
    assert back["state"] == [request.state]
    return await client.oauth.exchange(back["code"][0], code_verifier=request.code_verifier)


async def test_the_authorization_code_flow_with_rotation_and_revocation() -> None:
    stored: list[Token] = []

    async def store(token: Token) -> None:
        stored.append(token)

    async with Sandbox() as sandbox:
        app = AuthorizationCode(
            sandbox.client_id, "https://app.example/back", client_secret=sandbox.client_secret, on_token=store
        )
        async with AsyncClient(app, base_url=sandbox.base_url) as client:
            with pytest.raises(evenergy.AuthenticationError, match="authorization_request"):
                await client.users.list().collect()
            token = await authorized(sandbox, app, client)
            (user,) = await client.users.list().collect()
            assert user.id in sandbox.user_ids
        restored = Token.from_dict(json.loads(json.dumps(stored[0].to_dict())))
        assert restored == token
        expired = Token.from_dict({**stored[0].to_dict(), "expires_at": 1.0})
        again = AuthorizationCode(
            sandbox.client_id,
            "https://app.example/back",
            client_secret=sandbox.client_secret,
            token=expired,
            on_token=stored.append,
        )
        async with AsyncClient(again, base_url=sandbox.base_url) as client:
            assert await client.users.list().collect() == [user]
            assert len(stored) == 2
            assert stored[1].refresh_token != stored[0].refresh_token
            await client.oauth.revoke()
            assert again.token is None
            with pytest.raises(evenergy.AuthenticationError):
                await client.users.list().collect()
        revoked = AuthorizationCode(
            sandbox.client_id, "https://app.example/back", client_secret=sandbox.client_secret, token=stored[1]
        )
        async with AsyncClient(revoked, base_url=sandbox.base_url) as client:
            with pytest.raises(evenergy.AuthenticationError, match="invalid_grant"):
                await client.users.list().collect()


async def test_the_url_that_asks_the_user() -> None:
    app = AuthorizationCode("app", "https://app.example/back", scopes=["vehicle:read", "user:read"])
    async with AsyncClient(app) as client:
        request = client.oauth.authorization_request(state="s")
    parts = urlsplit(request.url)
    sent = {name: values[0] for name, values in parse_qs(parts.query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(request.code_verifier.encode()).digest()).rstrip(b"=").decode()
    assert request.url.startswith("https://api.ev.energy/o/authorize/?")
    assert sent == {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": "https://app.example/back",
        "state": "s",
        "scope": "vehicle:read user:read",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert request.code_verifier not in repr(request)


async def test_a_public_client_names_itself_in_the_form() -> None:
    async with serving(provider := Provider()) as server:
        app = AuthorizationCode("app", "https://app.example/back")
        async with AsyncClient(app, base_url=server.url) as client:
            await client.oauth.exchange("the-code")
    assert provider.forms[0] == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": "https://app.example/back",
        "client_id": "app",
    }
    assert "Authorization" not in server.requests[0].headers


async def test_oauth_is_for_the_authorization_code_grant() -> None:
    async with AsyncClient("t") as client:
        with pytest.raises(evenergy.InvalidArgumentError, match="AuthorizationCode"):
            client.oauth.authorization_request()
        with pytest.raises(evenergy.InvalidArgumentError, match="AuthorizationCode"):
            await client.oauth.exchange("code")


SECRETS = [
    BearerToken("very-secret-1"),
    ClientCredentials("app", "very-secret-1"),
    AuthorizationCode("app", "https://x", client_secret="very-secret-1"),
    Token.from_dict({"access_token": "very-secret-1", "refresh_token": "very-secret-2"}),
]


@pytest.mark.parametrize("holder", SECRETS, ids=lambda holder: type(holder).__name__)
def test_what_holds_a_secret_shows_it_nowhere(holder: object) -> None:
    assert "very-secret" not in repr(holder) + str(holder)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(holder)
    with pytest.raises(TypeError, match="pickled"):
        copy.deepcopy(holder)


@pytest.mark.parametrize("token", ["", "tok en", "tok\nen", "tökèn", "tok\x00"])
def test_a_token_that_could_break_a_header_is_refused_and_not_shown(token: str) -> None:
    for make in (BearerToken, AsyncClient, Client):
        with pytest.raises(evenergy.InvalidArgumentError) as raised:
            make(token)
        assert not token.strip() or token not in str(raised.value)


def test_the_deadline_bounds_the_oauth_calls_too() -> None:
    async def stall(_: web.Request) -> web.Response:
        await asyncio.sleep(1000)
        return web.Response()

    async def main() -> None:
        app = AuthorizationCode("app", "https://x", token=Token.from_dict({"access_token": "t", "refresh_token": "r"}))
        async with serving(stall) as server, AsyncClient(app, base_url=server.url, deadline=5) as client:
            for call in (client.oauth.exchange("the-code"), client.oauth.revoke()):
                started = asyncio.get_running_loop().time()
                with pytest.raises(evenergy.RequestTimeoutError, match="deadline of 5 s"):
                    await call
                assert asyncio.get_running_loop().time() - started == pytest.approx(5, abs=0.1)

    run_jumping(main())


def test_a_token_with_the_scheme_before_it_is_refused_with_the_cure() -> None:
    with pytest.raises(evenergy.InvalidArgumentError, match="without 'Bearer '") as raised:
        AsyncClient("Bearer abc-abc")
    assert "abc-abc" not in str(raised.value)


@pytest.mark.parametrize("secret", ["", "sec\nret", "sec\x00ret", "secret\ud800", None])
def test_a_secret_that_cannot_be_sent_is_refused_and_not_shown(secret: Any) -> None:
    for pair in (("app", secret), (secret, "hush")):
        with pytest.raises(evenergy.InvalidArgumentError) as raised:
            ClientCredentials(*pair)
        assert not secret or secret not in str(raised.value)


@pytest.mark.parametrize(
    "data", [{}, {"access_token": ""}, {"access_token": 5}, {"access_token": "t", "refresh_token": 5}]
)
def test_a_stored_token_that_is_none_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(evenergy.InvalidArgumentError):
        Token.from_dict(data)


async def test_views_share_the_token_unless_the_auth_differs() -> None:
    provider: Handler = Provider(same=True)
    async with serving(provider) as server, AsyncClient(AUTH, base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        await client.with_options(timeout=5).vehicle_makes.get(MAKE_ID)
        assert isinstance(provider, Provider)
        assert provider.asked == 1
        await client.with_options(auth=ClientCredentials("other", "client-secret-value")).vehicle_makes.get(MAKE_ID)
        assert provider.asked == 2


async def test_a_token_of_the_grant_before_does_not_replace_a_new_one() -> None:
    provider = Provider()
    async with serving(provider) as server:
        old = Token.from_dict({"access_token": "old-token", "refresh_token": "old-refresh", "expires_at": 1})
        app = AuthorizationCode("app", "https://x", client_secret="client-secret-value", token=old)
        async with AsyncClient(app, base_url=server.url) as client:
            provider.gate.clear()
            refreshing = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            while provider.asked < 1:  # noqa: ASYNC110  the server has no event to wait for
                await asyncio.sleep(0)
            exchanging = asyncio.create_task(client.oauth.exchange("the-code"))
            while provider.asked < 2:  # noqa: ASYNC110  likewise
                await asyncio.sleep(0)
            provider.gate.set()
            token = await exchanging
            await asyncio.wait([refreshing])
            await asyncio.sleep(0)
            assert app.token is not None
            assert app.token.access_token in (token.access_token, f"token-{provider.issued}")


async def test_a_token_is_stored_before_it_is_used() -> None:
    seen: list[str] = []
    provider = Provider()

    async def store(token: Token) -> None:
        await asyncio.sleep(0)
        seen.append(f"stored, {provider.calls} calls")

    async with serving(provider) as server:
        old = Token.from_dict({"access_token": "old-token", "refresh_token": "old-refresh", "expires_at": 1})
        app = AuthorizationCode("app", "https://x", client_secret="client-secret-value", token=old, on_token=store)
        async with AsyncClient(app, base_url=server.url) as client:
            await client.vehicle_makes.get(MAKE_ID)
    assert seen == ["stored, 0 calls"]
