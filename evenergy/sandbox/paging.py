"""Pages of collections, and the Link header that leads from one to the next."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

import attrs

from evenergy.sandbox import times
from evenergy.sandbox.filters import moment, predicates
from evenergy.sandbox.ids import ULID
from evenergy.sandbox.logs import LogKind, TimeRange
from evenergy.sandbox.problems import invalid_page, not_found
from evenergy.sandbox.requests import Owned, Request
from evenergy.sandbox.simulation.log import Log

_NUMBER = re.compile(r"[0-9]{1,9}")
_LARGEST, _USUAL = 100, 25
_LINKED = 3  # on a page of the collections that have links but no parameters
_CURSORS = ("page", "page_after", "page_before", "cursor")


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


T = TypeVar("T")
K = TypeVar("K")
IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


@attrs.frozen
class Page(Generic[T]):
    """Some items, and the header that leads on."""

    items: Sequence[T]
    headers: dict[str, str]


def by_id(request: Request, items: Sequence[IdentifiedT], prefix: str) -> Page[IdentifiedT]:
    """Return a page of a collection whose cursors are ids."""
    size = _size(request)
    after, before = _cursors(request)
    start, stop = 0, size
    if after is not None:
        start, found = _place(request, items, "page_after", prefix)
        start += found
        stop = start + size
    elif before is not None:
        stop, _ = _place(request, items, "page_before", prefix)
        start = max(0, stop - size)
    page = items[start:stop]
    previous = (page[0].id if page else after) if start > 0 else None
    following = (page[-1].id if page else before) if stop < len(items) else None
    return Page(page, _link(request, ("page_before", previous), ("page_after", following)))


def by_number(request: Request, items: Sequence[T], _: str = "") -> Page[T]:
    """Return a page of a collection whose pages are numbered."""
    return _numbered(request, items, "page", _size(request))


def by_link(request: Request, items: Sequence[T], _: str = "") -> Page[T]:
    """Return a page of a collection that has links and no parameters: what the link carries is nobody's business."""
    return _numbered(request, items, "cursor", _LINKED)


def unpaged(_: Request, items: Sequence[T], __: str = "") -> Page[T]:
    """Return all items: the collection has no pages."""
    return Page(items, {})


def of_logs(request: Request, kind: LogKind, owner: Owned) -> Page[Log]:
    """Return a page of logs, whose cursors are times, the newest first."""
    time_range = time_range_of(request, kind.key)
    fitting = predicates(kind.filters, request)

    def older(key: int | None) -> Iterator[Log]:
        return kind.read(request.state, owner, time_range if key is None else time_range.before(key), -1, fitting)

    def newer(key: int) -> Iterator[Log]:
        return kind.read(request.state, owner, time_range.after(key), 1, fitting)

    return of_stream(request, Cursor(times.parse, times.text, lambda log: log.key), older, newer)


@attrs.frozen
class Cursor(Generic[T, K]):
    """The place of an item in a collection: as it is written, and as items are compared."""

    parse: Callable[[str], K | None]
    write: Callable[[K], str]
    key: Callable[[T], K]


def of_stream(
    request: Request,
    cursor: Cursor[T, K],
    forward: Callable[[K | None], Iterator[T]],
    backward: Callable[[K], Iterator[T]],
) -> Page[T]:
    """Return a page of a collection that is read lazily, both ways from a cursor."""
    size = _size(request)
    after, before = _cursors(request)
    if after is None and before is not None:
        page = list(islice(backward(_parsed(cursor, before, "page_before")), size + 1))
        earlier, page = len(page) > size, page[:size][::-1]
        later = bool(page) and any(True for _ in forward(cursor.key(page[-1])))
    else:
        start = None if after is None else _parsed(cursor, after, "page_after")
        page = list(islice(forward(start), size + 1))
        later, page = len(page) > size, page[:size]
        earlier = start is not None and bool(page) and any(True for _ in backward(cursor.key(page[0])))
    previous = cursor.write(cursor.key(page[0])) if earlier else None
    following = cursor.write(cursor.key(page[-1])) if later else None
    return Page(page, _link(request, ("page_before", previous), ("page_after", following)))


def bound(request: Request, parameter: str) -> int | None:
    """Return the instant in a query parameter, or None without it."""
    return moment(parameter, request.query[parameter]) if parameter in request.query else None


def time_range_of(request: Request, name: str) -> TimeRange:
    """Return the range in the two query parameters for a time."""
    return TimeRange(bound(request, f"{name}__gte"), bound(request, f"{name}__lte"))


def _numbered(request: Request, items: Sequence[T], parameter: str, size: int) -> Page[T]:
    number = _number(request, parameter, 1)
    start, stop = (number - 1) * size, number * size
    if start and start >= len(items):
        raise not_found()
    previous = str(number - 1) if start else None
    following = str(number + 1) if stop < len(items) else None
    return Page(items[start:stop], _link(request, (parameter, previous), (parameter, following)))


def _size(request: Request) -> int:
    size = _number(request, "page_size", _USUAL)
    if size > _LARGEST:
        raise invalid_page("page_size")
    return size


def _number(request: Request, parameter: str, usual: int) -> int:
    written = request.query.get(parameter, str(usual))
    if not _NUMBER.fullmatch(written) or int(written) < 1:
        raise invalid_page(parameter)
    return int(written)


def _cursors(request: Request) -> tuple[str | None, str | None]:
    return request.query.get("page_after"), request.query.get("page_before")


def _place(request: Request, items: Sequence[Identified], parameter: str, prefix: str) -> tuple[int, bool]:
    cursor = request.query[parameter]
    if not re.fullmatch(prefix + ULID if prefix else r"[\w-]+", cursor):
        raise invalid_page(parameter)
    ids = [item.id for item in items]
    if cursor in ids:
        return ids.index(cursor), True
    # The resource that the cursor names may be gone; in the order of ids its place is still known.
    if ids != sorted(ids):
        raise invalid_page(parameter)
    return bisect_left(ids, cursor), False


def _parsed(cursor: Cursor[T, K], written: str, parameter: str) -> K:
    key = cursor.parse(written)
    if key is None:
        raise invalid_page(parameter)
    return key


def _link(request: Request, previous: tuple[str, str | None], following: tuple[str, str | None]) -> dict[str, str]:
    return {"Link": f'<{_to(request, *previous)}>; rel="previous", <{_to(request, *following)}>; rel="next"'}


def _to(request: Request, parameter: str, value: str | None) -> str:
    if value is None:
        return "about:blank"
    kept = [(name, text) for name, text in request.query.items() if name not in _CURSORS]
    return f"{request.state.base_url}{request.path}?{urlencode([*kept, (parameter, value)])}"
