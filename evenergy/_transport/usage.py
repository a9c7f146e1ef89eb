"""The use of a bucket of requests: bounds on what the API counts, for this client and for all others.

The API counts a request at a moment between its sending and its response, which nobody tells, and forgets it an hour
after that moment. Two times of each request are therefore kept: the earliest and the latest at which it can be
forgotten.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Self, TypeAlias

WINDOW = 3600.0
"""Seconds of the rolling window in which the API counts requests: nothing that it says binds longer."""

_TICK = 0.001  # seconds: what two clocks may differ by
_KEPT = WINDOW + _TICK  # seconds from a response until its request has surely left the window
_LATE = 60.0  # seconds in which a request without a response may still reach the API

Counted: TypeAlias = Sequence[tuple[int, int]]
"""Times in POSIX milliseconds, each with a number of requests."""
_MILLI = 1000  # milliseconds of a second
_FINE = 2000  # times that are kept to the millisecond; more of them to the second, so that a file stays small


class OwnUsage:
    """The requests of this client, as running totals.

    ``gone <= perhaps_gone <= sent`` and ``settled <= sent``: of the requests sent, ``settled`` were surely counted,
    ``perhaps_gone`` may have left the window, and ``gone`` surely have.
    """

    def __init__(self) -> None:
        self.sent: int = 0
        self.settled: int = 0
        self.gone: int = 0
        self.completed: int = 0  # those that are complete and may still be in the window
        self._perhaps_gone = 0
        self._sent_at: deque[float] = deque()  # of those that cannot have left the window
        self._completed_at: deque[float] = deque()
        self._settles_at: deque[float] = deque()  # of those that may not have reached the API

    @property
    def in_flight(self) -> int:
        """Return the number of requests that were sent and are not complete."""
        return self.sent - self.gone - self.completed

    @property
    def pending(self) -> int:
        """Return the number of completed requests that may not have reached the API yet."""
        return len(self._settles_at)

    def most(self, gone_before: int) -> int:
        """Return an upper bound of what the API counted for a response, from ``gone`` when its request was sent."""
        return self.sent - gone_before

    def least(self, settled_before: int) -> int:
        """Return a lower bound of the same, from ``settled`` when the request was sent; it counts itself."""
        return max(0, settled_before - self._perhaps_gone) + 1

    def frees_at(self, count: int, now: float) -> float:
        """Return the time at which so many of the requests will surely have left the window, at the latest."""
        if count > self.completed:
            return now + _KEPT  # requests in flight, and those that follow them
        return self._completed_at[count - 1] + _KEPT

    def roll(self, now: float) -> float:
        """Let requests leave the window, and return the time of the next to leave: a minute from now at the latest."""
        completed, sent, settles = self._completed_at, self._sent_at, self._settles_at
        while completed and completed[0] + _KEPT <= now:
            completed.popleft()
            self.gone += 1
        self.completed = len(completed)
        while sent and sent[0] + WINDOW <= now:
            sent.popleft()
            self._perhaps_gone += 1
        while settles and settles[0] <= now:
            settles.popleft()
            self.settled += 1
        due = now + _LATE
        if sent:
            due = min(due, sent[0] + WINDOW)
        if completed:
            due = min(due, completed[0] + _KEPT)
        return min(due, settles[0]) if settles else due

    def send(self, now: float) -> None:
        """Record that a request was sent."""
        self.sent += 1
        self._sent_at.append(now)

    def complete(self, now: float, *, counted: bool) -> None:
        """Record that a request ended; ``counted`` says that the API surely counted it."""
        self._completed_at.append(now)
        self.completed += 1
        if counted:
            self.settled += 1
        else:
            self._settles_at.append(now + _LATE)  # from then on a response that does not include it disproves it

    def retract(self, sent_at: float) -> None:
        """Record that the API did not count a request: it rejected it, or never received it."""
        self.sent -= 1
        try:
            self._sent_at.remove(sent_at)
        except ValueError:
            self._perhaps_gone -= 1

    def forget(self, count: int) -> None:
        """Drop so many of the oldest completed requests, which the API counts no longer."""
        completed, sent = self._completed_at, self._sent_at
        for _ in range(min(count, len(completed))):
            completed.popleft()
            self.gone += 1
        for _ in range(min(count, len(sent))):
            sent.popleft()
            self._perhaps_gone += 1
        self.completed = len(completed)

    def shift(self, seconds: float) -> None:
        """Move all times, when the clock was set."""
        for times in (self._sent_at, self._completed_at, self._settles_at):
            moved = [at + seconds for at in times]
            times.clear()
            times.extend(moved)

    def export_state(self, now: float, lead: float) -> tuple[Counted, Counted, Counted]:
        """Return the times of sending, completion and settling, for another process.

        Args:
            now: The time. Requests in flight count as ended now, without a response.
            lead: Seconds by which POSIX time is ahead of the clock of the times.
        """
        lost = [now] * self.in_flight
        # Rounded so that the bounds stay bounds: sent early, completed and settled late.
        return (
            _counted(self._sent_at, lead, math.floor),
            _counted([*self._completed_at, *lost], lead, math.ceil),
            _counted([*self._settles_at, *(at + _LATE for at in lost)], lead, math.ceil),
        )

    @classmethod
    def from_state(cls, sent: Counted, completed: Counted, settles: Counted, lead: float) -> Self:
        """Return the use that another process exported."""
        own = cls()
        own._sent_at.extend(_expanded(sent, lead))
        own._completed_at.extend(_expanded(completed, lead))
        own._settles_at.extend(_expanded(settles, lead))
        own.sent = own.completed = len(own._completed_at)
        own.settled = max(0, own.sent - len(own._settles_at))
        own._perhaps_gone = max(0, own.sent - len(own._sent_at))
        return own


class OthersUsage:
    """The requests of others in the same bucket: the largest number that the responses of an hour prove.

    A later response may disprove an earlier one. What no response proves again is gone an hour after it was proven.
    """

    def __init__(self) -> None:
        self.number: int = 0  # as far as is known
        self._proven: deque[tuple[float, int]] = deque()  # time and number; each number is below the one before it

    def frees_at(self) -> float:
        """Return the time at which the number falls, at the latest, or ``inf``."""
        return self._proven[0][0] + _KEPT if self._proven else math.inf

    def roll(self, now: float) -> float:
        """Forget what was proven an hour ago, and return the time at which the next is."""
        proven = self._proven
        while proven and proven[0][0] + _KEPT <= now:
            proven.popleft()
        self.number = proven[0][1] if proven else 0
        return self.frees_at()

    def observe(self, least: int, most: int, sent_at: float, now: float) -> None:
        """Learn from a response, to a request of ``sent_at``, that the number was from ``least`` to ``most``."""
        if least <= 0 and most >= self.number:
            return
        proven, lowered = self._proven, None
        while proven and proven[0][1] > most and proven[0][0] <= sent_at:  # what was proven later stays
            lowered = proven.popleft()[0]
        if lowered is not None and most > (proven[0][1] if proven else 0):
            proven.appendleft((lowered, most))
        while proven and proven[-1][1] <= least:
            proven.pop()
        if least > 0:
            proven.append((now, least))
        self.number = proven[0][1] if proven else 0

    def shift(self, seconds: float) -> None:
        """Move all times, when the clock was set."""
        self._proven = deque((at + seconds, number) for at, number in self._proven)

    def export_state(self, lead: float) -> Counted:
        """Return what is proven, for another process; ``lead`` as for `OwnUsage.export_state`."""
        moments = itertools.accumulate((math.ceil((at + lead) * _MILLI) for at, _ in self._proven), max)
        return [(moment, number) for moment, (_, number) in zip(moments, self._proven, strict=True)]

    @classmethod
    def from_state(cls, proven: Counted, lead: float) -> Self:
        """Return what another process exported."""
        others = cls()
        others._proven.extend((at / _MILLI - lead, number) for at, number in proven)
        others.number = others._proven[0][1] if others._proven else 0
        return others


def _counted(times: Collection[float], lead: float, rounded: Callable[[float], int]) -> Counted:
    found: dict[int, int] = {}
    grid = 1 if len(times) <= _FINE else _MILLI
    for at in times:
        moment = rounded((at + lead) * _MILLI / grid) * grid
        found[moment] = found.get(moment, 0) + 1
    return sorted(found.items())  # one of another process, rounded up, may lie just behind one of this


def _expanded(counted: Counted, lead: float) -> Iterable[float]:
    return (moment / _MILLI - lead for moment, number in counted for _ in range(number))
