"""The request core: a token, a permit of the rate limiter, attempts, and the meaning of the response.

operation → `Session` (what is sent, and when) → `Exchange` (how: one HTTP exchange) → aiohttp
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import attrs
from multidict import CIMultiDict

from evenergy._codec import validate
from evenergy._codec.secret import Secret
from evenergy._codec.wire_types import Identified
from evenergy.errors import (
    AuthenticationError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    ProblemError,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
    error_from_response,
)

from . import failures
from .attempts import Attempt, Attempts, OnAttempt
from .connections import Connections
from .credentials import CredentialState
from .exchange import Exchange
from .headers import LIMIT, REMAINING, RequestHeaders, int_header, retry_after
from .rate_limiter import RateLimiter
from .request import IDEMPOTENT, Request, Response
from .retry import Retry, RetryBudget
from .timeouts import ExpiredError
from .window import Permit

P = ParamSpec("P")
T = TypeVar("T")

# In Python 3.11 each look at a member of an enumeration takes as long as the rest of a comparison ten times.
_UNAUTHORIZED, _TOO_MANY = HTTPStatus.UNAUTHORIZED.value, HTTPStatus.TOO_MANY_REQUESTS.value
_REDIRECTS, _ERRORS = HTTPStatus.MULTIPLE_CHOICES.value, HTTPStatus.BAD_REQUEST.value
_NOT_FOUND = HTTPStatus.NOT_FOUND.value


_log = logging.getLogger(__name__)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Options:
    """Options of a client, or of a view of it."""

    base_url: str
    user: str | None
    api_version: str
    timeout: float | None
    deadline: float | None
    retry: Retry
    max_wait: float | None
    headers: Mapping[str, str] = attrs.field(default=_NO_HEADERS, repr=False)  # one may be the key of a gateway
    on_attempt: OnAttempt | None = None
    share: str = ""


class Session:
    """Sender of requests: with a token, within the rate limit, retried where that is safe."""

    def __init__(
        self, options: Options, credentials: CredentialState, connections: Connections, retry_budget: RetryBudget
    ) -> None:
        self.options: Options = options
        self.credentials: CredentialState = credentials
        self.connections: Connections = connections
        self.retry_budget: RetryBudget = retry_budget
        headers = RequestHeaders(
            options.base_url,
            options.user,
            options.api_version,
            extra=options.headers,
            user_agent=connections.network.user_agent,
        )
        self._exchange = Exchange(connections, headers, options.timeout)

    @property
    def limiter(self) -> RateLimiter:
        """Return the queue of the share that the calls draw on."""
        return self.credentials.limiter_of(self.options.share)

    async def send(self, request: Request[T]) -> T:
        """Send a request, retry it where that is safe, and read the response.

        Raises:
            EvEnergyError: As `evenergy.errors` lists.
        """
        options, timeouts = self.options, self.connections.timeouts
        attempts = Attempts(
            request.method, options.retry, self.retry_budget, max_wait=options.max_wait, deadline=options.deadline
        )
        if not self.connections.is_prepared:
            await self.connections.prepare()
        self.connections.session(attempts.loop)  # on a wrong loop the timeouts are not touched
        call = attempts.run(functools.partial(self._attempt, request, attempts), timeouts.sleep)
        try:
            if options.deadline is None:  # each part of an attempt is bounded by itself
                return await call
            return await timeouts.bounded(call, options.deadline)
        except ExpiredError:
            pass
        raise self._deadline_error(request, attempts)  # here, where no error is its context; a name for it is a cycle

    async def bounded(self, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await something that is a call of its own, within the deadline.

        Raises:
            RequestTimeoutError: The deadline is spent.
            ClosedError: The client was closed.
        """
        self.connections.session(asyncio.get_running_loop())  # on a wrong loop the timeouts are not touched
        with contextlib.suppress(ExpiredError):
            return await self.connections.timeouts.bounded(work(*args, **kwargs), self.options.deadline)
        if self.connections.closed:
            raise ClosedError("the client was closed during the call")
        raise RequestTimeoutError(f"the deadline of {self.options.deadline:g} s was spent")

    def reference(self, resource: str | Identified, prefix: str, collection: str) -> str:
        """Return the URL by which a body refers to a resource: to the resource itself, its id or its URL."""
        given = resource if isinstance(resource, str) else resource.id
        return f"{self.options.base_url}/{collection}/{validate.identifier(given, prefix)}"

    async def _attempt(self, request: Request[T], attempts: Attempts) -> T:
        """Make one attempt: a token, a permit, an exchange, and the meaning of its response."""
        url = request.url(self.options.base_url)
        attempts.begin()
        # In a retry the one at hand may be the rejected one, which another call has taken anew.
        token: Secret | None = self.credentials.token_at_hand() if attempts.total == 1 else None
        if token is None:  # first, so that many who wait for a token share its fate
            token = await self._token(attempts)
        permit: Permit | None = self.limiter.take(attempts.loop)
        ticket: int | None = None
        response: Response | None = None
        while response is None:
            if permit is None:
                permit = await self._queue(request, attempts, url, ticket)
                token = await self._token_for(permit, attempts, token)  # it may have expired meanwhile
            response = await self._exchange_with(permit, request, url, token, attempts)
            ticket = permit.ticket  # to queue again, where the permit was void at the moment of sending
            permit = None
        if response.status == _NOT_FOUND and attempts.is_deleted():
            response = Response(HTTPStatus.NO_CONTENT, CIMultiDict[str](), b"")
        if response.status >= (_ERRORS if request.reads_redirect else _REDIRECTS):
            raise self._rejection(request, response, token, attempts, url)
        try:
            result = request.read(response)
        except DecodeError as error:
            located = failures.with_context(error, response, method=request.method, url=url)
            failed = failures.redacted(located, token)
        else:
            for odd in request.undecoded(result):
                failures.redacted(failures.with_context(odd, response, method=request.method, url=url), token)
            if attempts.total == 1:
                self.retry_budget.refund()
            return result
        raise failed  # here, where the error that may show the token is no context of it

    async def _exchange_with(
        self, permit: Permit, request: Request[Any], url: str, token: Secret | None, attempts: Attempts
    ) -> Response | None:
        """Send with a permit, and settle it; return None when the permit or the token was not good any more."""
        credentials, limiter = self.credentials, self.limiter

        def ready(now: float) -> bool:
            if not limiter.holds(permit) or credentials.is_rejected(token):
                return False
            limiter.sent(permit, now)
            attempts.sent(now)
            return True

        try:
            response = await self._exchange.send(request, url, token, ready, attempts.loop)
        except TransportError as error:
            (limiter.lost if error.sent else limiter.give_back)(permit)
            attempts.lost(sent=error.sent)
            failed = failures.outcome_unknown(error) if error.sent and request.method not in IDEMPOTENT else error
            self._observe(request, url, attempts, failed)
            raise failed from failed.__cause__
        except InvalidArgumentError:
            limiter.give_back(permit)
            raise
        except BaseException:
            limiter.lost(permit)
            raise
        if response is None:
            limiter.give_back(permit)
            return None
        attempts.responded()
        _settle(limiter, permit, response)
        if self.options.on_attempt is not None:
            self._observe(request, url, attempts, response)
        return response

    def _observe(self, request: Request[Any], url: str, attempts: Attempts, outcome: Response | EvEnergyError) -> None:
        """Hand the attempt to the caller's ``on_attempt``; its own errors end in the log, not in the call."""
        on_attempt = self.options.on_attempt
        if on_attempt is None:
            return
        response = outcome if isinstance(outcome, Response) else None
        attempt = Attempt(
            method=request.method,
            url=url,
            number=attempts.total,
            status=None if response is None else response.status,
            error=None if isinstance(outcome, Response) else outcome,
            seconds=attempts.elapsed(),
            waited=attempts.waited,
            rate_limit=self.limiter.rate_limit,
            headers=_NO_HEADERS if response is None else response.headers,
        )
        try:
            on_attempt(attempt)
        except Exception:  # noqa: BLE001  whatever it is, it is the caller's
            _log.exception("on_attempt raised an error; the call goes on")

    async def _queue(self, request: Request[Any], attempts: Attempts, url: str, ticket: int | None) -> Permit:
        """Wait for a permit of the rate limiter."""
        limiter = self.limiter
        attempts.queue()
        try:
            permit = await self.connections.timeouts.bounded(
                limiter.acquire(ends=attempts.patience_ends, ticket=ticket, deadline=attempts.deadline), None
            )
        except RateLimitError as error:
            raise RateLimitError(
                f"{error} ({request.method} {url})",
                retry_after=error.retry_after,
                status=error.status,
                title=error.title,
                method=request.method,
                url=url,
            ) from None
        except ExpiredError:
            raise self._deadline_error(request, attempts) from None
        attempts.permitted(permit.waited)
        return permit

    async def _token(self, attempts: Attempts, held: Secret | None = None) -> Secret | None:
        """Return the access token, another one than the one held when that was rejected meanwhile."""
        if attempts.total > 1:
            self.connections.session(attempts.loop)  # a client that was closed meanwhile fetches no token
        try:
            token = await self.credentials.token(self.connections.timeouts, held)
        except EvEnergyError as error:
            attempts.give_up(error)  # its source has retried it, once for all who wait
            raise
        attempts.check(token)
        return token

    async def _token_for(self, permit: Permit, attempts: Attempts, held: Secret | None) -> Secret | None:
        try:
            return await self._token(attempts, held)
        except BaseException:
            self.limiter.lost(permit)
            raise

    def _rejection(
        self, request: Request[Any], response: Response, token: Secret | None, attempts: Attempts, url: str
    ) -> EvEnergyError:
        """Return the error for a response that is no success."""
        if response.status < _ERRORS:
            return failures.redacted(failures.redirect_error(response, method=request.method, url=url), token)
        error = self._problem(request, response, token, url)
        if isinstance(error, AuthenticationError) and token is not None:
            attempts.unauthorized(token, error)
            self.credentials.invalidate(token, error)
        return error

    def _problem(self, request: Request[Any], response: Response, token: Secret | None, url: str) -> ProblemError:
        headers = CIMultiDict(response.headers)
        headers.popall("Set-Cookie", None)
        wait = retry_after(headers, response.status)
        if wait is None:
            wait = self.limiter.wait_estimate(asyncio.get_running_loop().time())
        hint = failures.hint(
            response.status,
            anonymous=token is None,
            needs_user=request.needs_user and self.options.user is None,
            base_url=self.options.base_url,
        )
        return error_from_response(
            response.status,
            headers,
            response.body,
            method=request.method,
            url=url,
            retry_after=wait,
            hint=hint,
            secret=failures.redactable(token),
        )

    def _deadline_error(self, request: Request[Any], attempts: Attempts) -> EvEnergyError:
        """Return the error for a spent deadline, or for a client that was closed."""
        url = request.url(self.options.base_url)
        if self.connections.closed:
            return failures.closed_error(request.method, url, sent=attempts.is_unanswered)
        return failures.deadline_error(
            self.options.deadline,
            attempts.where(),
            method=request.method,
            url=url,
            last=attempts.last,
            unanswered=attempts.is_unanswered,
        )


def _settle(limiter: RateLimiter, permit: Permit, response: Response) -> None:
    """Teach the rate limiter what a response says."""
    status, headers = response.status, response.headers
    if status == _UNAUTHORIZED:  # its numbers are those of another bucket
        limiter.lost(permit)
        return
    wait = retry_after(headers, status) if status == _TOO_MANY else None
    limiter.responded(permit, status, int_header(headers, LIMIT), int_header(headers, REMAINING), wait)
