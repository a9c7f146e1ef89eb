"""Pages of a collection, by the ``Link`` header (RFC 8288)."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import attrs
from multidict import CIMultiDictProxy

from evenergy._codec import urls
from evenergy._codec.decode import Decoded
from evenergy._transport.headers import reading
from evenergy._transport.rate_window import RateLimit
from evenergy._transport.request import ListRequest, Response
from evenergy._transport.session import Session
from evenergy._transport.window import LimitReading
from evenergy.errors import DecodeError, InvalidArgumentError

E = TypeVar("E")
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
    """Page of a collection, and where its neighbours are: a caller who only wants the items does not pay for more.

    Attributes:
        items: The items that could be decoded, in the collection's order.
        undecoded: The errors of the items that could not be decoded.
    """

    items: list[T]
    undecoded: list[DecodeError] = attrs.field(factory=list[DecodeError])
    _place: str = attrs.field(default="", repr=False)
    _requested: str = attrs.field(default="", repr=False)
    _next: str | None = attrs.field(default=None, repr=False)
    _links: Sequence[str] = attrs.field(default=(), repr=False)
    _reading: LimitReading | None = attrs.field(default=None, repr=False)

    @property
    def next_url(self) -> str | None:
        """Return the URL of the next page, on the client's base URL, fit for ``client.pages``; None at the end."""
        return None if self._next is None else _url(self._place, self._next)

    @property
    def previous_url(self) -> str | None:
        """Return the URL of the page before, likewise; None at the beginning.

        Raises:
            DecodeError: The API's link is no URL.
        """
        previous = follow(self._requested, linked(self._links, "previous", "prev"))
        return None if previous is None else _url(self._place, previous)

    @property
    def rate_limit(self) -> RateLimit | None:
        """Return the rate limit of the response's headers, or None."""
        return RateLimit.of(self._reading)


class Turn(Generic[E]):
    """Place in a listing: the entries of one page, and the query of the next.

    Attributes:
        number: The number of the page, from 0.
        query: The query of the next page; None at the end.
        entries: The entries, which are items or pages, and the errors that are raised when their turn comes.
        left: Those that an async iterator has not delivered yet.
        undecoded: All errors of the page.
        following: The turn of the next page, once it was read.
    """

    __slots__ = ("entries", "following", "left", "number", "query", "undecoded")

    def __init__(
        self, number: int, query: str | None, entries: Sequence[E | DecodeError], undecoded: Sequence[DecodeError]
    ) -> None:
        self.number: int = number
        self.query: str | None = query
        self.entries: Sequence[E | DecodeError] = entries
        self.left: Iterator[E] = iter(cast("Sequence[E]", entries))  # and the errors
        self.undecoded: Sequence[DecodeError] = undecoded
        self.following: Turn[E] | None = None

    def lead_to(self, following: "Turn[E]") -> None:
        """Keep the turn of the next page, for all who iterate."""
        self.following = following


class Listing(AsyncIterator[E], Generic[T, E]):
    """Iterator over a listing, page by page; a class and no generator, so that leaving a loop leaves nothing open.

    It moves on when an entry is delivered: one that was interrupted on its way to the caller comes again.
    Type parameters: the items, and the entries that are iterated.
    """

    def __init__(self, session: Session, request: ListRequest[T]) -> None:
        self._session = session
        self._request = request
        self._place = session.options.base_url + request.path
        self._numbers: dict[frozenset[str], int] = {}  # of pages, by cursor
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self.turn: Turn[E] = Turn(-1, request.query, (), ())

    async def __anext__(self) -> E:
        while True:
            for entry in self.turn.left:
                if entry.__class__ is DecodeError:
                    raise cast("Any", entry)
                return entry  # with no call since it was taken, and so no handler of a signal that could lose it
            following = await self.after(self.turn)
            if following is None:
                raise StopAsyncIteration
            self.turn = following

    async def after(self, turn: Turn[E]) -> Turn[E] | None:
        """Return the turn behind another, whose page is requested once for all who iterate; None after the last.

        Raises:
            EvEnergyError: As `evenergy.errors` lists; the next call requests the page again.
        """
        if turn.query is None:
            return None
        async with self._one_at_a_time():
            if turn.following is None:
                request = self._request.with_query(turn.query, lambda response: self._read(response, turn))
                turn.lead_to(await self._session.send(request))
        return turn.following

    def _one_at_a_time(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:  # a lock that was held on another loop may stay locked
            self._lock = (loop, asyncio.Lock())
        return self._lock[1]

    def _read(self, response: Response, before: Turn[E]) -> Turn[E]:
        number, query = before.number + 1, before.query or ""
        headers = cast("CIMultiDictProxy[str]", response.headers)
        links: list[str] = headers.getall("Link", [])  # a line for each, as they came
        following: str | None = None
        errors: list[DecodeError] = []  # of the page as a whole: each is raised once, and iterating ends or goes on
        try:
            following = self._following(number, query, links)
        except DecodeError as error:
            errors.append(error.with_traceback(None))
        try:
            decoded = self._request.read(response)
        except DecodeError as error:
            if error.malformed:  # a retry may cure it
                raise
            errors.insert(0, error.with_traceback(None))
            return Turn(number, following, errors, errors)
        page = Page(decoded.items, decoded.undecoded, self._place, query, following, links, reading(headers))
        entries = self._entries(decoded, page)
        return Turn(number, following, [*entries, *errors] if errors else entries, [*decoded.undecoded, *errors])

    def _entries(self, decoded: Decoded[T], page: Page[T]) -> Sequence[E | DecodeError]:
        raise NotImplementedError

    def _following(self, number: int, query: str, links: Sequence[str]) -> str | None:
        """Return the query of the next page, or None at the end.

        Raises:
            DecodeError: The link is no URL, or leads back to a page that was read before.
        """
        if self._request.parts:
            return next(iter(self._request.parts[number + 1 :]), None)
        following = follow(query, linked(links, "next"))
        if following is not None:
            self._numbers.setdefault(_cursor(query), number)
            if self._numbers.get(_cursor(following), number + 1) <= number:
                url = _url(self._place, following)
                raise DecodeError(f"the next link leads back to a page that was read before: {url}", where="Link")
        return following


class Items(Listing[T, T]):
    """Iterator over the items of all pages."""

    def _entries(self, decoded: Decoded[T], page: Page[T]) -> Sequence[T | DecodeError]:  # noqa: ARG002  two forms
        return decoded.entries


class Pages(Listing[T, Page[T]]):
    """Iterator over the pages of a collection."""

    def _entries(self, decoded: Decoded[T], page: Page[T]) -> Sequence[Page[T] | DecodeError]:  # noqa: ARG002  likewise
        return (page,)

    async def next_page(self) -> Page[T] | None:
        """Return the next page, or None after the last."""
        return await anext(self, None)

    if not TYPE_CHECKING:  # for checkers it cannot be awaited at all

        def __await__(self) -> NoReturn:
            raise NotAwaitableError("pages are not awaited: write `async for page in client.vehicles.list().pages():`")


class NotAwaitableError(InvalidArgumentError, TypeError):
    """Listing that was awaited; also a TypeError, as Python itself raises it."""


class Pager(Generic[T]):
    """Collection. ``async for item in pager`` iterates all of it, ``pager.pages()`` page by page.

    One page is held at a time, and no response is open between two pages: nothing has to be closed when a loop is left.
    Each page is one call, with the client's ``deadline`` and ``max_wait`` of its own. An item that cannot be decoded
    raises `DecodeError` when its turn comes; iterating goes on behind it, with no request sent again.
    """

    def __init__(self, session: Session, request: ListRequest[T]) -> None:
        self._session = session
        self._request = request

    def pages(self) -> Pages[T]:
        """Return an iterator over the pages, from the first."""
        return Pages(self._session, self._request)

    def __aiter__(self) -> Items[T]:
        return Items(self._session, self._request)

    async def collect(
        self, limit: int | None = None, on_error: Callable[[DecodeError], object] | None = None
    ) -> list[T]:
        """Return all items in a list, or the first ``limit``; no page is requested that is not needed.

        Args:
            limit: The most items; None for all.
            on_error: Called with the error of each item that cannot be decoded; None to raise the first of them.
        """
        items: Collected[T] = Collected(limit, on_error)  # `Collected[T](...)` takes five times as long
        listing = aiter(self)
        turn = listing.turn
        while items.wanted and (following := await listing.after(turn)) is not None:
            turn = following
            items.add(turn)
        return items.all

    def __repr__(self) -> str:
        return f"<Pager {self._request.path}>"

    if not TYPE_CHECKING:  # for checkers it cannot be awaited at all

        def __await__(self) -> NoReturn:
            raise NotAwaitableError(
                "a listing is not awaited: write `async for item in client.vehicles.list():`, or"
                " `await client.vehicles.list().collect()` for all items in a list"
            )


class Collected(Generic[T]):
    """Items that are collected turn by turn."""

    def __init__(self, limit: int | None, on_error: Callable[[DecodeError], object] | None) -> None:
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidArgumentError(f"expected limit as a whole number of at least 0, or None, got {limit!r}")
        self._limit, self._on_error = limit, on_error
        self.all: list[T] = []

    @property
    def wanted(self) -> bool:
        """Return whether more items are wanted."""
        return self._limit is None or len(self.all) < self._limit

    def add(self, turn: Turn[T]) -> None:
        """Add the items of a turn, as many as are wanted.

        Raises:
            DecodeError: One of them could not be decoded, and nobody takes the error.
        """
        if not turn.undecoded:
            left = None if self._limit is None else self._limit - len(self.all)
            self.all.extend(cast("Sequence[T]", turn.entries)[:left])
            return
        for entry in turn.entries:
            if not self.wanted:
                return
            if not isinstance(entry, DecodeError):
                self.all.append(entry)
            elif self._on_error is None:
                raise entry
            else:
                self._on_error(entry)


def linked(headers: Iterable[str], *relations: str) -> str | None:
    """Return the target of the first link in ``Link`` headers that has one of these relations, in lower case."""
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


def follow(requested: str, target: str | None) -> str | None:
    """Return the query of the page that a link names, or None at the end.

    Only the link's query counts: its parameters replace those of the same name, and a cursor replaces both cursors.
    The rest of the request's query stays, so this works behind a gateway whose links name another host or path.

    Raises:
        DecodeError: The link is no URL.
    """
    if not target or target[:6].lower() == "about:":
        return None
    given = target.partition("#")[0].partition("?")[2]
    if not _PLAIN.fullmatch(given):
        given = _plain(target)
    replaced = superseded({pair.partition("=")[0] for pair in given.split("&")})
    kept = [pair for pair in requested.split("&") if pair.partition("=")[0] not in replaced]
    return "&".join(filter(None, (*kept, given)))


def _plain(target: str) -> str:
    try:
        return urls.encoded(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    except ValueError:  # among them bytes that are no UTF-8
        raise DecodeError(f"the link to another page is no URL: {target[:200]!r}", where="Link") from None


def superseded(names: set[str]) -> set[str]:
    """Return the parameters that those of the given names replace: one cursor replaces both."""
    return names | _CURSORS if names & _CURSORS else names


def _cursor(query: str) -> frozenset[str]:
    """Return the part of a query that names the page, however it is spelled; without a cursor, all of the query."""
    pairs = query.split("&")
    cursor = [pair for pair in pairs if pair.partition("=")[0] in _PLACES]
    return frozenset(map(unquote_plus, cursor or pairs))


def _url(place: str, query: str) -> str:
    return f"{place}?{query}" if query else place
