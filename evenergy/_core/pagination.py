"""Pages of a collection, by the ``Link`` header (RFC 8288)."""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Generic, Self, TypeVar, cast
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import attrs
from multidict import CIMultiDictProxy

from evenergy._codec import urls
from evenergy._transport.headers import reading
from evenergy._transport.rate_window import RateLimit
from evenergy._transport.request import ListRequest, Response
from evenergy._transport.session import Session
from evenergy._transport.window import LimitReading
from evenergy.errors import DecodeError, InvalidArgumentError

T = TypeVar("T")

_CURSORS = frozenset({"page_after", "page_before"})
_PLACES = _CURSORS | {"page"}

# A query that can be sent as it came, and whose names can be compared: a cursor goes back unchanged.
_PAIR = r"[\w.~-]+=(?:[\w.~:+-]++|%[0-9A-Fa-f]{2})*+"
_PLAIN = re.compile(f"{_PAIR}(?:&{_PAIR})*+", re.ASCII)

# A link: a target in angle brackets; then a rel and nothing else, or parameters up to a comma that no quotes hold.
_LINK = re.compile(r'<([^<>]*)>(?:\s*;\s*rel="([^"\\]*)"(?=\s*(?:,|$))|((?:[^,"]++|"(?:[^"\\]|\\.)*")*))')
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')


@attrs.frozen
class Page(Generic[T]):
    """One page of a collection, and where its neighbours are: who only wants the items does not pay for more.

    Attributes:
        items: The items, in the collection's order.
    """

    items: list[T]
    _place: str = attrs.field(default="", repr=False)
    _asked: str = attrs.field(default="", repr=False)
    _next: str | None = attrs.field(default=None, repr=False)
    _links: Sequence[str] = attrs.field(default=(), repr=False)
    _reading: LimitReading | None = attrs.field(default=None, repr=False)

    @property
    def next_url(self) -> str | None:
        """The next page, on the client's base URL, fit for ``client.pages``; None at the end."""
        return None if self._next is None else _url(self._place, self._next)

    @property
    def previous_url(self) -> str | None:
        """The page before, likewise; None at the beginning.

        Raises:
            DecodeError: The API's link is no URL.
        """
        previous = follow(self._asked, linked(self._links, "previous", "prev"))
        return None if previous is None else _url(self._place, previous)

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the API said of the rate limit, or None."""
        return RateLimit.of(self._reading)


class Pages(Generic[T]):
    """The pages of a collection, one after another."""

    def __init__(self, session: Session, request: ListRequest[T]) -> None:
        self._session = session
        self._request = request
        self._query: str | None = request.query
        self._cursor = frozenset[str]()  # of the query, from the second page on
        self._seen: set[frozenset[str]] = set()
        self._place = session.options.base_url + request.path

    async def next_page(self) -> Page[T] | None:
        """The next page, or None after the last.

        Raises:
            DecodeError: The API's next link leads to a page that was there before.
        """
        query = self._query
        if query is None:
            return None
        if self._cursor in self._seen:
            raise DecodeError(
                f"the next link leads back to a page that was read already: {_url(self._place, query)}",
                where="Link",
                method=self._request.method,
                url=_url(self._place, query),
            )
        page, following = await self._session.send(
            self._request.with_query(query, lambda response: self._read(response, query))
        )
        if following is not None:
            self._seen.add(self._cursor or _cursor(query))
            self._cursor = _cursor(following)
        self._query = following
        return page

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        page = await self.next_page()
        if page is None:
            raise StopAsyncIteration
        return page

    def _read(self, response: Response, query: str) -> tuple[Page[T], str | None]:
        headers = cast("CIMultiDictProxy[str]", response.headers)
        links = headers.getall("Link", [])  # a line for each, as they came
        following = follow(query, linked(links, "next"))
        items = self._request.read(response)
        return Page(items, self._place, query, following, links, reading(headers)), following


class Items(AsyncIterator[T]):
    """The items of all pages; a class and no generator, so that leaving a loop leaves nothing open."""

    def __init__(self, pages: Pages[T]) -> None:
        self._pages = pages
        self._items = iter(list[T]())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            page = await self._pages.next_page()
            if page is None:
                raise StopAsyncIteration
            self._items = iter(page.items)


class Pager(Generic[T]):
    """A collection. ``async for item in pager`` iterates all of it, ``pager.pages()`` page by page.

    One page is held at a time, and no answer is open between two pages: nothing has to be closed when a loop is left.
    Each page is one call, with the client's ``deadline`` and ``max_wait`` of its own.
    """

    def __init__(self, session: Session, request: ListRequest[T]) -> None:
        self._session = session
        self._request = request

    def pages(self) -> Pages[T]:
        """The pages, from the first."""
        return Pages(self._session, self._request)

    def __aiter__(self) -> Items[T]:
        return Items(self.pages())

    async def collect(self, limit: int | None = None) -> list[T]:
        """All items in a list, or the first ``limit``; no page is asked for that is not needed."""
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidArgumentError(f"expected limit as a whole number of at least 0, or None, got {limit!r}")
        items: list[T] = []
        pages = self.pages()
        while (limit is None or len(items) < limit) and (page := await pages.next_page()) is not None:
            items.extend(page.items)
        return items[:limit]

    def __repr__(self) -> str:
        return f"<Pager {self._request.path}>"


def linked(headers: Iterable[str], *relations: str) -> str | None:
    """The target of the first link in ``Link`` headers that has one of these relations, in lower case."""
    for value in headers:
        for target, only, parameters in _LINK.findall(value):
            found = (only or _relation(parameters)).lower().split()
            if any(relation in found for relation in relations):
                return str(target).strip()
    return None


def _relation(parameters: str) -> str:
    for name, quoted, plain in _PARAMETER.findall(parameters):
        if name.lower() == "rel":
            return str(quoted or plain)  # the first rel of a link counts (RFC 8288, section 3.3)
    return ""


def follow(asked: str, target: str | None) -> str | None:
    """The query of the page that a link names, or None at the end.

    Only the link's query counts: its parameters replace those of the same name, and a cursor replaces both cursors.
    The rest of what was asked stays, so this works behind a gateway whose links name another host or path.

    Raises:
        DecodeError: The link is no URL.
    """
    if not target or target[:6].lower() == "about:":
        return None
    given = target.partition("#")[0].partition("?")[2]
    if not _PLAIN.fullmatch(given):
        given = _plain(target)
    replaced = superseded({pair.partition("=")[0] for pair in given.split("&")})
    kept = [pair for pair in asked.split("&") if pair.partition("=")[0] not in replaced]
    return "&".join(filter(None, (*kept, given)))


def _plain(target: str) -> str:
    try:
        return urls.encoded(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    except ValueError:  # among them bytes that are no UTF-8
        raise DecodeError(f"the link to another page is no URL: {target[:200]!r}", where="Link") from None


def superseded(names: set[str]) -> set[str]:
    """The parameters that those of the given names replace: one cursor replaces both."""
    return names | _CURSORS if names & _CURSORS else names


def _cursor(query: str) -> frozenset[str]:
    """What tells one page of a listing from another, however it is spelled; without a cursor, all of the query."""
    pairs = query.split("&")
    cursor = [pair for pair in pairs if pair.partition("=")[0] in _PLACES]
    return frozenset(map(unquote_plus, cursor or pairs))


def _url(place: str, query: str) -> str:
    return f"{place}?{query}" if query else place
