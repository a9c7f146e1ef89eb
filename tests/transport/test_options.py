"""Options of both clients that concern the network: proxies, TLS, headers, observers."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import urllib.request
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import aiohttp
import pytest
import trustme
from aiohttp import web

import evenergy
from evenergy import AsyncClient, Attempt, AuthorizationCode, Client, InvalidArgumentError, Retry, Token
from evenergy._transport import connections
from tests.server import MAKE, MAKE_ID, Server, serving

QUICK = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
NOWHERE = "http://127.0.0.1:1/v2"


async def ok(_: web.Request) -> web.Response:
    return web.json_response(MAKE)


class ProxyServer:
    """Proxy for plain http that keeps the heads of requests, and forwards to nobody: it responds by itself."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[str] = []


@asynccontextmanager
async def proxying() -> AsyncGenerator[ProxyServer]:
    proxy = ProxyServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        body = b'{"id": "' + MAKE_ID.encode() + b'"}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listening.close()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_proxy_gets_the_request_and_its_password() -> None:
    async with (
        proxying() as proxy,
        AsyncClient(
            "tok-123",
            base_url="http://10.0.0.1/v2",
            allow_http=["10.0.0.1"],
            proxy=proxy.url.replace("//", "//me:pass@"),
        ) as client,
    ):
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
        assert proxy.heads[0].startswith(f"GET http://10.0.0.1/v2/vehicle_makes/{MAKE_ID} ")
        assert "Proxy-Authorization: Basic bWU6cGFzcw==" in proxy.heads[0]
        assert "Authorization: Bearer tok-123" in proxy.heads[0]
        assert "pass" not in repr(client._session.connections.network) + repr(vars(client))


async def test_the_environment_names_a_proxy_with_trust_env_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxying() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        options: dict[str, Any] = {"base_url": "http://10.0.0.1/v2", "allow_http": ["10.0.0.1"], "retry": QUICK}
        async with AsyncClient("t", trust_env=True, **options) as client:
            await client.vehicle_makes.get(MAKE_ID)
        assert len(proxy.heads) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with serving(ok) as server, AsyncClient("t", base_url=server.url, trust_env=True) as client:
            await client.vehicle_makes.get(MAKE_ID)
        assert len(proxy.heads) == 1


async def test_a_failed_connection_says_that_a_proxy_of_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    async with AsyncClient("t", base_url=NOWHERE, retry=Retry(attempts=1)) as client:
        with pytest.raises(
            evenergy.TransportError, match=r"no connection.*HTTP_PROXY is set, but not used: pass trust_env"
        ):
            await client.root()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with AsyncClient("t", base_url=NOWHERE, retry=Retry(attempts=1)) as client:
        with pytest.raises(evenergy.TransportError) as raised:
            await client.root()
    assert "PROXY" not in str(raised.value)


@pytest.mark.parametrize(
    "value", ["user:hunter2@proxy:3128", "proxy:3128", "ftp://proxy", "http://", "", "http://a b", 5]
)
def test_an_invalid_proxy_is_named_and_not_shown(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentError, match="expected proxy as a URL such as http://") as raised:
        AsyncClient("t", proxy=value)
    assert "hunter2" not in str(raised.value)
    if value and isinstance(value, str):
        monkeypatch.setenv("https_proxy", value)
        with pytest.raises(InvalidArgumentError, match="the environment variable https_proxy as a URL") as raised:
            Client("t", trust_env=True)
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("injected", [False, True], ids=["own session", "caller's session"])
@pytest.mark.parametrize("auth", ["tok-123", None], ids=["token", "anonymous"])
async def test_a_netrc_file_neither_breaks_a_call_nor_adds_its_password(
    injected: bool, auth: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(ok) as server, aiohttp.ClientSession(trust_env=True) as session:
        options: dict[str, Any] = {"session": session} if injected else {"trust_env": True}
        async with AsyncClient(auth, base_url=server.url, **options) as client:
            await client.vehicle_makes.get(MAKE_ID)
    assert server.requests[0].headers.getall("Authorization", []) == ([f"Bearer {auth}"] if auth else [])


async def test_an_ssl_context_is_used_for_tls() -> None:
    authority: Any = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    async with serving(ok, ssl=theirs) as server:
        async with AsyncClient("t", base_url=server.url, retry=QUICK) as client:
            with pytest.raises(evenergy.TransportError, match="TLS failed"):
                await client.vehicle_makes.get(MAKE_ID)
        authority.configure_trust(ours)
        async with AsyncClient("t", base_url=server.url, ssl=ours) as client:
            assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
    with pytest.raises(InvalidArgumentError, match=r"ssl as an ssl\.SSLContext"):
        AsyncClient("t", ssl=cast("ssl.SSLContext", False))


async def test_headers_and_the_user_agent_are_sent_beside_ours() -> None:
    async with (
        serving(ok) as server,
        AsyncClient("t", base_url=server.url, headers={"X-Gateway-Key": "k-1"}, user_agent="Fleet/2 (ops)") as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
        await client.with_options(headers={"X-Team": "a b"}).vehicle_makes.get(MAKE_ID)
        await client.with_options(headers=None).vehicle_makes.get(MAKE_ID)
        assert "k-1" not in repr(client._session.options)
    first, second, third = (request.headers for request in server.requests)
    assert first["X-Gateway-Key"] == "k-1"
    assert first["User-Agent"].startswith("Fleet/2 (ops) evenergy/")
    assert first["Authorization"] == "Bearer t"
    assert second["X-Team"] == "a b"
    assert "X-Gateway-Key" not in second
    assert not {"X-Team", "X-Gateway-Key"} & set(third)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"EvEnergy-User": "x"},
        {"User-Agent": "x"},
        {"Host": "evil"},
        {"Content-Length": "5"},
        {"X-A\r\nX-B": "x"},
        {"X-A": "x\r\nX-B: y"},
        {"X-A": ""},
        {"X-A": 5},
        {"": "x"},
    ],
    ids=str,
)
def test_headers_of_ours_and_invalid_ones_are_rejected(headers: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected"):
        AsyncClient("t", headers=headers)


@pytest.mark.parametrize("value", ["gateway", ["http://gateway"], [5], 5], ids=str)
def test_names_of_hosts_for_plain_http_are_checked(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="allow_http"):
        AsyncClient("t", allow_http=value)


def test_plain_http_is_for_loopback_and_for_named_hosts() -> None:
    AsyncClient("t", base_url="http://Gateway:8080/v2", allow_http=["gateway"])
    with pytest.raises(InvalidArgumentError, match="allow_http"):
        AsyncClient("t", base_url="http://gateway/v2")


def statuses(*codes: int) -> Any:
    left = list(codes)

    async def handler(_: web.Request) -> web.Response:
        status = left.pop(0)
        headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": str(900 + len(left))}
        return web.json_response(MAKE if status == 200 else {}, status=status, headers=headers)

    return handler


async def test_each_attempt_is_observed(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Attempt] = []
    async with (
        serving(statuses(503, 200, 404)) as server,
        AsyncClient("tok-12345", base_url=server.url, retry=QUICK, on_attempt=seen.append) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
        with pytest.raises(evenergy.NotFoundError):
            await client.root()
        await client.with_options(on_attempt=None).close()
    assert [(one.number, one.status, one.method) for one in seen] == [(1, 503, "GET"), (2, 200, "GET"), (1, 404, "GET")]
    assert seen[0].url == f"{server.url}/vehicle_makes/{MAKE_ID}"
    assert all(one.seconds > 0 and one.waited == 0 and one.error is None for one in seen)
    assert [one.rate_limit and one.rate_limit.remaining for one in seen] == [902, 901, 900]
    assert seen[1].headers["X-RateLimit-Limit"] == "1000"
    assert "tok-12345" not in repr(seen)
    async with AsyncClient("t", base_url=NOWHERE, retry=QUICK, on_attempt=seen.append) as client:
        with pytest.raises(evenergy.TransportError):
            await client.root()
    assert [(one.number, one.status, type(one.error)) for one in seen[3:]] == [
        (number, None, evenergy.TransportError) for number in (1, 2, 3)
    ]


async def test_an_observer_that_fails_ends_in_the_log_and_not_in_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Attempt) -> None:
        raise LookupError("no meter")

    async with serving(ok) as server, AsyncClient("t", base_url=server.url, on_attempt=broken) as client:
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID
    assert "on_attempt raised an error" in caplog.text


def test_an_observer_is_a_plain_function() -> None:
    async def observer(_: Attempt) -> None: ...

    for value in (observer, 5):
        with pytest.raises(InvalidArgumentError, match="on_attempt"):
            AsyncClient("t", on_attempt=cast("Any", value))


async def test_the_blocking_client_takes_the_same_options() -> None:
    seen: list[Attempt] = []

    def call(server: Server) -> None:
        with Client(
            "t", base_url=server.url, headers={"X-A": "1"}, user_agent="Fleet/2", on_attempt=seen.append
        ) as client:
            client.vehicle_makes.get(MAKE_ID)
            client.with_options(headers={"X-A": "2"}).vehicle_makes.get(MAKE_ID)

    async with serving(ok) as server:
        await asyncio.to_thread(call, server)
    assert [request.headers["X-A"] for request in server.requests] == ["1", "2"]
    assert len(seen) == 2


@pytest.mark.parametrize("is_given", [True, False])
async def test_with_a_session_all_is_imported_in_a_thread_before_the_first_request(
    is_given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    monkeypatch.setattr(connections, "preload", lambda: threads.append(threading.current_thread()))

    async def request(_: web.Request) -> web.Response:
        assert len(threads) == is_given
        return web.json_response(MAKE)

    async with (
        serving(request) as server,
        aiohttp.ClientSession() as http,
        AsyncClient("t", base_url=server.url, session=http if is_given else None) as client,
    ):
        await client.vehicle_makes.get(MAKE_ID)
        await client.vehicle_makes.get(MAKE_ID)
    assert threading.current_thread() not in threads
    assert len(threads) == is_given


async def test_nothing_stays_on_the_loop_of_an_injected_session() -> None:
    loop = asyncio.get_running_loop()
    async with serving(ok) as server, aiohttp.ClientSession() as session:
        client = AsyncClient("t", base_url=server.url, session=session)
        await client.vehicle_makes.get(MAKE_ID)
        scheduled: list[asyncio.TimerHandle] = cast("Any", loop)._scheduled
        ours = [timer for timer in scheduled if "evenergy" in repr(timer) and not timer.cancelled()]
        assert ours == []
        await client.close()


async def test_one_client_on_two_running_loops_is_rejected() -> None:
    async with serving(ok) as server, AsyncClient("t", base_url=server.url) as client:
        await client.vehicle_makes.get(MAKE_ID)
        with pytest.raises(evenergy.EvEnergyError, match="in use on another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.root()))
        assert (await client.vehicle_makes.get(MAKE_ID)).id == MAKE_ID


async def test_the_environment_is_read_once_for_each_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = Mock(wraps=urllib.request.getproxies)
    monkeypatch.setattr("urllib.request.getproxies", looked_up)
    async with serving(ok) as server, AsyncClient("t", base_url=server.url, trust_env=True) as client:
        for page in range(5):
            await client.request("GET", "/vehicles", params={"page": page})
    assert looked_up.call_count == 1


@pytest.mark.parametrize("kind", ["request", "oauth"])
async def test_a_call_from_a_wrong_loop_leaves_the_timeouts_of_the_first_alone(kind: str) -> None:
    requested, released = asyncio.Event(), asyncio.Event()

    async def held(_: web.Request) -> web.Response:
        requested.set()
        await released.wait()
        return web.json_response({})

    def wrong(client: AsyncClient) -> Coroutine[Any, Any, object]:
        return client.root() if kind == "request" else client.oauth.exchange("code", code_verifier="v" * 43)

    grant = AuthorizationCode("app", "https://x", token=Token.from_dict({"access_token": "t"}))
    async with serving(held) as server, AsyncClient(grant, base_url=server.url, deadline=60) as client:
        call = asyncio.create_task(client.root())
        await requested.wait()
        running = set(client._session.connections.timeouts._running)
        with pytest.raises(evenergy.EvEnergyError, match="in use on another event loop"):
            await asyncio.to_thread(lambda: asyncio.run(cast("Any", wrong(client))))
        assert client._session.connections.timeouts._running == running
        assert client._session.connections.timeouts._timer is not None
        released.set()
        await call


async def test_many_threads_share_one_blocking_client() -> None:
    async with serving(ok) as server:
        with Client("t", base_url=server.url) as client:
            ids: list[str] = []
            threads = [
                threading.Thread(target=lambda: ids.append(client.vehicle_makes.get(MAKE_ID).id)) for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
    assert ids == [MAKE_ID] * 8


async def test_a_long_wait_is_one_line_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.json_response({}, status=503, headers={"Retry-After": "20"})

    caplog.set_level(logging.INFO, "evenergy")
    async with serving(busy) as server, AsyncClient("t", base_url=server.url, deadline=0.2) as client:
        with pytest.raises(evenergy.RequestTimeoutError):
            await client.root()
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert len(lines) == 1
    assert lines[0].startswith("retrying in 20.0 s: 503 ")
