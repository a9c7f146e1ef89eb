"""The protocol between the rate limiter, which queues, and the windows, which count."""

import enum
from collections.abc import Callable
from typing import Protocol, TypeAlias

SHORTEST_PAUSE = 1.0
"""Seconds after a 429, which is no attempt: only waits bound them."""

_LONGEST_PAUSE = 300.0  # seconds between two trials that are rejected
_BAD_LUCK = 2  # rejections in a row: one may be, beside others, and another too

LimitReading: TypeAlias = tuple[int, int, float]
"""Limit, remaining, and when the response came in POSIX seconds: what is kept of each response, until it is wanted."""


class State(enum.Enum):
    """The state of a window; `rate_window` describes them."""

    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSED = "closed"
    HALF_OPEN = "half-open"


class Permit:
    """The right to send one request, for as long as the window that granted it `holds` it.

    Attributes:
        ticket: The caller's place in the queue. Whoever holds a void permit queues again with the same ticket.
        waited: Seconds that the caller waited for the permit.
        epoch: The number of 429 responses before it was granted.
        granted_at: The loop's time at which it was granted.
        sent_at: The loop's time at which the request was sent, or None before that.
        settled_before: `usage.OwnUsage.settled` at that moment.
        gone_before: `usage.OwnUsage.gone` at that moment.
    """

    __slots__ = ("epoch", "gone_before", "granted_at", "sent_at", "settled_before", "ticket", "waited")

    def __init__(self, epoch: int, granted_at: float, ticket: int, waited: float) -> None:
        self.epoch: int = epoch
        self.granted_at: float = granted_at
        self.ticket: int = ticket
        self.waited: float = waited
        self.sent_at: float | None = None
        self.settled_before: int = 0
        self.gone_before: int = 0

    def depart(self, now: float, settled: int, gone: int) -> None:
        """Record the moment of sending, and what was known of the bucket then."""
        self.sent_at, self.settled_before, self.gone_before = now, settled, gone


class Window(Protocol):
    """The bookkeeping of one bucket, as `RateLimiter` uses it: a `RateWindow` of this process, or a shared ledger.

    All methods are synchronous and return at once, so that a permit costs next to nothing where the numbers are at
    hand. A ledger that several processes share keeps them elsewhere. It stands behind the same methods like this:

    - ``take`` returns None and begins, in a task of its own, to take a permit from the store. When the store granted
      one, the ledger keeps it, calls ``wake``, and the limiter calls ``take`` again for the head of its queue, which
      is given it. If nobody took it by the time ``wake`` returns, the ledger gives it back to the store.
    - ``responded``, ``lost`` and ``give_back`` begin to settle the permit with the store in such a task, and return.
    - ``holds``, ``earliest``, ``expected``, ``next_change`` and ``state`` follow from what the store last said.

    Times are the event loop's seconds; ``wall`` is POSIX time. A permit that the window does not know (of an event
    loop that is gone, or complete) is ignored.
    """

    @property
    def reading(self) -> LimitReading | None:
        """The last limit and remaining count that a response had, or None."""
        ...

    def start(self, now: float, wake: Callable[[], None]) -> None:
        """Begin on a new event loop: requests in flight on the one before will not be heard of again.

        The window calls ``wake``, on that loop, when a permit can be granted for another reason than a call of its
        methods or the passing of time.
        """
        ...

    def take(self, now: float, ticket: int, waited: float = 0.0, *, hurry: bool = False) -> Permit | None:
        """Return a permit, or None when none can be granted now.

        ``hurry`` says that the caller would be rejected: it gets what courtesy would leave to others.
        """
        ...

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good, to be asked at the moment of sending: no 429 came since."""
        ...

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request was sent."""
        ...

    def responded(
        self,
        permit: Permit,
        now: float,
        wall: float,
        status: int,
        limit: int | None,
        remaining: int | None,
        retry_after: float | None,
    ) -> None:
        """Record a response: its status, its two rate limit headers, and Retry-After in seconds; None where absent."""
        ...

    def lost(self, permit: Permit, now: float) -> None:
        """Record that a request ended without a response that says anything; it counts if it was sent."""
        ...

    def give_back(self, permit: Permit, now: float) -> None:
        """Record that a request was not sent, or surely did not reach the API; it does not count."""
        ...

    def distrust(self, now: float) -> None:
        """Let a trial find out whether a window in which nothing is free still is: the clock may have stood still."""
        ...

    def earliest(self, now: float, place: int) -> float:
        """Return the time before which the waiter at a place of the queue (0 is its head) surely gets no permit.

        It is ``-inf`` where nothing is certain because something is in flight: the waiter waits for that.
        """
        ...

    def expected(self, now: float, place: int) -> float:
        """Return the time at which the waiter at a place of the queue probably gets a permit, ``now`` at the least."""
        ...

    def next_change(self, now: float) -> float:
        """Return the next time at which ``take`` may succeed because time has passed, or ``inf``."""
        ...

    def state(self, now: float) -> State:
        """Return the state, for messages."""
        ...


def pause_after_rejection(
    retry_after: float | None, rejections: int, *, gap: float, spread: float, window: float, frees_in: float | None
) -> float:
    """Return the seconds to wait after a 429: what it says, and more when that did not help.

    Args:
        retry_after: The seconds that it says, or None.
        rejections: The 429s in a row, this one among them.
        gap: The mean seconds between two requests that leave the window.
        spread: A random number from 0 to 1, so that processes do not come back together.
        window: The seconds of the window, which is the longest pause.
        frees_in: The seconds until the API counts a request of ours no longer, or None.
    """
    row = min(rejections, 20)
    longest = min(window, max(_LONGEST_PAUSE, 8 * gap))  # trials alone must not fill the bucket, if they count
    if frees_in is not None:
        longest = min(longest, frees_in)
    if retry_after is None:
        return max(SHORTEST_PAUSE, min(longest, gap * 2.0**row * (0.5 + spread / 2)))
    pause = max(retry_after, SHORTEST_PAUSE)
    if row > _BAD_LUCK:
        pause = max(pause, min(longest, gap * 2.0 ** (row - _BAD_LUCK - 1)))
    return min(window, pause + spread * min(2.0, 0.05 * pause))
