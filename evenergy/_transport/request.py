"""Requests to the API and its responses."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import GenericAlias, MappingProxyType, NoneType
from typing import Any, Generic, TypeVar, cast

import attrs
import msgspec
from multidict import CIMultiDict

from evenergy._codec import decode, urls, validate
from evenergy._codec.urls import Parameter
from evenergy._codec.wire_types import JSON
from evenergy.errors import DecodeError, InvalidArgumentError, printable

T = TypeVar("T")
V = TypeVar("V")

IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
"""Methods that may be retried after a lost response (RFC 9110, section 9.2.2; the API has no idempotency keys)."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Response:
    """Response as it came, read whole and decompressed.

    Attributes:
        status: The HTTP status.
        headers: The headers; names in any case.
        body: The bytes of the body.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")

    def __reduce__(self) -> tuple[object, ...]:
        return Response, (self.status, CIMultiDict(self.headers), self.body)  # aiohttp's headers take no pickling

    def json(self) -> JSON:
        """Return the body as plain JSON data.

        Raises:
            DecodeError: The body is no JSON document.
        """
        try:
            document: JSON = msgspec.json.decode(self.body)
        except (ValueError, RecursionError) as error:
            raise DecodeError(
                f"the response is not a JSON document: {error}", status=self.status, malformed=True
            ) from error
        return document


class Request(Generic[T]):
    """Description of one request, and of how to read its response.

    Attributes:
        method: The HTTP method.
        path: The quoted path below the base URL.
        read: From the response to the result.
        query: The query as it stands in the URL, without the question mark.
        body: The encoded body; None for none.
        needs_user: Whether the API rejects it under client credentials without ``EvEnergy-User``.
        headers: Headers beside the client's.
        statuses: The statuses of 300 and above that are a result and no error.
    """

    __slots__ = ("body", "headers", "method", "needs_user", "path", "query", "read", "statuses")

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
        statuses: tuple[int, ...] = (),
    ) -> None:
        self.method: str = method
        self.path: str = path
        self.read: Callable[[Response], T] = read
        self.query: str = query
        self.body: bytes | None = body
        self.needs_user: bool = needs_user
        self.headers: Mapping[str, str] = headers
        self.statuses: tuple[int, ...] = statuses

    @property
    def reads_body(self) -> bool:
        """Return whether the result comes from the body of the response."""
        return self.read is not _nothing

    def accepts(self, status: int) -> bool:
        """Return whether a status of 300 or above is a result, as the redirect of an onboarding is."""
        return status in self.statuses

    def url(self, base: str) -> str:
        """Return the URL of the request, given the base URL of the API."""
        return f"{base}{self.path}?{self.query}" if self.query else base + self.path

    def with_query(self, query: str, read: Callable[[Response], V]) -> "Request[V]":
        """Return the same request for another query, such as that of the next page."""
        return Request(self.method, self.path, read, query, self.body, needs_user=self.needs_user, headers=self.headers)


class ListRequest(Request[list[T]]):
    """Description of the first page of a listing."""

    __slots__ = ()


def request(
    into: type[T],
    method: str,
    path: str,
    /,
    *,
    expand: Iterable[str] = (),
    body: object = None,
    needs_user: bool = False,
    language: str | None = None,
    **parameters: Parameter,
) -> Request[T]:
    """Return the request of an operation; the response is decoded into the given type.

    Args:
        into: The type of the result, such as ``Vehicle``; NoneType where there is none.
        method: The HTTP method.
        path: The quoted path, from a `Kind` or from `urls.segments`.
        expand: The references to expand.
        body: The body as data; None for none.
        needs_user: Whether the API rejects it under client credentials without ``EvEnergy-User``.
        language: The value of ``Accept-Language``, or None.
        parameters: The other parameters of the query; None is left out.
    """
    return Request(
        method,
        path,
        reader(into),
        _query(parameters, expand),
        None if body is None else encode(body),
        needs_user=needs_user,
        headers=_language(language),
    )


def list_request(
    into: type[T],
    path: str,
    /,
    *,
    page_size: int | None = None,
    expand: Iterable[str] = (),
    needs_user: bool = False,
    language: str | None = None,
    **parameters: Parameter,
) -> ListRequest[T]:
    """Return the request for the first page of a listing: its largest page, since each costs one request."""
    size = validate.page_size(page_size) or validate.LARGEST_PAGE
    query = _query({"page_size": size, **parameters}, expand)
    return ListRequest("GET", path, reader(list_of(into)), query, needs_user=needs_user, headers=_language(language))


def unpaged_request(
    into: type[T],
    path: str,
    /,
    *,
    expand: Iterable[str] = (),
    needs_user: bool = False,
    language: str | None = None,
    **parameters: Parameter,
) -> ListRequest[T]:
    """Return the request for a listing that knows no ``page_size``."""
    query = _query(parameters, expand)
    return ListRequest("GET", path, reader(list_of(into)), query, needs_user=needs_user, headers=_language(language))


def _query(parameters: Mapping[str, Parameter], expand: Iterable[str]) -> str:
    fields = validate.expansion(expand)
    return urls.encoded(urls.query_items({**parameters, "expand": fields})) if parameters or fields else ""


def _language(language: str | None) -> Mapping[str, str]:
    return _NO_HEADERS if language is None else {"Accept-Language": validate.language(language)}


def reader(into: type[T]) -> Callable[[Response], T]:
    """Return the function that decodes a response into the given type; for None the body is not read.

    Raises:
        InvalidArgumentError: JSON cannot be decoded into this type.
    """
    kind: Any = into
    try:
        found: Callable[[Response], T] = _reader(kind)
    except (TypeError, NameError) as error:  # a name: one that an annotation could not resolve
        what = f"a type such as Vehicle or list[Vehicle] to decode a response into, got {printable(repr(kind))}"
        raise InvalidArgumentError(f"expected {what}: {error}") from None
    return found


@functools.cache
def _reader(into: Any) -> Callable[[Response], Any]:
    if into is NoneType:
        return _nothing
    decode_body = decode.decoder(into)
    return lambda response: decode_body(response.body)


def _nothing(_: Response) -> None:
    """Return nothing, for operations whose response says no more than its status."""


def list_of(into: type[T]) -> type[list[T]]:
    """Return the type of a list of these items."""
    return cast("type[list[T]]", GenericAlias(list, (into,)))


def fields(**given: object) -> dict[str, object]:
    """Return a body of the given fields: `UNSET` is left out, None is null."""
    return {name: value for name, value in given.items() if value is not msgspec.UNSET}


def encode(body: object) -> bytes:
    """Return the JSON of a body."""
    try:
        _check(body)
        return msgspec.json.encode(body)
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"expected a body of JSON data: {error}") from None


def _check(body: object) -> None:
    """Reject data that JSON would change in silence: a naive time loses its zone, not-a-number becomes null."""
    if isinstance(body, datetime):
        validate.aware(body)
    elif isinstance(body, float) and not math.isfinite(body):
        raise validate.invalid_argument("a number that JSON knows", body)
    elif isinstance(body, Mapping):
        for value in cast("Mapping[object, object]", body).values():
            _check(value)
    elif isinstance(body, list | tuple | set | frozenset):
        for value in cast("Iterable[object]", body):
            _check(value)
