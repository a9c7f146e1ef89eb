"""Authorization code flow: the URL, the exchange of the code, refresh, revocation."""

import asyncio
import base64
import hashlib
import json
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, AuthorizationCode, Token
from evenergy.sandbox import Sandbox
from tests.provider import Provider
from tests.server import MAKE_ID, run_jumping, serving


async def authorized(sandbox: Sandbox, app: AuthorizationCode, client: AsyncClient) -> Token:
    """Do what a user's browser does."""
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


async def test_a_token_of_the_grant_before_does_not_replace_a_new_one() -> None:
    provider = Provider()
    async with serving(provider) as server:
        old = Token.from_dict({"access_token": "old-token", "refresh_token": "old-refresh", "expires_at": 1})
        app = AuthorizationCode("app", "https://x", client_secret="client-secret-value", token=old)
        async with AsyncClient(app, base_url=server.url) as client:
            provider.gate.clear()
            refreshing = asyncio.create_task(client.vehicle_makes.get(MAKE_ID))
            while provider.requested < 1:  # noqa: ASYNC110  the server has no event to wait for
                await asyncio.sleep(0)
            exchanging = asyncio.create_task(client.oauth.exchange("the-code"))
            while provider.requested < 2:  # noqa: ASYNC110  likewise
                await asyncio.sleep(0)
            provider.gate.set()
            token = await exchanging
            await asyncio.wait([refreshing])
            await asyncio.sleep(0)
            assert app.token is not None
            assert app.token.access_token in (token.access_token, f"token-{provider.issued}")
