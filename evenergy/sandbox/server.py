"""The sandbox itself: its options, its start and its end."""

import asyncio
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from evenergy.sandbox.controls import Controls
from evenergy.sandbox.faults import ROOT
from evenergy.sandbox.middleware import Middleware
from evenergy.sandbox.oauth import OAuthServer
from evenergy.sandbox.requests import State
from evenergy.sandbox.routes import COLLECTIONS
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.fleet import Fleet
from evenergy.sandbox.webhooks import Webhooks

_HOST = "127.0.0.1"
_GRACE = 1.0  # seconds for responses under way when it closes; they take milliseconds


class Sandbox(Controls):
    """A server on loopback that behaves like the ev.energy v2 API.

    Use it as an asynchronous context manager, or as a plain one, which serves from a thread of its own. The same
    arguments and the same clock give the same vehicles and logs.

    Args:
        vehicles: The number of vehicles.
        days: The days that their logs go back.
        seed: The seed of users, vehicles and logs.
        rate_limit: The requests allowed in a rolling hour; anonymous callers have 50.
        port: The port to listen on; 0 takes a free one.
        clock: Gives the time in POSIX seconds, as `time.time` does. Logs, tokens and the rate limit follow it.
        late: The share of logs that are stored hours after they were sampled, and out of order: 0 to 1.
        webhook_url: Where webhooks go while the fleet charges; None for nowhere.
        webhook_secret: The secret that signs them, "whsec_" and base64; None for one that follows from the seed.

    Attributes:
        client_id: The application's id for the token endpoint.
        client_secret: Its secret, which follows from the seed.
        webhook_secret: The secret that signs webhooks.

    Raises:
        ValueError: An argument is of the wrong type, or out of its range.
    """

    def __init__(
        self,
        vehicles: int = 25,
        days: int = 7,
        seed: int = 0,
        rate_limit: int = 1000,
        port: int = 0,
        clock: Callable[[], float] | None = None,
        *,
        late: float = 0.0,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> None:
        _check("vehicles", vehicles, 0, 1_000_000)
        _check("days", days, 1, 3650)
        _check("seed", seed, -(2**63), 2**63 - 1)
        _check("rate_limit", rate_limit, 1, 1_000_000_000)
        _check("port", port, 0, 65_535)
        if not 0 <= late <= 1:
            raise ValueError(f"late must be a share from 0 to 1, not {late!r}")
        super().__init__(clock or time.time)
        self.client_id: str = "sandbox"
        self.client_secret: str = f"sandbox-{SeededRandom(f'{seed}/secret').getrandbits(64):016x}"
        self.webhook_secret: str = webhook_secret or _webhook_secret(seed)
        self._rate_limit = rate_limit
        self._port = port
        self._fleet = Fleet(vehicles, days, seed, self._now())
        self._state = State(self.client_id, self._fleet, self._now, COLLECTIONS, late)
        self._webhooks = Webhooks(self._state, webhook_url, self.webhook_secret)
        self._base_url = ""
        self._middleware: Middleware | None = None
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    @property
    def base_url(self) -> str:
        """The base URL of the API; the authorization server is on the same origin.

        Raises:
            RuntimeError: The sandbox was not started yet.
        """
        if not self._base_url:
            raise RuntimeError("The sandbox has no URL before it is started: use it in a `with` statement.")
        return self._base_url

    @property
    def vehicle_ids(self) -> list[str]:
        """The ids of all vehicles, in the order of creation."""
        return list(self._fleet.vehicles)

    @property
    def user_ids(self) -> list[str]:
        """The ids of all users, in the order of creation."""
        return list(self._fleet.users)

    @property
    def make_ids(self) -> list[str]:
        """The ids of all vehicle makes, in the order of creation."""
        return list(self._fleet.catalogue.makes)

    @property
    def requests(self) -> int:
        """The number of requests to the API that got a response, errors among them; tokens do not count."""
        return self._middleware.requests_served if self._middleware else 0

    async def start(self) -> None:
        """Serve from the running loop.

        Raises:
            OSError: The port is in use, or not for this user.
            RuntimeError: It serves already.
        """
        if self._runner is not None:
            raise RuntimeError("The sandbox serves already.")
        listener = socket.create_server((_HOST, self._port))
        try:
            self._base_url = f"http://{_HOST}:{listener.getsockname()[1]}{ROOT}"
            self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_GRACE)
            await self._runner.setup()
            await web.SockSite(self._runner, listener).start()
            self._serving = asyncio.get_running_loop()
            self._webhooks.start()
        except BaseException:
            listener.close()
            await self.close()
            raise

    async def close(self) -> None:
        """Stop serving. Closing twice does nothing."""
        self._serving = None
        runner, self._runner = self._runner, None
        if runner is not None:
            await self._webhooks.close()
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        if self._thread is not None:
            raise RuntimeError("The sandbox serves already.")
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        self._thread = Thread(target=_run, args=(runner,), name="evenergy-sandbox", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._loop is not None:
            try:
                asyncio.run_coroutine_threadsafe(self.close(), self._loop).result()
            finally:
                self._end_thread()

    def _application(self) -> web.Application:
        self._state.base_url = self._base_url
        oauth_server = OAuthServer(self.client_id, self.client_secret, self._fleet.users, self._now)
        self._middleware = Middleware(self._state, oauth_server, self._rate_limit, self._faults)
        return self._middleware.application()

    def _end_thread(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


def _run(runner: asyncio.Runner) -> None:
    with runner:  # its end lets the last connections close before it closes the loop
        runner.get_loop().run_forever()


def _webhook_secret(seed: int) -> str:
    return "whsec_" + b64encode(SeededRandom(f"{seed}/webhooks").randbytes(24)).decode()


def _check(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {value!r}")
