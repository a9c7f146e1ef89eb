"""Shares of a bucket: parts of the rate limit that the calls of one process leave to each other."""

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from evenergy.errors import InvalidArgumentError

from .rate_window import RateWindow
from .usage import WINDOW
from .window import LimitReading, Permit, State, Window

_TOO_MANY = 429
_NAME = re.compile(r"[A-Za-z0-9_.-]{0,40}")
_NO_RESERVE: Mapping[str, float] = MappingProxyType({})


def share_name(value: object) -> str:
    """Return the name of a share.

    Raises:
        InvalidArgumentError: It is no short name.
    """
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise InvalidArgumentError(f"expected share as up to 40 letters, digits, '_', '.' or '-', got {value!r}")
    return value


def reserve_of(value: Mapping[str, float] | None) -> Mapping[str, float]:
    """Return a reserve: parts of the limit from 0 to 1, by the share that they are kept for.

    Raises:
        InvalidArgumentError: A part is no number from 0 to 1, or nothing is left for the others.
    """
    reserve = dict(value or {})
    for share, part in reserve.items():
        share_name(share)
        if not _is_part(part):
            raise InvalidArgumentError(f"expected the reserve of {share!r} as a part from 0 to 1, got {part!r}")
    if sum(reserve.values()) > 1:
        raise InvalidArgumentError(
            f"expected the parts of reserve to be 1 together at most, got {sum(reserve.values())}"
        )
    return MappingProxyType(reserve)


def _is_part(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


@attrs.frozen
class LocalBudget:
    """Budget of one client: the process counts its own requests, and knows of others by the API's responses.

    It is the default. With a ``reserve`` the views of a client leave each other a part of the rate limit:
    ``LocalBudget(reserve={"app": 0.3})`` keeps 30 % of it for ``client.with_options(share="app")``.

    Attributes:
        share: The share of calls that name none.
        reserve: The parts of the rate limit, from 0 to 1, that are kept for shares.
    """

    share: str = attrs.field(default="", converter=share_name)
    reserve: Mapping[str, float] = attrs.field(factory=dict[str, float], converter=reserve_of, kw_only=True, hash=False)

    def __reduce__(self) -> tuple[object, ...]:
        return _local_budget, (self.share, dict(self.reserve))


def _local_budget(share: str, reserve: dict[str, float]) -> LocalBudget:
    return LocalBudget(share, reserve=reserve)


class LocalShares:
    """One `RateWindow` for several queues, a share each."""

    def __init__(self, reserve: Mapping[str, float] = _NO_RESERVE) -> None:
        self._window = RateWindow()
        self._reserve = reserve
        self._views: dict[str, ShareWindow] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def view(self, share: str) -> Window:
        """Return the window as a share has it."""
        return self._views.setdefault(share, ShareWindow(self, self._window, share))

    def start(self, now: float) -> None:
        """Begin on a new event loop, once for all shares."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._window.start(now, _nothing)
            for view in self._views.values():
                view.forget_in_flight()

    def changed(self, by: "ShareWindow") -> None:
        """Wake the queues of the other shares: there may be room."""
        for view in self._views.values():
            if view is not by:
                view.wake()

    def kept(self, share: str, now: float) -> int:
        """Return how many requests other shares have not used of what is kept for them."""
        reading = self._window.reading
        if reading is None:
            return 0
        kept = 0
        for other, part in self._reserve.items():
            if other != share:
                used = self._views[other].used(now) if other in self._views else 0
                kept += max(0, math.ceil(part * reading[0]) - used)
        return kept

    def unreserved(self, share: str, count: int, now: float) -> float:
        """Return the time at which so many requests have left the window that no other share keeps for itself."""
        times = sorted(at for other, view in self._views.items() for at in view.done if self._is_open(other, share))
        return times[count - 1] + WINDOW if 0 < count <= len(times) else now + WINDOW

    def _is_open(self, other: str, share: str) -> bool:
        return other == share or other not in self._reserve


class ShareWindow:
    """Window of one share: it grants nothing of what is kept for others. It implements `Window`."""

    def __init__(self, shares: LocalShares, window: RateWindow, share: str) -> None:
        self.done: deque[float] = deque()  # when its requests were complete
        self.wake: Callable[[], None] = _nothing
        self._shares = shares
        self._window = window
        self._share = share
        self._in_flight: set[Permit] = set()

    @property
    def reading(self) -> LimitReading | None:
        """The last limit and remaining count that a response had, or None."""
        return self._window.reading

    def used(self, now: float) -> int:
        """Return the requests of this share in the window."""
        while self.done and self.done[0] + WINDOW <= now:
            self.done.popleft()
        return len(self.done) + len(self._in_flight)

    def forget_in_flight(self) -> None:
        """Forget what was in flight on an event loop that is gone."""
        self._in_flight.clear()

    def start(self, now: float, wake: Callable[[], None]) -> None:
        """Begin on a new event loop."""
        self.wake = wake
        self._shares.start(now)

    def take(self, now: float, ticket: int, waited: float = 0.0, *, hurry: bool = False) -> Permit | None:
        """Return a permit, or None when none can be granted now."""
        free = self._window.free(now)
        if free is not None and 1 <= free <= self._shares.kept(self._share, now):
            return None
        permit = self._window.take(now, ticket, waited, hurry=hurry)
        if permit is not None:
            self._in_flight.add(permit)
        return permit

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good."""
        return self._window.holds(permit)

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request was sent."""
        self._window.sent(permit, now)

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
        """Record a response."""
        self._complete(permit, now, counts=status != _TOO_MANY)
        self._window.responded(permit, now, wall, status, limit, remaining, retry_after)
        self._shares.changed(self)

    def lost(self, permit: Permit, now: float) -> None:
        """Record that a request ended without a response that says anything."""
        self._complete(permit, now, counts=permit.sent_at is not None)
        self._window.lost(permit, now)
        self._shares.changed(self)

    def give_back(self, permit: Permit, now: float) -> None:
        """Record that a request was not sent, or surely did not reach the API."""
        self._complete(permit, now, counts=False)
        self._window.give_back(permit, now)
        self._shares.changed(self)

    def distrust(self, now: float) -> None:
        """Let a trial find out whether a window in which nothing is free still is."""
        self._window.distrust(now)

    def earliest(self, now: float, place: int) -> float:
        """Return the time before which the waiter at a place of the queue surely gets no permit, or ``-inf``."""
        return self._window.earliest(now, place + self._shares.kept(self._share, now))

    def expected(self, now: float, place: int) -> float:
        """Return the time at which the waiter at a place of the queue probably gets a permit."""
        kept, free = self._shares.kept(self._share, now), self._window.free(now)
        expected = self._window.expected(now, place + kept)
        if kept and free is not None:
            expected = max(expected, self._shares.unreserved(self._share, place + 1 + kept - free, now))
        return expected

    def next_change(self, now: float) -> float:
        """Return the next time at which ``take`` may succeed because time has passed, or ``inf``."""
        return self._window.next_change(now)

    def state(self, now: float) -> State:
        """Return the state, for messages."""
        return self._window.state(now)

    def _complete(self, permit: Permit, now: float, *, counts: bool) -> None:
        if permit in self._in_flight:
            self._in_flight.discard(permit)
            if counts:
                self.done.append(now)


def _nothing() -> None:
    """Do nothing."""
