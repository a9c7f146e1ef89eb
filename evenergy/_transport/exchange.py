"""One HTTP exchange: a connection, one request, its whole response. All calls of the API are sent here.

An `Exchange` knows neither tokens nor rate limits nor retries: `Session` and the OAuth endpoints send through it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from evenergy._codec.secret import Secret
from evenergy.errors import EvEnergyError

from . import failures
from .connections import Connections
from .proxies import unused_hint
from .request import Request, Response
from .timeouts import ExpiredError

_log = logging.getLogger(__name__)
_OK, _NO_CONTENT, _REDIRECTS = HTTPStatus.OK.value, HTTPStatus.NO_CONTENT.value, HTTPStatus.MULTIPLE_CHOICES.value


Ready: TypeAlias = Callable[[float], bool]
"""Function that is called with the loop's time at the moment of sending, with no await between the two."""


class Headers(Protocol):
    """Headers of the requests of an exchange."""

    def of(self, request: Request[Any], secret: Secret | None, /) -> CIMultiDict[str]:
        """Return the headers of a request."""
        ...

    def authorization(self, secret: Secret | None, /) -> Secret | None:
        """Return the value of the Authorization header, or None for none."""
        ...


class Exchange:
    """HTTP exchanges over the connections of a client, each within a timeout, so many at once as it allows."""

    def __init__(self, connections: Connections, headers: Headers, timeout: float | None) -> None:
        self._connections = connections
        self._headers = headers
        self._timeout = timeout
        # Connecting has a share of the attempt's time, so that one who waited for it knows that nothing was sent.
        share = timeout and timeout / failures.CONNECTING
        self._wire = aiohttp.ClientTimeout(total=None, connect=share, sock_connect=share)

    async def send(
        self, request: Request[Any], url: str, secret: Secret | None, ready: Ready, loop: asyncio.AbstractEventLoop
    ) -> Response | None:
        """Send one request and read its response whole, whatever its status.

        Args:
            request: The method, the body and the headers.
            url: The URL.
            secret: The credentials for the headers.
            ready: Called at the moment of sending; when it returns False nothing is sent, and the result is None.
            loop: The running event loop, to which the connections are bound; finding it out costs a system call.

        Raises:
            TransportError: No response came; ``sent`` says whether the request may have reached the server.
            ClosedError: The client was closed.
        """
        self._connections.session(loop)  # another loop may have had them meanwhile: the semaphore is bound to this one
        started, semaphore = 0.0, self._connections.semaphore
        outcome: Response | EvEnergyError | None = None
        await semaphore.acquire()  # `async with` is two more coroutines
        try:
            http = self._connections.session(loop)  # waiting took time: the client may be closed by now
            started = loop.time()
            if not ready(started):
                return None
            with self._connections.timeouts.watch(self._timeout, loop, started):
                outcome = await _receive(self._request(http, request, url, secret), request)
            if outcome is None:
                raise ExpiredError
        except EvEnergyError:
            raise
        except failures.FAILURES as error:
            outcome = self._failure(error, request.method, url, secret)
        except asyncio.CancelledError as error:
            error.__traceback__ = None  # aiohttp's frames hold the headers
            raise
        finally:
            semaphore.release()
        return _settled(request.method, url, outcome, loop.time() - started)

    def _request(
        self, http: aiohttp.ClientSession, request: Request[Any], url: str, secret: Secret | None
    ) -> Awaitable[aiohttp.ClientResponse]:
        network = self._connections.network
        proxy = network.proxies(url)
        trusts_env = self._connections.trusts_env
        return http.request(
            request.method,
            URL(url, encoded=True),
            headers=self._headers.of(request, None if trusts_env else secret),
            data=request.body,
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=True,
            timeout=self._wire,
            ssl=True if network.ssl is None else network.ssl,
            proxy=None if proxy is None else proxy.url,
            middlewares=self._connections.middlewares(self._headers.authorization(secret) if trusts_env else None),
        )

    def _failure(self, error: Exception, method: str, url: str, secret: Secret | None) -> EvEnergyError:
        if self._connections.closed:
            return failures.closed_error(method, url, sent=failures.was_sent(error))
        hint = ""
        if self._connections.network.proxies(url) is None and not self._connections.trusts_env:
            hint = unused_hint(url)
        failed = failures.transport_error(error, method=method, url=url, timeout=self._timeout, hint=hint)
        return failures.redacted(failed, secret)


async def _receive(pending: Awaitable[aiohttp.ClientResponse], request: Request[Any]) -> Response:
    """Send a request, and read its response whole.

    A body that nobody reads is no reason to fail: what was done is done, and must not be done again for it.
    """
    response = await pending
    status, headers = response.status, response.headers
    try:
        if status == _NO_CONTENT:
            return Response(status, headers, b"")
        return Response(status, headers, await _read(response))
    except failures.FAILURES:
        if request.reads_body or not _OK <= status < _REDIRECTS:
            raise
        return Response(status, headers, b"")
    finally:
        if not getattr(response, "closed", True):  # read to its end it has given its connection back
            response.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body, counted while it is read: a small one cannot unpack into all the memory there is."""
    content = response.content
    if content.is_eof():  # it came with the headers, as most do
        whole = content.read_nowait()
        _check_size(len(whole))
        return whole
    _check_size(getattr(response, "content_length", None) or 0)  # a mock may have none
    body = bytearray()
    while not content.at_eof():
        body += await content.readany()
        _check_size(len(body))
    return bytes(body)


def _check_size(size: int) -> None:
    if size > failures.MAX_BODY:
        raise failures.TooLargeError


def _settled(method: str, url: str, outcome: Response | EvEnergyError, seconds: float) -> Response:
    """Log an exchange, and return its response or raise its error: here, where no frame of aiohttp is attached."""
    if _log.isEnabledFor(logging.DEBUG):
        result = outcome.status if isinstance(outcome, Response) else type(outcome).__name__
        _log.debug("%s %s: %s, %.1f ms", method, url, result, 1000 * seconds)
    if isinstance(outcome, EvEnergyError):
        raise outcome
    return outcome
