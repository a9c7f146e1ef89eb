"""Attempts of one call: their count and outcome, and the patience that is left."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import attrs

from evenergy._codec.secret import Secret
from evenergy._lazy import load
from evenergy.errors import (
    AuthenticationError,
    DecodeError,
    EvEnergyError,
    OutcomeUnknownError,
    ProblemError,
    RateLimitError,
    ServerError,
    TransportError,
    reworded,
)

from .headers import retry_after
from .rate_window import RateLimit
from .request import IDEMPOTENT
from .retry import Retry, RetryBudget

if TYPE_CHECKING:
    import tenacity
    import tenacity.wait

T = TypeVar("T")

TRANSIENT = frozenset({408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530})
"""Statuses after which a retry may succeed; those from 520 on are of content delivery networks."""
_OF_PROXIES = frozenset({502, 504, 520, 522, 524})
"""Statuses of a proxy that lost the response of the API, which may have acted."""
_WORTH_A_LINE = 1.0  # seconds: a longer wait is logged

_log = logging.getLogger(__name__)


@attrs.frozen
class Attempt:
    """One attempt of a call, as ``on_attempt`` gets it.

    Attributes:
        method: The HTTP method.
        url: The URL; no URL of this library holds a secret.
        number: The count of the attempt within its call, from 1.
        status: The HTTP status of the response, or None when none came.
        error: The error of an attempt without a response, or None.
        seconds: The time from sending to the last byte of the response, or to the failure.
        waited: The seconds that the call has waited for the rate limit so far.
        rate_limit: The rate limit as the API last reported it, or None.
        headers: The headers of the response; empty when none came.
    """

    method: str
    url: str
    number: int
    status: int | None
    error: EvEnergyError | None
    seconds: float
    waited: float
    rate_limit: RateLimit | None
    headers: Mapping[str, str] = attrs.field(repr=False)


OnAttempt: TypeAlias = Callable[[Attempt], object]
"""Function that is called with each attempt, for metrics and traces; its result is not used."""


class Attempts:
    """Attempts of one call: their count, the last failure, and the patience that is left."""

    total: int = 0
    last: EvEnergyError | None = None
    """The failure of the attempt before, or None."""
    is_unanswered: bool = False
    """True while the request of this attempt is on the wire, or its response was lost."""
    waited: float = 0.0
    """Seconds that were spent on the rate limit."""

    _made = 0  # those that count: neither a 429 nor the 401 that a new token may cure
    _sends = 0  # those that came as far as a connection
    _sent = False  # whether the last one may have reached the API
    _sent_at = 0.0
    _is_queued = False
    _rejected: Secret | None = None  # the token that a 401 rejected
    _rejection: AuthenticationError | None = None
    _final: EvEnergyError | None = None  # a failure of the token source, which has retried it already
    _lost = False
    _unauthorized = 0
    _jitter: "tenacity.wait.wait_base"

    def __init__(
        self, method: str, retry: Retry, budget: RetryBudget, *, max_wait: float | None, deadline: float | None
    ) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._method = method
        self._retry = retry
        self._budget = budget
        self._max_wait = max_wait
        self.deadline: float = math.inf if deadline is None else self.loop.time() + deadline
        """The loop's time at which the whole call must be complete."""

    @property
    def patience_ends(self) -> float:
        """Return the loop's time at which ``max_wait`` is used up by one more wait for the rate limit."""
        return math.inf if self._max_wait is None else self.loop.time() + max(0.0, self._max_wait - self.waited)

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
        self.waited += waited

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

    def elapsed(self) -> float:
        """Return the seconds since the request went out."""
        return self.loop.time() - self._sent_at

    def unauthorized(self, token: Secret, error: AuthenticationError) -> None:
        """Remember the token that a 401 rejected."""
        self._rejected, self._rejection = token, error

    def give_up(self, error: EvEnergyError) -> None:
        """Let this failure be the last one, however it is retried elsewhere."""
        self._final = error

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

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> T:
        """Return the result of the first attempt that succeeds; tenacity decides, from the first failure on.

        Args:
            attempt: A function that makes one attempt.
            sleep: The function that waits between two.

        Raises:
            EvEnergyError: The error of the last attempt, with their number in its message.
        """
        failed: EvEnergyError | None
        try:
            return await attempt()
        except EvEnergyError as error:
            self._failed(error)
            if not self.is_worth_retrying(error):
                raise
            failed = error

        async def next_attempt() -> T:
            nonlocal failed
            if failed is not None:  # tenacity begins with the failure that there was
                error, failed = failed, None
                raise error
            try:
                return await attempt()
            except EvEnergyError as error:
                self._failed(error)
                raise

        try:
            return await self._policy(sleep)(next_attempt)
        except EvEnergyError as error:
            last = self._counted(error)
        raise last  # here, where no frame of tenacity is attached

    def _policy(self, sleep: Callable[[float], Awaitable[object]]) -> "tenacity.AsyncRetrying":
        library: Any = load("tenacity")
        self._jitter = library.wait_random_exponential(self._retry.backoff, self._retry.max_backoff)
        policy: tenacity.AsyncRetrying = library.AsyncRetrying(
            sleep=sleep,
            retry=library.retry_if_exception(self.is_worth_retrying),
            wait=self._pause,
            stop=self._is_over,
            before_sleep=_announce,
            reraise=True,
        )
        return policy

    def _failed(self, error: EvEnergyError) -> None:
        """Count an attempt that failed."""
        self.last = error
        if self._sent and isinstance(error, AuthenticationError):
            self._unauthorized += 1
        elif not self._is_rate_limit(error):
            self._made += 1
        self._lost = self._lost or (self._sent and _is_lost(error))

    def _counted(self, error: EvEnergyError) -> EvEnergyError:
        """Return the last error, with the number of attempts in its message where there were several."""
        error.__traceback__ = None
        count = self._sends or self.total  # those of a token refresh are not counted by their sending
        return error if count == 1 else reworded(error, f"{error}, after {count} attempts")

    def is_worth_retrying(self, error: BaseException) -> bool:
        """Return whether a retry of this call may succeed."""
        if error is self._final:
            return False
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
            case ProblemError():
                return error.status in TRANSIENT and repeatable
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
        until = self.loop.time() + _requested_wait(error)
        if until > self.patience_ends or (isinstance(error, RateLimitError) and until > self.deadline):
            return True
        if isinstance(error, AuthenticationError) or self._is_rate_limit(error):
            admitted = self._budget.admit()
        elif self._made >= self._retry.attempts:
            return True
        else:
            admitted = self._budget.spend(error)
            if admitted and isinstance(error, RateLimitError):  # of the token endpoint
                self.waited += state.upcoming_sleep
        if not admitted and error is not None:
            error.add_note(f"not retried: {self._budget.exhausted}")
        return not admitted


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


def _announce(state: "tenacity.RetryCallState") -> None:
    if state.upcoming_sleep > _WORTH_A_LINE:
        _log.info("retrying in %.1f s: %s", state.upcoming_sleep, _error(state))
