"""The gateway: one token and one budget for all callers, and nothing that they did not ask for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp.web
import pytest
from yarl import URL

import evenergy
from evenergy import AsyncClient, ClientCredentials, InvalidArgumentError
from evenergy.proxy import Proxy
from evenergy.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(vehicles=30, rate_limit=100) as sandbox:
        yield sandbox


@pytest.fixture
async def upstream(sandbox: Sandbox) -> AsyncIterator[AsyncClient]:
    credentials = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    async with AsyncClient(credentials, base_url=sandbox.base_url) as client:
        yield client


async def fetch(url: str, method: str = "GET", **options: Any) -> tuple[int, dict[str, str], Any]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as response:
        is_json = "json" in response.headers.get("Content-Type", "")
        return response.status, dict(response.headers), await (response.json() if is_json else response.text())


async def test_it_adds_the_token_and_passes_on_what_the_api_says(sandbox: Sandbox, upstream: AsyncClient) -> None:
    async with Proxy(upstream) as proxy:
        status, headers, vehicles = await fetch(f"{proxy.base_url}/vehicles?page_size=2")
        assert status == 200
        assert len(vehicles) == 2
        assert f"<{proxy.base_url}/vehicles?" in headers["Link"]
        assert sandbox.base_url not in headers["Link"]
        missing, _, problem = await fetch(f"{proxy.base_url}/vehicles/{'vhcl' + 26 * 'Z'}")
        assert (missing, problem["status"]) == (404, 404)


async def test_a_client_of_this_library_works_through_it(sandbox: Sandbox, upstream: AsyncClient) -> None:
    async with Proxy(upstream) as proxy, AsyncClient("no-token", base_url=proxy.base_url) as client:
        vehicles = await client.vehicles.list(page_size=10).collect()
        assert {vehicle.id for vehicle in vehicles} == set(sandbox.vehicle_ids)
        with pytest.raises(evenergy.NotFoundError):
            await client.vehicles.get("vhcl" + 26 * "Z")


async def test_four_processes_of_40_calls_on_a_limit_of_100_send_100(sandbox: Sandbox, upstream: AsyncClient) -> None:
    statuses: list[int] = []

    async def process(proxy: Proxy) -> list[tuple[int, str | None]]:
        url, patience = f"{proxy.base_url}/vehicles/{sandbox.vehicle_ids[0]}", {"Prefer": "wait=0"}
        async with aiohttp.ClientSession(headers=patience) as session:

            async def call() -> tuple[int, str | None]:
                async with session.get(url) as response:
                    return response.status, response.headers.get("Retry-After")

            return list(await asyncio.gather(*(call() for _ in range(40))))

    view = upstream.with_options(on_attempt=lambda attempt: statuses.append(attempt.status or 0))
    async with Proxy(view) as proxy:
        found = [one for calls in await asyncio.gather(*(process(proxy) for _ in range(4))) for one in calls]
    assert sorted(status for status, _ in found) == [200] * 100 + [429] * 60
    assert statuses == [200] * 100
    assert all(1 <= int(wait or 0) <= 3600 for status, wait in found if status == 429)


async def test_no_header_of_a_caller_goes_on_but_a_short_list() -> None:
    seen: list[dict[str, str]] = []

    async def respond(request: aiohttp.web.Request) -> aiohttp.web.Response:
        seen.append(dict(request.headers))
        return aiohttp.web.json_response([], headers={"Set-Cookie": "a=b", "X-Internal": "1"})

    app = aiohttp.web.Application()
    app.router.add_get("/v2/vehicles", respond)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    given = {"Authorization": "Bearer callers", "Cookie": "c=d", "X-Forwarded-For": "1", "Accept-Language": "de"}
    given["EvEnergy-User"] = "http://127.0.0.1:1/v2/users/user" + 26 * "A"
    try:
        base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
        async with AsyncClient("ours", base_url=base_url) as client, Proxy(client) as proxy:
            _, headers, _ = await fetch(f"{proxy.base_url}/vehicles", headers=given)
    finally:
        await runner.cleanup()
    assert seen[0]["Authorization"] == "Bearer ours"
    assert seen[0]["EvEnergy-User"] == f"{base_url}/users/user{26 * 'A'}"
    assert seen[0]["Accept-Language"] == "de"
    assert not {"Cookie", "X-Forwarded-For"} & seen[0].keys()
    assert not {"Set-Cookie", "X-Internal"} & headers.keys()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("GET", "/o/token/", {}, 404),
        ("GET", "/v2/%2e%2e/o/token", {}, 400),
        ("OPTIONS", "/v2/vehicles", {}, 405),
        ("GET", "/v2/vehicles", {"Origin": "https://evil.example"}, 403),
        ("GET", "/v2/vehicles", {"Host": "evil.example"}, 403),
        ("GET", "/v2/vehicles", {"EvEnergy-User": "nobody/../x"}, 400),
    ],
)
async def test_only_what_was_asked_for_is_proxied(
    sandbox: Sandbox, upstream: AsyncClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with Proxy(upstream) as proxy:
        url = URL(proxy.base_url.removesuffix("/v2") + path, encoded=True)
        async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
            assert response.status == status
    assert sandbox.requests == 0


async def test_read_only_and_metrics(sandbox: Sandbox, upstream: AsyncClient) -> None:
    async with Proxy(upstream, read_only=True) as proxy:
        assert (await fetch(f"{proxy.base_url}/users", "POST", json={}))[0] == 405
        assert (await fetch(f"{proxy.base_url}/vehicles"))[0] == 200
        _, headers, text = await fetch(f"{proxy.base_url.removesuffix('/v2')}/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'evenergy_proxy_responses_total{method="POST",status="405"} 1' in text
    assert 'evenergy_proxy_upstream_requests_total{status="200"} 1' in text
    assert "evenergy_rate_limit 100" in text


async def test_it_wants_a_key_unless_it_is_on_loopback(upstream: AsyncClient) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a key"):
        Proxy(upstream, host="0.0.0.0")  # noqa: S104  which is the point
    async with Proxy(upstream, key="k" * 20) as proxy:
        url = f"{proxy.base_url}/vehicles"
        assert (await fetch(url))[0] == 401
        assert (await fetch(url, headers={"Authorization": "Bearer wrong"}))[0] == 401
        assert (await fetch(url, headers={"Authorization": f"Bearer {'k' * 20}"}))[0] == 200


async def test_it_listens_on_a_socket_for_this_user(upstream: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "evenergy.sock"
    async with Proxy(upstream, path=path) as proxy:
        assert path.stat().st_mode & 0o077 == 0
        connector = aiohttp.UnixConnector(str(path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{proxy.base_url}/vehicles") as response,
        ):
            assert response.status == 200


async def test_an_api_that_is_not_there_is_a_502() -> None:
    retry = evenergy.Retry(attempts=1)
    async with AsyncClient("t", base_url="http://127.0.0.1:9/v2", retry=retry) as client, Proxy(client) as proxy:
        status, _, problem = await fetch(f"{proxy.base_url}/vehicles")
    assert status == 502
    assert problem["title"] == "The gateway has no response"


async def test_a_caller_that_hangs_up_while_it_waits_leaves_the_queue() -> None:
    """It may have sent its write again: the first one must not go out as well."""

    async def until_queued(client: AsyncClient, count: int) -> None:
        async with asyncio.timeout(30):
            while client._session.limiter.queued != count:  # noqa: ASYNC110  a queue has no event to wait for
                await asyncio.sleep(0.001)

    async with Sandbox(rate_limit=1) as sandbox:
        credentials = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with (
            AsyncClient(credentials, base_url=sandbox.base_url) as client,
            Proxy(client, max_wait=None) as proxy,
        ):
            assert (await fetch(f"{proxy.base_url}/vehicles"))[0] == 200
            caller = asyncio.create_task(fetch(f"{proxy.base_url}/users", "POST", json={}))
            await until_queued(client, 1)
            caller.cancel()
            await until_queued(client, 0)
            assert sandbox.requests == 1
