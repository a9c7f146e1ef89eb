"""A resource whose calls do what a test asks for, and helpers for the thread of its loop."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import evenergy
from evenergy._core.blocking import BlockingFanOut, blocking_fan_out
from evenergy._core.item_method import ItemMethod
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine
from evenergy._core.worker import Worker
from evenergy.sandbox import Sandbox

LIMIT = 20.0  # seconds: what takes longer hangs
PACKAGE = str(Path(evenergy.__file__).parent)


class Twin:
    """An async object that does what a test asks for."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.cancelled: list[object] = []
        self.most = self.now = 0

    async def echo(self, item: object) -> object:
        """Value that it was given."""
        return item

    async def wait(self, item: object = None) -> None:
        self.begun.release()
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.now -= 1
            self.ended.release()

    async def wait_unless_zero(self, item: int) -> None:
        if item:
            await self.wait(item)

    async def do(self, function: Callable[[], object]) -> object:
        return function()

    async def fail(self, error: BaseException) -> None:
        raise error

    async def reject(self, kind: type[Exception], item: object) -> None:
        raise kind("so it is")


class Plain(Resource[Blocking]):
    def __init__(self, twin: Twin, loop: LoopThread) -> None:
        super().__init__(cast("Any", None), loop)
        self._twin = twin

    @coroutine
    async def echo(self, item: object) -> object:
        return await self._twin.echo(item)

    @coroutine
    async def wait(self, item: object = None) -> None:
        await self._twin.wait(item)

    @coroutine
    async def wait_unless_zero(self, item: int) -> None:
        await self._twin.wait_unless_zero(item)

    @coroutine
    async def do(self, function: Callable[[], object]) -> object:
        return await self._twin.do(function)

    @coroutine
    async def fail(self, error: BaseException) -> None:
        await self._twin.fail(error)

    @coroutine
    async def reject(self, kind: type[Exception], item: object) -> None:
        await self._twin.reject(kind, item)


async def nothing() -> None:
    pass


def connect(sandbox: Sandbox, **options: Any) -> evenergy.Client:
    return evenergy.Client(
        evenergy.ClientCredentials(sandbox.client_id, sandbox.client_secret), base_url=sandbox.base_url, **options
    )


def in_thread(function: Callable[[], object]) -> "concurrent.futures.Future[object]":
    """The outcome of a function in a thread of its own; a hang fails the test and does not hold it up."""
    future: concurrent.futures.Future[object] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def loop_of(client: evenergy.Client) -> LoopThread:
    assert client._loop is not None
    return client._loop


def call_soon(loop: LoopThread, callback: Callable[[], object]) -> None:
    """Have the loop call something, without a call of its own."""
    running = loop.worker().loop
    assert running is not None
    running.call_soon_threadsafe(callback)


def ended(worker: Worker) -> bool:
    assert worker.thread is not None
    worker.thread.join(LIMIT)
    return not worker.thread.is_alive()


def loops() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "evenergy"]


def sweep(loop: LoopThread, method: Callable[..., Any], items: Any, concurrency: int = 32) -> BlockingFanOut[Any, Any]:
    return blocking_fan_out(
        loop, method, ItemMethod(method, items, {}, is_ours=True), items, concurrency=concurrency, on_progress=None
    )


async def tasks() -> int:
    """Return the number of tasks beside the loop's own and this one."""
    return len(asyncio.all_tasks()) - 2
