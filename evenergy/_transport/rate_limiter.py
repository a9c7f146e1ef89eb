"""The queue of those who wait for the rate limit: the asyncio part, which knows no numbers of its own.

First come, first served, by ticket. A `Window` says whether a permit can be granted, and the time before which there
surely is none; whoever cannot wait that long gets a `RateLimitError` at once. There is one timer while somebody waits,
and no task.
"""

import asyncio
import heapq
import itertools
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from evenergy.errors import BudgetError, ClosedError, RateLimitError

from .limit_state import LimitState
from .rate_window import RateLimit, RateWindow
from .usage import WINDOW
from .window import Permit, State, Window

_SLACK = 0.01  # seconds: no wait at all, to a caller
_GRACE = 30.0  # seconds after its patience in which a waiter still waits for what is in flight
_LATELY = 60.0  # seconds in which callers that are rejected get a time each
_MOST_REJECTED = 1000  # of them
_ASK_AGAIN = 1.0  # seconds, for a caller that is rejected while nothing is certain
_CLOCK_CHECK = 60.0  # seconds between two looks at the clocks while somebody waits
_CLOCK_STEP = 30.0  # seconds that the wall clock runs ahead of the loop's clock when the machine was suspended
_LONG_WAIT = 1.0  # seconds: a longer wait is worth a line in the log
_LINE_AGAIN = 60.0  # seconds until the next line, where one short wait follows another
_TICK = 1e-6  # seconds: a timer must not be early

_REASONS = {
    State.CLOSED: "the API rejected a request (429)",
    State.OPEN: "the hour's requests are used up",
    State.HALF_OPEN: "one request finds out whether the API accepts requests again",
    State.UNKNOWN: "the first request finds out the limit",
}

_log = logging.getLogger(__name__)


class _Waiter:
    """A caller in the queue.

    Attributes:
        ticket: Its place: lower tickets are served first.
        since: The time at which it came.
        ends: The time after which a permit is of no use to it.
        cancels: It cancels the wait by itself at that time.
        run: The limiter's time on one event loop.
        future: The permit, or the error.
    """

    __slots__ = ("cancels", "ends", "future", "run", "since", "ticket")

    def __init__(
        self, ticket: int, since: float, ends: float, run: object, future: "asyncio.Future[Permit]", *, cancels: bool
    ) -> None:
        self.ticket: int = ticket
        self.since: float = since
        self.ends: float = ends
        self.run: object = run
        self.future: asyncio.Future[Permit] = future
        self.cancels: bool = cancels

    def __lt__(self, other: "_Waiter") -> bool:
        return self.ticket < other.ticket

    @property
    def is_done(self) -> bool:
        return self.future.done()


class RateLimiter:
    """Permits to send, for all tasks that share a bucket of requests.

    A caller takes a permit, gets what else it needs (a token, a connection), and asks `holds` at the moment of sending,
    with no await between the two. A void permit is given back, and the caller queues again with the same ticket.
    """

    def __init__(self, window: Window | None = None, wall_clock: Callable[[], float] | None = None) -> None:
        self._window: Window = RateWindow() if window is None else window
        self._wall_clock = wall_clock or _wall_clock
        self._tickets = itertools.count()
        self._queue: list[_Waiter] = []  # a heap by ticket; some may be done
        self._patience: list[tuple[float, int, _Waiter]] = []  # a heap by the time at which it ends; some may be done
        self._late: list[_Waiter] = []  # those whose patience has ended, and who wait for what is in flight
        self._rejected_at: deque[float] = deque(maxlen=_MOST_REJECTED)  # when lately: they come back at a time each
        self._queued = 0  # those in the queue that are not done
        self._inside = 0  # those, and the callers that were served and have not gone on yet
        self._run = object()  # another one on each event loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clock: Callable[[], float] = time.monotonic  # the loop's, as soon as there is one
        self._timer: asyncio.TimerHandle | None = None
        self._review: asyncio.Handle | None = None
        self._lead: float | None = None  # seconds by which the wall clock was ahead of the loop's
        self._has_arrivals = False  # since the queue was last looked through
        self._outlook = -math.inf  # the time before which its head got no permit, then
        self._announced_until = -math.inf
        self._remembered: LimitState | None = None  # until there is a loop, whose clock is known

    @property
    def rate_limit(self) -> RateLimit | None:
        """The state of the rate limit by the last response that had it, or None."""
        return RateLimit.of(self._window.reading)

    @property
    def queued(self) -> int:
        """Return the number of callers that wait."""
        return self._queued

    def export_state(self) -> LimitState | None:
        """Return what is known of the bucket, for a later process; None when nothing is, or a ledger keeps it."""
        window = self._window
        return window.export_state(self._clock(), self._wall_clock()) if isinstance(window, RateWindow) else None

    def import_state(self, state: LimitState) -> None:
        """Begin with what another process knew of the same bucket; a state that says nothing any more is ignored."""
        self._remembered = state

    # Permits

    def take(self, loop: asyncio.AbstractEventLoop) -> Permit | None:
        """Return a permit if nobody waits and one can be granted now, else None: then `acquire` waits for it."""
        if self._loop is not loop:
            self._start(loop)
        if self._inside:
            return None
        return self._window.take(self._clock(), next(self._tickets))

    async def acquire(self, *, ends: float = math.inf, ticket: int | None = None, deadline: float = math.inf) -> Permit:
        """Wait for a permit.

        Args:
            ends: The loop's time at which the caller's patience ends.
            ticket: That of a permit which the same caller gave back, to keep its place in the queue.
            deadline: The loop's time at which the caller cancels the wait by itself.

        Raises:
            RateLimitError: No permit can be had in time; ``retry_after`` is the time at which it can.
            ClosedError: Another event loop took over.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._start(loop)
        place = next(self._tickets) if ticket is None else ticket
        future: asyncio.Future[Permit] = loop.create_future()
        waiter = _Waiter(place, self._clock(), min(ends, deadline), self._run, future, cancels=deadline <= ends)
        self._push(waiter)
        self._inside += 1
        try:
            return await future
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise
        finally:
            if waiter.run is self._run:
                self._inside -= 1

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good, to be asked at the moment of sending."""
        return self._window.holds(permit)

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request was sent, at the loop's time ``now``."""
        self._window.sent(permit, now)

    def responded(
        self, permit: Permit, status: int, limit: int | None, remaining: int | None, retry_after: float | None
    ) -> None:
        """Record a response: its status, its two rate limit headers, and Retry-After in seconds; None where absent."""
        now, wall = self._clock(), self._wall_clock()
        self._lead = wall - now
        self._window.responded(permit, now, wall, status, limit, remaining, retry_after)
        if self._queued:
            self._pump()

    def lost(self, permit: Permit) -> None:
        """Record that a request ended without a response, or with one that says nothing (401); it counts if sent."""
        self._window.lost(permit, self._clock())
        if self._queued:
            self._pump()

    def give_back(self, permit: Permit) -> None:
        """Record that a request was not sent, or surely did not reach the API; it does not count."""
        self._window.give_back(permit, self._clock())
        if self._queued:
            self._pump()

    def wait_estimate(self, now: float) -> float:
        """Return the seconds, more than 0, until the next request may succeed, as far as is known."""
        return self._retry_after(now, 0)

    # The queue

    def _push(self, waiter: _Waiter) -> None:
        heapq.heappush(self._queue, waiter)
        if waiter.ends < math.inf:
            heapq.heappush(self._patience, (waiter.ends + _SLACK, waiter.ticket, waiter))
        self._queued += 1
        self._has_arrivals = True
        if self._review is None:  # once for all that come now: their places are then known
            self._review = waiter.future.get_loop().call_soon(self._pump)

    def _abandon(self, waiter: _Waiter) -> None:
        """Take a cancelled waiter out of the queue; a permit that it was granted in the same moment goes back."""
        future = waiter.future
        if not future.cancelled():
            if future.exception() is None:
                self.give_back(future.result())
        elif waiter.run is self._run:
            self._queued -= 1
            self._tidy()

    def _tidy(self) -> None:
        """Leave nothing behind: no timer when nobody waits, and not more than half of the queue done."""
        if not self._queued:
            self._stop_timers()
            self._queue, self._patience, self._late = [], [], []
        if len(self._queue) > 2 * self._queued:
            self._queue = [waiter for waiter in self._queue if not waiter.is_done]
            heapq.heapify(self._queue)
        if len(self._patience) > 2 * self._queued:
            self._patience = [entry for entry in self._patience if not entry[2].is_done]
            heapq.heapify(self._patience)

    def _pump(self) -> None:
        """Serve the queue as far as the window allows, reject who would wait in vain, and set the timer."""
        if self._review is not None:
            self._review.cancel()
            self._review = None
        now = self._clock()
        self._check_clocks(now)
        self._serve(now)
        while self._rejected_at and self._rejected_at[0] < now - _LATELY:
            self._rejected_at.popleft()
        if self._queued:
            outlook = self._window.earliest(now, 0)
            if self._has_arrivals or outlook > self._outlook:
                self._reject_hopeless(now)
            self._has_arrivals, self._outlook = False, outlook
            self._reject_late(now)
            self._announce(now, outlook)
        self._tidy()
        if self._queued:
            self._set_timer(now)

    def _serve(self, now: float, *, hurry: bool = False, until: _Waiter | None = None) -> None:
        """Grant permits in order, ``until`` a waiter is served or the window has no more."""
        while self._queue and (until is None or not until.is_done):
            head = self._queue[0]
            if not head.is_done and not self._grant(head, now, hurry=hurry):
                return
            heapq.heappop(self._queue)

    def _grant(self, waiter: _Waiter, now: float, *, hurry: bool) -> bool:
        """Serve a waiter, or return False when the window has no permit; one that has an error ends the wait."""
        try:
            permit = self._window.take(now, waiter.ticket, now - waiter.since, hurry=hurry)
        except BudgetError as error:
            waiter.future.set_exception(error)
        else:
            if permit is None:
                return False
            waiter.future.set_result(permit)
        self._queued -= 1
        return True

    def _reject_hopeless(self, now: float) -> None:
        """Reject those whose turn surely comes after their patience has ended."""
        patience, window = self._patience, self._window
        while patience and patience[0][2].is_done:
            heapq.heappop(patience)
        if not patience or window.earliest(now, self._queued - 1) <= patience[0][0]:
            return
        place = 0
        for waiter in sorted(self._queue):
            if waiter.is_done:
                continue
            is_hopeless = window.earliest(now, place) > waiter.ends + _SLACK
            # A caller of little patience waits for what is in flight, so that its error has the right time.
            if is_hopeless and (waiter.ends > now + _LONG_WAIT or self._is_certain(now, place)):
                self._reject(waiter, now, place)
            else:
                place += 1

    def _reject_late(self, now: float) -> None:
        """Serve or reject those whose patience has ended, unless what is in flight decides it."""
        while self._patience and self._patience[0][0] <= now:
            waiter = heapq.heappop(self._patience)[2]
            if not waiter.cancels:
                self._late.append(waiter)
        late, self._late = self._late, []
        for waiter in late:
            self._serve(now, hurry=True, until=waiter)
            if waiter.is_done:
                continue
            place = len(self._late)
            if now < waiter.ends + _GRACE and not self._is_certain(now, place):
                self._late.append(waiter)
            else:
                self._reject(waiter, now, place)

    def _is_certain(self, now: float, place: int) -> bool:
        """Return whether nothing in flight decides when a caller that is rejected may come back."""
        return self._window.earliest(now, place + len(self._rejected_at)) > -math.inf

    def _reject(self, waiter: _Waiter, now: float, place: int) -> None:
        retry_after = self._retry_after(now, place + len(self._rejected_at))
        self._rejected_at.append(now)
        title = "Not sent: rate limit exhausted"
        reason = _REASONS[self._window.state(now)]
        left = max(0.0, waiter.ends - now)
        message = (
            f"429 {title}, {reason}; retry in {retry_after:.1f} s, "
            f"which is more than the {left:.1f} s left of max_wait or deadline"
        )
        waiter.future.set_exception(RateLimitError(message, retry_after=retry_after, status=429, title=title))
        self._queued -= 1

    def _retry_after(self, now: float, place: int) -> float:
        seconds = self._window.expected(now, place) - now
        return min(WINDOW, seconds + _SLACK if seconds > 0 else _ASK_AGAIN)

    # Clocks

    def _set_timer(self, now: float) -> None:
        due = min(self._window.next_change(now), now + _CLOCK_CHECK)
        if self._patience:
            due = min(due, self._patience[0][0])
        if self._late:
            due = min(due, self._late[0].ends + _GRACE)
        due = max(due, now) + _TICK
        timer = self._timer
        if self._loop is None or (timer is not None and timer.when() <= due):
            return  # it comes early enough, and is set anew then
        if timer is not None:
            timer.cancel()
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._pump()

    def _stop_timers(self) -> None:
        for handle in (self._timer, self._review):
            if handle is not None:
                handle.cancel()
        self._timer = self._review = None

    def _check_clocks(self, now: float) -> None:
        """Notice that the machine was suspended: the loop's clock stood still, the API's hour went on."""
        lead = self._wall_clock() - now
        if self._lead is not None and lead - self._lead > _CLOCK_STEP:
            self._window.distrust(now)
        self._lead = lead

    def _announce(self, now: float, until: float) -> None:
        """Write one line for a wait above a second."""
        if self._queued and until - now > _LONG_WAIT and until > self._announced_until:
            self._announced_until = max(until, now + _LINE_AGAIN)
            reason = _REASONS[self._window.state(now)]
            _log.info("waiting %.0f s for the rate limit, %d queued: %s", until - now, self._queued, reason)

    # Event loops

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin on another event loop; callers of the one before get an error, should that run again."""
        self._stop_timers()
        left = [waiter.future for waiter in self._queue]
        self._queue, self._patience, self._late = [], [], []
        self._rejected_at.clear()
        self._queued = self._inside = 0
        self._outlook = self._announced_until = -math.inf
        self._run, self._loop, self._clock, self._lead = object(), loop, loop.time, None
        self._window.start(loop.time(), self._pump)
        if self._remembered is not None and isinstance(self._window, RateWindow):
            self._window.import_state(self._remembered, loop.time(), self._wall_clock())
        self._remembered = None
        for future in left:
            old = future.get_loop()
            if not old.is_running():  # not in another thread, nor copied by a fork
                with suppress(RuntimeError):  # it is closed
                    old.call_soon(_fail, future)


def _wall_clock() -> float:
    return time.time()  # looked up each time: tests of callers freeze it


def _fail(future: "asyncio.Future[Permit]") -> None:
    if not future.done():
        future.set_exception(ClosedError("the client moved to another event loop while a call waited in this one"))
