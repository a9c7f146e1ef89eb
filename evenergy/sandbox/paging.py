"""Pages of collections, and the Link header that leads from one to the next."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlencode

import attrs

from evenergy.sandbox import times
from evenergy.sandbox.fleet import Vehicle
from evenergy.sandbox.log_reader import LogKind, TimeRange
from evenergy.sandbox.problems import invalid_page, invalid_query, not_found
from evenergy.sandbox.requests import Request
from evenergy.sandbox.vehicle_logs import Log

_NUMBER = re.compile(r"[0-9]{1,9}")
_LARGEST, _USUAL = 100, 25
_CURSORS = ("page", "page_after", "page_before")
_ORDERINGS = ("name", "-name")


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str:
        """Its id."""
        ...


class Named(Identified, Protocol):
    """Something with a name, too."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


T = TypeVar("T")
IdentifiedT = TypeVar("IdentifiedT", bound=Identified)
NamedT = TypeVar("NamedT", bound=Named)


@attrs.frozen
class Page(Generic[T]):
    """Some items, and the header that leads on."""

    items: Sequence[T]
    headers: dict[str, str]


def ordered(request: Request, items: Iterable[NamedT]) -> list[NamedT]:
    """Return the items in the requested order; an unknown ordering changes nothing."""
    ordering = request.query.get("ordering")
    if ordering not in _ORDERINGS:
        return list(items)
    return sorted(items, key=lambda item: (item.name, item.id), reverse=ordering == "-name")


def page_of_items(request: Request, items: Sequence[IdentifiedT], prefix: str) -> Page[IdentifiedT]:
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


def page_of_logs(request: Request, vehicle: Vehicle, kind: LogKind) -> Page[Log]:
    """Return a page of a collection whose cursors are times, the newest first."""
    logs, size = request.state.logs, _size(request)
    span = TimeRange(_bound(request, kind.key + "__gte"), _bound(request, kind.key + "__lte"))
    after, before = _cursors(request)
    if after is None and before is not None:
        page = list(islice(logs.oldest(vehicle, kind, span.after(_moment(before, "page_before"))), size + 1))
        newer, page = len(page) > size, page[:size][::-1]
        older = bool(page) and any(True for _ in logs.newest(vehicle, kind, span.before(page[-1].key)))
    else:
        rest = span if after is None else span.before(_moment(after, "page_after"))
        page = list(islice(logs.newest(vehicle, kind, rest), size + 1))
        older, page = len(page) > size, page[:size]
        newer = (
            after is not None and bool(page) and any(True for _ in logs.oldest(vehicle, kind, span.after(page[0].key)))
        )
    previous = times.text(page[0].key) if newer else None
    following = times.text(page[-1].key) if older else None
    return Page(page, _link(request, ("page_before", previous), ("page_after", following)))


def page_by_number(request: Request, items: Sequence[T]) -> Page[T]:
    """Return a page of a collection whose pages are numbered."""
    size, number = _size(request), _number(request, "page", 1)
    start, stop = (number - 1) * size, number * size
    if start and start >= len(items):
        raise not_found()
    previous = str(number - 1) if start else None
    following = str(number + 1) if stop < len(items) else None
    return Page(items[start:stop], _link(request, ("page", previous), ("page", following)))


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
    if not re.fullmatch(prefix + "[0-9A-HJKMNP-TV-Z]{26}", cursor):
        raise invalid_page(parameter)
    ids = [item.id for item in items]
    if cursor in ids:
        return ids.index(cursor), True
    # The resource that the cursor names may be gone; in the order of ids its place is still known.
    if request.query.get("ordering") in _ORDERINGS:
        raise invalid_page(parameter)
    return bisect_left(ids, cursor), False


def _moment(cursor: str, parameter: str) -> int:
    moment = times.parse(cursor)
    if moment is None:
        raise invalid_page(parameter)
    return moment


def _bound(request: Request, parameter: str) -> int | None:
    written = request.query.get(parameter)
    if written is None:
        return None
    moment = times.parse(written)
    if moment is None:
        raise invalid_query(parameter, "Write it like 2024-04-17T09:39:45.984584Z, with an offset or Z.")
    return moment


def _link(request: Request, previous: tuple[str, str | None], following: tuple[str, str | None]) -> dict[str, str]:
    return {"Link": f'<{_to(request, *previous)}>; rel="previous", <{_to(request, *following)}>; rel="next"'}


def _to(request: Request, parameter: str, value: str | None) -> str:
    if value is None:
        return "about:blank"
    kept = [(name, text) for name, text in request.query.items() if name not in _CURSORS]
    return f"{request.state.base_url}{request.path}?{urlencode([*kept, (parameter, value)])}"
