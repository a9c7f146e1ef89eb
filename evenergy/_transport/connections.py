"""The connections to the API: one aiohttp session, bound to one event loop, and what aiohttp's failures mean."""

import asyncio
import contextlib
import os
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Protocol

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType, ClientMiddlewareType
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from evenergy._version import VERSION
from evenergy.errors import ClosedError, InvalidArgumentError

from .failures import MAX_BODY, ResentError, TooLargeError
from .request import Response
from .timeouts import Timeouts

_LARGE = 4 * 2**20
"""Bytes of a block that glibc's malloc learns from, once it is freed, to keep blocks up to this size (mallopt(3),
M_MMAP_THRESHOLD). Else the 256 KiB that asyncio reads into may be mapped and unmapped for each answer.
"""

USER_AGENT = f"evenergy/{VERSION} aiohttp/{aiohttp.__version__}"

_inherited: list[object] = []
"""Sessions of a parent process, kept and never touched."""


async def send_once(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware that keeps aiohttp from sending a request again (aio-libs/aiohttp#10790: no way to turn it off)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and aiohttp does not try again
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ResentError(str(error) or type(error).__name__) from None


async def receive(request: Awaitable[aiohttp.ClientResponse]) -> Response:
    """Send a request, and read its answer whole."""
    response = await request
    try:
        return Response(response.status, response.headers, await _read(response))
    finally:
        if not response.closed:  # read to its end it has given its connection back
            response.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, counted while it is read, so that a small one cannot unpack into all the memory there is."""
    content = response.content
    if content.is_eof():  # it came with the headers, as most do
        whole = content.read_nowait()
        _check_size(len(whole))
        return whole
    _check_size(response.content_length or 0)
    body = bytearray()
    while not content.at_eof():
        body += await content.readany()
        _check_size(len(body))
    return bytes(body)


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise TooLargeError


class Closeable(Protocol):
    """Object that ends with the connections."""

    async def close(self) -> None:
        """End the work in flight."""
        ...


class Connections:
    """The aiohttp session of a client and of its views, made anew when the event loop is another.

    Whatever sends through it holds it, and when nobody does any more it is closed on its own loop, soon.
    """

    def __init__(
        self, session: aiohttp.ClientSession | None, *, concurrency: int, trust_env: bool, unclosed: str | None
    ) -> None:
        """Prepare the connections; none is made before the first request.

        Args:
            session: The caller's session, or None.
            concurrency: Requests at once.
            trust_env: Whether proxies are read from the environment.
            unclosed: The warning for connections that were dropped without `close`; None for no warning.
        """
        self.closed: bool = False
        self._unclosed = unclosed
        self._used = False
        self.semaphore: asyncio.Semaphore = asyncio.Semaphore(concurrency)
        self.middlewares: Sequence[ClientMiddlewareType] | None = None
        self.timeouts: Timeouts = Timeouts()
        self._owned: list[weakref.ref[Closeable]] = []
        self._given = session
        self._concurrency = concurrency
        self._trust_env = trust_env
        self._loop: asyncio.AbstractEventLoop | None = None
        self._http: aiohttp.ClientSession | None = None
        self._guard: AsyncGenerator[None] | None = None
        self._pid = os.getpid()

    def session(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        """The session to send with on this loop.

        Raises:
            ClosedError: The client was closed, or the session that it was given.
            InvalidArgumentError: The session that it was given belongs to another event loop.
        """
        if self.closed:
            raise ClosedError("the client is closed; make a new one")
        http = self._http
        if self._loop is not loop or http is None or http.closed:
            http = self._bind(loop)
        return http

    async def close(self) -> None:
        """Close what was opened here, and end the calls under way with a ClosedError."""
        try:
            for source in filter(None, [reference() for reference in self._owned]):
                await source.close()
        finally:
            self.closed = True
            if asyncio.get_running_loop() is self._loop:
                self.timeouts.expire_all()
            if self._guard is not None:
                with contextlib.suppress(RuntimeError):  # it ends by itself with its own loop
                    await self._guard.aclose()
                self._guard = None

    def own(self, source: Closeable) -> None:
        """End what this fetches when the client is closed. Views may be made, and dropped, in any thread."""
        self._owned = [*(reference for reference in self._owned if reference()), weakref.ref(source)]

    def __del__(self) -> None:
        self._guard = None  # the warning may keep this object
        if self._unclosed is not None and self._used and not self.closed:
            warnings.warn(self._unclosed, ResourceWarning, source=self, stacklevel=1)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        if self._pid != os.getpid():
            _inherited.append((self._loop, self._http, self._guard))  # closing it would edit the parent's epoll
            self._pid = os.getpid()
        if self._given is not None:
            http = self._borrow(self._given, loop)
        else:
            http = self._make()
            self.semaphore = asyncio.Semaphore(self._concurrency)
            self._guard = _closing(http)
            with contextlib.suppress(StopIteration):  # it yields at once, so there is nothing to await
                self._guard.asend(None).send(None)
        self._loop, self._http = loop, http
        self._used = True
        return http

    def _borrow(self, given: aiohttp.ClientSession, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        if given.closed:
            raise ClosedError("the aiohttp session that was given to the client is closed")
        if given.auth is not None:
            raise InvalidArgumentError(
                "the aiohttp session that was given to the client has an auth of its own, which would replace the"
                " client's token; give one without"
            )
        if self._loop is not None or getattr(given, "_loop", loop) is not loop:
            raise InvalidArgumentError(
                "the aiohttp session that was given to the client belongs to another event loop;"
                " give a session made on this loop, or none, so that the client makes its own on each loop"
            )
        # Middlewares of a request replace the session's, which must still run. aiohttp has no public name for them.
        self.middlewares = (send_once, *getattr(given, "_middlewares", ()))
        # In a small pool the wait for a connection would count as part of a request's timeout: wait here instead.
        limits = [getattr(given.connector, name, 0) for name in ("limit", "limit_per_host")]
        self.semaphore = asyncio.Semaphore(min([self._concurrency, *filter(None, limits)]))
        return given

    def _make(self) -> aiohttp.ClientSession:
        bytes(_LARGE)  # freed at once, which is what it is for
        http = aiohttp.ClientSession(
            connector=_Connector(limit=0),  # `slots` bounds it, outside a request's timeout
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            trust_env=self._trust_env,
        )
        # What `send_once` does, for a fortieth of a request's price where aiohttp still has its switch.
        if hasattr(http, "_retry_connection"):
            http._retry_connection = False  # noqa: SLF001  there is no public one
        else:
            self.middlewares = (send_once,)
        return http


async def _closing(http: aiohttp.ClientSession) -> AsyncGenerator[None]:
    """Close the session on its own loop: on `close`, when the client is collected, or when the loop ends.

    asyncio finishes an abandoned async generator on the loop where it was started, which no finalizer of ours could.
    """
    try:
        yield
    finally:
        await http.close()


class _Connector(aiohttp.TCPConnector):
    """A pool that does not hand out a connection on which an answer arrived unasked (aio-libs/aiohttp#13656)."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        return None
