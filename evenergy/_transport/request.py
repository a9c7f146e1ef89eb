"""Requests to the API and its responses."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType, NoneType
from typing import Any, Final, Generic, Protocol, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import attrs
import msgspec
from multidict import CIMultiDict

from evenergy._codec import decode, urls, validate
from evenergy._codec.decode import Decoded
from evenergy._codec.urls import Parameter
from evenergy._codec.wire_types import JSON
from evenergy.errors import DecodeError, InvalidArgumentError, printable

T = TypeVar("T")
P = TypeVar("P", bound="ReadPage")

IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})
"""Methods that may be retried after a lost response (RFC 9110, section 9.2.2; the API has no idempotency keys)."""

_NOTHING: Final = ()
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
                f"could not decode the response: it is not a whole JSON document: {error}",
                status=self.status,
                malformed=True,
            ) from error
        return document


def as_it_is(response: Response) -> Response:
    """Return a response, for requests whose caller reads it."""
    return response


class Request(Generic[T]):
    """Description of one request, and of how to read its response.

    Attributes:
        method: The HTTP method.
        path: The quoted path below the base URL.
        read: From the response to the result.
        query: The query as it stands in the URL, without the question mark.
        body: The encoded body; None for none.
        needs_user: True when the API rejects it under client credentials without ``EvEnergy-User``.
        headers: Headers beside the client's.
        reads_redirect: True when a redirect is the response to read; else it is an error. It is never followed.
    """

    __slots__ = ("body", "headers", "method", "needs_user", "path", "query", "read", "reads_redirect")

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
        reads_redirect: bool = False,
    ) -> None:
        self.method: str = method
        self.path: str = path
        self.read: Callable[[Response], T] = read
        self.query: str = query
        self.body: bytes | None = body
        self.needs_user: bool = needs_user
        self.headers: Mapping[str, str] = headers
        self.reads_redirect: bool = reads_redirect

    @property
    def reads_body(self) -> bool:
        """Return whether the result comes from the body of the response."""
        return self.read is not _read_nothing

    def undecoded(self, result: T) -> Iterable[DecodeError]:  # noqa: ARG002  of a page there may be some
        """Return the errors of the parts of a result that could not be decoded."""
        return ()

    def url(self, base: str) -> str:
        """Return the URL of the request, given the base URL of the API."""
        return f"{base}{self.path}?{self.query}" if self.query else base + self.path


class ListRequest(Request[Decoded[T]]):
    """Description of the first page of a listing."""

    __slots__ = ()

    @property
    def parts(self) -> Sequence[str]:
        """Return the queries of all pages, where this library divides the listing; none where the API links pages."""
        return ()

    def with_query(self, query: str, read: Callable[[Response], P]) -> "PageRequest[P]":
        """Return the request of a page: the same but for its query, and for the result."""
        return PageRequest(
            self.method, self.path, read, query, self.body, needs_user=self.needs_user, headers=self.headers
        )


class DividedRequest(ListRequest[T]):
    """Description of a listing whose pages this library cuts itself, as the API bounds how much it returns at once."""

    __slots__ = ("_parts",)

    def __init__(
        self, into: type[T], path: str, queries: Iterable[Mapping[str, Parameter]], *, wrapped_in: str | None = None
    ) -> None:
        self._parts = [_query(query, ()) for query in queries]
        super().__init__("GET", path, items_reader(into, wrapped_in), self._parts[0])

    @property
    def parts(self) -> Sequence[str]:
        """Return the queries of all pages."""
        return self._parts


class ReadPage(Protocol):
    """Page that was read."""

    @property
    def undecoded(self) -> Iterable[DecodeError]:
        """Return the errors of its items that could not be decoded."""
        ...


class PageRequest(Request[P]):
    """Description of one page of a listing, of which some items may be undecoded."""

    __slots__ = ()

    def undecoded(self, result: P) -> Iterable[DecodeError]:
        """Return the errors of the items that could not be decoded."""
        return result.undecoded


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
        needs_user: True when the API rejects it under client credentials without ``EvEnergy-User``.
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
    wrapped_in: str | None = None,
    **parameters: Parameter,
) -> ListRequest[T]:
    """Return the request for the first page of a listing: its largest page, since each costs one request.

    Args:
        into: The type of an item.
        path: The quoted path, from a `Kind` or from `urls.segments`.
        page_size: Items for each request, 1 to 100; 100 unless it is given.
        expand: The references to expand.
        needs_user: True when the API rejects it under client credentials without ``EvEnergy-User``.
        language: The value of ``Accept-Language``, or None.
        wrapped_in: The field of an object that holds the array, such as ``carbon_intensities``; None for a bare array.
        parameters: The other parameters of the query; None is left out.
    """
    size = validate.page_size(page_size) or validate.LARGEST_PAGE
    return unpaged_request(
        into,
        path,
        expand=expand,
        needs_user=needs_user,
        language=language,
        wrapped_in=wrapped_in,
        **{"page_size": size, **parameters},
    )


def unpaged_request(
    into: type[T],
    path: str,
    /,
    *,
    expand: Iterable[str] = (),
    needs_user: bool = False,
    language: str | None = None,
    wrapped_in: str | None = None,
    **parameters: Parameter,
) -> ListRequest[T]:
    """Return the request for a listing that knows no ``page_size``; the arguments are those of `list_request`."""
    read, query = items_reader(into, wrapped_in), _query(parameters, expand)
    return ListRequest("GET", path, read, query, needs_user=needs_user, headers=_language(language))


def redirect_request(
    read: Callable[[str], T], path: str, /, *, base_url: str, language: str | None = None, **parameters: Parameter
) -> Request[T]:
    """Return the request of an operation whose response is a redirect, which is not followed.

    Args:
        read: From the target of the redirect, an absolute URL, to the result.
        path: The quoted path.
        base_url: The base URL of the API, to which the target may be relative.
        language: The value of ``Accept-Language``, or None.
        parameters: The parameters of the query; None is left out.
    """
    query, headers = _query(parameters, ()), _language(language)
    url = f"{base_url}{path}?{query}"
    return Request("GET", path, lambda found: read(_target(found, url)), query, headers=headers, reads_redirect=True)


def _target(response: Response, url: str) -> str:
    try:
        target = urljoin(url, response.headers["Location"].strip())
        if urlsplit(target).scheme in ("http", "https") and urlsplit(target).netloc:
            return target
    except (KeyError, ValueError):  # none, or one that is no URL
        pass
    raise DecodeError("could not decode the response: it has no Location with a URL", where="Location")


def _query(parameters: Mapping[str, Parameter], expand: Iterable[str]) -> str:
    if expand is not _NOTHING:  # as in most calls; arrays have a comparison of their own
        parameters = {**parameters, "expand": validate.expansion(expand)}
    return urls.encoded(urls.query_items(parameters)) if parameters else ""


def _language(language: str | None) -> Mapping[str, str]:
    return _NO_HEADERS if language is None else {"Accept-Language": validate.language(language)}


def reader(into: type[T]) -> Callable[[Response], T]:
    """Return the function that decodes a response into the given type; for None the body is not read.

    Raises:
        InvalidArgumentError: JSON cannot be decoded into this type.
    """
    return _made(_reader, into)


def items_reader(into: type[T], wrapped_in: str | None = None) -> Callable[[Response], Decoded[T]]:
    """Return the function that decodes a response that is an array, in which an odd item loses no other.

    Args:
        into: The type of an item.
        wrapped_in: The field of an object that holds the array; None for a bare array.

    Raises:
        InvalidArgumentError: JSON cannot be decoded into this type.
    """
    return _made(_items_reader, into, wrapped_in)


@functools.lru_cache(maxsize=1024)  # a method makes the same one for each call
def _reader(into: Any) -> Callable[[Response], Any]:
    if into is NoneType:
        return _read_nothing
    decode_body = decode.decoder(into)
    return lambda response: decode_body(response.body)


@functools.lru_cache(maxsize=1024)
def _items_reader(into: Any, wrapped_in: str | None) -> Callable[[Response], Decoded[Any]]:
    decode_body = decode.items_decoder(into, wrapped_in)
    return lambda response: decode_body(response.body)


def _made(make: Callable[..., Callable[[Response], Any]], into: Any, *more: object) -> Callable[[Response], Any]:
    try:
        return make(into, *more)
    except (TypeError, NameError) as error:  # a name: one that an annotation could not resolve
        what = f"a type such as Vehicle or list[Vehicle] to decode a response into, got {printable(repr(into))}"
        raise InvalidArgumentError(f"expected {what}: {error}") from None


def _read_nothing(_: Response) -> Any:
    """Return nothing, for operations whose response says no more than its status."""


def fields(**given: object) -> dict[str, object]:
    """Return a body of the given fields: `UNSET` is left out, None is null."""
    return {name: value for name, value in given.items() if value is not msgspec.UNSET}


def encode(body: object) -> bytes:
    """Return the JSON of a body.

    A model is sent without its fields that are None, or as its URL where it is a part of the body and has one; a
    mapping as it stands. Times are written in UTC.

    Raises:
        InvalidArgumentError: It holds something that is no JSON data, or that JSON would change in silence: a naive
            time loses its zone, not-a-number becomes null.
    """
    try:
        return msgspec.json.encode(_fields_of(body) if _is_model(body) else _data(body))
    except InvalidArgumentError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"expected a body of JSON data: {error}") from None


def _data(value: Any) -> object:
    """Return a part of a body as data."""
    if value is None or isinstance(value, str | bytes | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise validate.invalid_argument("a number that JSON knows", value)
        return value
    if isinstance(value, datetime):
        return validate.aware(value)
    if isinstance(value, Mapping):
        return {name: _data(part) for name, part in cast("Mapping[object, object]", value).items()}
    if _is_model(value):
        return _fields_of(value) if getattr(value, "url", None) is None else value.url
    if hasattr(value, "__geo_interface__"):
        return _data(value.__geo_interface__)
    if isinstance(value, Iterable) and not isinstance(value, msgspec.Struct):
        return [_data(part) for part in cast("Iterable[object]", value)]
    return value


def _is_model(value: object) -> bool:
    return attrs.has(type(value)) and not isinstance(value, type)


def _fields_of(model: object) -> dict[str, object]:
    kind = cast("type[attrs.AttrsInstance]", type(model))
    given = ((field.name, getattr(model, field.name)) for field in attrs.fields(kind))
    return {name: _data(value) for name, value in given if value is not None}
