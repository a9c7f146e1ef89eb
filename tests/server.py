"""Servers on loopback for the tests, well-behaved and not, and a loop whose clock jumps."""

import asyncio
import selectors
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")

MAKE_ID = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"
VEHICLE_ID = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
USER_ID = "user01HN2NJ9NMRZBXT1H6FT9N7735"
MAKE = {"id": MAKE_ID, "url": f"https://api.ev.energy/v2/vehicle_makes/{MAKE_ID}", "name": "Volvo"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Server of a test: its address, and the requests that came."""

    def __init__(self) -> None:
        self.origin = ""
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{self.origin}/v2"


@asynccontextmanager
async def serving(handler: Handler, *, ssl: SSLContext | None = None) -> AsyncGenerator[Server]:
    """An aiohttp server that answers every request by one handler."""
    server = Server()

    async def answer(request: web.Request) -> web.StreamResponse:
        server.requests.append(request)
        server.bodies.append(await request.read())
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl)
    await site.start()
    port = runner.addresses[0][1]
    server.origin = f"https://localhost:{port}" if ssl else f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


class RawServer:
    """A server that says what it likes, byte for byte."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[str] = []  # of each request that was read whole
        self.connections = 0


@asynccontextmanager
async def raw_serving(*answers: bytes | None, keep_alive: bool = False) -> AsyncGenerator[RawServer]:
    """The n-th request gets the n-th answer, later ones the last; None: the connection is closed instead."""
    server = RawServer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lengths = [
                    line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length")
                ]
                await reader.readexactly(int(lengths[0]) if lengths else 0)
                server.heads.append(head)
                answer = answers[min(len(server.heads), len(answers)) - 1]
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if not keep_alive:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v2"
    try:
        yield server
    finally:
        listening.close()


def answer(body: bytes, status: str = "200 OK", *headers: str, keep_alive: bool = False) -> bytes:
    """An HTTP answer that is all right."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    lines += [] if keep_alive else ["Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Jump(selectors.DefaultSelector):
    """Never waits: when nothing is ready, the time is simply later."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events and timeout is None:
            events = super().select(5)  # a thread, such as a resolver's, has to say something
        elif not events and timeout:
            self.now += timeout
        ready: list[tuple[selectors.SelectorKey, int]] = events
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer: hours of waiting take no time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  so `Runner` calls it
        """Wait for the threads in real time: a timer for them would run out at once."""
        await super().shutdown_default_executor()


def run_jumping(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine where waiting takes no time."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
