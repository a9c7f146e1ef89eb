"""Rate limit of one bucket as plain numbers, which one process leaves to the next."""

import itertools

import msgspec

from .usage import WINDOW, Counted
from .window import LimitReading

_MOST = 100_000  # requests; no state of this library has more
_SLACK = 60.0  # seconds: times are rounded up, once more by each process
_MILLI = 1000  # milliseconds of a second
_AHEAD = 120.0  # seconds from now on at which a request may be settled


class LimitState(msgspec.Struct, frozen=True):  # made in a fraction of the time of an attrs class, for each import
    """State of a rate limit, as `RateLimiter.export_state` returns it. It names neither credentials nor a place.

    Attributes:
        saved_at: The time at which it was exported, like all times that stand alone in POSIX seconds.
        limit: The requests of a rolling hour.
        is_stable: Whether the last two responses agreed on the limit.
        reading: The last limit and remaining count that a response had, and its time; or None.
        is_open: Whether requests could be sent; else nothing may be sent before ``trial_at``.
        trial_at: The time of the next request that finds out what nobody knows.
        told_at: The time of the last response that opened the window.
        rejections: The 429 responses in a row.
        sent: The times in milliseconds at which requests were sent that may still be counted, each with its number.
        completed: The times of their responses.
        settles: The times from which those without a response are believed to be counted.
        others: The times at which a number of requests by others was proven, each number below the one before.
    """

    saved_at: float
    limit: int
    is_stable: bool
    reading: LimitReading | None
    is_open: bool
    trial_at: float
    told_at: float
    rejections: int
    sent: list[tuple[int, int]]
    completed: list[tuple[int, int]]
    settles: list[tuple[int, int]]
    others: list[tuple[int, int]]

    def is_useful(self, wall: float) -> bool:
        """Return whether it says something at this time: not an hour later, and not where a clock was set back."""
        return 0 <= wall - self.saved_at < WINDOW and self._is_sound()

    def _is_sound(self) -> bool:
        latest = self.saved_at + _SLACK
        return (
            0 < self.limit <= 10 * _MOST
            and 0 <= self.rejections <= _MOST
            and self.trial_at <= self.saved_at + WINDOW
            and self.told_at <= latest
            and all(_is_rising(times, latest) for times in (self.sent, self.completed))
            and _is_rising(self.settles, latest + _AHEAD)
            and _is_rising([(at, 1) for at, _ in self.others], latest)
            and all(0 <= number <= 10 * _MOST for _, number in self.others)
            and all(low > high for (_, low), (_, high) in itertools.pairwise(self.others))
        )


def _is_rising(times: Counted, latest: float) -> bool:
    """Return whether times are in order and not later than this one, with a sensible number of requests."""
    return (
        all(one[0] <= two[0] for one, two in itertools.pairwise(times))
        and all(number >= 0 for _, number in times)
        and sum(number for _, number in times) <= _MOST
        and (not times or times[-1][0] <= latest * _MILLI)
    )
