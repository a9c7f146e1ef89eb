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
        self._counted: deque[float] = deque()

    @property
    def remaining(self) -> int:
        """The number of requests that may follow at once."""
        self._expire(self._clock())
        return self.limit - len(self._counted)

    def acquire(self) -> int:
        """Count a request and return 0, or return the whole seconds until one is allowed."""
        now = self._clock()
        self._expire(now)
        if len(self._counted) < self.limit:
            self._counted.append(now)
            return 0
        return max(1, math.ceil(self._counted[0] + _HOUR - now))

    def _expire(self, now: float) -> None:
        if self._counted and self._counted[-1] > now:
            # The clock was set back: what was counted then frees an hour from now at the latest.
            self._counted = deque(min(moment, now) for moment in self._counted)
        # The sum is the one that `acquire` announces, so that a request is allowed exactly when it said.
        while self._counted and self._counted[0] + _HOUR <= now:
            self._counted.popleft()
