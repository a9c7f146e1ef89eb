"""Errors in words: aiohttp's failures, lost writes, redirects and spent deadlines, without a secret in them."""

import copy
import os
import threading
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError

from evenergy._codec.secret import Secret
from evenergy.errors import (
    ClosedError,
    DecodeError,
    EvEnergyError,
    OutcomeUnknownError,
    RequestTimeoutError,
    TransportError,
    printable,
    redact,
    reworded,
)

from .request import IDEMPOTENT, Response
from .timeouts import ExpiredError

E = TypeVar("E", bound=EvEnergyError)
B = TypeVar("B", bound=BaseException)

MAX_BODY = 8 * 2**20
"""Bytes of a body after decompression; a page of 100 status logs has about 70,000."""

CONNECTING = 3
"""The part of an attempt's time that connecting may take: one third."""

_SHORTEST_SECRET = 8  # characters; a shorter token is one of a test, and may be part of any word


class ResentError(aiohttp.ClientError):
    """Lost connection. Under its own name aiohttp would send a GET again, unseen by the rate limiter."""


class TooLargeError(aiohttp.ClientError):
    """Body beyond `MAX_BODY`."""


FAILURES = (ExpiredError, aiohttp.ClientError, HttpProcessingError, OSError, ValueError, RuntimeError)
"""All that sending and reading may raise, apart from a cancellation."""

_UNSENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)

_TOO_LARGE = f"the body is larger than {MAX_BODY // 2**20} MiB"

_MEANINGS: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    ((TooLargeError,), _TOO_LARGE, False),
    ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch), "TLS failed", False),
    ((aiohttp.ClientConnectorError,), "no connection", True),
    ((aiohttp.ClientHttpProxyError,), "the proxy rejected the request", False),
    ((aiohttp.ClientPayloadError,), "the body was cut short", True),
    ((aiohttp.ClientResponseError, HttpProcessingError), "the response is not HTTP", True),
    ((aiohttp.ClientError, OSError), "the connection was lost", True),
    ((ValueError, RuntimeError), "the request could not be sent", False),
)
"""The first entry that fits gives the words for a failure, and whether a retry may succeed."""


_UNKNOWN = "; it was sent and may have taken effect: read the resource back before sending it again"


def was_sent(error: BaseException) -> bool:
    """Return whether a request that failed may have reached the server."""
    invalid = isinstance(error, ValueError | RuntimeError) and not isinstance(error, aiohttp.ClientError)
    return not (invalid or isinstance(error, _UNSENT))


def transport_error(
    error: Exception, *, method: str, url: str, timeout: float | None, hint: str = ""
) -> TransportError:
    """Return the error that stands for one of aiohttp's, with a cause that holds no request."""
    found: TransportError
    sent = was_sent(error)
    hint = "" if sent else hint
    if isinstance(error, TimeoutError | ExpiredError):
        what, bound = "response not complete", timeout
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            what, bound = "no connection", timeout and timeout / CONNECTING
        after = "in time" if bound is None else f"after {round(bound, 3) or bound:g} s"
        found = RequestTimeoutError(f"{what} {after}{hint} ({method} {url})", method=method, url=url, sent=sent)
    else:
        what, transient = next((what, again) for kinds, what, again in _MEANINGS if isinstance(error, kinds))
        why = _why(error)
        text = f"{what}{': ' if why else ''}{printable(why)}{hint} ({method} {url})"
        found = TransportError(text, method=method, url=url, transient=transient, sent=sent)
    found.__cause__ = _cause(error)
    return found


def redirect_error(response: Response, *, method: str, url: str) -> TransportError:
    """Return the error for a redirect, which is never followed: its target could be given the token."""
    target = urlsplit(response.headers.get("Location", ""))._replace(query="", fragment="").geturl()
    return TransportError(
        f"the response is a redirect ({response.status}) to {printable(target) or 'nowhere'}, which is not followed"
        f" ({method} {url})",
        method=method,
        url=url,
        transient=False,
        sent=True,
    )


def closed_error(method: str, url: str, *, sent: bool) -> ClosedError:
    """Return the error for a call whose client was closed; of a write that was sent it says that."""
    unknown = _UNKNOWN if sent and method not in IDEMPOTENT else ""
    return ClosedError(f"the client was closed during the call ({method} {url}){unknown}")


def outcome_unknown(error: TransportError) -> OutcomeUnknownError:
    """Return the error for a write that was sent and has no response."""
    unknown = OutcomeUnknownError(
        f"{error}{_UNKNOWN}",
        method=error.method,
        url=error.url,
        transient=False,
        sent=True,
    )
    unknown.__cause__ = error.__cause__
    return unknown


def deadline_error(
    deadline: float | None, where: str, *, method: str, url: str, last: EvEnergyError | None, unanswered: bool
) -> TransportError:
    """Return the error for a spent deadline: where the call was, and the failure before it."""
    before = f"; before that: {last}" if last else ""
    error = RequestTimeoutError(
        f"the deadline of {deadline:g} s was spent, {where} ({method} {url}){before}",
        method=method,
        url=url,
        sent=unanswered,
    )
    error.__cause__ = last and last.with_traceback(None)
    return outcome_unknown(error) if unanswered and method not in IDEMPOTENT else error


def no_thread(user: str, error: RuntimeError) -> EvEnergyError:
    """Return the error for a thread that could not be started, and that ``user`` needs."""
    if not threading.main_thread().is_alive():
        return ClosedError("the interpreter is shutting down")
    return EvEnergyError(f"{user} needs a thread, and none could be started: {error}")


def with_context(error: DecodeError, response: Response, *, method: str, url: str) -> DecodeError:
    """Return the same error with the request and the response named in it, without frames: they hold the response."""
    kind = f", {printable(response.headers.get('Content-Type', 'of no type'))}" if error.malformed else ""
    message = f"{error} ({response.status}{kind}, {method} {url})"
    return reworded(error.with_traceback(None), message, status=response.status, method=method, url=url)


def redacted(error: E, token: Secret | None) -> E:
    """Return the same error, without the token in it: a debugging proxy may echo the request."""
    secret = redactable(token)
    if secret is not None:
        redact(secret, error)
    return error


def redactable(token: Secret | None) -> str | None:
    """Return the text to remove from a response, or None."""
    return None if token is None or len(token.reveal()) < _SHORTEST_SECRET else token.reveal()


def hint(status: int, *, anonymous: bool, needs_user: bool, base_url: str) -> str:
    """Return the likely cause of a status and its remedy, or nothing."""
    if status == HTTPStatus.UNAUTHORIZED and anonymous:
        return (
            "no credentials were sent: pass auth=, or set EVENERGY_TOKEN, or EVENERGY_CLIENT_ID with"
            " EVENERGY_CLIENT_SECRET"
        )
    if status == HTTPStatus.BAD_REQUEST and needs_user:
        return (
            "under client credentials this may need a user: pass user=, set EVENERGY_USER, or use"
            " with_options(user=...)"
        )
    if status == HTTPStatus.NOT_FOUND and not urlsplit(base_url).path:
        return "is /v2 missing from base_url?"
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        why, number = str(error.os_error), error.os_error.errno
        if isinstance(error.os_error, ConnectionError) and number:
            why = os.strerror(number)  # asyncio's own text repeats the address
        return f"{error.host}:{error.port}, {why}"
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(error.__cause__, HttpProcessingError):
        return error.__cause__.message  # aiohttp's own text is the cause's repr
    if _has_headers(error):
        return "in the middle of the headers"
    return error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)


def _has_headers(error: Exception) -> bool:
    """Return whether the error holds half a response: the server disconnected in the middle of it."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


def _cause(error: Exception) -> BaseException:
    """Return the cause to chain: never an error of aiohttp that knows the request's headers or the proxy's password."""
    cause: BaseException = error
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
    elif _has_headers(error):
        cause = ConnectionError(type(error).__name__)
    elif isinstance(error, aiohttp.ClientResponseError):
        cause = ConnectionError(f"{type(error).__name__}: {error.message}")
    cause.__traceback__ = None  # its frames hold the headers
    cause.__cause__ = cause.__context__ = None
    return cause


def copied(error: B) -> B:
    """Return a copy of an error for one of those who share it, if it can be copied: each call adds its own words."""
    try:
        mine = copy.copy(error)
    except Exception:  # noqa: BLE001  it is of the caller's code
        return error
    mine.__cause__ = error.__cause__
    return mine
