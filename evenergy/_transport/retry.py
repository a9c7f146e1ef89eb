"""Retries: the number of attempts, the waits between them, and the budget of a client for all of them."""

from collections.abc import Callable

import attrs

from evenergy._codec import validate
from evenergy.errors import RequestTimeoutError


def _attempts(_: object, __: object, value: int) -> None:
    validate.positive_int("attempts", value)


def _positive(_: object, field: "attrs.Attribute[float]", value: float) -> None:
    validate.seconds(field.name, value)


@attrs.frozen
class Retry:
    """Number of attempts of a call, and the wait between two.

    The wait is drawn from 0 to ``backoff * 2 ** n`` seconds, at most ``max_backoff``; a ``Retry-After`` is its lower
    bound. ``Retry(attempts=1)`` never retries. A wait for the rate limit is not counted here: see ``max_wait``.
    """

    attempts: int = attrs.field(default=4, validator=_attempts)
    backoff: float = attrs.field(default=0.5, validator=_positive)
    max_backoff: float = attrs.field(default=20.0, validator=_positive)


class RetryBudget:
    """Budget of a client for retries, so that an outage is not met with a storm.

    A retry costs 5, after a timeout 10; a success at the first attempt gives 1 back. Faults of 5 % never exhaust it, a
    dead server does after 100.
    """

    FULL: int = 500
    exhausted: str = "the client's retry budget is exhausted"
    """The reason for no retry, for the note on an error."""

    def __init__(self) -> None:
        self._left = self.FULL

    def refund(self) -> None:
        """Give back for a success at the first attempt."""
        if self._left < self.FULL:
            self._left += 1

    def spend(self, error: BaseException | None) -> bool:
        """Pay for a retry; return False when there is not enough left."""
        price = 10 if isinstance(error, RequestTimeoutError) else 5
        if self._left < price:
            return False
        self._left -= price
        return True

    def admit(self) -> bool:
        """Return whether a retry may be sent that costs nothing here: after a 401 or 429."""
        return True


class CountedRetries(RetryBudget):
    """Retries that are requests of a larger piece of work too, which has a bound of its own.

    Args:
        shared: The client's budget for retries.
        spend_request: Spends one request of the larger bound, or returns False when it is reached.
    """

    def __init__(self, shared: RetryBudget, spend_request: Callable[[], bool]) -> None:
        super().__init__()
        self._shared = shared
        self._spend_request = spend_request

    def refund(self) -> None:
        """Give back for a success at the first attempt."""
        self._shared.refund()

    def spend(self, error: BaseException | None) -> bool:
        """Pay for a retry from both; return False when there is not enough left in one."""
        self.exhausted = self._shared.exhausted
        return self._shared.spend(error) and self.admit()

    def admit(self) -> bool:
        """Return whether the larger bound leaves a request for a retry, and spend it."""
        self.exhausted = "all requests of the budget are spent"
        return self._spend_request()
