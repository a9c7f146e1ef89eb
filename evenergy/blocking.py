"""Blocking code over the async client: a loop in a thread, and the typed one-line form of a method.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import inspect
import os
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from .errors import ClosedError, EvEnergyError, InvalidArgumentError
from .fanout import Crew, OnProgress, Outcome, check, collected, size
from .pager import Page, Pager

A = TypeVar("A")
Item = TypeVar("Item")
P = ParamSpec("P")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)

_POLL = 0.25  # seconds between two looks where there is no eventfd; Ctrl-C waits for it on Windows
_GRACE = 5.0  # seconds for a cancelled call to unwind


class _Eventfd:
    """Wakes one thread from another. It gives up the GIL while it does so: a lock wakes a thread that then waits."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """For the loop to watch."""
        return self._fd

    def ring(self) -> None:
        """Wake who waits, or will."""
        os.eventfd_write(self._fd, 1)

    def wait(self) -> None:
        """Until it rings, or perhaps before: look whether there was a reason."""
        with contextlib.suppress(InterruptedError):  # a signal's handler ran, and raised nothing
            os.eventfd_read(self._fd)

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)


class _Lock:
    """The same where the system has no eventfd, or none left."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rang before, and nobody came
            self._silent.release()

    def wait(self) -> None:
        self._silent.acquire(timeout=_POLL)


def _bell() -> _Eventfd | _Lock:
    try:
        return _Eventfd()
    except (AttributeError, OSError):
        return _Lock()


class _Call(Generic[R]):
    """One call on its way, and the bell that its caller waits for."""

    task: asyncio.Task[None] | None = None
    result: R | None = None
    error: BaseException | None = None
    answered = False

    def __init__(self, function: Callable[[], Coroutine[Any, Any, R]], bell: _Eventfd | _Lock) -> None:
        self.function = function
        self.bell = bell
        self.context = contextvars.copy_context()


class _Worker:
    """One loop in one daemon thread. It knows nothing of the client, so that the client can be collected."""

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.open: bool = True
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self.lock: threading.RLock = threading.RLock()  # the collector may come in between, and call from this thread
        self._calls: set[_Call[Any]] = set()
        self._inbox: deque[_Call[Any]] = deque()
        # A bell of our own: `call_soon_threadsafe` makes a handle for each call and reads its socket twice, 10 us more.
        bell = _bell()
        self._bell: _Eventfd | None = bell if isinstance(bell, _Eventfd) else None
        if self._bell is not None:
            self.loop.add_reader(self._bell, self._start_calls)
        self._bells: list[_Eventfd | _Lock] = []  # of callers, to be used again: to make one takes a system call or two
        self._cleanup, self._stop = cleanup, asyncio.Event()
        self.thread: threading.Thread = threading.Thread(target=self._main, name="evenergy", daemon=True)
        self.thread.start()
        self._ident = self.thread.ident

    def call(self, function: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        if threading.get_ident() == self._ident:
            raise EvEnergyError("a blocking call on the client's own event loop would wait for itself; use AsyncClient")
        bell = self._take_bell()
        call = _Call(function, bell)
        try:
            with self.lock:  # a call and the end exclude each other: none slips in after it
                self._calls.add(call)  # before the look: a signal's handler may fork in between
                if not self.open:
                    self._calls.discard(call)
                    raise ClosedError("the client is closed; make a new one")
                self._inbox.append(call)
                self._ring()
            while not call.answered:
                bell.wait()
            if call.error is not None:
                raise call.error
            return cast("R", call.result)
        finally:
            if call in self._calls:
                self._interrupt(call)
            self._bells.append(bell)
            if not self.open:
                self._bells.clear()
            del call  # or its error and this frame would hold each other

    def shutdown(self, unclosed: str | None = None) -> None:
        """End the loop and its thread; everyone who waits gets a ClosedError."""
        with self.lock:
            if self.open:
                self.open = False
                self.loop.call_soon_threadsafe(self._stop.set)
            self._bells.clear()
        if threading.current_thread() is not self.thread:  # a finalizer may run on the loop's own thread
            self.thread.join(2 * _GRACE)
        if unclosed is not None:
            warnings.warn(unclosed, ResourceWarning, stacklevel=2)

    def abandon(self) -> None:
        """In a forked child: nobody answers here, and what waits in the parent must not be woken."""
        self.lock, self.open = threading.RLock(), False  # whoever held it is not here
        for call in self._calls:  # one at most is here too: a signal's handler forked in the midst of it
            call.error, call.answered = ClosedError("the process was forked during the call"), True
        self._calls.clear()

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
                runner.run(self._serve())
        finally:
            for call in list(self._calls):  # nobody may wait for a loop that has ended, whatever ended it
                call.error = ClosedError("the client's event loop has ended")
                self._answer(call)

    async def _serve(self) -> None:
        try:
            await self._stop.wait()
        finally:
            with self.lock:  # whatever ended it, no call comes from here on
                self.open = False
                if self._bell is not None:
                    self.loop.remove_reader(self._bell)
                    self._bell = None
            calls = list(self._calls)
            for call in calls:
                self._cancel(call)
            tasks = [call.task for call in calls if call.task is not None]
            if tasks:  # while the connections are still open, so that unwinding can use them
                await asyncio.wait(tasks, timeout=_GRACE)
            await self._cleanup()

    def _ring(self) -> None:
        if self._bell is None:
            self.loop.call_soon_threadsafe(self._start_calls)
        else:
            self._bell.ring()

    def _take_bell(self) -> _Eventfd | _Lock:
        try:
            return self._bells.pop()
        except IndexError:
            return _bell()

    def _start_calls(self) -> None:
        if self._bell is not None:
            self._bell.wait()
        while self._inbox:
            call = self._inbox.popleft()
            if call in self._calls:  # Ctrl-C may have come first
                call.task = self.loop.create_task(self._run(call), context=call.context)

    async def _run(self, call: _Call[Any]) -> None:
        """The error is a value, so that a SystemExit ends the call and not the loop."""
        try:
            call.result = await call.function()
            self._answer(call)  # here and not when the task is done, which is one turn of the loop later
        except asyncio.CancelledError:
            self._cancelled(call)
            raise
        except BaseException as error:  # noqa: BLE001  ours say all in their text, so the caller's frames are enough
            call.error = error.with_traceback(
                None if isinstance(error, EvEnergyError) else error.__traceback__ and error.__traceback__.tb_next
            )
            self._answer(call)
        finally:
            del call  # the frames of its error may lead back to this one, so none of them is named here either

    def _interrupt(self, call: _Call[Any]) -> None:
        """After Ctrl-C: the request ends before the caller goes on, if it does not take too long."""
        call.bell = bell = _Lock()  # whose wait has an end
        until = time.monotonic() + _GRACE
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(self._cancel, call)
            while not call.answered and time.monotonic() < until:
                bell.wait()

    def _cancel(self, call: _Call[Any]) -> None:
        if call.task is None:
            self._cancelled(call)
        else:
            call.task.add_done_callback(lambda _: self._cancelled(call))  # it may not have begun
            call.task.cancel()

    def _cancelled(self, call: _Call[Any]) -> None:
        if call in self._calls:
            by_us = call.task is None or call.task.cancelling()  # and not by something that the call awaited
            call.error = ClosedError("the client was closed") if by_us else concurrent.futures.CancelledError()
            self._answer(call)

    def _answer(self, call: _Call[Any]) -> None:
        self._calls.discard(call)
        call.answered = True
        call.bell.ring()


class LoopThread:
    """The loop of a blocking client and of its views: started by the first call, and anew in a forked child."""

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]], unclosed: str) -> None:
        self._lock = threading.RLock()  # as the worker's
        self._cleanup, self._unclosed = cleanup, unclosed
        self._worker: _Worker | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._closed = False
        _threads.add(self)

    def run(self, function: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        return (self._worker or self.worker()).call(function)

    def close(self) -> None:
        """End the loop and its thread."""
        with self._lock:
            self._closed = True
        if self._finalizer is not None:
            self._finalizer.detach()
        if self._worker is not None:
            self._worker.shutdown()

    def worker(self) -> _Worker:
        """What runs the calls of this process."""
        with self._lock:
            if self._closed:
                raise ClosedError("the client is closed; make a new one")
            if self._worker is None:
                self._worker = _Worker(self._cleanup)
                self._finalizer = weakref.finalize(self, self._worker.shutdown, self._unclosed)  # collected, or exit
            return self._worker

    def after_fork(self) -> None:
        """In the child: what was inherited is kept and never touched, for closing it would edit the parent's epoll."""
        self._lock = threading.RLock()  # whoever held it is not here
        if self._finalizer is not None:
            self._finalizer.detach()
        if self._worker is not None:
            self._worker.abandon()
            _inherited.append(self._worker)
        self._worker = self._finalizer = None


_threads: "weakref.WeakSet[LoopThread]" = weakref.WeakSet()
_inherited: list[object] = []


def _after_fork() -> None:
    for thread in list(_threads):
        thread.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Facade(Generic[T_co]):
    """The blocking twin of an async object."""

    def __init__(self, twin: T_co, loop: LoopThread) -> None:
        self._twin, self._loop = twin, loop


class Method(Protocol[T_contra, P, T_co]):
    """What `blocking` makes, as a type checker sees it; at run time it is a function."""

    @overload
    def __get__(self, facade: None, owner: type) -> Callable[..., T_co]: ...
    @overload
    def __get__(self, facade: Facade[T_contra], owner: type) -> Callable[P, T_co]: ...


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

    signature = inspect.signature(method)  # for help(): the result is another
    pager: Any = signature.return_annotation
    result = f"Blocking{pager}" if isinstance(pager, str) else cast("Any", BlockingPager)[get_args(pager)]
    cast("Any", call).__signature__ = signature.replace(return_annotation=result)
    return cast("Method[A, P, BlockingPager[R]]", call)


class BlockingPager(Iterator[R]):
    """The items of a collection, page by page: ``for item in pager`` blocks once a page.

    One loop uses it up, and after an error it goes on where it was; `pages` and `collect` begin anew.
    """

    def __init__(self, pager: Pager[R], loop: LoopThread) -> None:
        self._pager, self._loop = pager, loop
        self._pages, self._items = self.pages(), iter(list[R]())

    def __next__(self) -> R:
        while True:
            for item in self._items:
                return item
            self._items = iter(next(self._pages).items)

    def pages(self) -> Iterator[Page[R]]:
        """The pages, from the first."""
        return iter(functools.partial(self._loop.run, self._pager.pages().next_page), None)

    def collect(self, limit: int | None = None) -> list[R]:
        """All items in a list, or the first ``limit``; no page is asked for that is not needed."""
        return self._loop.run(functools.partial(self._pager.collect, limit))


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
    facade, function = getattr(method, "__self__", None), getattr(method, "__wrapped__", None)
    if function is None or getattr(facade, "_loop", None) is not loop:
        raise InvalidArgumentError(f"expected a method of this client, such as client.vehicles.get, got {method!r}")
    check(method, items, kwargs)

    async def work(item: Item) -> Any:
        try:
            return await collected(function(getattr(facade, "_twin", None), item, **kwargs))
        except (KeyboardInterrupt, SystemExit) as error:  # it ends the item, and not the loop
            raise RuntimeError(f"the call ended with {error!r}") from error

    crew = Crew[Item, Any](work, concurrency=concurrency, total=size(items), on_progress=on_progress)
    return _outcomes(loop, crew, iter(items))


def _outcomes(loop: LoopThread, crew: Crew[Item, R], items: Iterator[Item]) -> Iterator[Outcome[Item, R]]:
    worker = loop.worker()  # this one to the end: in a forked child the crew is still the parent's
    end: Exception | None = None
    try:
        while True:
            if (outcome := crew.take()) is not None:
                yield outcome
            elif end is None and crew.room > 0:
                try:
                    worker.call(functools.partial(_step, crew, next(items)))
                except Exception as error:  # noqa: BLE001  no more, or the source broke: those under way come out first
                    end = error
            elif crew.busy:
                worker.call(functools.partial(_step, crew))
            elif end is None or isinstance(end, StopIteration):
                return
            else:
                raise end
    finally:
        end = None  # or it and this frame would hold each other
        if threading.current_thread() is worker.thread:  # the collector came by on the loop's own thread
            crew.cancel()
        elif crew.busy:
            with contextlib.suppress(EvEnergyError):  # the client is closed
                worker.call(crew.close)


async def _step(crew: Crew[Item, R], *items: Item) -> None:
    for item in items:
        crew.start(item)
    if not items and crew.busy:  # asked again, here on the loop, where the last one cannot end in between
        await crew.wait()
