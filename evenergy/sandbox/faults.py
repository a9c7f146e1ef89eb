"""Faults that a test orders: failures, lost responses, slow ones."""

from asyncio import sleep
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase
from http import HTTPStatus
from threading import Lock

import attrs
from aiohttp import hdrs, web

from evenergy.sandbox.problems import TYPES
from evenergy.sandbox.responses import Response

ROOT = "/v2"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@attrs.define(eq=False, kw_only=True)
class Fault:
    """A fault of the next requests that fit.

    Attributes:
        times: How many requests it meets; None for all.
        path: The path below /v2, in which `*` stands for anything; a path such as /o/token/ as it is. None for all
            below /v2.
        method: The HTTP method; None for any.
    """

    times: int | None
    path: str | None
    method: str | None

    def fits(self, request: web.Request) -> bool:
        """Return whether a request meets the fault."""
        if self.method is not None and request.method != self.method.upper():
            return False
        inside = (request.path + "/").startswith(ROOT + "/")
        if self.path is None:
            return inside
        path = request.path.removeprefix(ROOT) if inside else request.path
        return fnmatchcase(path.rstrip("/") or "/", self.path.rstrip("/") or "/")


@attrs.define(eq=False, kw_only=True)
class Failure(Fault):
    """A response in place of the right one; nothing is done and nothing is counted against the rate limit."""

    status: int
    retry_after: int | str | None
    body: str | bytes | None
    headers: Mapping[str, str]

    def response(self, url: str, rate_limit: int) -> web.Response:
        """Return the failure: a problem of the API, or with a body what a proxy in front of it sends."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers[hdrs.RETRY_AFTER] = str(self.retry_after)
        if self.body is not None:
            body = self.body.encode() if isinstance(self.body, str) else self.body
            headers.setdefault(hdrs.CONTENT_TYPE, "text/html; charset=utf-8")
            return web.Response(status=self.status, body=body, headers=headers)
        headers.setdefault("EvEnergy-Version", "2")
        title = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Failure"
        data: dict[str, object] = {"title": title, "status": self.status, "detail": "The test wants it so."}
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            data["type"] = TYPES + "rate-limit-exceeded/"
            headers |= {"X-RateLimit-Limit": str(rate_limit), "X-RateLimit-Remaining": "0"}
        data["instance"] = url
        return Response(data, self.status, headers, "application/problem+json").encode()


@attrs.define(eq=False, kw_only=True)
class Delay(Fault):
    """A pause before a request is handled."""

    seconds: float


@attrs.define(eq=False, kw_only=True)
class Loss(Fault):
    """A connection that is cut when the work is done, and the response was not sent yet."""


class Faults:
    """The faults that lie ahead, in the order in which they were given."""

    def __init__(self) -> None:
        self._lock = Lock()  # tests add from their own threads
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault after those that are there."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    async def handle(
        self, request: web.Request, handler: Handler, failed: Callable[[web.Request, Failure], web.Response]
    ) -> web.StreamResponse:
        """Handle a request as its faults want it."""
        delay, failure, loss = (self._take(kind, request) for kind in (Delay, Failure, Loss))
        if isinstance(delay, Delay):
            await sleep(delay.seconds)
        if isinstance(failure, Failure):
            response: web.StreamResponse = failed(request, failure)
        else:
            response = await handler(request)
        if loss is not None and request.transport is not None:
            request.transport.abort()
        return response

    def _take(self, kind: type[Fault], request: web.Request) -> Fault | None:
        """Return the first fault of a kind that fits, and count it."""
        with self._lock:
            fault = next((one for one in self._faults if isinstance(one, kind) and one.fits(request)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault
