"""Hours in milliseconds: an event loop whose clock jumps to the next timer, and a server with a rolling window."""

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

WINDOW = 3600.0

RetryAfter = Literal["exact", "none", "zero", "one", "small", "hour", "month"]
Headers = Literal["both", "limit", "remaining", "none"]


class _Jump(selectors.DefaultSelector):
    """A selector that never waits: when nothing is ready, the time is simply later."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("deadlock: every task waits for another")
            self.now += max(0.0, timeout)
        ready: list[tuple[selectors.SelectorKey, int]] = events
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer."""

    def __init__(self, now: float = 0.0) -> None:
        self._jump = _Jump(now)
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run a function at once: a thread would take real time, of which the clock knows nothing."""
        future: asyncio.Future[T] = self.create_future()
        future.set_result(func(*args))
        return future

    def jump(self, seconds: float) -> None:
        """Set the clock forward, as when the machine was suspended and the clock went on."""
        self._jump.now += seconds


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop | None = None) -> T:
    """Run a coroutine where waiting takes no time."""
    with asyncio.Runner(loop_factory=VirtualLoop if loop is None else lambda: loop) as runner:
        return runner.run(main)


class Reply(NamedTuple):
    """The part of a response that concerns the rate limit."""

    status: int
    limit: int | None = None
    remaining: int | None = None
    retry_after: float | None = None

    def headers(self) -> dict[str, str]:
        """Return the same as headers of a response."""
        values = {
            "X-RateLimit-Limit": self.limit,
            "X-RateLimit-Remaining": self.remaining,
            "Retry-After": None if self.retry_after is None else int(self.retry_after),
        }
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass
class Server:
    """An exact rolling window, and the ways in which a server tells of it.

    Attributes:
        limit: Requests in a rolling window.
        retry_after: What a 429 carries: the seconds until a slot is free in whole seconds, a tenth of that, a constant.
        counts_rejected: A request that is rejected counts, too.
        headers: Which of the two headers a response has.
        special: Called with the time before a request is counted; its reply, if any, is sent instead.
        distort: Called with the time and a reply; what it returns is sent instead.
    """

    limit: int = 1000
    retry_after: RetryAfter = "exact"
    counts_rejected: bool = False
    headers: Headers = "both"
    special: Callable[[float], Reply | None] | None = None
    distort: Callable[[float, Reply], Reply] | None = None
    log: deque[float] = field(default_factory=deque[float])
    history: list[float] = field(default_factory=list[float])  # the same, for ever
    served: int = 0
    rejected: int = 0

    def used(self, now: float) -> int:
        """Return how many requests are counted."""
        while self.log and self.log[0] <= now - WINDOW:
            self.log.popleft()
        return len(self.log)

    def others(self, now: float, count: int = 1) -> None:
        """Count requests of somebody else, as far as there is room."""
        for _ in range(count):
            if self.used(now) < self.limit:
                self._count(now)

    def respond(self, now: float) -> Reply:
        """Count a request, and return the reply."""
        reply = self.special(now) if self.special is not None else None
        if reply is None:
            reply = self._reply(now)
        return reply if self.distort is None else self.distort(now, reply)

    def _reply(self, now: float) -> Reply:
        used = self.used(now)
        limit = self.limit if self.headers in {"both", "limit"} else None
        says_remaining = self.headers in {"both", "remaining"}
        if used < self.limit:
            self._count(now)
            self.served += 1
            return Reply(200, limit, self.limit - used - 1 if says_remaining else None)
        self.rejected += 1
        if self.counts_rejected:
            self._count(now)
        return Reply(429, limit, 0 if says_remaining else None, self._seconds(now))

    def _count(self, now: float) -> None:
        self.log.append(now)
        self.history.append(now)

    def _seconds(self, now: float) -> float | None:
        exact = max(1, math.ceil(self.log[len(self.log) - self.limit] + WINDOW - now))
        seconds: dict[str, float | None] = {
            "exact": exact,
            "none": None,
            "zero": 0,
            "one": 1,
            "small": exact // 10,
            "hour": 3600,
            "month": 30 * 86400,
        }
        return seconds[self.retry_after]
