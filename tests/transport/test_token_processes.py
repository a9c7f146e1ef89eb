"""Processes that share one token through a file."""

import asyncio
import sys
from pathlib import Path

import pytest

from evenergy import FileTokenStore
from tests.provider import Provider, token
from tests.server import serving

PROCESSES = 8

SCRIPT = """
import asyncio, sys
from evenergy import AsyncClient, AuthorizationCode, Client, ClientCredentials, FileTokenStore

url, path, kind, number = sys.argv[1:]
options = {"client_secret": "client-secret-value", "store": FileTokenStore(path)}
if kind == "credentials":
    grant = ClientCredentials("app", **options)
else:
    grant = AuthorizationCode("app", "https://app.example/back", **options)
MAKE_ID = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"

async def main():
    async with AsyncClient(grant, base_url=url) as client:
        await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(5)))

print("ready", flush=True)
sys.stdin.readline()
if int(number) % 2:
    with Client(grant, base_url=url) as client:
        client.vehicle_makes.get(MAKE_ID)
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["code", "credentials"])
async def test_eight_processes_and_an_expired_token_make_one_refresh(kind: str, tmp_path: Path) -> None:
    provider, path = Provider(rotates=kind != "credentials"), tmp_path / "token.json"
    FileTokenStore(path).save(token(0))
    async with serving(provider) as server:
        arguments = (sys.executable, "-c", SCRIPT, server.url, str(path), kind)
        pipe = asyncio.subprocess.PIPE
        processes = [
            await asyncio.create_subprocess_exec(*arguments, str(number), stdin=pipe, stdout=pipe)
            for number in range(PROCESSES)
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        await asyncio.gather(*(process.communicate(b"\n") for process in processes))  # all at once
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert (provider.requested, provider.rejected) == (1, 0)
    stored = FileTokenStore(path).load()
    assert stored is not None
    assert stored.access_token == "token-1"
