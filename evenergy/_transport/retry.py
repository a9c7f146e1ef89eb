"""Retries: one policy, by method and error, out of tenacity's parts."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs

from evenergy._codec import validate
from evenergy._codec.secret import Secret
from evenergy.errors import (
    AuthenticationError,
    DecodeError,
    EvEnergyError,
    OutcomeUnknownError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TransportError,
    reworded,
)

from .headers import retry_after
from .request import IDEMPOTENT

if TYPE_CHECKING:
    import tenacity
    import tenacity.wait

_TRANSIENT = frozenset({500, 502, 503, 504})
_OF_PROXIES = frozenset({502, 504})


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


class Attempts:
    """Attempts of one call: their count, the last failure, and the patience that is left."""

    total: int = 0
    last: EvEnergyError | None = None
    """The failure of the attempt before, or None."""
    is_unanswered: bool = False
    """Whether the request of this attempt is on the wire, or its response was lost."""

    _made = 0  # those that count: neither a 429 nor the 401 that a new token may cure
    _sends = 0  # those that came as far as a connection
    _sent = False  # whether the last one may have reached the API
    _sent_at = 0.0
    _waited = 0.0  # seconds that were spent on the rate limit
    _is_queued = False
    _rejected: Secret | None = None  # the token that a 401 rejected
    _rejection: AuthenticationError | None = None
    _lost = False
    _unauthorized = 0
    _jitter: "tenacity.wait.wait_base"

    def __init__(self, method: str, retry: Retry, max_wait: float | None, budget: RetryBudget) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._method = method
        self._retry = retry
        self._max_wait = max_wait
        self._budget = budget

    @property
    def patience(self) -> float | None:
        """Return the seconds that may still be spent on the rate limit."""
        return None if self._max_wait is None else max(0.0, self._max_wait - self._waited)

    def begin(self) -> None:
        """Begin an attempt; nothing of it is sent yet."""
        self.total += 1
        self._sent = False
        self.is_unanswered = False

    def queue(self) -> None:
        """Begin to wait for the rate limiter."""
        self._is_queued = True

    def permitted(self, waited: float) -> None:
        """End the wait for the rate limiter."""
        self._is_queued = False
        self._waited += waited

    def sent(self, now: float) -> None:
        """Record that the request goes out."""
        self._sent = self.is_unanswered = True
        self._sends += 1
        self._sent_at = now

    def responded(self) -> None:
        """Record that the response is here."""
        self.is_unanswered = False

    def lost(self, *, sent: bool) -> None:
        """Record that no response came; ``sent`` says whether the request may have reached the API."""
        self._sent = self.is_unanswered = sent

    def unauthorized(self, token: Secret, error: AuthenticationError) -> None:
        """Remember the token that a 401 rejected."""
        self._rejected, self._rejection = token, error

    def check(self, token: Secret | None) -> None:
        """Raise the 401 of this call again, when its source has no other token than the rejected one."""
        if self._rejection is not None and token == self._rejected:
            raise self._rejection

    def where(self) -> str:
        """Return where the call is, for the message of a spent deadline."""
        return "waiting for the rate limit" if self._is_queued else f"in attempt {self.total}"

    def is_deleted(self) -> bool:
        """Return whether a 404 means that an earlier DELETE of this call took effect."""
        return self._sent and self._method == "DELETE" and self._lost

    def policy(self) -> "tenacity.AsyncRetrying":
        """Return the retry policy for tenacity, from the first failure on."""
        import tenacity  # noqa: PLC0415  nothing has failed yet in most programs

        self._jitter = tenacity.wait_random_exponential(self._retry.backoff, self._retry.max_backoff)
        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self.is_worth_retrying),
            wait=self._pause,
            stop=self._is_over,
            reraise=True,
        )

    def failed(self, error: EvEnergyError) -> None:
        """Count an attempt that failed."""
        self.last = error
        if self._sent and isinstance(error, AuthenticationError):
            self._unauthorized += 1
        elif not self._is_rate_limit(error):
            self._made += 1
        self._lost = self._lost or (self._sent and _is_lost(error))

    def counted(self, error: EvEnergyError) -> EvEnergyError:
        """Return the last error, with the number of attempts in its message."""
        error.__traceback__ = None
        return error if self._sends <= 1 else reworded(error, f"{error}, after {self._sends} attempts")

    def is_worth_retrying(self, error: BaseException) -> bool:
        """Return whether a retry of this call may succeed."""
        if isinstance(error, AuthenticationError):
            return self._sent and self._rejected is not None and self._unauthorized == 1
        if isinstance(error, RateLimitError):
            return self._sent or bool(error.headers)  # else it is the rate limiter's own
        repeatable = self._method in IDEMPOTENT or not self._sent
        match error:
            case OutcomeUnknownError():
                return False
            case TransportError():
                return error.transient and repeatable
            case DecodeError():
                return error.malformed and error.status == HTTPStatus.OK and self._method == "GET"
            case ServerError():
                return error.status in _TRANSIENT and repeatable
            case _:
                return False

    def _is_rate_limit(self, error: BaseException | None) -> bool:
        return self._sent and isinstance(error, RateLimitError)  # unsent, it is the limiter's or the token endpoint's

    def _pause(self, state: "tenacity.RetryCallState") -> float:
        error = _error(state)
        if isinstance(error, AuthenticationError) or self._is_rate_limit(error):
            return 0.0  # a new token is fetched, or the rate limiter holds the next attempt
        return max(self._jitter(state), _requested_wait(error))

    def _is_over(self, state: "tenacity.RetryCallState") -> bool:
        error = _error(state)
        if self.patience is not None and _requested_wait(error) > self.patience:
            return True
        if isinstance(error, AuthenticationError) or self._is_rate_limit(error):
            return False
        if self._made >= self._retry.attempts:
            return True
        if self._budget.spend(error):
            if isinstance(error, RateLimitError):  # of the token endpoint
                self._waited += state.upcoming_sleep
            return False
        if error is not None:
            error.add_note("not retried: the client's retry budget is exhausted")
        return True


def _requested_wait(error: BaseException | None) -> float:
    """Return the seconds for which the API wants no request."""
    if isinstance(error, RateLimitError):
        return error.retry_after
    return (retry_after(error.headers, error.status or 0) or 0.0) if isinstance(error, ServerError) else 0.0


def _is_lost(error: EvEnergyError) -> bool:
    """Return whether the API may have acted although no response of its own came: a proxy's is none."""
    return isinstance(error, TransportError) or (isinstance(error, ServerError) and error.status in _OF_PROXIES)


def _error(state: "tenacity.RetryCallState") -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
