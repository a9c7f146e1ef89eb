"""Errors that this library raises, and the pure function from a response to an error.

EvEnergyError
├── InvalidArgumentError (also ValueError)   rejected before anything was sent
├── TransportError                           no response
│   ├── RequestTimeoutError (also TimeoutError)
│   └── OutcomeUnknownError                  a POST or PATCH may have taken effect
├── DecodeError                              a response, or an item of one, that cannot be decoded
├── ClosedError                              the client was closed, or the database
├── BudgetError                              the ledger of a budget cannot be reached
├── SyncRunningError                         another process has the database of a fleet open
├── WebhookError                             a request that is no valid webhook (in evenergy.webhooks)
└── ProblemError                             the API rejected the request, or failed
    ├── BadRequestError 400 · AuthenticationError 401 · PermissionDeniedError 403 · NotFoundError 404
    ├── MethodNotAllowedError 405 · NotAcceptableError 406 · ConflictError 409 · PayloadTooLargeError 413
    ├── UnprocessableEntityError 422 · ServerError 5xx
    └── RateLimitError 429
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypedDict, TypeVar, Unpack, cast

import msgspec
from multidict import CIMultiDict, MultiMapping

E = TypeVar("E", bound="EvEnergyError")
T = TypeVar("T")

_LONGEST_TEXT = 300  # characters of a response's text in a message; the attributes keep it whole
_MOST_FIELDS = 10  # field errors in a message; likewise
_LONGEST_WAIT = timedelta(days=36525)  # a century: a later time may be beyond the calendar
_WINDOW = 3600.0  # seconds of the rolling rate limit: after it a request may succeed, whatever went before
_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "field_errors", "notification"})


class EvEnergyError(Exception):
    """Root of all errors of this library."""


class InvalidArgumentError(EvEnergyError, ValueError):
    """Argument that was rejected before anything was sent; the message says what was expected and what came."""


class ClosedError(EvEnergyError):
    """Call on a client that was closed, before the call or during it."""


class BudgetError(EvEnergyError):
    """Ledger of a shared budget that cannot be reached; a call fails with it only where the budget is ``required``."""


class SyncRunningError(EvEnergyError):
    """Database of a fleet that another `FleetDatabase` has open, in this process or in another one."""


class TransportError(EvEnergyError):
    """Request without a usable response: connection lost, TLS, a redirect, a body cut short or too large.

    Attributes:
        method: The HTTP method.
        url: The URL that was requested.
        transient: True when a retry of the same request may succeed.
        sent: True when the request may have reached the server.
    """

    def __init__(
        self, message: str, *, method: str = "", url: str = "", transient: bool = True, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.transient = transient
        self.sent = sent


class RequestTimeoutError(TransportError, TimeoutError):
    """Attempt that took longer than ``timeout``, or call that took longer than ``deadline``."""


class OutcomeUnknownError(TransportError):
    """POST or PATCH that was sent, and then timed out or lost its response: it may have taken effect.

    The API has no idempotency keys, so it was not retried. Read the resource back before you repeat the call.
    """

    def __init__(
        self, message: str, *, method: str = "", url: str = "", transient: bool = False, sent: bool = True
    ) -> None:
        super().__init__(message, method=method, url=url, transient=transient, sent=sent)


class DecodeError(EvEnergyError):
    """Response, or item of a listing, that cannot be decoded.

    Attributes:
        where: The place in the response, such as ``$[3].sampled_at``; ``Link`` and ``Location`` are headers.
        raw: The plain data that cannot be decoded: of the item, or of the whole response; None without JSON data.
        status: The HTTP status of the response, or None where there was none.
        method: The HTTP method.
        url: The URL that was requested; of an item, that of its page.
        malformed: True when the response was no whole JSON document, as when a proxy cuts it.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "$",
        raw: object = None,
        status: int | None = None,
        method: str = "",
        url: str = "",
        malformed: bool = False,
    ) -> None:
        super().__init__(message)
        self.where = where
        self.raw = raw  # never in the message: it may be long
        self.status = status
        self.method = method
        self.url = url
        self.malformed = malformed


class ProblemFields(TypedDict, total=False):
    """Attributes of a `ProblemError`, as its constructor takes them."""

    status: int | None
    type: str | None
    title: str
    detail: str | None
    instance: str | None
    field_errors: dict[str, list[str]]
    notification: dict[str, object] | None
    extensions: dict[str, object]
    method: str
    url: str
    headers: Mapping[str, str]


class ProblemError(EvEnergyError):
    """Response of 400 and above, with its problem details (RFC 9457) where the API sent them.

    Attributes:
        status: The HTTP status; None when the error was made of its message alone.
        type: The URI of the kind of problem; None when the status says enough.
        title: A short description, or the reason of the status when the API sent none.
        detail: The description of this occurrence; None when the API sent none.
        instance: The URI of this occurrence, or None.
        field_errors: Field name to messages, empty when there are none.
        notification: The message that the API wants shown to the driver, or None.
        extensions: The other members of the problem details, such as ``conflicts`` of a region.
        method: The HTTP method.
        url: The URL that was requested.
        headers: The headers of the response; empty when nothing was sent.
    """

    def __init__(self, message: str, **members: Unpack[ProblemFields]) -> None:
        super().__init__(message)
        self.status: int | None = members.get("status")
        self.type: str | None = members.get("type")
        self.title: str = members.get("title", "")
        self.detail: str | None = members.get("detail")
        self.instance: str | None = members.get("instance")
        self.field_errors: dict[str, list[str]] = members.get("field_errors", {})
        self.notification: dict[str, object] | None = members.get("notification")
        self.extensions: dict[str, object] = members.get("extensions", {})
        self.method: str = members.get("method", "")
        self.url: str = members.get("url", "")
        self.headers: Mapping[str, str] = members.get("headers", {})


class BadRequestError(ProblemError):
    """400: a parameter, the body or a header was rejected."""


class AuthenticationError(ProblemError):
    """401: no credentials, or none that are good; also when the token endpoint rejects them for good."""


class PermissionDeniedError(ProblemError):
    """403: the credentials are good, but not for this."""


class NotFoundError(ProblemError):
    """404: no such resource, or none that these credentials may see."""


class MethodNotAllowedError(ProblemError):
    """405: the resource does not allow this method."""


class NotAcceptableError(ProblemError):
    """406: the response is not available in the requested form."""


class ConflictError(ProblemError):
    """409: the state of the resource does not allow it."""


class PayloadTooLargeError(ProblemError):
    """413: the body was too large."""


class UnprocessableEntityError(ProblemError):
    """422: the body was understood and is invalid."""


class ServerError(ProblemError):
    """5xx: the API failed."""


class RateLimitError(ProblemError):
    """429: the hour's requests are used up; with nothing sent also when a permit is further off than ``max_wait``.

    Attributes:
        retry_after: Seconds until the next request may succeed; always set. An hour, the window of the rate limit,
            when the error was made of its message alone.
        retry_at: The same as a time (UTC).
    """

    def __init__(self, message: str, *, retry_after: float = _WINDOW, **members: Unpack[ProblemFields]) -> None:
        super().__init__(message, **members)
        self.retry_after = retry_after
        self.retry_at: datetime = datetime.now(UTC) + timedelta(seconds=min(retry_after, _LONGEST_WAIT.total_seconds()))


_BY_STATUS: Mapping[int, type[ProblemError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    406: NotAcceptableError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str,
    url: str,
    retry_after: float = _WINDOW,
    hint: str = "",
    secret: str | None = None,
) -> ProblemError:
    """Return the error for a response of 400 and above, whatever its body is.

    Args:
        status: The HTTP status; it wins over that of the body.
        headers: The headers of the response.
        body: Problem details (RFC 9457), or anything: a proxy's page becomes an error without detail.
        method: The HTTP method.
        url: The URL that was requested.
        retry_after: Seconds, for a 429.
        hint: The remedy, added to the message.
        secret: The token, which is redacted where the response echoes it.
    """
    members = _members(_document(body, secret), status)
    members.update({"method": method, "url": url, "headers": redact_data(secret, headers)})
    kind = error_class(status)
    if issubclass(kind, RateLimitError):
        wait = f"retry after {math.ceil(min(retry_after, _LONGEST_WAIT.total_seconds()))} s"
        hint = f"{wait} · {hint}" if hint else wait
        return kind(f"{_message(members, hint)} ({method} {url})", retry_after=retry_after, **members)
    return kind(f"{_message(members, hint)} ({method} {url})", **members)


def _members(document: dict[str, object], status: int) -> ProblemFields:
    return ProblemFields(
        status=status,
        type=_text(document, "type"),
        title=_text(document, "title") or _reason(status),
        detail=_text(document, "detail"),
        instance=_text(document, "instance"),
        field_errors=_field_errors(document.get("field_errors")),
        notification=_mapping(document.get("notification")),
        extensions={name: value for name, value in document.items() if name not in _MEMBERS},
    )


def error_class(status: int) -> type[ProblemError]:
    """Return the class of the error for a status of 400 and above."""
    return _BY_STATUS.get(status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ProblemError)


def redact_data(secret: str | None, data: T) -> T:
    """Return text, headers or JSON data without the secret."""
    return data if secret is None else cast("T", _redact_data(secret, data))


def _redact_data(secret: str, data: object) -> object:
    if isinstance(data, str):
        return data.replace(secret, "***")
    if isinstance(data, MultiMapping):
        pairs = cast("MultiMapping[str]", data).items()
        return CIMultiDict((name.replace(secret, "***"), value.replace(secret, "***")) for name, value in pairs)
    if isinstance(data, dict):
        members = cast("dict[str, object]", data)
        return {name.replace(secret, "***"): _redact_data(secret, value) for name, value in members.items()}
    if isinstance(data, list):
        return [_redact_data(secret, one) for one in cast("list[object]", data)]
    return data


def redact(secret: str, error: EvEnergyError) -> None:
    """Remove a secret from the message and the attributes of an error, and a cause that shows it."""
    error.args = tuple(_redact_data(secret, one) for one in error.args)
    for name, value in list(vars(error).items()):
        try:
            vars(error)[name] = _redact_data(secret, value)
        except RecursionError:  # data nested beyond reason, which nobody can look through
            vars(error)[name] = None
    cause = error.__cause__
    if cause is not None and secret in f"{cause!r} {cause} {vars(cause)}":
        error.__cause__ = ConnectionError(_redact_data(secret, f"{type(cause).__name__}: {cause}"))


def reworded(error: E, message: str, **attributes: object) -> E:
    """Return the same error with another message, and with other values of its attributes."""
    error.args = (message, *error.args[1:])
    vars(error).update(attributes)
    return error


def printable(text: str) -> str:
    """Return text of others fit for one line of a message: cut, and with its control characters escaped."""
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)


def _message(members: ProblemFields, hint: str) -> str:
    problem = ProblemError("", **members)
    parts = [f"{problem.status} {problem.title}", problem.detail or ""]
    fields = list(problem.field_errors.items())
    parts += [f"{field}: {' '.join(texts)}" for field, texts in fields[:_MOST_FIELDS]]
    if fields[_MOST_FIELDS:]:
        parts.append(f"and {len(fields) - _MOST_FIELDS} more fields")
    return " · ".join([*(printable(part) for part in parts if part), *filter(None, [hint])])


def _document(body: bytes, secret: str | None) -> dict[str, object]:
    try:
        return redact_data(secret, _mapping(msgspec.json.decode(body)) or {})
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested beyond reason
        return {}


def _mapping(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _text(document: dict[str, object], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None


def _field_errors(value: object) -> dict[str, list[str]]:
    """Return field name to messages; a single message in place of a list is accepted, anything else is left out."""
    found: dict[str, list[str]] = {}
    for field, messages in (_mapping(value) or {}).items():
        texts = cast("list[object]", messages) if isinstance(messages, list) else [messages]
        found[field] = [text for text in texts if isinstance(text, str)]
    return found


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
