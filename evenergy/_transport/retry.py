"""Retries: the number of attempts, the waits between them, and the budget of a client for all of them."""

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
