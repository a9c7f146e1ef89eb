"""One HTTP exchange: a connection, one request, its whole response. The only file that sends through aiohttp.

An `Exchange` knows neither tokens nor rate limits nor retries: `Session` and the OAuth endpoints send through it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from evenergy._codec.secret import Secret
from evenergy.errors import ClosedError, EvEnergyError

from . import connections, failures
from .request import Request, Response
from .timeouts import ExpiredError

_log = logging.getLogger(__name__)


class Headers(Protocol):
    """Headers of the requests of an exchange."""

    def of(self, request: Request[Any], secret: Secret | None, /) -> CIMultiDict[str]:
        """Return the headers of a request."""
        ...


class Exchange:
    """HTTP exchanges over the connections of a client, each within a timeout, so many at once as it allows."""

    def __init__(self, connected: connections.Connections, headers: Headers, timeout: float | None) -> None:
        self._connections = connected
        self._headers = headers
        self._timeout = timeout
        # Connecting has a share of the attempt's time, so that one who waited for it knows that nothing was sent.
        share = timeout and timeout / failures.CONNECTING
        self._wire = aiohttp.ClientTimeout(total=None, connect=share, sock_connect=share)

    async def send(
        self, request: Request[Any], url: str, secret: Secret | None, ready: Callable[[float], bool]
    ) -> Response | None:
        """Send one request and read its response whole, whatever its status.

        Args:
            request: The method, the body and the headers.
            url: The URL.
            secret: The credentials for the headers.
            ready: Called with the loop's time at the moment of sending, with no await in between; when it returns
                False nothing is sent, and the result is None.

        Raises:
            TransportError: No response came; ``sent`` says whether the request may have reached the server.
            ClosedError: The client was closed.
        """
        response: Response | None = None
        failed: EvEnergyError | None = None
        loop, started = asyncio.get_running_loop(), 0.0
        self._connections.session(loop)  # binds the connections to this loop, and the semaphore with them
        semaphore = self._connections.semaphore
        await semaphore.acquire()  # `async with` is two more coroutines
        try:
            http = self._connections.session(loop)  # waiting took time: the client may be closed by now
            started = loop.time()
            if not ready(started):
                return None
            with self._connections.timeouts.watch(self._timeout, loop, started):
                pending = http.request(
                    request.method,
                    URL(url, encoded=True),
                    headers=self._headers.of(request, secret),
                    data=request.body,
                    allow_redirects=False,
                    raise_for_status=False,
                    auto_decompress=True,
                    timeout=self._wire,
                    middlewares=self._connections.middlewares,
                )
                response = await connections.receive(pending)
            if response is None:
                raise ExpiredError
        except EvEnergyError:
            raise
        except failures.FAILURES as error:
            failed = self._failure(error, request.method, url, secret)
        except asyncio.CancelledError as error:
            error.__traceback__ = None  # aiohttp's frames hold the headers
            raise
        finally:
            semaphore.release()
        if _log.isEnabledFor(logging.DEBUG):
            _trace(request.method, url, response or failed, loop.time() - started)
        if response is None:
            raise failed or ClosedError("the client is closed")  # here, where no frame of aiohttp is attached
        return response

    def _failure(self, error: Exception, method: str, url: str, secret: Secret | None) -> EvEnergyError:
        if self._connections.closed:
            return ClosedError(f"the client was closed during the call ({method} {url})")
        failed = failures.transport_error(error, method=method, url=url, timeout=self._timeout)
        return failures.redacted(failed, secret)


def _trace(method: str, url: str, ended: Response | EvEnergyError | None, seconds: float) -> None:
    result = ended.status if isinstance(ended, Response) else type(ended).__name__
    _log.debug("%s %s: %s, %.1f ms", method, url, result, 1000 * seconds)
