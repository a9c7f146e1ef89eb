"""The loop of a blocking client, in a thread of its own, and how its callers wait for their answers."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import os
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, cast

from evenergy.errors import ClosedError, EvEnergyError

P = ParamSpec("P")
R = TypeVar("R")

_POLL = 0.25  # seconds between two looks where there is no eventfd; Ctrl-C waits for it on Windows
_GRACE = 5.0  # seconds for a cancelled call to unwind
_INTERRUPTED = contextlib.suppress(InterruptedError)  # a signal's handler ran, and raised nothing


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
        with _INTERRUPTED:
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

    def __init__(
        self,
        function: Callable[..., Coroutine[Any, Any, R]],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        bell: _Eventfd | _Lock,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
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

    def call(self, function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        if threading.get_ident() == self._ident:
            raise EvEnergyError("a blocking call on the client's own event loop would wait for itself; use AsyncClient")
        bell = self._take_bell()
        call = _Call(function, args, kwargs, bell)
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
            call.result = await call.function(*call.args, **call.kwargs)
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

    def run(self, function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a coroutine function on the loop, and block until it has ended."""
        return (self._worker or self.worker()).call(function, *args, **kwargs)

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
