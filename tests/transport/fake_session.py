"""The calls that a session makes to the rate limiter, without HTTP, and a record of every request."""

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.window import Permit
from evenergy.errors import RateLimitError
from tests.transport.virtual_time import Reply, Server

Fault = Literal["unsent", "never counted", "counted"]
"""A request that surely did not reach the server, one that is lost before it is counted, or after."""


class LostError(Exception):
    """A call that ended without success, for another reason than the rate limit."""


class Session(Protocol):
    """Session as the worlds call it: this fake, or the whole client."""

    @property
    def record(self) -> "Record": ...

    @property
    def limiter(self) -> RateLimiter: ...

    async def call(self, max_wait: float | None = None) -> None:
        """Make a call: `LostError` or `RateLimitError` where it fails."""

    async def close(self) -> None:
        """End, with nothing in flight."""


@dataclass
class Sent:
    """A request that went out."""

    ticket: int
    at: float
    counted_at: float | None = None
    landed_at: float | None = None
    reply: Reply | None = None  # None: lost
    was_held: bool = True


@dataclass
class Rejection:
    """A call that the limiter rejected."""

    asked_at: float
    at: float
    ends: float
    retry_after: float
    ahead: int  # how many of those that still wait are before it
    granted: int  # how many permits were out


@dataclass
class Record:
    """Record of what was sent and rejected."""

    sent: list[Sent] = field(default_factory=list[Sent])
    rejections: list[Rejection] = field(default_factory=list[Rejection])
    overtaken: int = 0  # permits that were granted while a caller with an older ticket waited
    in_flight: int = 0
    peak: int = 0


@dataclass(eq=False)
class FakeSession:
    """A session of a process: it queues, holds a connection, confirms the permit and sends."""

    limiter: RateLimiter
    server: Server
    rng: random.Random
    delay: Callable[[], float]  # seconds of one way
    concurrency: int = 32
    fault: Callable[[], Fault | None] | None = None
    record: Record = field(default_factory=Record)

    def __post_init__(self) -> None:
        self._connections = asyncio.Semaphore(self.concurrency)
        self._new: dict[int, float] = {}  # those who wait, in the order in which they came, and since when
        self._again: dict[int, tuple[float, int]] = {}  # those who wait with a ticket from before, and the ticket
        self._numbers = itertools.count()
        self._held = 0

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    async def call(self, max_wait: float | None = None) -> None:
        """Send until there is a response that is no 429, within the patience."""
        loop = asyncio.get_running_loop()
        ends = float("inf") if max_wait is None else loop.time() + max_wait
        ticket: int | None = None
        while True:
            permit = self.limiter.take(loop)
            if permit is None:
                permit = await self._queue(ends, ticket)
            ticket = permit.ticket
            reply = await self._send_once(permit, ends)
            if reply.status != 429:
                return

    async def _queue(self, ends: float, ticket: int | None) -> Permit:
        loop = asyncio.get_running_loop()
        asked, number = loop.time(), next(self._numbers)
        if ticket is None:
            self._new[number] = asked
        else:
            self._again[number] = (asked, ticket)
        try:
            permit = await self.limiter.acquire(ends=ends, ticket=ticket)
        except RateLimitError as error:
            ahead = sum(1 for other in self._new if other < number) + len(self._again)
            self.record.rejections.append(Rejection(asked, loop.time(), ends, error.retry_after, ahead, self._held))
            raise
        finally:
            self._new.pop(number, None)
            self._again.pop(number, None)
        granted = asked + permit.waited - 1e-9
        if ticket is None and self._new:
            first, since = next(iter(self._new.items()))
            self.record.overtaken += first < number and since < granted
        self.record.overtaken += any(old < permit.ticket and since < granted for since, old in self._again.values())
        return permit

    async def _send_once(self, permit: Permit, ends: float) -> Reply:
        while True:
            self._held += 1
            try:
                await self._connections.acquire()
            except asyncio.CancelledError:
                self._held -= 1
                self.limiter.give_back(permit)
                raise
            if self.limiter.holds(permit):
                break
            self._connections.release()
            self._held -= 1
            self.limiter.give_back(permit)
            permit = await self._queue(ends, permit.ticket)
        try:
            return await self._exchange(permit)
        finally:
            self._held -= 1
            self._connections.release()

    async def _exchange(self, permit: Permit) -> Reply:
        loop, record = asyncio.get_running_loop(), self.record
        sent = Sent(permit.ticket, loop.time(), was_held=self.limiter.holds(permit))
        record.sent.append(sent)
        record.in_flight += 1
        record.peak = max(record.peak, record.in_flight)
        self.limiter.sent(permit, sent.at)
        fault = self.fault() if self.fault is not None else None
        try:
            await asyncio.sleep(self.delay())
            if fault == "unsent":
                self.limiter.give_back(permit)
                raise LostError
            reply = None
            if fault != "never counted":
                sent.counted_at = loop.time()
                reply = self.server.respond(sent.counted_at)
                await asyncio.sleep(self.delay())
            if reply is None or fault is not None:
                self.limiter.lost(permit)
                raise LostError
        except asyncio.CancelledError:
            self.limiter.lost(permit)
            raise
        finally:
            record.in_flight -= 1
            sent.landed_at = loop.time()
        sent.reply = reply
        self.limiter.responded(permit, *reply)
        return reply
