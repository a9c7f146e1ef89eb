"""Calls of all operations, recorded by a server that responds by itself or stands before Prism."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from evenergy import AsyncClient, BlockingPager, Client, DecodeError, Pager
from tests.operations import OPERATIONS, USER, Row
from tests.recorder import ROOT, Exchange, Handler, Recorder, responding

TOKEN = "a-token"

LINKS: dict[str, tuple[str, ...]] = {
    "id": ("page_after=vhcl01HRFF3SEVSCRAV9B3CHVDFN0H", "page_before=vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"),
    "time": ("page_after=2024-04-17T09%3A39%3A45.994584Z", "page_before=2024-04-17T09%3A39%3A45.994584Z"),
    "number": ("page=3", "page=1"),
}
"""Queries of the links to the next and the previous page, where a family has parameters for it."""

_NOT_FORWARDED = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date"})


def forwarding(origin: str, extra: dict[str, str] | None = None) -> Handler:
    """Return a handler that fetches the response from another server, with more headers on the request."""

    async def forward(request: web.Request, body: bytes) -> web.Response:
        url = URL(origin + request.raw_path.removeprefix(ROOT), encoded=True)
        headers = CIMultiDict((n, v) for n, v in request.headers.items() if n.lower() not in _NOT_FORWARDED)
        headers.update(extra or {})
        # A session for each request: nothing is left open between them, and there are few.
        async with (
            aiohttp.ClientSession(auto_decompress=True) as http,
            http.request(request.method, url, headers=headers, data=body or None, allow_redirects=False) as response,
        ):
            content = await response.read()
            kept = CIMultiDict((n, v) for n, v in response.headers.items() if n.lower() not in _NOT_FORWARDED)
            return web.Response(status=response.status, headers=kept, body=content)

    return forward


def canned(row: Row) -> Handler:
    """Return a handler that responds as the row says, with links to other pages."""
    relations = zip(LINKS.get(str(row.paging), ()), ("next", "previous"), strict=False)
    links = ", ".join(f'<https://api.ev.energy/?{query}>; rel="{relation}"' for query, relation in relations)
    return responding(*row.responds, {"Link": links} if links else None)


async def perform(client: AsyncClient, row: Row, tolerated: tuple[type[Exception], ...] = ()) -> object:
    """Make the call of a row; of a listing request the first page, and the pages that its links name."""
    with suppress(*tolerated):
        result = row.call(client)
        if not isinstance(result, Pager):
            return await cast("Awaitable[object]", result)
        page = await cast("Pager[object]", result).pages().next_page()
        assert page is not None
        for url in filter(None, (page.next_url, page.previous_url)):
            with suppress(*tolerated, DecodeError):  # an object may be around the array
                await client.pages(url, dict[str, Any]).pages().next_page()
        return page.items
    return None


def perform_blocking(client: Client, row: Row, tolerated: tuple[type[Exception], ...] = ()) -> object:
    """Make the same call with the blocking client."""
    with suppress(*tolerated):
        result = row.call(cast("AsyncClient", client))
        if not isinstance(result, BlockingPager):
            return result
        page = next(cast("BlockingPager[object]", result).pages())
        for url in filter(None, (page.next_url, page.previous_url)):
            with suppress(*tolerated, DecodeError):
                next(client.pages(url, dict[str, Any]).pages())
        return page.items
    return None


async def record() -> dict[str, list[Exchange]]:
    """Return the requests of the client for each operation, by the operation's id."""
    recorded: dict[str, list[Exchange]] = {}
    recorder = Recorder(responding({}))
    await recorder.start()
    try:
        async with AsyncClient(TOKEN, user=USER, base_url=recorder.base_url) as client:
            for operation_id, row in OPERATIONS.items():
                recorder.handler = canned(row)
                await perform(client, row)
                recorded[operation_id] = recorder.take()
    finally:
        await recorder.close()
    return recorded
