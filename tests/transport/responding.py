"""Responses of a server by their statuses, for tests of the request core."""

import asyncio
import gzip
import json

from aiohttp import web

from evenergy import Retry
from tests.server import MAKE, Handler, answer

QUICK = Retry(attempts=3, backoff=0.001, max_backoff=0.001)
BODY = json.dumps(MAKE).encode()


def statuses(*codes: int, headers: dict[str, str] | None = None) -> Handler:
    """The n-th request gets the n-th status, later ones the last."""
    left = list(codes)

    async def handler(_: web.Request) -> web.Response:
        code = left.pop(0) if len(left) > 1 else left[0]
        if code == 200:
            return web.json_response(MAKE)
        return web.json_response(
            {"title": "No", "status": code}, status=code, content_type="application/problem+json", headers=headers
        )

    return handler


CUT = {
    "by length": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + BODY,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5] + b"\r\n",
    "without a length": b"HTTP/1.1 200 OK\r\n\r\n" + BODY[:-5],
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(BODY)[:-20],
    "html": answer(b"<html>busy</html>"),
    "headers only": b"HTTP/1.1 200 OK\r\nContent-Le",
    "nothing": b"",
    "not http": b"hello\r\n\r\n",
}


async def stalling(_: web.Request) -> web.Response:
    await asyncio.sleep(1000)
    return web.json_response(MAKE)
