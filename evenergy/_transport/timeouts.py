"""Bounds in time for what is awaited, all on one timer: `asyncio.timeout` for a fifth of its price on Python 3.11."""

import asyncio
import math
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

T = TypeVar("T")


class ExpiredError(Exception):
    """What was watched took too long, or the client was closed meanwhile."""


class Timeout:
    """A block of code that a task is in, until when it may be, and whether that was too long.

    As a context manager it ends such a block and swallows the cancellation that did it: look at `expired` behind it.
    """

    __slots__ = ("_cancelling", "_running", "due", "expired", "task")

    def __init__(self, running: "set[Timeout]", task: "asyncio.Task[Any]", due: float) -> None:
        self.task: asyncio.Task[Any] = task
        self.due: float = due
        self.expired: bool = False
        self._running = running
        self._cancelling = task.cancelling()

    def __enter__(self) -> Self:
        self._running.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: object) -> bool:
        self._running.discard(self)
        # As asyncio.timeout does it: ours is taken back, and a cancellation by somebody else goes on.
        return self.expired and self.task.uncancel() <= self._cancelling and kind is asyncio.CancelledError


class Timeouts:
    """Ends what takes too long, and on `expire_all` all that is under way."""

    def __init__(self) -> None:
        self._running: set[Timeout] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self, seconds: float | None, loop: asyncio.AbstractEventLoop, now: float) -> Timeout:
        """A bound for the block of code that is about to begin in this task; None for none but `expire_all`."""
        if loop is not self._loop:
            self._forget()  # what was under way on a loop that is gone
            self._loop = loop
        due = math.inf if seconds is None else now + seconds
        if due < self._looks_at:
            self._look_at(due, loop)
        task: Any = asyncio.current_task(loop)
        return Timeout(self._running, task, due)

    async def bounded(self, work: Awaitable[T], seconds: float | None) -> T:
        """Await something for so many seconds at most.

        Raises:
            ExpiredError: The time is over, or `expire_all` was called.
        """
        loop = asyncio.get_running_loop()
        with self.watch(seconds, loop, loop.time()):
            return await work
        raise ExpiredError

    def expire_all(self) -> None:
        """End everything now."""
        for timeout in self._running:
            self._expire(timeout)
        self._forget()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._running.clear()
        self._timer, self._looks_at = None, math.inf

    def _look_at(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._looks_at = loop.call_at(due, self._look, loop), due

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for timeout in self._running:
            if timeout.due <= now:
                self._expire(timeout)
        self._timer, self._looks_at = None, math.inf
        due = min((timeout.due for timeout in self._running if not timeout.expired), default=math.inf)
        if due < math.inf:
            self._look_at(due, loop)

    def _expire(self, timeout: Timeout) -> None:
        if not timeout.expired:
            timeout.expired = True
            timeout.task.cancel()
