"""Connections to the API: one aiohttp session, bound to one event loop at a time."""

import asyncio
import contextlib
import functools
import os
import warnings
import weakref
from collections.abc import AsyncGenerator, Sequence
from ssl import SSLContext
from typing import NamedTuple, Protocol

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType, ClientMiddlewareType
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from evenergy._codec.secret import Secret
from evenergy._lazy import preload
from evenergy._version import VERSION
from evenergy.errors import ClosedError, EvEnergyError, InvalidArgumentError

from .failures import ResentError
from .proxies import Proxies, no_proxy
from .timeouts import Timeouts

_LARGE = 4 * 2**20
"""Bytes of a block that glibc's malloc learns from, once it is freed, to keep blocks up to this size (mallopt(3),
M_MMAP_THRESHOLD). Else the 256 KiB that asyncio reads into may be mapped and unmapped for each response.
"""

USER_AGENT = f"evenergy/{VERSION} aiohttp/{aiohttp.__version__}"

_inherited: list[object] = []
"""Sessions of a parent process, kept and never touched."""


async def send_once(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request, and keep aiohttp from sending it again (aio-libs/aiohttp#10790: no way to turn it off)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent, and aiohttp does not retry
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ResentError(str(error) or type(error).__name__) from None


class _Authorization:
    """Middleware that sets the Authorization header last: a session that trusts the environment reads .netrc before."""

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret

    async def __call__(self, request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
        request.headers.popall("Authorization", None)
        if self._secret is not None:
            request.headers["Authorization"] = self._secret.reveal()
        return await handler(request)


class Closeable(Protocol):
    """Object that ends with the connections."""

    async def close(self) -> None:
        """End the work in flight."""
        ...


class Network(NamedTuple):
    """Options of the connections of a client.

    Attributes:
        concurrency: Requests at once.
        ssl: The context for TLS, or None for the default one.
        proxies: The proxy of each URL.
        user_agent: The value of ``User-Agent``, or None for that of the session.
    """

    concurrency: int
    ssl: SSLContext | None = None
    proxies: Proxies = no_proxy
    user_agent: str | None = None


class Connections:
    """aiohttp session of a client and of its views, made anew when the event loop is another.

    All that sends through it holds it; when nothing does any more it is closed on its own loop, soon.
    """

    def __init__(self, session: aiohttp.ClientSession | None, network: Network, *, unclosed: str | None) -> None:
        """Prepare the connections; none is made before the first request.

        Args:
            session: The caller's session, or None.
            network: The options.
            unclosed: The warning for connections that were dropped without `close`; None for no warning.
        """
        self.closed: bool = False
        self.network: Network = network
        self.semaphore: asyncio.Semaphore = asyncio.Semaphore(network.concurrency)
        # On a loop of the caller's, whose leaks may be looked for, as Home Assistant's tests do.
        self.timeouts: Timeouts = Timeouts(keep_timer=session is None)
        self.trusts_env: bool = session is not None and session.trust_env
        """True if the caller's session reads .netrc, which must not win over the token."""
        self.is_prepared: bool = session is None
        self._unclosed = unclosed
        self._used = False
        self._middlewares: Sequence[ClientMiddlewareType] | None = None
        self._owned: list[weakref.ref[Closeable]] = []
        self._given = session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._http: aiohttp.ClientSession | None = None
        self._guard: AsyncGenerator[None] | None = None
        self._pid = os.getpid()

    async def prepare(self) -> None:
        """Import all modules in a thread, for a caller whose loop must not be blocked: one who gave a session."""
        self.is_prepared = True
        with contextlib.suppress(RuntimeError):  # no thread at exit: what is needed is imported at its first use
            await asyncio.get_running_loop().run_in_executor(None, preload)

    def session(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        """Return the session to send with on this loop.

        Raises:
            ClosedError: The client was closed, or the session that it was given.
            EvEnergyError: The client is in use on another event loop.
            InvalidArgumentError: The session that it was given belongs to another event loop.
        """
        if self.closed:
            raise ClosedError("the client is closed; make a new one")
        http = self._http
        if self._loop is not loop or http is None or http.closed:
            http = self._bind(loop)
        return http

    def middlewares(self, secret: Secret | None) -> Sequence[ClientMiddlewareType] | None:
        """Return the middlewares of a request; the secret is its Authorization header, where that must come last."""
        if self.trusts_env:
            return (_Authorization(secret), *(self._middlewares or ()))
        return self._middlewares

    async def close(self) -> None:
        """Close what was opened here, and end the calls in flight with a ClosedError."""
        try:
            for source in filter(None, [reference() for reference in list(self._owned)]):
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
        """Close a source with the client. Views may be made, and dropped, in any thread."""
        self._owned.append(weakref.ref(source, self._owned.remove))

    def __del__(self) -> None:
        self._guard = None  # the warning may keep this object
        if self._unclosed is not None and self._used and not self.closed:
            warnings.warn(self._unclosed, ResourceWarning, source=self, stacklevel=1)

    def _bind(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        if self._pid != os.getpid():
            _inherited.append((self._loop, self._http, self._guard))  # closing it would edit the parent's epoll
            self._loop, self._pid = None, os.getpid()
        if self._given is not None:
            http = self._borrow(self._given, loop)
        else:
            if self._loop is not None and self._loop is not loop and self._loop.is_running():
                raise EvEnergyError(
                    "the client is in use on another event loop, which is running in another thread; make an"
                    " AsyncClient for each loop, or use one Client from all threads"
                )
            self._loop = loop  # at once, so that another thread sees it
            http = self._make()
            self.semaphore = asyncio.Semaphore(self.network.concurrency)
            self._guard = _closing(http, self.timeouts)
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
        self._middlewares = (send_once, *getattr(given, "_middlewares", ()))
        # In a small pool the wait for a connection would count as part of a request's timeout: wait here instead.
        limits = [getattr(given.connector, name, 0) for name in ("limit", "limit_per_host")]
        self.semaphore = asyncio.Semaphore(min([self.network.concurrency, *filter(None, limits)]))
        return given

    def _make(self) -> aiohttp.ClientSession:
        bytes(_LARGE)  # freed at once, which is its purpose
        http = aiohttp.ClientSession(
            connector=_Connector(),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
        )
        # The same as `send_once`, for a fortieth of a request's price where aiohttp still has its switch.
        if hasattr(http, "_retry_connection"):
            http._retry_connection = False  # noqa: SLF001  there is no public one
        else:
            self._middlewares = (send_once,)
        return http


async def _closing(http: aiohttp.ClientSession, timeouts: Timeouts) -> AsyncGenerator[None]:
    """Close the session on its own loop: on `close`, when the client is collected, or when the loop ends.

    asyncio finishes an abandoned async generator on the loop where it was started, which no finalizer of ours could.
    """
    try:
        yield
    finally:
        timeouts.rest(asyncio.get_running_loop())
        await http.close()


class _ResponseHandler(ResponseHandler):
    """Protocol that reads a 204 whose server sends a body all the same (RFC 9110, section 15.3.5: it has none).

    aiohttp's parser takes such a body for the next response, and so loses this one: a DELETE would be retried although
    it was done.
    """

    def data_received(self, data: bytes) -> None:
        """Feed the parser with what was read, without the body of a 204."""
        if data[9:12] == b"204" and data.startswith(b"HTTP/1."):
            head, end, body = data.partition(b"\r\n\r\n")
            if body:
                data = head + end
                self.force_close()  # the rest of the body may come yet
        ResponseHandler.data_received(self, data)  # for a third less than by super()


class _Connector(aiohttp.TCPConnector):
    """Pool that gives out no connection on which a response arrived before its request (aio-libs/aiohttp#13656)."""

    def __init__(self) -> None:
        # The semaphore of the connections bounds it, outside a request's timeout. (aiohttp leaves a type open there.)
        super().__init__(limit=0)  # pyright: ignore[reportUnknownMemberType]
        handler: type[ResponseHandler] = _ResponseHandler
        self._factory = functools.partial(handler, loop=self._loop)

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        return None
