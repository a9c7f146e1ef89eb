"""Timeouts of all that is awaited, on one timer: `asyncio.timeout` for a fifth of its price on Python 3.11."""

import asyncio
import contextvars
import math
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

T = TypeVar("T")


class ExpiredError(Exception):
    """Expiry of a timeout, or the end of the client meanwhile."""


class Timeout:
    """Timeout of a block of code that a task is in.

    As a context manager it ends such a block and swallows the cancellation that did it: look at `expired` behind it.
    """

    __slots__ = ("_cancelling", "_timeouts", "due", "expired", "task")

    def __init__(self, timeouts: "Timeouts", task: "asyncio.Task[Any]", due: float) -> None:
        self.task: asyncio.Task[Any] = task
        self.due: float = due
        self.expired: bool = False
        self._timeouts = timeouts
        self._cancelling = task.cancelling()

    def expire(self) -> None:
        """End the block now."""
        if not self.expired:
            self.expired = True
            self.task.cancel()

    def __enter__(self) -> Self:
        self._timeouts.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> bool:
        self._timeouts.discard(self)
        # As asyncio.timeout does it: ours is taken back, and a cancellation by somebody else goes on.
        return self.expired and self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError


class Timeouts:
    """All timeouts of a client: each ends its block in time, and `expire_all` ends all of them.

    The timer is set no more often than it must be.
    """

    def __init__(self, *, keep_timer: bool = True) -> None:
        """Prepare for any loop.

        Args:
            keep_timer: Leave the timer on the loop when nothing is in flight, for the next call to use: setting it for
                each call costs as much as all other bookkeeping of a timeout.
        """
        self._keep_timer = keep_timer
        self._running: set[Timeout] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf  # of the timer
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, seconds: float | None, loop: asyncio.AbstractEventLoop, now: float) -> Timeout:
        """Return a timeout for the block that is about to begin in this task; None has no end but `expire_all`."""
        if loop is not self._loop:
            self._forget()  # a loop that is gone
            self._loop = loop
        due = math.inf if seconds is None else now + seconds
        if due < self._due:
            self._set_timer(due, loop)
        task: Any = asyncio.current_task(loop)
        return Timeout(self, task, due)

    async def bounded(self, work: Awaitable[T], seconds: float | None) -> T:
        """Await something for so many seconds at most.

        Raises:
            ExpiredError: The time is over, or `expire_all` was called.
        """
        loop = asyncio.get_running_loop()
        with self.watch(seconds, loop, loop.time()):
            return await work
        raise ExpiredError

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            ExpiredError: `expire_all` was called.
        """
        await self.bounded(asyncio.sleep(seconds), None)

    def add(self, timeout: Timeout) -> None:
        """Begin a timeout."""
        self._running.add(timeout)

    def discard(self, timeout: Timeout) -> None:
        """End a timeout."""
        self._running.discard(timeout)
        if not self._keep_timer and not self._running:
            self._cancel_timer()

    def rest(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave no timer on this loop, if nothing is in flight."""
        if loop is self._loop and not self._running:
            self._cancel_timer()

    def expire_all(self) -> None:
        """End all blocks now."""
        for timeout in self._running:
            timeout.expire()
        self._forget()

    def _forget(self) -> None:
        self._cancel_timer()
        self._running.clear()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._due = None, math.inf

    def _set_timer(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # In a context of its own: it outlives the call, whose context may hold a framework's request.
        self._timer, self._due = loop.call_at(due, self._expire, loop, context=contextvars.Context()), due

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for timeout in self._running:
            if timeout.due <= now:
                timeout.expire()
        self._timer, self._due = None, math.inf
        due = min((timeout.due for timeout in self._running if not timeout.expired), default=math.inf)
        if due < math.inf:
            self._set_timer(due, loop)
