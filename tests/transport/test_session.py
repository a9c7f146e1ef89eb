"""The request core over real sockets: what is sent, over which session, and with which credentials."""

import asyncio
import base64
import ssl
from tempfile import NamedTemporaryFile
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

import evenergy
from evenergy import AsyncClient, ClientCredentials
from tests.server import MAKE, MAKE_ID, USER_ID, answer, raw_serving, serving
from tests.transport.responding import BODY, QUICK, stalling, statuses


async def test_a_request_carries_its_headers() -> None:
    async with (
        serving(statuses(200)) as server,
        AsyncClient("tok-1", base_url=server.url + "/", user=f"https://api.ev.energy/v2/users/{USER_ID}/") as client,
    ):
        make = await client.vehicle_makes.get(MAKE_ID)
    assert make == evenergy.VehicleMake(id=MAKE_ID, url=MAKE["url"], name="Volvo")
    request = server.requests[0]
    assert request.path == f"/v2/vehicle_makes/{MAKE_ID}"
    assert request.headers["Authorization"] == "Bearer tok-1"
    assert request.headers["EvEnergy-Version"] == "2"
    assert request.headers["EvEnergy-User"] == f"{server.url}/users/{USER_ID}"
    assert request.headers["User-Agent"].startswith("evenergy/")
    assert "application/problem+json" in request.headers["Accept"]


async def test_anonymous_calls_carry_no_credentials_and_the_401_says_how_to_set_them() -> None:
    async with serving(statuses(401)) as server, AsyncClient(base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError, match="EVENERGY_CLIENT_ID"):
            await client.vehicle_makes.get(MAKE_ID)
    assert "Authorization" not in server.requests[0].headers
    assert len(server.requests) == 1


async def test_nothing_is_sent_after_close_on_an_injected_session_either() -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    class Slow:
        async def access_token(self) -> str:
            waiting.set()
            await go.wait()
            return "a-token"

    async with serving(statuses(200)) as server, aiohttp.ClientSession() as session:
        client = AsyncClient(Slow(), base_url=server.url, session=session)
        call = asyncio.create_task(client.request("POST", "/vehicles"))
        await waiting.wait()
        await client.close()
        go.set()
        with pytest.raises(evenergy.ClosedError):
            await call
    assert not server.requests


async def test_code_that_swallows_a_cancellation_leaves_none_behind() -> None:
    class Stubborn:
        async def access_token(self) -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise LookupError from None
            return ""

    async with AsyncClient(Stubborn(), base_url="http://127.0.0.1:1/v2", deadline=0.01) as client:
        with pytest.raises(LookupError):
            await client.root()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_delete_with_a_body_says_that_it_is_json() -> None:
    async with serving(statuses(200)) as server, AsyncClient("t", base_url=server.url) as client:
        await client.request("DELETE", "/x", json=[1])
        await client.request("DELETE", "/x")
    assert [request.headers.get("Content-Type") for request in server.requests] == ["application/json", None]
    assert server.bodies == [b"[1]", b""]


SESSIONS: dict[str, dict[str, Any]] = {
    "raise_for_status": {"raise_for_status": True},
    "auto_decompress": {"auto_decompress": False},
    "base_url": {"base_url": "https://elsewhere.example/"},
    "total timeout": {"timeout": aiohttp.ClientTimeout(total=1e-9)},
    "headers": {"headers": {"Accept": "text/html", "X-Own": "1"}},
}


@pytest.mark.parametrize("options", SESSIONS.values(), ids=SESSIONS.keys())
async def test_an_injected_session_may_have_options_of_its_own(options: dict[str, Any]) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path.endswith("users"):
            return web.json_response({"title": "No"}, status=403)
        response = web.json_response(MAKE)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(handler) as server, aiohttp.ClientSession(**options) as session:
        before = dict(session.headers)
        async with AsyncClient("t", base_url=server.url, session=session) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).name == "Volvo"
            with pytest.raises(evenergy.PermissionDeniedError):
                await client.request("GET", "/users")
        assert not session.closed
        assert dict(session.headers) == before


async def test_the_middlewares_of_an_injected_session_still_run() -> None:
    seen: list[str] = []

    async def middleware(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with (
        raw_serving(None, answer(BODY)) as server,
        aiohttp.ClientSession(middlewares=[middleware]) as session,
        AsyncClient("t", base_url=server.url, session=session, retry=QUICK) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
    assert seen == ["GET", "GET"]
    assert len(server.heads) == 2


def trusted() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    with NamedTemporaryFile() as file:
        file.write(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
        file.flush()
        server.load_cert_chain(file.name)
    client.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
    return server, client


async def test_tls_is_verified_and_a_failure_is_final() -> None:
    context, trust = trusted()
    async with serving(statuses(200), ssl=context) as server:
        async with AsyncClient("t", base_url=server.url, retry=QUICK) as client:
            with pytest.raises(evenergy.TransportError, match="TLS failed"):
                await client.vehicle_makes.get(MAKE_ID)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
            AsyncClient("t", base_url=server.url, session=session) as client,
        ):
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 1


async def test_requests_reach_any_operation() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path, "query": request.query_string})

    async with serving(handler) as server, AsyncClient("t", base_url=server.url) as client:
        urls = [
            "/evses",
            "evses",
            f"{server.url}/evses",
            "https://api.ev.energy/v2/evses",
            "https://api.ev.energy/evses",
        ]
        for url in urls:
            response = await client.request("get", url + "?a=1", params={"b": [True, 2], "c": None})
            assert response.json() == {"path": "/v2/evses", "query": "a=1&b=true&b=2"}
        for bad in ("https://evil.example/v2/evses", "//evil.example/x", "/../admin", "/a/%2e%2e/b", "a\\b", "a b", ""):
            with pytest.raises(evenergy.InvalidArgumentError):
                await client.request("GET", bad)
    assert len(server.requests) == len(urls)


async def test_credentials_go_into_basic_form_encoded() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/o/token/":
            return web.json_response({"access_token": "fresh", "expires_in": 36000})
        return web.json_response(MAKE)

    async with (
        serving(handler) as server,
        AsyncClient(ClientCredentials("id:1", "s/e+c%r é t", ["vehicle:read"]), base_url=server.url) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
    token, call = server.requests
    assert base64.b64decode(token.headers["Authorization"].removeprefix("Basic ")) == b"id%3A1:s%2Fe%2Bc%25r+%C3%A9+t"
    assert server.bodies[0] == b"grant_type=client_credentials&scope=vehicle%3Aread"
    assert call.headers["Authorization"] == "Bearer fresh"


async def test_a_custom_source_of_tokens() -> None:
    class Source:
        def __init__(self) -> None:
            self.given = ["old", "new"]
            self.refused: list[str] = []

        async def access_token(self) -> str:
            return self.given[0]

        def invalidate(self, token: str) -> None:
            self.refused.append(token)
            self.given.pop(0)

    async def handler(request: web.Request) -> web.Response:
        good = request.headers["Authorization"] == "Bearer new"
        return web.json_response(MAKE if good else {"title": "No"}, status=200 if good else 401)

    source = Source()
    async with serving(handler) as server, AsyncClient(source, base_url=server.url) as client:
        await client.request("POST", "/vehicles", json={})
    assert source.refused == ["old"]
    assert len(server.requests) == 2


async def test_a_token_that_stays_refused_is_not_sent_again() -> None:
    async with serving(statuses(401)) as server, AsyncClient("same", base_url=server.url) as client:
        with pytest.raises(evenergy.AuthenticationError) as raised:
            await client.vehicle_makes.get(MAKE_ID)
    assert len(server.requests) == 1
    assert "attempts" not in str(raised.value)


async def test_closing_ends_the_calls_under_way() -> None:
    async with serving(stalling) as server:
        client = AsyncClient("t", base_url=server.url, max_wait=None)
        calls = [asyncio.create_task(client.vehicle_makes.get(MAKE_ID)) for _ in range(5)]
        while not server.requests:  # noqa: ASYNC110  the server has no event to wait for
            await asyncio.sleep(0)
        await client.close()
        await client.close()
        for call in calls:
            with pytest.raises(evenergy.ClosedError):
                await call
        with pytest.raises(evenergy.ClosedError):
            await client.vehicle_makes.get(MAKE_ID)
