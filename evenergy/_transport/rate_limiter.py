"""The rate gate: who may send when, in an hour that rolls.

The API tells how many requests remain, never when the next slot frees. Known are, best first: the ``Retry-After`` of a
429 (nothing before that); the remaining count, exact when nothing else of ours is under way; and our own log, since
each request frees its slot an hour after it was counted.
"""

import asyncio
import itertools
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeAlias, cast

import attrs

from evenergy.errors import ProblemFields, RateLimitError

if TYPE_CHECKING:
    import tenacity

WINDOW = 3600.0
"""Seconds: nothing in a rolling hour lasts longer."""

_TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS.value
_LEAST_SHARE = 0.25  # of what remains, when others use the bucket too
_SHORTEST_PAUSE = 1.0  # seconds after a 429, which is no attempt: only waits bound them
_LONGEST_PROBE = 60.0  # seconds between two looks at a bucket that tells nothing
_LONGEST_LOG = 1000  # requests that are remembered while no limit is known
_TICK = 0.001  # seconds: less is nothing, to a clock
_KEPT = WINDOW + _TICK  # seconds from an answer until the slot of its request is surely free

_log = logging.getLogger(__name__)


LimitReading: TypeAlias = tuple[int, int, float]
"""Limit, remaining, and when it was said in POSIX seconds: what is kept of each answer, until somebody asks."""


@attrs.frozen
class RateLimit:
    """What the API last said of a bucket of requests.

    Attributes:
        limit: How many requests a rolling hour has.
        remaining: How many of them were left.
        observed_at: When it was said (UTC).
    """

    limit: int
    remaining: int
    observed_at: datetime

    @classmethod
    def of(cls, reading: LimitReading | None) -> Self | None:
        """The value for what a gate was told, or None."""
        return None if reading is None else cls(reading[0], reading[1], datetime.fromtimestamp(reading[2], UTC))


class Permit:
    """The right to send one request."""

    at: float | None = None  # the loop's time of sending; None until then
    waited: float = 0.0  # seconds that the rate limit cost


class RateLimiter:
    """One bucket of requests, shared by all tasks that draw on it."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._limit: int | None = None  # None: the API has told none, so none is kept
        self.reading: LimitReading | None = None
        self._free: float = 1  # until the first answer is there one request goes, alone
        self._left: float = 1  # the same, were all of the bucket ours
        self._in_flight = 0
        self._not_before = 0.0
        self._probe_at: float | None = None
        self._refusals = 0
        self._lowest: float = math.inf  # the smallest remaining count told since we last sent
        self._unanswered = 0  # requests lost since we last sent
        self._share = 1.0
        self._sent: deque[tuple[float, float]] = deque()  # when sent and when answered, for each that took a slot
        self._waiting = 0
        self._said_waiting = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._time: Callable[[], float] = time.monotonic  # the loop's, as soon as there is one
        self._line = asyncio.Lock()  # its waiters are served first come, first served
        self._change = asyncio.Event()
        self._first = asyncio.Event()

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the API last said, or None."""
        return RateLimit.of(self.reading)

    def take(self, loop: asyncio.AbstractEventLoop) -> Permit | None:
        """A slot, if one is free and nobody waits for it."""
        if self._loop is not loop:
            self._bind(loop)
        return None if self._waiting else self._take(self._time())

    async def acquire(self, max_wait: float | None) -> Permit:
        """Wait for the right to send, in order of arrival.

        Raises:
            RateLimitError: It would take longer than ``max_wait`` seconds; told at once where that is known.
        """
        loop = asyncio.get_running_loop()
        slot = self.take(loop)
        while slot is None and self.reading is None and not self._refusals and self._in_flight:
            # What the first answer tells is waited for, but that is no wait for the rate limit.
            self._first.clear()
            await self._first.wait()
            slot = self.take(loop)
        return slot or await self._in_line(max_wait)

    async def _in_line(self, max_wait: float | None) -> Permit:
        asked = self._time()
        wait = self._wait_for(asked, self._waiting)
        if max_wait is not None and wait > max_wait:
            return self._last(asked, wait, max_wait)
        self._announce(wait, max_wait)
        self._waiting += 1
        try:
            async with asyncio.timeout(max_wait), self._line:
                ends = math.inf if max_wait is None else asked + max_wait
                slot = self._look(ends) or cast("Permit", await self._backoff()(self._look_again, ends))
                slot.waited = self._time() - asked
                return slot
        except TimeoutError:
            now = self._time()
            slot = self._last(now, self._wait_for(now), 0.0)
            slot.waited = now - asked
            return slot
        finally:
            self._waiting -= 1

    def _wait_for(self, now: float, place: int = 0) -> float:
        """Seconds until a slot can be free for the given place in the line."""
        ready = self._free
        if self._in_flight and self._lowest < math.inf:  # once they have landed, the lowest count is the truth
            ready = max(ready, (self._lowest - self._unanswered) * self._share)
        if ready > place:
            return max(0.0, self._not_before - now)
        place -= max(int(self._free), 0)
        opens = [] if self._probe_at is None else [self._probe_at]
        if place < len(self._sent):
            opens.append(self._sent[place][1] + _KEPT)
        elif self._sent and self._limit:
            opens.append(self._sent[-1][1] + _KEPT + (place - len(self._sent)) * self._gap())
        return max(0.0, max(min(opens, default=now), self._not_before) - now)

    def responded(
        self, permit: Permit, status: int, limit: int | None, remaining: int | None, retry_after: float | None
    ) -> None:
        """Learn from the answer to a request."""
        now = self._land()
        self._roll(now)
        if limit:
            self._limit = limit
        if limit is not None and remaining is not None:
            self.reading = (limit, remaining, time.time())
        if status == _TOO_MANY:
            self._refused(now, retry_after)
        else:
            self._refusals = 0
            self._remember(permit, now)
            self._counted(now, remaining)
        if self._waiting:
            self._change.set()

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good at the moment of sending."""
        return permit.at is None

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request of a permit goes out."""
        permit.at = now

    def estimated_wait(self) -> float:
        """Return the seconds until the next permit, as far as is known."""
        return self._wait_for(self._time())

    def lost(self, permit: Permit) -> None:
        """A request ended without an answer: if it was sent it may have been counted, so it is."""
        now = self._land()
        if permit.at is None:
            self._free += 1
            self._left += 1
        else:
            self._unanswered += 1
            self._remember(permit, now)
            if self._in_flight == 0 and self._lowest < math.inf:
                self._settle(now)
            elif self._in_flight == 0 and self.reading is None:
                self._free = self._left = math.inf  # nothing is known, and what is lost tells nothing of a limit
            elif self._in_flight == 0 and self._free <= 0 and self._probe_at is None:
                self._probe_at = now + self._gap() * self._rng.uniform(0.5, 1.5)  # the probe was lost: look again
        if self._waiting:
            self._change.set()

    def _take(self, now: float) -> Permit | None:
        self._roll(now)
        if self._free <= 0 or now < self._not_before:
            return None
        return self._grant()

    def _grant(self) -> Permit:
        self._free -= 1
        self._left -= 1
        self._in_flight += 1
        self._lowest, self._unanswered = math.inf, 0
        return Permit()

    def _land(self) -> float:
        """One less is under way, and the first to land tells those who wait for it. The time is now."""
        if self._in_flight:  # none, when it took off from a loop that is gone
            self._in_flight -= 1
        if self.reading is None:
            self._first.set()
        return self._time()

    def _remember(self, permit: Permit, now: float) -> None:
        self._sent.append((permit.at or now, now))
        while len(self._sent) > (self._limit or _LONGEST_LOG):
            self._sent.popleft()

    def _refused(self, now: float, retry_after: float | None) -> None:
        """A 429: it took no slot, and carries the only real time of a free one."""
        self._refusals += 1
        self._free = self._left = 0
        if retry_after is not None:
            wait = max(retry_after, _SHORTEST_PAUSE)
            # Spread over up to two seconds: other processes were told the same.
            self._not_before = max(self._not_before, now + wait + self._rng.uniform(0, min(2.0, 0.05 * wait)))
            self._probe_at = self._not_before
        else:
            longest = WINDOW / 12 if self._sent else _LONGEST_PROBE  # our own log may open the gate before
            gap = min(longest, self._gap() * 2 ** min(self._refusals, 10))
            self._probe_at = now + gap * self._rng.uniform(0.5, 1.0)

    def _counted(self, now: float, remaining: int | None) -> None:
        """An answer: what does its remaining count say of what may be sent?"""
        if remaining is None or self._limit is None:
            if self._limit is None:
                self._free = self._left = math.inf
            elif self._in_flight == 0:
                self._free = self._left = self._limit - len(self._sent)
            return
        used, own = self._limit - remaining, len(self._sent) + self._in_flight
        alone = own >= used
        self._share = 1.0 if alone else max(_LEAST_SHARE, own / used)
        self._lowest = min(self._lowest, remaining)
        if self._in_flight == 0:
            self._settle(now)
        else:  # those under way may not be counted yet
            self._free = min(self._free, int(remaining * self._share) - self._in_flight)
            self._left = min(self._left, remaining - self._in_flight)
        self._probe_at = None if alone else now + self._gap() * self._rng.uniform(0.5, 1.5)

    def _settle(self, now: float) -> None:
        """Nothing of ours is under way, so the lowest count told since we last sent is the truth."""
        left = int(self._lowest) - self._unanswered
        # One at least, also when what was lost may have taken the rest: its answer will tell.
        self._free = max(int(left * self._share), 1 if self._lowest > 0 else 0)
        self._left = left
        used = (self._limit or 0) - left
        # What the API dropped already must not be added a second time when it expires here. Alone, the count tells how
        # many that is; beside others at most those that may have expired, and no more than are free.
        if len(self._sent) >= used:
            dropped = len(self._sent) - max(used, 0)  # a bucket may have more left than its limit, if it says so
        else:
            expired = itertools.takewhile(lambda entry: entry[0] + WINDOW <= now, self._sent)
            dropped = min(sum(1 for _ in expired), max(left, 0))
        for _ in range(dropped):
            self._sent.popleft()

    def _roll(self, now: float) -> None:
        sent = self._sent
        while sent and sent[0][1] + _KEPT <= now:
            sent.popleft()
            self._free += 1
            self._left += 1
        if self._limit is not None and self._free > (most := self._limit - len(sent) - self._in_flight):
            self._free = most

    def _gap(self) -> float:
        """The mean distance of two slots."""
        return WINDOW / (self._limit or _LONGEST_LOG)

    def _backoff(self) -> "tenacity.AsyncRetrying":
        """Hold the head of the line until a slot can be free; ``slot`` bounds it by ``max_wait``."""
        import tenacity  # noqa: PLC0415  most programs never wait

        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_result(_is_none),
            wait=lambda _: self._pause(self._time()),
            stop=tenacity.stop_never,
            sleep=self._until_change,
        )

    async def _look_again(self, ends: float) -> Permit | None:
        return self._look(ends)

    def _look(self, ends: float) -> Permit | None:
        """A slot, or None for the backoff: at most one probe is let out when the window may have opened.

        Raises:
            RateLimitError: By now it is known that there will be none in time.
        """
        now = self._time()
        self._roll(now)
        due = now if self._probe_at is None and not self._sent else self._probe_at
        if self._in_flight == 0 and self._free <= 0 and due is not None and now >= max(due, self._not_before):
            self._free = 1
            self._probe_at = None
        slot = self._take(now)
        wait = self._wait_for(now)
        return self._last(now, wait, ends - now) if slot is None and now + wait > ends else slot

    def _last(self, now: float, wait: float, patience: float) -> Permit:
        """What one gets who can wait no longer: a slot that was to be left to others, if there is one.

        Raises:
            RateLimitError: There is none.
        """
        if self._left > 0 and now >= self._not_before:
            return self._grant()
        title = "Not sent: the hour's requests are used up"
        raise RateLimitError(
            f"429 {title}; a slot is expected in {wait:.1f} s, and max_wait leaves {max(patience, 0.0):.1f} s",
            retry_after=wait,
            **ProblemFields(status=429, title=title),
        )

    def _pause(self, now: float) -> float:
        times = [self._sent[0][1] + _KEPT] if self._sent else []
        if self._probe_at is not None and self._in_flight == 0:
            times.append(self._probe_at)
        if self._free > 0:
            times.append(self._not_before)
        return max(_TICK, max(min(times, default=now + WINDOW), self._not_before) - now)

    async def _until_change(self, seconds: float) -> None:
        self._change.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._change.wait()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """What others wait on belongs to the loop that they wait in; what was under way there will not be answered."""
        self._loop, self._time = loop, loop.time
        self._line = asyncio.Lock()
        self._change = asyncio.Event()
        self._first = asyncio.Event()
        self._waiting = self._in_flight = 0
        if self.reading is None:
            self._free = max(self._free, 1)

    def _announce(self, wait: float, max_wait: float | None) -> None:
        if max_wait is None and wait > 0 and not self._said_waiting:
            self._said_waiting = True
            _log.warning("the hour's requests are used up; waiting about %.0f s for the next (max_wait=None)", wait)


def _is_none(slot: Permit | None) -> bool:
    return slot is None
