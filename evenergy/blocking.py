"""Blocking code over the async client: a loop in a thread, and the typed one-line form of a method.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from .errors import ClosedError, EvEnergyError, InvalidArgumentError
from .fanout import Crew, OnProgress, Outcome, collected, size
from .pager import Page, Pager, Pages

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)
Item = TypeVar("Item")
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
V = TypeVar("V")

_POLL = 0.25  # seconds between two looks whether the loop still lives; also what Ctrl-C waits for on Windows
_GRACE = 5.0  # seconds for a cancelled call to unwind

_Ended = tuple[R | None, BaseException | None]


class _Worker:
    """One loop in one daemon thread. It knows nothing of the client, so that the client can be collected."""

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.lock = threading.Lock()
        self.open = False
        self.calls: dict[concurrent.futures.Future[Any], asyncio.Task[Any] | None] = {}
        self._cleanup = cleanup
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.thread = threading.Thread(target=self._main, args=(started,), name="evenergy", daemon=True)
        self.thread.start()
        started.result()

    def call(self, function: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        if threading.current_thread() is self.thread:
            raise EvEnergyError(
                "a blocking call on the client's own event loop would wait for itself; use AsyncClient in coroutines"
            )
        future: concurrent.futures.Future[R] = concurrent.futures.Future()
        with self.lock:  # a call and the end exclude each other: none slips in after it
            if not self.open:
                raise ClosedError("the client is closed; make a new one")
            self.calls[future] = None
            self.loop.call_soon_threadsafe(self._start, future, function)  # it carries the context variables
        try:
            while not future.done():
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    future.exception(_POLL)
                if not self.thread.is_alive() and not future.done():
                    raise ClosedError("the client's event loop has ended")
            return future.result()
        finally:
            if not future.done():  # Ctrl-C: the request ends before the caller goes on
                with contextlib.suppress(RuntimeError):
                    self.loop.call_soon_threadsafe(self._cancel, future)
                    concurrent.futures.wait([future], _GRACE)
            del future  # or its error and this frame would hold each other

    def shutdown(self, unclosed: str | None = None) -> None:
        """End the loop and its thread; everyone who waits gets a ClosedError."""
        if unclosed is not None:
            warnings.warn(unclosed, ResourceWarning, stacklevel=2)
        with self.lock:
            if self.open:
                self.open = False
                self.loop.call_soon_threadsafe(self.stop.set)
        if threading.current_thread() is not self.thread:  # a finalizer may run on the loop's own thread
            self.thread.join(2 * _GRACE)

    def _main(self, started: concurrent.futures.Future[None]) -> None:
        try:
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._serve(started))
                finally:
                    with self.lock:
                        self.open = False
        except BaseException as error:  # noqa: BLE001  a loop that could not start, or broke
            if not started.done():
                started.set_exception(error)
        finally:
            for future in list(self.calls):
                if not future.done():
                    future.set_exception(ClosedError("the client's event loop has ended"))

    async def _serve(self, started: concurrent.futures.Future[None]) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        self.open = True
        started.set_result(None)
        await self.stop.wait()
        tasks = [task for task in self.calls.values() if task is not None]
        for task in tasks:  # while the connections are still open, so that unwinding can use them
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        await self._cleanup()

    def _start(self, future: concurrent.futures.Future[R], function: Callable[[], Coroutine[Any, Any, R]]) -> None:
        task = self.loop.create_task(_ended(function))
        self.calls[future] = task
        task.add_done_callback(functools.partial(self._done, future))
        if self.stop.is_set():
            task.cancel()

    def _done(self, future: concurrent.futures.Future[R], task: "asyncio.Task[_Ended[R]]") -> None:
        self.calls.pop(future, None)
        if task.cancelled():
            closed = ClosedError("the client was closed during the call")
            future.set_exception(concurrent.futures.CancelledError() if self.open else closed)
            return
        result, error = task.result()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("R", result))

    def _cancel(self, future: concurrent.futures.Future[Any]) -> None:
        task = self.calls.get(future)
        if task is not None:
            task.cancel()


async def _ended(function: Callable[[], Coroutine[Any, Any, R]]) -> "_Ended[R]":
    """The result or the error as a value, so that a SystemExit inside ends the call and not the loop."""
    try:
        return await function(), None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001
        return None, error


class LoopThread:
    """The loop of a blocking client and of its views: started by the first call, and anew in a forked child."""

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]], unclosed: str) -> None:
        self._lock = threading.Lock()
        self._cleanup = cleanup
        self._unclosed = unclosed
        self._worker: _Worker | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._closed = False
        _threads.add(self)

    def run(self, function: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine function on the loop, and block until it has ended.

        Raises:
            ClosedError: The client is closed, or was closed meanwhile.
            EvEnergyError: It was called on the loop itself.
        """
        return (self._worker or self._begin()).call(function)

    def close(self) -> None:
        """End the loop and its thread."""
        with self._lock:
            self._closed, worker = True, self._worker
        if worker is not None:
            if self._finalizer is not None:
                self._finalizer.detach()
            worker.shutdown()

    def _begin(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise ClosedError("the client is closed; make a new one")
            if self._worker is None:
                self._worker = _Worker(self._cleanup)
                self._finalizer = weakref.finalize(self, self._worker.shutdown, self._unclosed)  # collected, or exit
            return self._worker

    def after_fork(self) -> None:
        """In the child: what was inherited is kept and never touched, for closing it would edit the parent's epoll."""
        self._lock = threading.Lock()  # whoever held it is not here
        if self._finalizer is not None:
            self._finalizer.detach()
        _inherited.append(self._worker)
        self._worker = self._finalizer = None


_threads: "weakref.WeakSet[LoopThread]" = weakref.WeakSet()
_inherited: list[object] = []


def _after_fork() -> None:
    for thread in list(_threads):
        thread.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Facade(Generic[A_co]):
    """The blocking twin of an async object."""

    def __init__(self, twin: A_co, loop: LoopThread) -> None:
        self._twin = twin
        self._loop = loop


class Method(Protocol[A_contra, P, R_co]):
    """What `blocking` makes, as a type checker sees it; at run time it is a function."""

    @overload
    def __get__(self, facade: None, owner: type) -> Callable[..., R_co]: ...
    @overload
    def __get__(self, facade: Facade[A_contra], owner: type) -> Callable[P, R_co]: ...


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]]) -> Method[A, P, R]:
    """The blocking form of the twin's coroutine method."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(functools.partial(method, self._twin, *args, **kwargs))

    return cast("Method[A, P, R]", call)


def blocking_pager(method: "Callable[Concatenate[A, P], Pager[R]]") -> "Method[A, P, BlockingPager[R]]":
    """The blocking form of the twin's method that gives a pager."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> BlockingPager[R]:
        return BlockingPager(method(self._twin, *args, **kwargs), self._loop)

    return cast("Method[A, P, BlockingPager[R]]", call)


class BlockingPager(Iterator[T]):
    """The items of a collection, page by page: ``for item in pager`` blocks once a page.

    It is an iterator, which one loop uses up; `pages` and `collect` begin anew.
    """

    def __init__(self, pager: Pager[T], loop: LoopThread) -> None:
        self._pager = pager
        self._loop = loop
        self._items = (item for page in self.pages() for item in page.items)

    def __next__(self) -> T:
        return next(self._items)

    def pages(self) -> Iterator[Page[T]]:
        """The pages, from the first."""
        return _pages(self._pager.pages(), self._loop)

    def collect(self, limit: int | None = None) -> list[T]:
        """All items in a list, or the first ``limit``; no page is asked for that is not needed."""
        return self._loop.run(functools.partial(self._pager.collect, limit))


def _pages(pages: Pages[T], loop: LoopThread) -> Iterator[Page[T]]:
    while (page := loop.run(pages.next_page)) is not None:
        yield page


def fan_out(
    loop: LoopThread,
    method: Callable[..., Any],
    items: Iterable[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
    kwargs: dict[str, Any],
) -> Iterator[Outcome[Item, Any]]:
    """The outcomes of a blocking method over many items, which are taken in the caller's thread."""
    facade: object = getattr(method, "__self__", None)
    function = getattr(method, "__wrapped__", None)
    if not isinstance(facade, Facade) or function is None:
        raise InvalidArgumentError(f"expected a method of this client, such as client.vehicles.get, got {method!r}")
    work = functools.partial(function, cast("Facade[Any]", facade)._twin)  # noqa: SLF001
    crew = Crew[Item, Any](
        lambda item: collected(work(item, **kwargs)),
        concurrency=concurrency,
        total=size(items),
        on_progress=on_progress,
    )
    return _outcomes(loop, crew, iter(items))


def _outcomes(loop: LoopThread, crew: Crew[Item, V], items: Iterator[Item]) -> Iterator[Outcome[Item, V]]:
    more = True
    try:
        while True:
            if (outcome := crew.take()) is not None:
                yield outcome
            elif more and crew.room > 0:
                for item in items:
                    loop.run(functools.partial(_start, crew, item))
                    break
                else:
                    more = False
            elif crew.busy:
                loop.run(crew.wait)
            else:
                return
    finally:
        if crew.busy:
            with contextlib.suppress(EvEnergyError):  # the client is closed
                loop.run(crew.close)


async def _start(crew: Crew[Item, V], item: Item) -> None:
    crew.start(item)
