"""What is asked of the API, and what it answered."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import GenericAlias, MappingProxyType, NoneType
from typing import Any, Generic, TypeVar, cast

import attrs
import msgspec
from multidict import CIMultiDict

from . import checks, codec
from .checks import Query
from .errors import DecodeError, InvalidArgumentError, printable

T = TypeVar("T")

SAFE = frozenset({"GET", "HEAD", "DELETE"})
"""Methods that may be sent again after a lost answer (RFC 9110, section 9.2.2; the API has no idempotency keys)."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Response:
    """An answer as it came, read whole and decompressed.

    Attributes:
        status: The HTTP status.
        headers: Those of the answer; names in any case.
        body: The bytes.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")

    def __reduce__(self) -> tuple[object, ...]:
        return Response, (self.status, CIMultiDict(self.headers), self.body)  # aiohttp's headers take no pickling

    def json(self) -> codec.JSON:
        """The body as plain data.

        Raises:
            DecodeError: It is no JSON document.
        """
        try:
            document: codec.JSON = msgspec.json.decode(self.body)
        except (ValueError, RecursionError) as error:
            raise DecodeError(
                f"the answer is not a JSON document: {error}", status=self.status, malformed=True
            ) from error
        return document


class Call(Generic[T]):
    """What is asked of the API.

    Attributes:
        method: The HTTP method.
        path: Quoted, below the base URL; the whole URL of an OAuth request.
        read: From the answer to the result.
        query: As it stands in the URL, without the question mark.
        body: What to send, encoded; None for nothing.
        needs_user: Whether the API refuses it under client credentials without ``EvEnergy-User``.
        headers: Beside the client's.
        is_oauth: An OAuth request: no header but its own, no token, no slot of the rate limit, any status is read.
    """

    __slots__ = ("body", "headers", "is_oauth", "method", "needs_user", "path", "query", "read")

    def __init__(
        self,
        method: str,
        path: str,
        read: Callable[[Response], T],
        query: str = "",
        body: bytes | None = None,
        *,
        needs_user: bool = False,
        headers: Mapping[str, str] = _NO_HEADERS,
        is_oauth: bool = False,
    ) -> None:
        self.method: str = method
        self.path: str = path
        self.read: Callable[[Response], T] = read
        self.query: str = query
        self.body: bytes | None = body
        self.needs_user: bool = needs_user
        self.headers: Mapping[str, str] = headers
        self.is_oauth: bool = is_oauth


def call(
    into: type[T],
    method: str,
    *path: str,
    query: Query = (),
    body: object = None,
    needs_user: bool = False,
    language: str | None = None,
) -> Call[T]:
    """A call whose answer is decoded; each part of the path is one segment, whatever it holds."""
    return Call(
        method,
        checks.segments(*path),
        reader(into),
        checks.encoded(query) if query else "",
        None if body is None else encode(body),
        needs_user=needs_user,
        headers=_NO_HEADERS if language is None else {"Accept-Language": checks.language(language)},
    )


def reader(into: type[T]) -> Callable[[Response], T]:
    """From an answer to a value of the given type; what has no value is not read.

    Raises:
        InvalidArgumentError: It is no type that JSON can be read into.
    """
    kind: Any = into
    try:
        found: Callable[[Response], T] = _reader(kind)
    except (TypeError, NameError) as error:  # a name: one that an annotation could not resolve
        what = f"a type such as Vehicle or list[Vehicle] to read an answer into, got {printable(repr(kind))}"
        raise InvalidArgumentError(f"expected {what}: {error}") from None
    return found


@functools.cache
def _reader(into: Any) -> Callable[[Response], Any]:
    if into is NoneType:
        return lambda _: None
    decode = codec.decoder(into)
    return lambda answer: decode(answer.body)


def list_of(into: type[T]) -> type[list[T]]:
    """The type of a list of values."""
    return cast("type[list[T]]", GenericAlias(list, (into,)))


def fields(**given: object) -> dict[str, object]:
    """A body of what was given: what is left `UNSET` is left out, None is null."""
    return {name: value for name, value in given.items() if value is not msgspec.UNSET}


def encode(body: object) -> bytes:
    """The JSON of a body."""
    try:
        _check(body)
        return msgspec.json.encode(body)
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"expected a body of JSON data: {error}") from None


def _check(body: object) -> None:
    """Refuse what would be sent as something else: a naive time without its zone, not-a-number as null."""
    if isinstance(body, datetime):
        checks.aware(body)
    elif isinstance(body, float) and not math.isfinite(body):
        raise checks.refused("a number that JSON knows", body)
    elif isinstance(body, Mapping):
        for value in cast("Mapping[object, object]", body).values():
            _check(value)
    elif isinstance(body, list | tuple | set | frozenset):
        for value in cast("Iterable[object]", body):
            _check(value)
