"""Servers on loopback that keep what they were asked: one that answers by itself, one that stands before Prism."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qsl

import aiohttp
import attrs
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from evenergy import AsyncClient, BlockingPager, Client, DecodeError, Pager

from .operations import OPERATIONS, USER, Operation

ROOT = "/v2"
"""What the base URL of the client ends in, as the provider's own."""

TOKEN = "a-token"

_NOT_FORWARDED = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date"})


@attrs.frozen
class Exchange:
    """A request and its answer; the path is below the root, as it was sent."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: CIMultiDictProxy[str]
    body: bytes
    status: int
    answer_headers: CIMultiDict[str]
    answer: bytes


Handler = Callable[[web.Request, bytes], Awaitable[web.Response]]


class Recorder:
    """A server in a thread of its own, so that both clients can be sent to it."""

    def __init__(self, handler: Handler) -> None:
        self.exchanges: list[Exchange] = []
        self.handler = handler
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    def take(self) -> list[Exchange]:
        """What was exchanged since the last time."""
        taken, self.exchanges = self.exchanges, []
        return taken

    async def start(self) -> None:
        """Serve on a free port."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = cast("tuple[str, int]", self._runner.addresses[0])[1]
        self.base_url = f"http://127.0.0.1:{port}{ROOT}"

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        response = await self.handler(request, body)
        path, _, query = request.raw_path.removeprefix(ROOT).partition("?")
        self.exchanges.append(
            Exchange(
                request.method,
                path,
                tuple(parse_qsl(query, keep_blank_values=True)),
                request.headers,
                body,
                response.status,
                CIMultiDict(response.headers),
                cast("bytes", response.body or b""),
            )
        )
        return response


@contextmanager
def serving(recorder: Recorder) -> Generator[Recorder]:
    """Serve from a thread while the block runs."""
    runner = asyncio.Runner()
    loop = runner.get_loop()

    def serve() -> None:
        with runner:
            loop.run_forever()

    thread = Thread(target=serve, name="recorder", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(recorder.start(), loop).result()
        yield recorder
    finally:
        asyncio.run_coroutine_threadsafe(recorder.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def forwarding(origin: str, extra: dict[str, str] | None = None) -> Handler:
    """A handler that fetches the answer from another server, with some more headers on the request."""

    async def forward(request: web.Request, body: bytes) -> web.Response:
        url = URL(origin + request.raw_path.removeprefix(ROOT), encoded=True)
        headers = CIMultiDict((n, v) for n, v in request.headers.items() if n.lower() not in _NOT_FORWARDED)
        headers.update(extra or {})
        # A session for each request: nothing is left open between them, and there are few.
        async with (
            aiohttp.ClientSession(auto_decompress=True) as http,
            http.request(request.method, url, headers=headers, data=body or None, allow_redirects=False) as answer,
        ):
            content = await answer.read()
            kept = CIMultiDict((n, v) for n, v in answer.headers.items() if n.lower() not in _NOT_FORWARDED)
            return web.Response(status=answer.status, headers=kept, body=content)

    return forward


def canned(operation: Operation) -> Handler:
    """A handler that answers with an empty list, and links as the operation's row has them."""

    async def answer(request: web.Request, body: bytes) -> web.Response:
        relations = zip(operation.links, ("next", "previous"), strict=False)
        links = ", ".join(f'<https://api.ev.energy{request.path}?{query}>; rel="{rel}"' for query, rel in relations)
        headers = {"Link": links, "Content-Type": "application/json"} if links else {"Content-Type": "application/json"}
        return web.Response(body=b"[]", headers=headers)

    return answer


async def perform(client: AsyncClient, operation: Operation, tolerated: tuple[type[Exception], ...] = ()) -> object:
    """Call the async client as a row says; of a collection the first page, and those that its links name."""
    with suppress(*tolerated):
        result = operation.call(client)
        if not isinstance(result, Pager):
            return await cast("Awaitable[object]", result)
        page = await cast("Pager[object]", result).pages().next_page()
        assert page is not None
        for url in filter(None, (page.next_url, page.previous_url)):
            with suppress(*tolerated):
                await client.pages(url, dict[str, Any]).pages().next_page()
        return page.items
    return None


def perform_blocking(client: Client, operation: Operation, tolerated: tuple[type[Exception], ...] = ()) -> object:
    """The same with the blocking client, whose methods have the same names."""
    with suppress(*tolerated):
        result = operation.call(cast("AsyncClient", client))
        if not isinstance(result, BlockingPager):
            return result
        page = next(cast("BlockingPager[object]", result).pages())
        for url in filter(None, (page.next_url, page.previous_url)):
            with suppress(*tolerated):
                next(client.pages(url, dict[str, Any]).pages())
        return page.items
    return None


async def record() -> dict[str, list[Exchange]]:
    """What the client sends for each operation, by the operation's id."""
    recorded: dict[str, list[Exchange]] = {}
    recorder = Recorder(canned(OPERATIONS[0]))
    await recorder.start()
    try:
        async with AsyncClient(TOKEN, user=USER, base_url=recorder.base_url) as client:
            for operation in OPERATIONS:
                recorder.handler = canned(operation)
                await perform(client, operation, (DecodeError,))  # the list that it gets is no vehicle
                recorded[operation.id] = recorder.take()
    finally:
        await recorder.close()
    return recorded
