"""Upload of evidence: the file goes to another origin, without the token, and nothing is finished that is not there."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import evenergy
from evenergy import AsyncClient, Client, Retry
from tests.server import serving
from tests.transport.virtual_time import run

REBATE = "rbtu01HRFF3SEVSCRAV9B3CHVDFN0H"
KIND = "rbet01HRFF3SEVSCRAV9B3CHVDFN0H"
FILE = "rbef01HRFF3SEVSCRAV9B3CHVDFN0H"
QUICK = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
NAMES: dict[str, Any] = {"user_rebate": REBATE, "rebate_evidence_type": KIND}


class Store:
    """Store of files, with the statuses of its next responses."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.calls: list[str] = []
        self.url = ""


@asynccontextmanager
async def storing(*statuses: int) -> AsyncGenerator[Store]:
    store = Store(*statuses)

    async def put(request: web.Request) -> web.Response:
        store.requests.append(request)
        store.bodies.append(await request.read())
        return web.Response(status=store.statuses.pop(0) if store.statuses else 200, text="<xml/>")

    async def api(request: web.Request) -> web.Response:
        store.calls.append(request.path.removeprefix("/v2"))
        if request.path.endswith(":start_upload"):
            return web.json_response({"id": FILE, "presigned_url": f"{bucket.origin}/b/invoice?sig=hush"}, status=201)
        return web.json_response({"id": FILE, "url": f"https://api.ev.energy/v2/rebate_evidence_files/{FILE}"})

    async with serving(put) as bucket, serving(api) as server:
        store.url = server.url
        yield store


async def test_a_file_is_started_stored_without_the_token_and_finished(tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(b"%PDF" * 100_000)
    async with storing() as store, AsyncClient("tok-12345", base_url=store.url) as client:
        done = await client.rebate_evidence_files.upload(path, content_type="application/pdf", **NAMES)
    assert done.id == FILE
    assert store.calls == ["/rebate_evidence_files:start_upload", f"/rebate_evidence_files/{FILE}:finish_upload"]
    assert store.bodies == [path.read_bytes()]
    headers = store.requests[0].headers
    assert headers["Content-Length"] == str(path.stat().st_size)
    assert headers["Content-Type"] == "application/pdf"
    assert not {"Authorization", "EvEnergy-User", "EvEnergy-Version", "Transfer-Encoding"} & set(headers)


async def test_a_store_that_fails_is_asked_again_with_the_whole_file() -> None:
    file = io.BytesIO(b"picture")
    file.read(3)
    async with storing(503, 500) as store, AsyncClient("t", base_url=store.url, retry=QUICK) as client:
        await client.rebate_evidence_files.upload(file, file_name="a.png", **NAMES)
    assert store.bodies == [b"picture"] * 3
    assert not file.closed


@pytest.mark.parametrize(("statuses", "tries"), [((403,), 1), ((503,) * 9, 3), ((307,), 1)])
async def test_nothing_is_finished_that_was_not_stored(statuses: tuple[int, ...], tries: int) -> None:
    async with storing(*statuses) as store, AsyncClient("t", base_url=store.url, retry=QUICK) as client:
        with pytest.raises(evenergy.TransportError, match=r"the file was not stored: \d+ \(PUT http://127") as raised:
            await client.rebate_evidence_files.upload(b"x", file_name="a", **NAMES)
    assert "hush" not in str(raised.value) + repr(vars(raised.value))
    assert len(store.requests) == tries
    assert store.calls == ["/rebate_evidence_files:start_upload"]


async def test_bytes_need_a_name_and_a_path_a_file(tmp_path: Path) -> None:
    async with storing() as store, AsyncClient("t", base_url=store.url) as client:
        with pytest.raises(evenergy.InvalidArgumentError, match="file_name"):
            await client.rebate_evidence_files.upload(b"x", **NAMES)
        assert store.calls == []
        with pytest.raises(evenergy.InvalidArgumentError, match="No such file"):
            await client.rebate_evidence_files.upload(tmp_path / "none", **NAMES)


async def test_the_blocking_client_uploads_too() -> None:
    async with storing() as store:

        def upload() -> str:
            with Client("t", base_url=store.url) as client:
                return client.rebate_evidence_files.upload(b"x", file_name="a", **NAMES).id

        assert await asyncio.to_thread(upload) == FILE


def test_a_deadline_ends_the_pause_between_two_uploads() -> None:
    async def main() -> None:
        retry = Retry(attempts=3, backoff=10_000, max_backoff=10_000)
        async with (
            storing(503, 503) as store,
            AsyncClient("t", base_url=store.url, retry=retry, deadline=1, timeout=None) as client,
        ):
            with pytest.raises(evenergy.RequestTimeoutError, match="deadline of 1 s"):
                await client.rebate_evidence_files.upload(b"x", file_name="a", **NAMES)
            assert len(store.requests) == 1
            assert asyncio.get_running_loop().time() < 100

    run(main())


async def test_close_ends_the_pause_between_two_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = asyncio.Event()

    def uniform(*_: float) -> float:
        paused.set()
        return 1e6

    async with storing(503, 503) as store, AsyncClient("t", base_url=store.url) as client:
        monkeypatch.setattr("evenergy._transport.upload.random.uniform", uniform)
        call = asyncio.create_task(client.rebate_evidence_files.upload(b"x", file_name="a", **NAMES))
        await paused.wait()
        await client.close()
        with pytest.raises(evenergy.ClosedError):
            await call


async def test_close_ends_an_upload_on_its_way() -> None:
    read, go = asyncio.Event(), asyncio.Event()

    class File(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            loop.call_soon_threadsafe(read.set)
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result()
            return super().read(size)

    loop = asyncio.get_running_loop()
    async with storing() as store, AsyncClient("t", base_url=store.url) as client:
        call = asyncio.create_task(client.rebate_evidence_files.upload(File(b"x"), file_name="a", **NAMES))
        await read.wait()
        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        go.set()
        await closing
        with pytest.raises(evenergy.ClosedError):
            await call


async def test_the_pause_before_the_first_retry_is_at_most_the_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    most: list[float] = []

    def uniform(_: float, high: float) -> float:
        most.append(high)
        return 0.0

    monkeypatch.setattr("evenergy._transport.upload.random.uniform", uniform)
    retry = Retry(attempts=4, backoff=0.5, max_backoff=1.5)
    async with storing(503, 503, 503) as store, AsyncClient("t", base_url=store.url, retry=retry) as client:
        await client.rebate_evidence_files.upload(b"x", file_name="a", **NAMES)
    assert most == [0.5, 1.0, 1.5]
