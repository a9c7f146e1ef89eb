"""Worker: an event loop in a thread of its own, and the wait of its callers.

A signal handler may interrupt a caller at any point, and there close the client, fork, make another call or raise. So
no caller holds a lock that the loop or such a handler could wait for. A caller adds its call to a table and then looks
whether the loop is open; the end of the loop closes it and then looks at the table: one of the two sees the other.
"""

import _thread
import asyncio
import concurrent.futures
import contextlib
import contextvars
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, cast

from evenergy._lazy import check_not_importing, is_importing
from evenergy._transport.failures import no_thread
from evenergy.errors import ClosedError, EvEnergyError, TransportError

from .wakers import EventfdWaker, LockWaker, Waker, new_waker, process

P = ParamSpec("P")
R = TypeVar("R")

_GRACE = 5.0  # seconds for a cancelled call to unwind
_LOOP = "the client's event loop"

_inherited: list[object] = []
"""Workers of a parent process. They are kept and never touched: to close one would edit the parent's epoll."""


class Scope:
    """Mark of the calls that one function makes, by which they can be cancelled together."""

    is_closed: bool = False

    def close(self) -> None:
        """Let no more calls begin."""
        self.is_closed = True


scope_of_calls: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("scope_of_calls", default=None)


class _Call(Generic[R]):
    """One call, and the waker that its caller waits for."""

    task: asyncio.Task[None] | None = None
    result: R | None = None
    error: BaseException | None = None
    is_done = False

    def __init__(
        self,
        function: Callable[..., Coroutine[Any, Any, R]],
        args: tuple[object, ...],
        kwargs: Mapping[str, object],
        waker: Waker,
    ) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.waker = waker
        self.context = contextvars.copy_context()

    def begin(self) -> Coroutine[Any, Any, R]:
        """Return the coroutine, which alone holds the arguments from here on: it lets go of them before it returns."""
        begun = self._function(*self._args, **self._kwargs)
        del self._function, self._args, self._kwargs
        return begun

    def run_in(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        """Begin the task of the call, which does this work."""
        self.task = loop.create_task(work, context=self.context)

    def finish(self, result: R | None, error: BaseException | None) -> None:
        """End the call with its result or its error, and wake its caller."""
        self.result, self.error = result, error
        self.is_done = True
        self.waker.wake()

    def wake_by(self, waker: Waker) -> None:
        """Wake the caller by another waker from here on."""
        self.waker = waker

    @property
    def scope(self) -> Scope | None:
        """Return the scope in which the call was made."""
        return self.context.get(scope_of_calls)


class Worker:
    """Event loop in a daemon thread. It knows nothing of the client, so that the client can be collected."""

    loop: asyncio.AbstractEventLoop | None = None
    """None until its thread has begun."""
    thread: threading.Thread | None = None
    """None until the first call has started it."""
    is_open: bool = True
    """True while calls are taken."""
    is_ended: bool = False
    """True when the loop has ended; its thread is about to."""

    _ident: int | None = None
    _is_joined = False

    def __init__(self, cleanup: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._process = process[0]
        self._cleanup, self._stop = cleanup, asyncio.Event()
        self._calls: set[_Call[Any]] = set()
        self._inbox: deque[tuple[Callable[[_Call[Any]], None], _Call[Any]]] = deque()
        # A waker of our own: `call_soon_threadsafe` makes a handle for each call and reads its socket twice, in 10 us.
        waker = new_waker()
        self._waker: EventfdWaker | None = waker if isinstance(waker, EventfdWaker) else None
        self._wakers: list[Waker] = []  # of callers, to be used again: to make one takes a system call or two
        self._closers: list[Waker] = []
        self._launched = threading.Lock()  # never waited for

    def call(self, function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a coroutine function on the loop, and block until it has ended.

        Raises:
            ClosedError: The client is closed, or the process was forked during the call.
            EvEnergyError: The call is made where it would wait for itself.
        """
        if threading.get_ident() == self._ident:
            raise EvEnergyError("a blocking call on the client's own event loop would wait for itself; use AsyncClient")
        check_not_importing()
        waker = self._take_waker()
        call = _Call(function, args, kwargs, waker)
        try:
            self._submit(call)
            while not call.is_done:
                waker.wait()
                self._check_process(call)
            if call.error is not None:
                raise call.error
            return cast("R", call.result)
        finally:
            if call in self._calls:
                self._abandon(call)
            self._wakers.append(waker)
            if not self.is_open:
                self._wakers.clear()
            del call  # or its error and this frame would hold each other

    def finish(self, function: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run a coroutine function on the loop, and wait for it only where that is safe, and not for long."""
        call = _Call(function, (), {}, LockWaker())
        with contextlib.suppress(EvEnergyError):
            self._submit(call)
            if threading.get_ident() != self._ident and not is_importing():
                self._wait_for(call, call.waker)

    def cancel_scope(self, scope: Scope) -> list[asyncio.Task[None]]:
        """Cancel the calls of a scope, now and to come; return the tasks that have to unwind. Runs on the loop."""
        scope.close()
        calls = [call for call in self._calls if call.scope is scope]
        for call in calls:
            self._cancel(call)
        return [call.task for call in calls if call.task is not None]

    def end(self) -> None:
        """End the loop and its thread; waiting calls get a `ClosedError`."""
        self.is_open = False
        self._wakers.clear()
        self._wake()

    def join(self) -> None:
        """Wait until the loop has ended, 10 seconds at most; at once where the loop may need what this thread holds."""
        if self._ident in (None, threading.get_ident()) or is_importing() or sys.is_finalizing():
            return
        waker = LockWaker()
        self._closers.append(waker)
        until = time.monotonic() + 2 * _GRACE
        while not self.is_ended and self._is_here() and time.monotonic() < until:
            waker.wait()
        # One caller is enough. Another may be a handler that interrupted the first one where it holds a lock.
        if self.is_ended and self.thread is not None and not self._is_joined:
            self._is_joined = True
            self.thread.join(1.0)

    def drop(self, unclosed: str) -> None:
        """End a worker that nobody has closed: its client was collected, or the interpreter exits."""
        if not self._is_here():
            _inherited.append(self)
            return
        is_in_use = self.is_open and self._ident is not None
        self.end()
        self.join()
        if is_in_use:
            warnings.warn(unclosed, ResourceWarning, stacklevel=2)

    def _is_here(self) -> bool:
        return self._process is process[0]

    def _submit(self, call: _Call[Any]) -> None:
        self._calls.add(call)  # before the look at `is_open`: the end looks at the calls after it has closed
        self._check_process(call)
        if not self.is_open or sys.is_finalizing():
            self._calls.discard(call)
            raise ClosedError("the client is closed; make a new one")
        self._post(self._begin, call)

    def _check_process(self, call: _Call[Any]) -> None:
        if self._process is not process[0]:  # a handler forked, and this is the child: nothing responds here
            self._calls.discard(call)
            raise ClosedError("the process was forked during the call")

    def _post(self, action: Callable[[_Call[Any]], None], call: _Call[Any]) -> None:
        """Have the loop do something with a call, and start the loop if that is still to be done."""
        self._inbox.append((action, call))
        self._wake()
        if self._ident is None:
            self._launch()

    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()
        elif self.loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self.loop.call_soon_threadsafe(self._drain)

    def _take_waker(self) -> Waker:
        try:
            return self._wakers.pop()
        except IndexError:
            return new_waker()

    def _wait_for(self, call: _Call[Any], waker: Waker) -> None:
        until = time.monotonic() + _GRACE
        while not (call.is_done or self.is_ended) and self._is_here() and time.monotonic() < until:
            waker.wait()

    def _abandon(self, call: _Call[Any]) -> None:
        """Cancel a call that its caller leaves, as after Ctrl-C, and wait until it has unwound, but not for long."""
        waker = LockWaker()  # whose wait has an end
        call.wake_by(waker)
        with contextlib.suppress(EvEnergyError):  # no thread can be started
            self._post(self._cancel, call)
            self._wait_for(call, waker)
        if self.is_ended:  # and has looked at the calls before this one was added
            self._calls.discard(call)

    def _launch(self) -> None:
        """Start the thread that starts the loop's.

        `Thread.start` holds a lock that the new thread takes. A handler that interrupted it, and waited for that thread
        to end, would wait for ever. No handler interrupts a thread that is not the main one.
        """
        try:
            _thread.start_new_thread(self._start_thread, ())
        except RuntimeError as error:
            raise no_thread(_LOOP, error) from None

    def _start_thread(self) -> None:
        if not self._launched.acquire(blocking=False):
            return  # several first calls came at once
        try:
            self.thread = threading.Thread(target=self._main, name="evenergy", daemon=True)
            self.thread.start()
        except RuntimeError as error:
            self._launched.release()
            self._finish_all(no_thread(_LOOP, error))

    def _main(self) -> None:
        self._ident = threading.get_ident()
        reason = "the client's event loop has ended"
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._serve())
        except (OSError, RuntimeError) as error:  # too many open files; no thread at exit for what asyncio closes
            reason = f"{reason}: {error}"
        finally:  # nobody may wait for a loop that has ended, whatever ended it
            self.is_open = False
            self._finish_all(ClosedError(reason))
            self.is_ended = True
            for waker in list(self._closers):
                waker.wake()

    async def _serve(self) -> None:
        loop = self.loop = asyncio.get_running_loop()
        if self._waker is not None:
            loop.add_reader(self._waker, self._woken)
        self._drain()  # of what came before
        try:
            await self._stop.wait()
        finally:
            self.is_open = False  # whatever ended it, no call comes from here on
            if self._waker is not None:
                loop.remove_reader(self._waker)
            await self._cancel_all()
            await self._cleanup()

    async def _cancel_all(self) -> None:
        """Cancel all calls while the connections are still open, so that unwinding can use them."""
        calls = list(self._calls)
        for call in calls:
            self._cancel(call)
        tasks = [call.task for call in calls if call.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)

    def _woken(self) -> None:
        cast("EventfdWaker", self._waker).wait()
        self._drain()

    def _drain(self) -> None:
        if not self.is_open:
            self._stop.set()
        while self._inbox:
            action, call = self._inbox.popleft()
            action(call)

    def _begin(self, call: _Call[Any]) -> None:
        if call not in self._calls:
            return  # its caller has left it
        scope = call.scope
        if scope is not None and scope.is_closed:
            self._finish(call, ClosedError("the fan-out that the call belongs to has ended"))
        elif self.loop is not None:
            call.run_in(self.loop, self._run(call))

    async def _run(self, call: _Call[Any]) -> None:
        """Run a call. Its error is a value, so that a SystemExit ends the call and not the loop."""
        try:
            self._finish(
                call, result=await call.begin()
            )  # here and not when the task is done, which is one turn of the loop later
        except asyncio.CancelledError:
            self._cancelled(call)
            raise
        except BaseException as error:  # noqa: BLE001  ours say all in their text, so the caller's frames are enough
            self._finish(call, _without_our_frames(error))
        finally:
            del call  # the frames of its error may lead back to this one, so none of them is named here either

    def _cancel(self, call: _Call[Any]) -> None:
        if call.task is None:
            self._cancelled(call)
        else:
            call.task.add_done_callback(lambda _: self._cancelled(call))  # it may not have begun
            call.task.cancel()

    def _cancelled(self, call: _Call[Any]) -> None:
        if call not in self._calls:
            return
        if call.task is not None and not call.task.cancelling():  # by something that it awaited
            self._finish(call, concurrent.futures.CancelledError())
        elif self.is_open:
            self._finish(call, ClosedError("the fan-out that the call belongs to has ended"))
        else:
            self._finish(call, ClosedError("the client was closed"))

    def _finish_all(self, error: EvEnergyError) -> None:
        for call in list(self._calls):
            self._finish(call, error)

    def _finish(self, call: _Call[Any], error: BaseException | None = None, result: object = None) -> None:
        self._calls.discard(call)
        call.finish(result, error)


def _without_our_frames(error: BaseException) -> BaseException:
    """Return an error without the frame of the worker; one of ours without any, since its text says all."""
    cause = error.__cause__ if isinstance(error, TransportError) else error
    if isinstance(cause, RuntimeError) and not threading.main_thread().is_alive():
        return ClosedError(f"the interpreter is shutting down: {error}")  # as when no thread can resolve a host name
    trace = error.__traceback__
    return error.with_traceback(None if isinstance(error, EvEnergyError) or trace is None else trace.tb_next)
