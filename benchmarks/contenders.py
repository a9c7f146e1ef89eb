"""Contenders: each can fetch a make, one vehicle's history, and the newest logs of many vehicles.

Packages that not everybody has are imported when their contender starts.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from typing import Any, Protocol, Self

from .server import HISTORY, MAKE

CONCURRENCY = 32
TOKEN = "a-token-that-no-server-checks"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "EvEnergy-Version": "2"}

Decode = Callable[[bytes], Any]
Answer = tuple[list[Any], str | None]
"""The logs of a page, and the URL of the next."""


class Contender(Protocol):
    """Contender of a workload. Its numbers are those of the logs that came, so that none gains by leaving some out."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def make(self) -> object: ...
    async def history(self) -> int: ...
    async def newest(self, vehicles: list[str]) -> int: ...


class Ours:
    """This library."""

    def __init__(self, base: str, concurrency: int = CONCURRENCY) -> None:
        from evenergy import AsyncClient

        self.concurrency = concurrency
        self.client = AsyncClient(TOKEN, base_url=base, concurrency=concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def make(self) -> object:
        return await self.client.vehicle_makes.get(MAKE)

    async def history(self) -> int:
        count = 0
        async for _ in self.client.vehicles.status_logs.list(HISTORY):
            count += 1
        return count

    async def newest(self, vehicles: list[str]) -> int:
        count = 0
        logs = self.client.vehicles.status_logs
        async for outcome in self.client.fan_out(logs.list, vehicles, concurrency=self.concurrency):
            count += len(outcome.unwrap())
        return count


class Asynchronous:
    """Code that a user writes around an async HTTP library, or around a generated client."""

    def __init__(self, base: str, concurrency: int = CONCURRENCY) -> None:
        self.base = base
        self.concurrency = concurrency
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def make(self) -> object:
        raise NotImplementedError

    async def logs(self, url: str) -> Answer:
        raise NotImplementedError

    async def history(self) -> int:
        count = 0
        following: str | None = _logs_url(self.base, HISTORY)
        while following is not None:
            page, following = await self.logs(following)
            for _ in page:
                count += 1
        return count

    async def newest(self, vehicles: list[str]) -> int:
        waiting = iter(vehicles)

        async def work() -> int:
            count = 0
            for vehicle in waiting:
                page, _ = await self.logs(_logs_url(self.base, vehicle))
                count += len(page)
            return count

        return sum(await asyncio.gather(*(work() for _ in range(self.concurrency))))


class Aiohttp(Asynchronous):
    """aiohttp and a decoder of JSON, to dicts."""

    def __init__(self, base: str, decoder: str, concurrency: int = CONCURRENCY) -> None:
        super().__init__(base, concurrency)
        self.decode: Decode = import_module(decoder).loads

    async def __aenter__(self) -> Self:
        aiohttp: Any = import_module("aiohttp")
        connector = aiohttp.TCPConnector(limit=self.concurrency)
        self.session: Any = await self.stack.enter_async_context(
            aiohttp.ClientSession(headers=HEADERS, connector=connector)
        )
        return self

    async def make(self) -> object:
        async with self.session.get(f"{self.base}/vehicle_makes/{MAKE}") as response:
            return self.decode(await response.read())

    async def logs(self, url: str) -> Answer:
        async with self.session.get(url) as response:
            following = response.links.get("next", {}).get("url")
            return self.decode(await response.read()), None if following is None else str(following)


class Httpx(Asynchronous):
    """httpx, to dicts."""

    async def __aenter__(self) -> Self:
        client = import_module("httpx").AsyncClient(headers=HEADERS)
        self.client: Any = await self.stack.enter_async_context(client)
        return self

    async def make(self) -> object:
        return (await self.client.get(f"{self.base}/vehicle_makes/{MAKE}")).json()

    async def logs(self, url: str) -> Answer:
        response = await self.client.get(url)
        return response.json(), response.links.get("next", {}).get("url")


class Generated(Asynchronous):
    """Client that openapi-python-client generates from the description: typed; pages are up to the caller."""

    def __init__(self, base: str) -> None:
        super().__init__(base)
        vehicles = "generated.api.vehicles.get_vehicle"
        self.get_make: Any = import_module(f"{vehicles}_makes_vehicle_make_id")
        self.get_logs: Any = import_module(f"{vehicles}s_vehicle_id_status_logs")

    async def __aenter__(self) -> Self:
        client = import_module("generated").AuthenticatedClient(base_url=self.base, token=TOKEN)
        self.client: Any = await self.stack.enter_async_context(client)
        return self

    async def make(self) -> object:
        return await self.get_make.asyncio(MAKE, client=self.client)

    async def logs(self, url: str) -> Answer:
        vehicle, cursor = url.split("/")[5], url.partition("page_after=")[2]
        after = {"page_after": cursor} if cursor else {}
        answer = await self.get_logs.asyncio_detailed(vehicle, client=self.client, page_size=100, **after)
        link = answer.headers.get("Link")
        return answer.parsed, link and link.partition(">")[0].strip("<")


class Requests:
    """requests, to dicts; in 32 threads where many are wanted."""

    def __init__(self, base: str) -> None:
        requests: Any = import_module("requests")
        self.base = base
        self.session: Any = requests.Session()
        self.session.headers.update(HEADERS)
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONCURRENCY))
        self.threads = ThreadPoolExecutor(CONCURRENCY)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.threads.shutdown()
        self.session.close()

    async def make(self) -> object:
        return self.session.get(f"{self.base}/vehicle_makes/{MAKE}").json()

    async def history(self) -> int:
        count, following = 0, _logs_url(self.base, HISTORY)
        while following:
            response = self.session.get(following)
            following = response.links.get("next", {}).get("url")
            for _ in response.json():
                count += 1
        return count

    async def newest(self, vehicles: list[str]) -> int:
        return sum(self.threads.map(self._count, vehicles))

    def _count(self, vehicle: str) -> int:
        return len(self.session.get(_logs_url(self.base, vehicle)).json())


def _logs_url(base: str, vehicle: str) -> str:
    return f"{base}/vehicles/{vehicle}/status_logs?page_size=100"


MAKERS: dict[str, Callable[[str], Contender]] = {
    "evenergy": Ours,
    "aiohttp + orjson": lambda base: Aiohttp(base, "orjson"),
    "aiohttp + json": lambda base: Aiohttp(base, "json"),
    "httpx": Httpx,
    "requests": Requests,
    "generated": Generated,
}

_IMPORTS = {
    "evenergy": ("evenergy",),
    "aiohttp + orjson": ("aiohttp", "orjson"),
    "aiohttp + json": ("aiohttp",),
    "httpx": ("httpx",),
    "requests": ("requests",),
}


def imports(name: str) -> tuple[str, ...]:
    """Return the modules that a program must import to use a contender."""
    return _IMPORTS.get(name, ("generated.client", "generated.api.vehicles.get_vehicles_vehicle_id_status_logs"))


def missing(name: str) -> str | None:
    """The package that a contender lacks, or None."""
    return next((module for module in _IMPORTS.get(name, ()) if find_spec(module) is None), None)


def sync_make(name: str, base: str) -> Iterator[Callable[[], object]]:
    """A blocking call for a make, as a context: closed when the generator is resumed."""
    url = f"{base}/vehicle_makes/{MAKE}"
    if name == "evenergy":
        from evenergy import Client

        with Client(TOKEN, base_url=base) as client:
            yield lambda: client.vehicle_makes.get(MAKE)
        return
    if name == "generated":
        with import_module("generated").AuthenticatedClient(base_url=base, token=TOKEN) as client:
            get: Any = import_module("generated.api.vehicles.get_vehicle_makes_vehicle_make_id").sync
            yield lambda: get(MAKE, client=client)
        return
    if name.startswith("aiohttp"):
        with _threaded(lambda: MAKERS[name](base)) as call:
            yield call
        return
    session: Any = import_module("requests").Session() if name == "requests" else import_module("httpx").Client()
    with session:
        session.headers.update(HEADERS)
        yield lambda: session.get(url).json()


@contextmanager
def _threaded(made: Callable[[], Contender]) -> Generator[Callable[[], object]]:
    """Return blocking functions over an async library, as a user writes them: a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    contender = asyncio.run_coroutine_threadsafe(_entered(made), loop).result()
    try:
        yield lambda: asyncio.run_coroutine_threadsafe(contender.make(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(contender.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _entered(made: Callable[[], Contender]) -> Contender:
    return await made().__aenter__()
