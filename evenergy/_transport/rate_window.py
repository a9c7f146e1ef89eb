"""The rate limit of one bucket of requests, as bookkeeping on numbers: no clock, no event loop, no log, no error.

The model, for three in the morning:

- The API counts requests in a rolling hour and rejects those beyond the limit (429). ``free = limit - own - others``.
- ``own``: requests of this client that are in flight, or were completed less than an hour ago.
- ``others``: the part of what the API counts that cannot be ours. A response proves a range of it (see `usage`).
- UNKNOWN: no response said anything yet. One request goes, a *trial*; the others wait for its response. A trial that
  says nothing (no headers, 5xx, lost) doubles how many trials may be in flight.
- OPEN: requests go while something is free. If nothing is, but that is in doubt (others use the bucket, the limit has
  just changed, or an outage left many requests without a response), one trial at a time finds out.
- CLOSED: a 429 came. Nothing goes until its time, and permits that were granted before it are void: see `holds`.
- HALF_OPEN: that time has come. One trial, as in UNKNOWN, but no more after one that failed. Only a response with the
  headers, that is no 5xx, to a request sent after the last 429, opens the window.
- A caller is rejected early only because of `earliest`, a lower bound which follows from the above.
"""

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

import attrs

from .limit_state import LimitState
from .usage import WINDOW, OthersUsage, OwnUsage
from .window import SHORTEST_PAUSE, LimitReading, Permit, State, pause_after_rejection

_UNKNOWN, _OPEN, _HALF_OPEN = State.UNKNOWN, State.OPEN, State.HALF_OPEN  # members are slow to reach in Python 3.11
_TOO_MANY, _SERVER_ERRORS = HTTPStatus.TOO_MANY_REQUESTS.value, HTTPStatus.INTERNAL_SERVER_ERROR.value
_ASSUMED_LIMIT = 1000  # the API's default
_MOST_KEPT = 100_000  # completed requests that are remembered, whatever limit a header claims
_MOST_TRIALS = 1 << 16  # in flight at once: as good as no bound
_LEAST_SHARE = 0.25  # of what is free, when others use the bucket too
_CAUTION = 0.35  # of that share may be in flight: others have requests in flight of which no response says anything
_LONGEST_DOUBT = 10.0  # seconds until a limit that has just changed is looked at again
_LONGEST_RECOVERY = 30.0  # seconds until the next trial, after one that said nothing
_SLOW = 30.0  # seconds after which a trial in flight holds up no other
_OUTAGE = 10  # requests that said nothing, before it is doubted that the API counted them
_CLOCK_STEP = 60.0  # seconds that a clock may lie behind the one before it, until times are moved


@attrs.frozen
class RateLimit:
    """The state of the rate limit, as the API's last response has it.

    Attributes:
        limit: How many requests a rolling hour has.
        remaining: How many of them were left.
        observed_at: When the response came (UTC).
    """

    limit: int
    remaining: int
    observed_at: datetime

    @classmethod
    def of(cls, reading: LimitReading | None) -> Self | None:
        """Return the value for a reading of the headers, or None without one."""
        return None if reading is None else cls(reading[0], reading[1], datetime.fromtimestamp(reading[2], UTC))


class RateWindow:
    """The window of one process. It implements `Window`; the module's docstring has the model."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.SystemRandom()  # a fork would copy the state of another
        self._limit: int | None = None
        self._is_limit_stable = True  # the last two responses agree on it
        self._kept = _ASSUMED_LIMIT  # how many completed requests are remembered
        self._reading: LimitReading | None = None
        self._own = OwnUsage()
        self._others = OthersUsage()
        self._in_flight: set[Permit] = set()  # granted and not complete, whether sent or not
        self._told_at = -math.inf  # the time of the last response that opened the window, or kept it open
        self._silent = 0  # completed requests of which no response said whether the API counted them
        self._state = _UNKNOWN
        self._trials: set[Permit] = set()  # those in flight that will decide
        self._width = 1  # how many trials may be in flight
        self._trial_at = -math.inf  # the time of the next trial; before it a half-open window is closed
        self._epoch = 0
        self._rejections = 0  # 429s in a row, each to a request sent after the one before
        self._spread = 0.0  # from 0 to 1: other processes got the same Retry-After
        self._latest = -math.inf  # the time of the last completion
        self._due = -math.inf  # the time at which requests leave the window next

    @property
    def reading(self) -> LimitReading | None:
        """The last limit and remaining count that a response had, or None."""
        return self._reading

    # Requests

    def start(self, now: float, wake: Callable[[], None]) -> None:  # noqa: ARG002  nothing happens here by itself
        """Begin on a new event loop, where what was in flight counts as sent and lost."""
        self._roll(now)
        for permit in self._in_flight:
            if permit.sent_at is not None:
                self._own.complete(now, counted=False)
        self._in_flight.clear()
        self._trials.clear()
        if self._latest - now > _CLOCK_STEP:  # another clock, or a machine that was moved
            self._own.shift(now - self._latest)
            self._others.shift(now - self._latest)
            self._trial_at += now - self._latest
            self._told_at += now - self._latest
            self._latest, self._due = now, -math.inf

    def take(self, now: float, ticket: int, waited: float = 0.0, *, hurry: bool = False) -> Permit | None:
        """Return a permit, or None when none can be granted now."""
        if now >= self._due:
            self._roll(now)
        is_trial = self._state is not _OPEN or self._free() < 1
        if not (self._may_try(now) if is_trial else hurry or self._is_fair()):
            return None
        permit = Permit(self._epoch, now, ticket, waited)
        self._in_flight.add(permit)
        if is_trial:
            self._trials.add(permit)
        return permit

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good."""
        return permit in self._in_flight

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request was sent."""
        if permit in self._in_flight:
            if now >= self._due:
                self._roll(now)
            own = self._own
            own.send(now)
            permit.depart(now, own.settled, own.gone)

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
        """Record a response, and learn from it."""
        sent_at = permit.sent_at
        if permit not in self._in_flight or sent_at is None:
            return
        is_trial = self._complete(permit, now)
        is_current = permit.epoch == self._epoch
        if limit:
            self._is_limit_stable = limit == self._limit or self._limit is None
            self._limit, self._kept = limit, min(max(limit, _ASSUMED_LIMIT), _MOST_KEPT)
        if limit is not None and remaining is not None:
            self._reading = (limit, remaining, wall)
        if status == _TOO_MANY:
            self._own.retract(sent_at)
            self._close(now, retry_after, is_current=is_current)
            return
        says = bool(limit) or (remaining is not None and bool(self._limit))
        self._own.complete(now, counted=says)
        if self._own.completed > self._kept:  # such as where no limit is known
            self._own.forget(1)
        if remaining is not None and self._limit and is_current and self._is_limit_stable:
            self._compare(permit, self._limit - remaining, now)
        if status >= _SERVER_ERRORS or not says:
            self._learned_nothing(now, is_trial=is_trial, failed=status >= _SERVER_ERRORS, is_current=is_current)
        elif is_current:
            self._open(now)

    def lost(self, permit: Permit, now: float) -> None:
        """Record that a request ended without a response that says anything; it counts if it was sent."""
        if permit.sent_at is None:
            self.give_back(permit, now)
        elif permit in self._in_flight:
            is_trial = self._complete(permit, now)
            self._own.complete(now, counted=False)
            self._learned_nothing(now, is_trial=is_trial, failed=True, is_current=permit.epoch == self._epoch)

    def give_back(self, permit: Permit, now: float) -> None:
        """Record that a request was not sent, or surely did not reach the API; it does not count."""
        if permit in self._in_flight:
            self._complete(permit, now)
            if permit.sent_at is not None:
                self._own.retract(permit.sent_at)

    def distrust(self, now: float) -> None:
        """Let a trial find out whether a window in which nothing is free still is."""
        if self._state is _HALF_OPEN:
            self._trial_at = min(self._trial_at, now)
        elif self._state is _OPEN and self._free() < 1:
            self._state, self._trial_at = _HALF_OPEN, now

    # Another process

    def export_state(self, now: float, wall: float) -> LimitState | None:
        """Return what is known as plain numbers, at a time in POSIX seconds; None when no response said anything."""
        if self._limit is None or self._state is _UNKNOWN:
            return None
        self._roll(now)
        lead, long_ago = wall - now, wall - WINDOW
        sent, completed, settles = self._own.export_state(now, lead)
        return LimitState(
            saved_at=wall,
            limit=self._limit,
            is_stable=self._is_limit_stable,
            reading=self._reading,
            is_open=self._state is _OPEN,
            trial_at=max(long_ago, self._trial_at + lead),
            told_at=max(long_ago, self._told_at + lead),
            rejections=self._rejections,
            sent=list(sent),
            completed=list(completed),
            settles=list(settles),
            others=list(self._others.export_state(lead)),
        )

    def import_state(self, state: LimitState, now: float, wall: float) -> None:
        """Go on from a state that another process exported; one that says nothing at this time is ignored."""
        if self._state is not _UNKNOWN or not state.is_useful(wall):
            return
        lead = wall - now
        self._limit, self._kept = state.limit, min(max(state.limit, _ASSUMED_LIMIT), _MOST_KEPT)
        self._is_limit_stable, self._reading, self._rejections = state.is_stable, state.reading, state.rejections
        self._own = OwnUsage.from_state(state.sent, state.completed, state.settles, lead)
        self._others = OthersUsage.from_state(state.others, lead)
        self._state = _OPEN if state.is_open else _HALF_OPEN
        self._trial_at, self._told_at = state.trial_at - lead, state.told_at - lead
        self._silent, self._latest, self._due = self._own.pending, now, -math.inf

    # What can be expected

    def earliest(self, now: float, place: int) -> float:
        """Return the time before which the waiter at a place of the queue surely gets no permit, or ``-inf``."""
        self._roll(now)
        if self._state is not _OPEN:
            return self._trial_at if now < self._trial_at else -math.inf
        missing, completed = place + 1 - self._free(), self._own.completed
        unsent = len(self._in_flight) - self._own.in_flight  # they may be given back
        if missing <= unsent or self._is_learning(now) or completed < missing <= completed + len(self._in_flight):
            return -math.inf
        frees_at = self._own.frees_at(missing - unsent, now)
        if not self._is_in_doubt():
            return frees_at
        return min(frees_at, self._trial_at) if now < self._trial_at else -math.inf

    def expected(self, now: float, place: int) -> float:
        """Return the time at which the waiter at a place of the queue probably gets a permit."""
        self._roll(now)
        if self._state is not _OPEN:
            return max(now, self._trial_at)
        missing = place + 1 - self._free()
        if missing <= 0 or self._trials:
            return now
        frees_at = self._own.frees_at(missing, now)
        return max(now, min(frees_at, self._trial_at)) if self._is_in_doubt() else frees_at

    def free(self, now: float) -> int | None:
        """Return how many more requests the bucket holds, as far as is known, or None while nothing is."""
        if now >= self._due:
            self._roll(now)
        return self._free() if self._state is _OPEN else None

    def next_change(self, now: float) -> float:
        """Return the next time at which ``take`` may succeed because time has passed, or ``inf``."""
        self._roll(now)
        times = [_slow_at(permit) for permit in self._trials]
        times.append(self._trial_at)
        if self._state is _OPEN:
            times += [self._own.frees_at(1, now), self._others.frees_at()]
        return min((time for time in times if time > now), default=math.inf)

    def state(self, now: float) -> State:
        """Return the state, for messages."""
        return State.CLOSED if self._state is _HALF_OPEN and now < self._trial_at else self._state

    # The model

    def _roll(self, now: float) -> None:
        """Let requests leave the window."""
        self._due = min(self._own.roll(now), self._others.roll(now))

    def _free(self) -> int:
        """Return how many more requests the bucket holds, as far as is known; an open window knows its limit."""
        return (self._limit or 0) - self._own.completed - len(self._in_flight) - self._others.number

    def _is_fair(self) -> bool:
        """Return whether one more request in flight leaves others their share of what is free."""
        others, own, in_flight = self._others.number, self._own.completed, len(self._in_flight)
        if not others:
            return True
        share = max(_LEAST_SHARE, own / (own + others))
        return in_flight < max(1.0, _CAUTION * share * (self._free() + in_flight))

    def _may_try(self, now: float) -> bool:
        """Return whether a trial may go although nothing is known to be free."""
        if now < self._trial_at or (self._state is _OPEN and not self._is_in_doubt()):
            return False
        if len(self._trials) >= self._width:
            slow = {permit for permit in self._trials if _slow_at(permit) <= now}
            self._trials -= slow
            self._in_flight -= {permit for permit in slow if permit.sent_at is None}
        return len(self._trials) < self._width

    def _is_learning(self, now: float) -> bool:
        """Return whether a response in flight will tell an open window whether there is room."""
        if not self._in_flight:
            return False
        return bool(self._trials) or self._is_in_doubt() or self._told_at + WINDOW < now

    def _is_in_doubt(self) -> bool:
        """Return whether the bucket may have room although nothing is known to be free."""
        return (
            self._others.number > 0
            or not self._is_limit_stable
            or (self._silent >= _OUTAGE and 2 * self._silent >= (self._limit or 0))
        )

    def _complete(self, permit: Permit, now: float) -> bool:
        """Take a permit out of those in flight, and return whether it was a trial."""
        self._latest = now
        if now >= self._due:
            self._roll(now)
        self._in_flight.remove(permit)
        if permit not in self._trials:
            return False
        self._trials.remove(permit)
        return True

    def _compare(self, permit: Permit, used: int, now: float) -> None:
        """Compare what the API counted with what this window did: the rest are others, or were forgotten."""
        most, least = self._own.most(permit.gone_before), self._own.least(permit.settled_before)
        if used < least:  # such as after a restart of the API: what it says beats what was counted
            self._own.forget(least - used)
        self._others.observe(used - most, used - least, permit.sent_at or now, now)

    def _open(self, now: float) -> None:
        """Open the window, or keep it open: a response says how much is free."""
        if self._state is not _OPEN:
            self._state, self._width, self._rejections = _OPEN, 1, 0
            self._trials.clear()
        self._told_at, self._silent = now, self._own.pending
        if self._free() < 0:  # more was granted than there is
            self._void()
        if self._is_in_doubt():
            self._trial_at = now + self._gap() * self._rng.uniform(0.5, 1.5)

    def _learned_nothing(self, now: float, *, is_trial: bool, failed: bool, is_current: bool) -> None:
        """Go on after a request that said nothing of the bucket: none opens the window, each trial is replaced."""
        self._silent += 1
        if self._state is _UNKNOWN or (self._state is _HALF_OPEN and is_current and not failed):
            self._width = min(2 * self._width, _MOST_TRIALS)
        elif is_trial or self._state is _OPEN:
            pause = min(self._gap(), _LONGEST_RECOVERY) * self._rng.uniform(0.5, 1.5)
            self._trial_at = max(self._trial_at, now + max(SHORTEST_PAUSE, pause))

    def _close(self, now: float, retry_after: float | None, *, is_current: bool) -> None:
        """Close the window after a 429, and void the permits that were granted before it."""
        if is_current:  # the others of a burst say the same once more
            self._rejections += 1
            self._spread = self._rng.random()
        until = now + self._pause(retry_after, now)
        self._trial_at = max(self._trial_at, until) if self._state is _HALF_OPEN else until
        self._state, self._width = _HALF_OPEN, 1
        self._void()
        self._trials.clear()
        self._epoch += 1

    def _void(self) -> None:
        """Void the permits whose requests were not sent; their callers queue again, in their old order."""
        self._in_flight = {permit for permit in self._in_flight if permit.sent_at is not None}
        self._trials &= self._in_flight

    def _pause(self, retry_after: float | None, now: float) -> float:
        """Return the seconds to wait after a 429: what it says, and more when that did not help."""
        return pause_after_rejection(
            retry_after,
            self._rejections,
            gap=self._gap(),
            spread=self._spread,
            window=WINDOW,
            frees_in=self._own.frees_at(1, now) - now if self._own.completed else None,
        )

    def _gap(self) -> float:
        """Return the mean seconds between two requests that leave the window."""
        gap = WINDOW / (self._limit or _ASSUMED_LIMIT)
        return gap if self._is_limit_stable else min(gap, _LONGEST_DOUBT)


def _slow_at(permit: Permit) -> float:
    """Return the time from which a trial holds up no other."""
    return (permit.granted_at if permit.sent_at is None else permit.sent_at) + _SLOW
