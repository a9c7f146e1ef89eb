"""When a failed attempt is made again: one policy, by method and error, out of tenacity's parts."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from . import checks
from .auth import Secret
from .calls import SAFE
from .errors import (
    AuthenticationError,
    DecodeError,
    EvEnergyError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
)
from .headers import retry_after

if TYPE_CHECKING:
    import tenacity
    import tenacity.wait

_PASSING = frozenset({500, 502, 503, 504})
_OF_PROXIES = frozenset({502, 504})


def _attempts(_: object, __: object, value: int) -> None:
    checks.whole("attempts", value)


def _positive(_: object, field: "attrs.Attribute[float]", value: float) -> None:
    checks.seconds(field.name, value)


@attrs.frozen
class Retry:
    """How often a call is attempted, and how long it waits in between.

    The wait is drawn from 0 to ``backoff * 2 ** n`` seconds, at most ``max_backoff``; a ``Retry-After`` is its lower
    bound. ``Retry(attempts=1)`` never tries again. Waiting for the rate limit is not counted here: see ``max_wait``.
    """

    attempts: int = attrs.field(default=4, validator=_attempts)
    backoff: float = attrs.field(default=0.5, validator=_positive)
    max_backoff: float = attrs.field(default=20.0, validator=_positive)


class Budget:
    """What a client may spend on second attempts, so that an outage is not answered with a storm.

    A retry costs 5, after a timeout 10; an answer at the first attempt gives 1 back. Faults of 5 % never exhaust it, a
    dead server does after 100.
    """

    FULL: int = 500

    def __init__(self) -> None:
        self._left = self.FULL

    def refund(self) -> None:
        """An attempt succeeded at once."""
        if self._left < self.FULL:
            self._left += 1

    def spend(self, error: BaseException | None) -> bool:
        """Pay for one more attempt; False when there is not enough left."""
        price = 10 if isinstance(error, RequestTimeoutError) else 5
        if self._left < price:
            return False
        self._left -= price
        return True


class Attempts:
    """The attempts of one call."""

    made: int = 0  # those that count: neither a 429 nor the 401 that a new token may cure
    total: int = 0
    sends: int = 0  # those that came as far as a connection
    sent: bool = False  # whether the last one may have reached the API
    unanswered: bool = False  # whether it is on its way, or lost
    waited: float = 0.0  # seconds that were spent on the rate limit
    is_in_line: bool = False  # whether it waits for it now
    last: EvEnergyError | None = None  # what the attempt before ended with
    rejected: Secret | None = None  # the token that a 401 refused
    refusal: AuthenticationError | None = None
    _lost = False
    _unauthorized = 0
    _sent_at = 0.0
    _jitter: "tenacity.wait.wait_base"

    def __init__(self, method: str, retry: Retry, max_wait: float | None, budget: Budget) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._method = method
        self._retry = retry
        self._max_wait = max_wait
        self._budget = budget

    @property
    def patience(self) -> float | None:
        """Seconds that may still be spent on the rate limit."""
        return None if self._max_wait is None else max(0.0, self._max_wait - self.waited)

    def start(self) -> None:
        """An attempt begins; nothing of it is sent yet."""
        self.total += 1
        self.sent = False
        self.unanswered = False

    def sending(self, now: float) -> None:
        """The request goes out."""
        self.sent = True
        self.unanswered = True
        self.sends += 1
        self._sent_at = now

    def elapsed(self) -> float:
        """Seconds since the request went out."""
        return self.loop.time() - self._sent_at

    def policy(self) -> "tenacity.AsyncRetrying":
        """What tenacity does from the first failure on."""
        import tenacity  # noqa: PLC0415  nothing has failed yet in most programs

        self._jitter = tenacity.wait_random_exponential(self._retry.backoff, self._retry.max_backoff)
        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self.is_worth_it), wait=self._pause, stop=self._enough, reraise=True
        )

    def failed(self, error: EvEnergyError) -> None:
        """Count an attempt that failed."""
        self.last = error
        if self.sent and isinstance(error, AuthenticationError):
            self._unauthorized += 1
        elif not self._is_rate_limit(error):
            self.made += 1
        self._lost = self._lost or (self.sent and _is_lost(error))

    def counted(self, error: EvEnergyError) -> EvEnergyError:
        """The last error, which says that it was not the only one."""
        error.__traceback__ = None
        if self.sends > 1:
            error.args = (f"{error}, after {self.sends} attempts", *error.args[1:])
        return error

    def is_gone(self) -> bool:
        """Whether a 404 means that an earlier DELETE, whose answer was lost, did its work."""
        return self._method == "DELETE" and self._lost

    def _is_rate_limit(self, error: BaseException | None) -> bool:
        return self.sent and isinstance(error, RateLimitError)  # unsent, it is the gate's or the token endpoint's

    def is_worth_it(self, error: BaseException) -> bool:
        """Whether the same call may succeed when it is made again."""
        if isinstance(error, AuthenticationError):
            return self.sent and self.rejected is not None and self._unauthorized == 1
        if isinstance(error, RateLimitError):
            return self.sent or bool(error.headers)  # else it is the gate's own refusal
        repeatable = self._method in SAFE or not self.sent
        match error:
            case OutcomeUnknownError():
                return False
            case TransportError():
                return error.transient and repeatable
            case DecodeError():
                return error.malformed and error.status == HTTPStatus.OK and self._method == "GET"
            case ServerError():
                return error.status in _PASSING and repeatable
            case _:
                return False

    def _pause(self, state: "tenacity.RetryCallState") -> float:
        error = _error(state)
        if isinstance(error, AuthenticationError) or self._is_rate_limit(error):
            return 0.0  # a new token is fetched, or the gate holds the next attempt
        return max(self._jitter(state), _asked(error))

    def _enough(self, state: "tenacity.RetryCallState") -> bool:
        error = _error(state)
        if self.patience is not None and _asked(error) > self.patience:
            return True
        if isinstance(error, AuthenticationError) or self._is_rate_limit(error):
            return False
        if self.made >= self._retry.attempts:
            return True
        if self._budget.spend(error):
            if isinstance(error, RateLimitError):  # of the token endpoint
                self.waited += state.upcoming_sleep
            return False
        if error is not None:
            error.add_note("not tried again: too many requests of this client failed lately")
        return True


def _asked(error: BaseException | None) -> float:
    """The seconds that the API wants to be left alone for."""
    if isinstance(error, RateLimitError):
        return error.retry_after
    return (retry_after(error.headers, error.status) or 0.0) if isinstance(error, ServerError) else 0.0


def _is_lost(error: EvEnergyError) -> bool:
    """Whether the API may have done what was asked although no answer of its own came: a proxy's is none."""
    return isinstance(error, TransportError) or (isinstance(error, ServerError) and error.status in _OF_PROXIES)


def _error(state: "tenacity.RetryCallState") -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
