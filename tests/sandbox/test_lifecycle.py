from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from evenergy import sandbox as package
from evenergy.sandbox import Sandbox
from tests.sandbox.helpers import Clock, connected, serving

if TYPE_CHECKING:
    from evenergy.sandbox import Sandbox as SandboxType


def read(url: str) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", parts.path)
        return json.load(connection.getresponse())
    finally:
        connection.close()


def test_imports_nothing_of_the_client() -> None:
    for file in Path(package.__file__).parent.rglob("*.py"):
        for line in file.read_text().splitlines():
            if line.strip().startswith(("import evenergy", "from evenergy", "from .")):
                assert "evenergy.sandbox" in line


async def imported_by_the_plugin(*modules: str) -> set[str]:
    code = f"import sys, evenergy.sandbox.pytest_plugin; print(*({set(modules)!r} & sys.modules.keys()))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return set(output.decode().split())


async def test_imports_no_server_for_the_plugin() -> None:
    assert await imported_by_the_plugin("evenergy.sandbox.server", "evenergy.sandbox.routes") == set()


async def test_imports_no_http_library_for_the_plugin() -> None:
    assert await imported_by_the_plugin("aiohttp", "attrs", "msgspec") == set()


def test_rejects_unknown_names() -> None:
    with pytest.raises(AttributeError, match="Moon"):
        _ = package.Moon


async def test_offers_its_attributes() -> None:
    async with serving(vehicles=3) as api:
        sandbox = api.sandbox
        assert sandbox.base_url.startswith("http://127.0.0.1:")
        assert sandbox.base_url.endswith("/v2")
        assert len(sandbox.vehicle_ids) == 3
        assert sandbox.vehicle_ids == sorted(sandbox.vehicle_ids)
        assert all(user_id.startswith("user") and len(user_id) == 30 for user_id in sandbox.user_ids)
        assert len(sandbox.make_ids) >= 6
        assert sandbox.requests == 0  # the token request does not count
        await api.get("/vehicles")
        await api.get("/nothing")
        assert sandbox.requests == 2


def threads() -> set[threading.Thread]:
    """Return the threads of sandboxes, among them those of a fixture."""
    return {thread for thread in threading.enumerate() if thread.name == "evenergy-sandbox"}


def test_serves_from_a_thread() -> None:
    before = threads()
    with Sandbox() as sandbox:
        assert len(threads() - before) == 1
        assert read(sandbox.base_url + "/vehicle_makes")
        assert sandbox.requests == 1
    assert threads() == before
    with pytest.raises(ConnectionRefusedError):
        read(sandbox.base_url + "/vehicle_makes")


def test_derives_ids_and_secret_from_the_seed() -> None:
    one, same, other = Sandbox(seed=1), Sandbox(seed=1, clock=Clock(0.0)), Sandbox(seed=2)
    assert one.vehicle_ids == same.vehicle_ids
    assert one.client_secret == same.client_secret
    assert set(one.vehicle_ids).isdisjoint(other.vehicle_ids)
    assert one.client_secret != other.client_secret
    assert one.make_ids == other.make_ids


def test_closes_under_open_connections() -> None:
    with Sandbox() as sandbox:
        connection = http.client.HTTPConnection(urlsplit(sandbox.base_url).netloc, timeout=10)
        connection.request("GET", "/v2/vehicle_makes")
        assert connection.getresponse().read()
        half = http.client.HTTPConnection(urlsplit(sandbox.base_url).netloc, timeout=10)
        half.request("GET", "/v2/vehicle_makes")
        assert half.getresponse().read()
        half.sock.sendall(b"POST /v2/vehicle_waitlist HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{")
    connection.close()
    half.close()


def test_has_no_url_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="started"):
        _ = Sandbox().base_url


@pytest.mark.parametrize(
    "options",
    [
        {"vehicles": -1},
        {"vehicles": "5"},
        {"vehicles": True},
        {"days": 0},
        {"rate_limit": 0},
        {"port": 70_000},
        {"seed": 1.5},
    ],
)
def test_rejects_bad_arguments(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be an integer from"):
        Sandbox(**options)


def test_reports_a_port_in_use() -> None:
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="ddress"), Sandbox(port=port):
            pass
    assert threads() == before


async def test_starts_once_and_closes_twice() -> None:
    async with serving() as api:
        with pytest.raises(RuntimeError, match="already"):
            await api.sandbox.start()
    await api.sandbox.close()


async def test_starts_again() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        async with sandbox:
            assert await asyncio.to_thread(read, sandbox.base_url + "/vehicle_makes")


async def test_serves_an_empty_fleet() -> None:
    async with serving(vehicles=0) as api:
        assert api.sandbox.vehicle_ids == []
        assert len(api.sandbox.user_ids) == 1
        assert await api.data("/vehicles") == []


def test_serves_the_fixture_to_a_blocking_test(evenergy_sandbox: SandboxType) -> None:
    assert read(evenergy_sandbox.base_url + "/")


async def test_serves_the_fixture_to_a_coroutine(evenergy_sandbox: SandboxType) -> None:
    assert await asyncio.to_thread(read, evenergy_sandbox.base_url + "/")


async def test_keeps_what_was_changed_when_it_starts_again() -> None:
    sandbox, clock = Sandbox(clock=Clock()), Clock()
    ids: list[str] = []
    for _ in range(2):
        async with sandbox, connected(sandbox, clock) as api:
            ids = ids or [(await api.send("POST", "/users", json={"email": "new@example.com"})).json()["id"]]
            assert (await api.data(f"/users/{ids[0]}"))["email"] == "new@example.com"


def test_draws_ten_thousand_vehicles_without_planning_their_days() -> None:
    sandbox = Sandbox(vehicles=10_000)
    assert len(sandbox.vehicle_ids) == len(set(sandbox.vehicle_ids)) == 10_000
    assert sandbox._fleet._timelines == {}
    assert sandbox._state.pools == {}
