"""The real client in virtual time: `AsyncClient` over an aiohttp session that is none, and a server with a window.

Everything of the client runs: token, permit, semaphore, retries, deadline. Only the wire is replaced.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

import evenergy
from evenergy._transport.rate_limiter import RateLimiter
from tests.transport.fake_session import Fault, LostError, Record, Rejection, Sent
from tests.transport.virtual_time import Reply, Server

MAKE_ID = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"
_BODY = b'{"id": "vmak01HRFHBCM7VBSWRPVYFBQMH2BR", "name": "Volvo"}'


class _Content:
    """A body that came with the headers."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def is_eof(self) -> bool:
        return True

    def at_eof(self) -> bool:
        return True

    def read_nowait(self) -> bytes:
        return self._body


class _Response:
    """The part of `aiohttp.ClientResponse` that the client uses."""

    closed = True
    content_length = None

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = CIMultiDictProxy(CIMultiDict(headers))
        self.content = _Content(_BODY if status < 400 else b"")

    def close(self) -> None:
        """Do nothing: it is read to its end."""


@dataclass
class Wire:
    """The part of an aiohttp session that sends, and the record of what was sent.

    Attributes:
        delay: Returns seconds of one way.
        fault: Returns how the next request fails, or None.
        check_token: Is given the token of a request; its reply, if any, is the response.
    """

    server: Server
    delay: Callable[[], float] = lambda: 0.075
    fault: Callable[[], Fault | None] = lambda: None
    check_token: Callable[[str], Reply | None] = lambda _: None
    sent: list[Sent] = field(default_factory=list[Sent])

    async def request(self, method: str, url: object, **options: Any) -> _Response:
        """Send, as `aiohttp.ClientSession.request` does."""
        assert method
        assert url
        loop = asyncio.get_running_loop()
        one = Sent(len(self.sent), loop.time())
        self.sent.append(one)
        try:
            reply = await self._travel(one, str(options["headers"].get("Authorization", "")))
            return _Response(reply.status, reply.headers())
        finally:
            one.landed_at = loop.time()

    async def _travel(self, one: Sent, authorization: str) -> Reply:
        fault = self.fault()
        await asyncio.sleep(self.delay())
        if fault == "unsent":
            raise aiohttp.ConnectionTimeoutError
        if fault == "never counted":
            raise aiohttp.ServerDisconnectedError
        one.counted_at = asyncio.get_running_loop().time()
        reply = self.check_token(authorization.removeprefix("Bearer "))
        if reply is None:
            reply = self.server.respond(one.counted_at)
        await asyncio.sleep(self.delay())
        if fault == "counted":
            raise aiohttp.ServerDisconnectedError
        one.reply = reply
        return reply


def client(wire: Wire, **options: Any) -> evenergy.AsyncClient:
    """Return a client that sends over the wire, to be made on the loop that uses it."""
    options.setdefault("auth", "a-token")
    parts = {"request": wire.request, "closed": False, "auth": None, "connector": None, "trust_env": False}
    session = Mock(spec=aiohttp.ClientSession, **parts)
    return evenergy.AsyncClient(session=session, base_url="https://api.example/v2", **options)


async def call(one: evenergy.AsyncClient) -> None:
    """Make one call."""
    await one.vehicle_makes.get(MAKE_ID)


class WholeSession:
    """The whole client, as the worlds call it."""

    def __init__(self, wire: Wire, limiter: RateLimiter, **options: Any) -> None:
        self.record = Record(wire.sent)
        self._client = client(wire, **options)
        self._client._session.credentials.limiter = limiter  # which draws from the seed of the world
        self._views: dict[float | None, evenergy.AsyncClient] = {}
        self._calls = 0  # in progress

    @property
    def limiter(self) -> RateLimiter:
        """Return the limiter that the client and its views use."""
        (limiter,) = {one._session.credentials.limiter for one in (self._client, *self._views.values())}
        return limiter

    async def call(self, max_wait: float | None = None) -> None:
        """Make a call."""
        loop = asyncio.get_running_loop()
        view = self._views.setdefault(max_wait, self._client.with_options(max_wait=max_wait))
        asked = loop.time()
        self._calls += 1
        try:
            await call(view)
        except evenergy.RateLimitError as error:
            if error.headers:
                raise LostError from error  # the server's own
            ends = math.inf if max_wait is None else asked + max_wait
            rejection = Rejection(asked, loop.time(), ends, error.retry_after, ahead=0, granted=self._calls - 1)
            self.record.rejections.append(rejection)
            raise
        except evenergy.EvEnergyError as error:
            raise LostError from error
        finally:
            self._calls -= 1

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()
