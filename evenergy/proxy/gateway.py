"""The gateway itself: whom it serves, and how it sends what they ask for."""

import hmac
import ipaddress
import os
import socket
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import attrs
from aiohttp import web

from evenergy._codec import validate
from evenergy._codec.secret import Secret
from evenergy._transport.attempts import Attempt
from evenergy._transport.request import Response
from evenergy._transport.session import Session
from evenergy.client import AsyncClient
from evenergy.errors import EvEnergyError, InvalidArgumentError

from .messages import ROOT, error_response, patience_of, problem, response_of, upstream_request, user_of
from .metrics import CONTENT_TYPE, Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_READING = frozenset({"GET", "HEAD"})
_LARGEST_BODY = 16 * 2**20
_GRACE = 5.0  # seconds for requests in progress when it closes
_MOST_SESSIONS = 100  # users and waits, the longest unused goes
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Proxy:
    """A gateway to the API, which adds the credentials, the rate limit and the retries of a client.

    Every process, container and language on a machine sends its requests to it and so shares one token and one budget:
    set their base URL to `base_url`. It serves ``/v2/...`` and ``/metrics`` and nothing else. Of a caller's headers
    only ``EvEnergy-User``, ``Accept-Language`` and ``Prefer: wait=`` (the seconds to wait for the rate limit, RFC 7240)
    have a meaning; an ``Authorization`` never goes on. Use it with ``async with``, or call `start` and `close`.

    Args:
        client: The client that sends; it stays open when the gateway closes.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        path: The path of a Unix socket to listen on instead, for this user only; None for none.
        key: A secret that callers send as ``Authorization: Bearer``; None for none, which only loopback and a socket
            may have.
        read_only: Whether only GET and HEAD are sent.
        max_wait: Seconds that a request waits for the rate limit where its caller says nothing, None for ever; a
            longer wait is a 429 at once, with a ``Retry-After`` at which asking again is worth it.

    Raises:
        InvalidArgumentError: The address is not loopback, and there is no key.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str | os.PathLike[str] | None = None,
        key: str | None = None,
        read_only: bool = False,
        max_wait: float | None = 60.0,
    ) -> None:
        self._key = None if key is None else Secret(validate.secret("key", key))
        del key  # no traceback shall show it
        if self._key is None and path is None and not _is_loopback(host):
            raise InvalidArgumentError(f"expected a key for a gateway that listens on {host}, which is not loopback")
        self._session = client._session  # noqa: SLF001  its own, under other options
        self._host, self._port, self._path = host, port, None if path is None else Path(path)
        self._read_only = read_only
        self._max_wait = validate.seconds("max_wait", max_wait, zero=True)
        self._metrics = Metrics()
        self._sessions: dict[tuple[str | None, float | None], Session] = {}
        self._runner: web.AppRunner | None = None
        self._has_socket = False

    @property
    def base_url(self) -> str:
        """Return the base URL for callers; of a socket, the one to use over it."""
        if self._path is not None:
            return f"http://localhost{ROOT}"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}{ROOT}"

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: The address or the socket is in use.
        """
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # A caller that hung up may have sent its request again: one that still waits must not go out as well.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE, handler_cancellation=True)
        await self._runner.setup()
        try:
            await self._listen(self._runner)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening; requests in progress have 5 seconds."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        if self._has_socket and self._path is not None:  # asyncio leaves it, and the next gateway could not listen
            self._has_socket = False
            self._path.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _listen(self, runner: web.AppRunner) -> None:
        if self._path is None:
            await web.TCPSite(runner, self._host, self._port).start()
            self._port = int(runner.addresses[0][1])
            return
        listener = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)  # for this user only, from its first moment
        try:
            listener.bind(str(self._path))
            self._has_socket = True
        except OSError:
            listener.close()
            raise
        finally:
            os.umask(before)
        await web.SockSite(runner, listener).start()

    # Requests

    async def _serve(self, incoming: web.Request) -> web.Response:
        with self._metrics.request():
            response = self._rejection(incoming) or await self._respond(incoming)
        self._metrics.responded(incoming.method if incoming.method in _METHODS else "OTHER", response.status)
        return response

    def _rejection(self, incoming: web.Request) -> web.Response | None:
        """Return the response to a caller who is not served, else None."""
        if "Origin" in incoming.headers or not self._is_own_name(incoming.host):
            return problem(403, "Forbidden", "a gateway serves programs of this machine, and no pages of a browser")
        if self._key is not None and not self._has_key(incoming):
            return problem(401, "Unauthorized", "expected the key as Authorization: Bearer", WWW_Authenticate="Bearer")
        if incoming.method not in _METHODS:
            return problem(405, "Method Not Allowed", f"a gateway sends no {incoming.method[:20]}")
        if self._read_only and incoming.method not in _READING:
            return problem(405, "Method Not Allowed", "this gateway is read-only", Allow="GET, HEAD")
        if not incoming.path.startswith((f"{ROOT}/", "/metrics")):
            return problem(404, "Not Found", f"a gateway has {ROOT}/ and /metrics")
        return None

    async def _respond(self, incoming: web.Request) -> web.Response:
        base_url, own_url = self._session.options.base_url, f"{incoming.scheme}://{incoming.host}{ROOT}"
        if incoming.path == "/metrics":
            limiter = self._session.limiter
            text = self._metrics.text(limiter.rate_limit, limiter.queued)
            return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})
        try:
            request = await upstream_request(incoming)
            patience = patience_of(incoming)
            session = self._session_for(user_of(incoming), self._max_wait if patience is None else patience)
            found: Response = await session.send(request)
        except EvEnergyError as error:
            return error_response(error, base_url, own_url)
        return response_of(found, base_url, own_url)

    def _session_for(self, user: str | None, max_wait: float | None) -> Session:
        """Return a session with the options of a caller, over the same connections, token and rate limit."""
        found = self._sessions.pop((user, max_wait), None)
        if found is None:
            old = self._session
            options = attrs.evolve(
                old.options, user=user or old.options.user, max_wait=max_wait, on_attempt=self._attempted
            )
            found = Session(options, old.credentials, old.connections, old.retry_budget)
        self._sessions[user, max_wait] = found
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        return found

    def _attempted(self, attempt: Attempt) -> None:
        self._metrics.attempted(attempt)
        if self._session.options.on_attempt is not None:
            self._session.options.on_attempt(attempt)

    # Callers

    def _has_key(self, incoming: web.Request) -> bool:
        expected = "" if self._key is None else f"Bearer {self._key.reveal()}"
        return hmac.compare_digest(incoming.headers.get("Authorization", "").encode(), expected.encode())

    def _is_own_name(self, host: str) -> bool:
        """Return whether a request was sent to this machine by name: a page may have had its own name lead here."""
        if self._key is not None or self._path is not None:
            return True
        try:
            return (urlsplit(f"//{host}").hostname or "") in {*_LOOPBACK_NAMES, self._host}
        except ValueError:
            return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
