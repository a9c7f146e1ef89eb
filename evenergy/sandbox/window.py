"""The rate limit: so many requests in any hour, counted without fixed hours."""

import math
from collections import deque
from collections.abc import Callable

_HOUR = 3600.0


class RollingWindow:
    """The requests of one bucket in the last hour."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._taken: deque[float] = deque()

    @property
    def remaining(self) -> int:
        """How many requests may follow at once."""
        self._forget(self._clock())
        return self.limit - len(self._taken)

    def take(self) -> int:
        """Take a slot; the answer is 0, or the whole seconds until one frees when none is left."""
        now = self._clock()
        self._forget(now)
        if len(self._taken) < self.limit:
            self._taken.append(now)
            return 0
        return max(1, math.ceil(self._taken[0] + _HOUR - now))

    def _forget(self, now: float) -> None:
        # The sum is the one that `take` announces, so that a slot is free exactly when it said.
        while self._taken and self._taken[0] + _HOUR <= now:
            self._taken.popleft()
