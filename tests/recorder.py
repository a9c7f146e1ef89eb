"""Server on loopback, in a thread of its own, that keeps what it receives: both clients can be sent to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from threading import Thread
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl

import attrs
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from evenergy import AsyncClient, BlockingPager, Client, Pager

ROOT = "/v2"
"""The path of the base URL, as the provider's own."""


@attrs.frozen
class Exchange:
    """Request and its response; the path is below the root, byte for byte as it was sent."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: CIMultiDictProxy[str]
    body: bytes
    status: int
    response_headers: CIMultiDict[str]
    response: bytes

    @property
    def line(self) -> str:
        """Return the method and the path."""
        return f"{self.method} {self.path}"


Perform: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Makes a call with a client, and returns its result; of a listing all items."""

Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class Recorder:
    """Server that records its exchanges and responds by a handler, which a test may replace."""

    def __init__(self, handler: Handler) -> None:
        self.exchanges: list[Exchange] = []
        self.handler = handler
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    def take(self) -> list[Exchange]:
        """Return the exchanges since the last time."""
        taken, self.exchanges = self.exchanges, []
        return taken

    async def start(self) -> None:
        """Serve on a free port."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._respond)
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

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        response = await self.handler(request, body)
        path, _, query = request.raw_path.removeprefix(ROOT).partition("?")
        content = response.body if isinstance(response, web.Response) else b""
        self.exchanges.append(
            Exchange(
                request.method,
                path or "/",
                tuple(parse_qsl(query, keep_blank_values=True)),
                request.headers,
                body,
                response.status,
                CIMultiDict(response.headers),
                content if isinstance(content, bytes) else b"",
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


def responding(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    """Return a handler that responds to everything with one JSON document, no body to a 204, a redirect to a 302."""
    is_redirect = status == web.HTTPFound.status_code
    body = b"" if status == web.HTTPNoContent.status_code or is_redirect else json.dumps(document).encode()
    headers = {"Location": document} if is_redirect else headers

    async def respond(request: web.Request, received: bytes) -> web.Response:
        return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **(headers or {})})

    return respond


@contextmanager
def performing(kind: type[AsyncClient | Client], base_url: str, *, token: str, user: str) -> Generator[Perform]:
    """Give a function that makes calls with a client of one kind, which is closed after the block."""
    if issubclass(kind, Client):
        with kind(token, user=user, base_url=base_url) as client:
            yield lambda call: _collected(call(client))
        return
    with asyncio.Runner() as runner:
        awaiting = kind(token, user=user, base_url=base_url)

        async def awaited(call: Callable[[AsyncClient], Any]) -> Any:
            return await _collected(call(awaiting))

        try:
            yield lambda call: runner.run(awaited(call))
        finally:
            runner.run(awaiting.close())


def _collected(result: Any) -> Any:
    is_pager = isinstance(result, Pager | BlockingPager)
    return cast("Any", result).collect() if is_pager else result
