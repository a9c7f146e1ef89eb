"""What can go wrong, and the pure function from an answer of the API to an error.

EvEnergyError
├── InvalidArgumentError (also ValueError)   refused before anything was sent
├── TransportError                           no answer
│   ├── RequestTimeoutError (also TimeoutError)
│   └── OutcomeUnknownError                  a POST or PATCH may have taken effect
├── DecodeError                              an answer that cannot be read
├── ClosedError                              the client was closed
└── ProblemError                             the API said no
    ├── BadRequestError 400 · AuthenticationError 401 · PermissionDeniedError 403 · NotFoundError 404
    ├── MethodNotAllowedError 405 · NotAcceptableError 406 · ConflictError 409 · PayloadTooLargeError 413
    ├── UnprocessableEntityError 422 · ServerError 5xx
    └── RateLimitError 429
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TypedDict, TypeVar, Unpack, cast

import msgspec
from multidict import CIMultiDict, MultiMapping

E = TypeVar("E", bound="EvEnergyError")
T = TypeVar("T")

_LONGEST_TEXT = 300  # of what a server wrote, in a message; the attributes keep it whole
_MOST_FIELDS = 10  # likewise
_LONGEST_WAIT = timedelta(days=36525)  # a century: what comes after it may be beyond the calendar


class EvEnergyError(Exception):
    """The root of all that this library raises."""


class InvalidArgumentError(EvEnergyError, ValueError):
    """An argument was refused before anything was sent; the message says what was expected and what came."""


class ClosedError(EvEnergyError):
    """The client was closed, before the call or during it."""


class TransportError(EvEnergyError):
    """No usable answer came: connection lost, TLS, a redirect, a body cut short or too large.

    Attributes:
        method: The HTTP method.
        url: The URL that was asked.
        transient: Whether a retry of the same request may succeed.
        sent: Whether the request may have reached the server.
    """

    def __init__(
        self, message: str, *, method: str = "", url: str = "", transient: bool = True, sent: bool = False
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.transient = transient
        self.sent = sent


class RequestTimeoutError(TransportError, TimeoutError):
    """An attempt took longer than ``timeout``, or a call longer than ``deadline``."""


class OutcomeUnknownError(TransportError):
    """A POST or PATCH was sent, and then timed out or lost its answer: it may have taken effect.

    The API has no idempotency keys, so it was not sent again. Read the resource back before you repeat the call.
    """


class DecodeError(EvEnergyError):
    """An answer that cannot be read.

    Attributes:
        where: The place in the answer, such as ``$[3].sampled_at``.
        status: The HTTP status of the answer, or None where there was none.
        method: The HTTP method.
        url: The URL that was asked.
        malformed: Whether the answer was no whole JSON document, as when a proxy cuts it.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str = "$",
        status: int | None = None,
        method: str = "",
        url: str = "",
        malformed: bool = False,
    ) -> None:
        super().__init__(message)
        self.where = where
        self.status = status
        self.method = method
        self.url = url
        self.malformed = malformed


class ProblemFields(TypedDict, total=False):
    """The attributes of a `ProblemError`, as its constructor takes them."""

    status: int
    type: str | None
    title: str
    detail: str | None
    instance: str | None
    field_errors: dict[str, list[str]]
    notification: dict[str, object] | None
    method: str
    url: str
    headers: Mapping[str, str]


class ProblemError(EvEnergyError):
    """The API said no, as RFC 9457 problem details where it sent them.

    Attributes:
        status: The HTTP status.
        type: The URI of the kind of problem; None when the status says enough.
        title: A short description, or the reason of the status when the API sent none.
        detail: What went wrong this time; None when the API did not say.
        instance: The URI of this occurrence, or None.
        field_errors: Field name to messages, empty when there are none.
        notification: What the API wants shown to the driver, or None.
        method: The HTTP method.
        url: The URL that was asked.
        headers: Those of the answer; empty when nothing was sent.
    """

    def __init__(self, message: str, **members: Unpack[ProblemFields]) -> None:
        super().__init__(message)
        self.status: int = members.get("status", 0)
        self.type: str | None = members.get("type")
        self.title: str = members.get("title", "")
        self.detail: str | None = members.get("detail")
        self.instance: str | None = members.get("instance")
        self.field_errors: dict[str, list[str]] = members.get("field_errors", {})
        self.notification: dict[str, object] | None = members.get("notification")
        self.method: str = members.get("method", "")
        self.url: str = members.get("url", "")
        self.headers: Mapping[str, str] = members.get("headers", {})


class BadRequestError(ProblemError):
    """400: a parameter, the body or a header was not accepted."""


class AuthenticationError(ProblemError):
    """401: no credentials, or none that are good; also when the token endpoint refuses them for good."""


class PermissionDeniedError(ProblemError):
    """403: the credentials are good, but not for this."""


class NotFoundError(ProblemError):
    """404: no such resource, or none that these credentials may see."""


class MethodNotAllowedError(ProblemError):
    """405: the resource does not know this method."""


class NotAcceptableError(ProblemError):
    """406: the answer cannot be had in the form that was asked for."""


class ConflictError(ProblemError):
    """409: the state of the resource does not allow it."""


class PayloadTooLargeError(ProblemError):
    """413: the body was too large."""


class UnprocessableEntityError(ProblemError):
    """422: the body was understood and makes no sense."""


class ServerError(ProblemError):
    """5xx: the API failed."""


class RateLimitError(ProblemError):
    """429: the hour's requests are used up; with nothing sent also when a slot is further off than ``max_wait``.

    Attributes:
        retry_after: Seconds until the next request may succeed; always set.
        retry_at: The same as a time (UTC).
    """

    def __init__(self, message: str, *, retry_after: float = 0.0, **members: Unpack[ProblemFields]) -> None:
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
    retry_after: float = 0.0,
    hint: str = "",
    secret: str | None = None,
) -> ProblemError:
    """The error that an answer of 400 and above stands for, whatever its body is.

    Args:
        status: The HTTP status; it is believed before what the body says.
        headers: Those of the answer.
        body: Problem details (RFC 9457), or anything: a proxy's page becomes an error without detail.
        method: The HTTP method.
        url: The URL that was asked.
        retry_after: Seconds, for a 429.
        hint: What the caller can do, added to the message.
        secret: What is shown nowhere, even where the answer echoes it.
    """
    document = _document(body, secret)
    members = ProblemFields(
        status=status,
        type=_text(document, "type"),
        title=_text(document, "title") or _reason(status),
        detail=_text(document, "detail"),
        instance=_text(document, "instance"),
        field_errors=_field_errors(document.get("field_errors")),
        notification=_mapping(document.get("notification")),
        method=method,
        url=url,
        headers=redact_data(secret, headers),
    )
    message = f"{_message(ProblemError('', **members), hint)} ({method} {url})"
    kind = error_class(status)
    if issubclass(kind, RateLimitError):
        return kind(message, retry_after=retry_after, **members)
    return kind(message, **members)


def error_class(status: int) -> type[ProblemError]:
    """The class of the error for a status of 400 and above."""
    return _BY_STATUS.get(status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ProblemError)


def redact_data(secret: str | None, said: T) -> T:
    """Text, headers or JSON data with a secret taken out of it."""
    return said if secret is None else cast("T", _redact_data(secret, said))


def _redact_data(secret: str, said: object) -> object:
    if isinstance(said, str):
        return said.replace(secret, "***")
    if isinstance(said, MultiMapping):
        pairs = cast("MultiMapping[str]", said).items()
        return CIMultiDict((name.replace(secret, "***"), value.replace(secret, "***")) for name, value in pairs)
    if isinstance(said, dict):
        members = cast("dict[str, object]", said)
        return {name.replace(secret, "***"): _redact_data(secret, value) for name, value in members.items()}
    if isinstance(said, list):
        return [_redact_data(secret, one) for one in cast("list[object]", said)]
    return said


def redact(secret: str, error: EvEnergyError) -> None:
    """Take a secret out of all that an error says, and let go a cause that shows it."""
    error.args = tuple(_redact_data(secret, one) for one in error.args)
    vars(error).update({name: _redact_data(secret, value) for name, value in vars(error).items()})
    cause = error.__cause__
    if cause is not None and secret in f"{cause!r} {cause} {vars(cause)}":
        error.__cause__ = ConnectionError(_redact_data(secret, f"{type(cause).__name__}: {cause}"))


def reworded(error: E, message: str) -> E:
    """Return the same error with another message."""
    error.args = (message, *error.args[1:])
    return error


def printable(text: str) -> str:
    """What somebody else wrote, fit for one line of a message: cut, and without control characters."""
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in cut)


def _message(said: ProblemError, hint: str) -> str:
    parts = [f"{said.status} {said.title}", said.detail or ""]
    fields = list(said.field_errors.items())
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
    """Field name to messages; a single message in place of a list is taken as one, anything else is left out."""
    found: dict[str, list[str]] = {}
    for field, said in (_mapping(value) or {}).items():
        texts = cast("list[object]", said) if isinstance(said, list) else [said]
        found[field] = [text for text in texts if isinstance(text, str)]
    return found


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
