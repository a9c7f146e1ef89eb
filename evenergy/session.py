"""The request core: how a `Call` is sent. The only file that sends through aiohttp.

endpoint → Session.send (what: url, query, retry, gate) → Session._once (how: one attempt) → aiohttp
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import attrs
from multidict import CIMultiDict
from yarl import URL

from . import checks, codec, connections
from .auth import Auth, BearerToken, Secret, TokenSource
from .calls import SAFE, Call, Response
from .errors import (
    AuthenticationError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    NotFoundError,
    OutcomeUnknownError,
    ProblemError,
    RateLimitError,
    RequestTimeoutError,
    TransportError,
    hide,
    printable,
    problem,
)
from .headers import LIMIT, REMAINING, RequestHeaders, form_headers, retry_after, told
from .limits import Gate, Slot
from .retry import Attempts, Budget, Retry
from .tokens import Form, RenewedToken
from .watch import ExpiredError

E = TypeVar("E", bound=EvEnergyError)
T = TypeVar("T")

_log = logging.getLogger(__name__)

# In Python 3.11 each look at a member of an enumeration takes as long as the rest of a comparison ten times.
_UNAUTHORIZED, _TOO_MANY = HTTPStatus.UNAUTHORIZED.value, HTTPStatus.TOO_MANY_REQUESTS.value
_REDIRECTS, _ERRORS = HTTPStatus.MULTIPLE_CHOICES.value, HTTPStatus.BAD_REQUEST.value

_SHORTEST_SECRET = 8  # characters; a shorter token is one of a test, and may be part of any word

_NO_CREDENTIALS = (
    "no credentials were sent: pass auth=, or set EVENERGY_TOKEN, or EVENERGY_CLIENT_ID with EVENERGY_CLIENT_SECRET"
)
_NO_VERSION = "is /v2 missing from base_url?"
_NO_USER = "under client credentials this may need a user: pass user=, set EVENERGY_USER, or use with_options(user=...)"


@attrs.frozen
class Options:
    """How a client, or a view of it, sends."""

    base_url: str
    user: str | None
    api_version: str
    timeout: float | None
    deadline: float | None
    retry: Retry
    max_wait: float | None


class Bucket:
    """What shares a token and a rate limit: an application, or a user of one."""

    def __init__(self, auth: Auth | None, source: TokenSource | None) -> None:
        self.auth = auth
        self.source = source
        self.is_ours: bool = source is None or isinstance(source, BearerToken | RenewedToken)
        self.gate: Gate = Gate()


class Session:
    """Sends calls: with a token, within the rate limit, again where that is safe."""

    def __init__(self, options: Options, bucket: Bucket, connected: connections.Connections, budget: Budget) -> None:
        self.options = options
        self.bucket = bucket
        self.connections = connected
        self.budget = budget
        self._headers = RequestHeaders(options.base_url, options.user, options.api_version)
        self._secret: Secret | None = None
        # Connecting has a share of the attempt's time, so that one who waited for it knows that nothing was sent.
        share = options.timeout and options.timeout / connections.CONNECTING
        self._wire = aiohttp.ClientTimeout(total=None, connect=share, sock_connect=share)

    async def send(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and read its answer."""
        attempts = Attempts(call.method, self.options.retry, self.options.max_wait, self.budget)
        first: EvEnergyError | None = None
        if self.options.deadline is None:
            try:
                return await self._once(call, attempts)
            except EvEnergyError as error:
                attempts.failed(error)
                if not attempts.is_worth_it(error):
                    raise
                first = error
        try:
            return await self.connections.watchdog.bounded(self._again(call, attempts, first), self.options.deadline)
        except ExpiredError:
            last = self._ended(call, attempts)
        except EvEnergyError as error:
            last = attempts.counted(error)
        raise last  # here, where no frame of tenacity is attached

    async def in_time(self, work: Awaitable[T]) -> T:
        """Await something that is a call of its own, within the deadline.

        Raises:
            RequestTimeoutError: The deadline is spent.
            ClosedError: The client was closed.
        """
        with contextlib.suppress(ExpiredError):
            return await self.connections.watchdog.bounded(work, self.options.deadline)
        if self.connections.closed:
            raise ClosedError("the client was closed during the call")
        raise RequestTimeoutError(f"the deadline of {self.options.deadline:g} s was spent")

    async def post_form(self, url: str, form: Form, basic: Secret | None) -> Response:
        """Send a form to an OAuth endpoint: its answer, whatever the status.

        Raises:
            TransportError: No answer came.
        """
        post = Call(
            "POST",
            url,
            lambda answer: answer,
            body=urlencode(form).encode(),
            headers=form_headers(basic),
            is_oauth=True,
        )
        return await self._once(post, Attempts("POST", self.options.retry, None, self.budget))

    async def _again(self, call: Call[T], attempts: Attempts, first: EvEnergyError | None) -> T:
        """From the first failure on, tenacity decides."""
        failed = first

        async def attempt() -> T:
            nonlocal failed
            if failed is not None:
                error, failed = failed, None
                raise error
            try:
                return await self._once(call, attempts)
            except EvEnergyError as error:
                if isinstance(error, NotFoundError) and attempts.sent and attempts.is_gone():
                    return call.read(Response(HTTPStatus.NO_CONTENT, CIMultiDict[str](), b""))
                attempts.failed(error)
                raise

        return await attempts.policy()(attempt)

    async def _once(self, call: Call[T], attempts: Attempts) -> T:
        """One attempt: a token, a slot of the rate limit, an exchange, and what its answer means."""
        url = self._url(call)
        attempts.start()
        self.connections.session(attempts.loop)  # before a token is asked for in vain
        token, slot = None, None
        if not call.is_oauth:  # the token first, so that many who wait for one share what becomes of it
            token = await self._token(attempts)
            slot = self.bucket.gate.take(attempts.loop)
            if slot is None:
                token, slot = await self._in_line(call, attempts, url)
        answer = await self._exchange(call, url, token, slot, attempts)
        if answer.status >= _REDIRECTS and not call.is_oauth:
            raise self._refusal(call, answer, token, attempts, url)
        try:
            result = call.read(answer)
        except DecodeError as error:
            failed = _hidden(_placed(error, answer, call.method, url), token)
        else:
            if attempts.total == 1 and not call.is_oauth:
                self.budget.refund()
            return result
        raise failed  # here, where the error that may show the token is no context of it

    async def _exchange(
        self, call: Call[T], url: str, token: Secret | None, slot: Slot | None, attempts: Attempts
    ) -> Response:
        """Send one request and read its answer whole, whatever it says."""
        answer: Response | None = None
        failed: EvEnergyError | None = None
        loop, slots = attempts.loop, self.connections.slots
        try:
            await slots.acquire()  # `async with` is two more coroutines
            try:
                http = self.connections.session(loop)  # waiting took time: the client may be closed by now
                now = loop.time()
                attempts.sending(now)
                if slot is not None:
                    slot.sent = now
                with self.connections.watchdog.watch(self.options.timeout, loop, now):
                    request = http.request(
                        call.method,
                        URL(url, encoded=True),
                        headers=call.headers if call.is_oauth else self._headers.of(call, token),
                        data=call.body,
                        allow_redirects=False,
                        raise_for_status=False,
                        auto_decompress=True,
                        timeout=self._wire,
                        middlewares=self.connections.middlewares,
                    )
                    answer = await connections.receive(request)
                if answer is None:
                    raise ExpiredError
                attempts.unanswered = False
            finally:
                slots.release()
        except EvEnergyError:
            raise
        except connections.FAILURES as error:
            failed = _hidden(self._failure(error, call, url, attempts), token)
        except asyncio.CancelledError as error:
            error.__traceback__ = None  # aiohttp's frames hold the headers
            raise
        finally:
            if slot is not None:
                self._account(slot, answer)
        if _log.isEnabledFor(logging.DEBUG):
            _trace(call.method, url, answer or failed, attempts)
        if answer is None:
            raise failed or ClosedError("the client is closed")  # here, where no frame of aiohttp is attached
        return answer

    def reference(self, resource: str | codec.Identified, prefix: str, collection: str) -> str:
        """The URL that a body refers to a resource by, from the resource, its id or its URL."""
        given = resource if isinstance(resource, str) else resource.id
        return f"{self.options.base_url}/{collection}/{checks.identifier(given, prefix)}"

    def _url(self, call: Call[T]) -> str:
        url = call.path if call.is_oauth else self.options.base_url + call.path
        return f"{url}?{call.query}" if call.query else url

    async def _in_line(self, call: Call[T], attempts: Attempts, url: str) -> tuple[Secret | None, Slot]:
        """Wait for a slot of the rate limit, and for another token where the one from before has ended meanwhile."""
        gate, attempts.is_in_line = self.bucket.gate, True
        try:
            slot = await self.connections.watchdog.bounded(gate.slot(attempts.patience), None)
        except RateLimitError as error:
            error.args = (f"{error} ({call.method} {url})",)
            error.method, error.url = call.method, url
            raise
        except ExpiredError:
            raise self._ended(call, attempts) from None
        attempts.waited += slot.waited
        attempts.is_in_line = False
        try:
            return await self._token(attempts), slot
        except BaseException:
            gate.lost(slot)
            raise

    async def _token(self, attempts: Attempts) -> Secret | None:
        source = self.bucket.source
        if source is None:
            return None
        if self.bucket.is_ours:
            text = await source.access_token()
        else:  # it knows nothing of `close`
            try:
                text = await self.connections.watchdog.bounded(source.access_token(), None)
            except ExpiredError:
                raise ClosedError("the client was closed while it was given a token") from None
        token = self._secret
        if token is None or text is not token.reveal():  # the same object for the same one spares comparing and merging
            token = self._secret = Secret(text)
        del text
        if attempts.refusal is not None and token == attempts.rejected:
            raise attempts.refusal
        return token

    def _account(self, slot: Slot, answer: Response | None) -> None:
        gate = self.bucket.gate
        if answer is None or answer.status == _UNAUTHORIZED:  # what a 401 tells is of another bucket
            gate.lost(slot)
            return
        headers, status = answer.headers, answer.status
        wait = retry_after(headers, status) if status == _TOO_MANY else None
        gate.answered(slot, status, told(headers, LIMIT), told(headers, REMAINING), wait)

    def _refusal(
        self, call: Call[T], answer: Response, token: Secret | None, attempts: Attempts, url: str
    ) -> EvEnergyError:
        """What an answer means that is no success."""
        if answer.status < _ERRORS:
            place = urlsplit(answer.headers.get("Location", ""))._replace(query="", fragment="").geturl()
            redirect = TransportError(
                f"the answer is a redirect ({answer.status}) to {printable(place) or 'nowhere'}, which is not followed"
                f" ({call.method} {url})",
                method=call.method,
                url=url,
                transient=False,
            )
            return _hidden(redirect, token)
        error = self._problem(call, answer, token, url)
        if isinstance(error, AuthenticationError) and token is not None:
            attempts.rejected, attempts.refusal = token, error
            invalidate = getattr(self.bucket.source, "invalidate", None)
            if invalidate is not None:
                invalidate(token.reveal())
        return error

    def _problem(self, call: Call[T], answer: Response, token: Secret | None, url: str) -> ProblemError:
        hint = ""
        if answer.status == HTTPStatus.UNAUTHORIZED and token is None:
            hint = _NO_CREDENTIALS
        elif answer.status == HTTPStatus.BAD_REQUEST and call.needs_user and self.options.user is None:
            hint = _NO_USER
        elif answer.status == HTTPStatus.NOT_FOUND and not urlsplit(self.options.base_url).path:
            hint = _NO_VERSION
        headers = CIMultiDict(answer.headers)
        headers.popall("Set-Cookie", None)
        wait = retry_after(headers, answer.status)
        if wait is None:
            wait = self.bucket.gate.wait(asyncio.get_running_loop().time())
        return problem(
            answer.status,
            headers,
            answer.body,
            method=call.method,
            url=url,
            retry_after=wait,
            hint=hint,
            secret=_echoed(token),
        )

    def _failure(self, error: Exception, call: Call[T], url: str, attempts: Attempts) -> EvEnergyError:
        if self.connections.closed:
            return ClosedError(f"the client was closed during the call ({call.method} {url})")
        if attempts.unanswered:
            attempts.sent = attempts.unanswered = connections.was_sent(error)
        failed = connections.failure(error, method=call.method, url=url, timeout=self.options.timeout)
        if attempts.sent and call.method not in SAFE and not call.is_oauth:
            return _outcome_unknown(failed, call.method, url)
        return failed

    def _ended(self, call: Call[T], attempts: Attempts) -> EvEnergyError:
        """The deadline was spent, or the client closed."""
        url = self._url(call)
        if self.connections.closed:
            return ClosedError(f"the client was closed during the call ({call.method} {url})")
        where = "waiting for the rate limit" if attempts.is_in_line else f"in attempt {attempts.total}"
        before = f"; before that: {attempts.last}" if attempts.last else ""
        error = RequestTimeoutError(
            f"the deadline of {self.options.deadline:g} s was spent, {where} ({call.method} {url}){before}",
            method=call.method,
            url=url,
        )
        error.__cause__ = attempts.last and attempts.last.with_traceback(None)
        return _outcome_unknown(error, call.method, url) if attempts.unanswered and call.method not in SAFE else error


def _outcome_unknown(error: EvEnergyError, method: str, url: str) -> OutcomeUnknownError:
    unknown = OutcomeUnknownError(
        f"{error}; it was sent and may have taken effect: read the resource back before sending it again",
        method=method,
        url=url,
        transient=False,
    )
    unknown.__cause__ = error.__cause__
    return unknown


def _placed(error: DecodeError, answer: Response, method: str, url: str) -> DecodeError:
    """The same error, which says what could not be read."""
    kind = f", {printable(answer.headers.get('Content-Type', 'of no type'))}" if error.malformed else ""
    text = f"{error} ({answer.status}{kind}, {method} {url})"
    placed = DecodeError(
        text, where=error.where, status=answer.status, method=method, url=url, malformed=error.malformed
    )
    placed.__cause__ = error.__cause__
    return placed


def _hidden(error: E, token: Secret | None) -> E:
    """The same error, without the token in it: a debugging proxy may echo the request."""
    secret = _echoed(token)
    if secret is not None:
        hide(secret, error)
    return error


def _echoed(token: Secret | None) -> str | None:
    """What is looked for in an answer, and taken out of it."""
    return None if token is None or len(token.reveal()) < _SHORTEST_SECRET else token.reveal()


def _trace(method: str, url: str, ended: Response | EvEnergyError | None, attempts: Attempts) -> None:
    result = ended.status if isinstance(ended, Response) else type(ended).__name__
    _log.debug("%s %s: %s, attempt %d, %.1f ms", method, url, result, attempts.total, 1000 * attempts.elapsed())
