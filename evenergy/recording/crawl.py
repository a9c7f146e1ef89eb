"""Crawl of an account: GET requests alone, from the collections on along the URLs that responses hold."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import parse_qsl

import attrs

from evenergy._codec.urls import Query, resolve_url
from evenergy._core.resource import Async
from evenergy.client import Api
from evenergy.errors import AuthenticationError, DecodeError, InvalidArgumentError, ProblemError, RateLimitError

from .operations import Operation, operation_at
from .routes import first_patterns, path_of, patterns, patterns_below, route_of

_ID: Final = re.compile(r"[\w-]+", re.ASCII)
_CORE: Final = frozenset({"vehicles", "evses", "users", "charging_sessions", "charging_sub_sessions"})
"""Collections that most programs read."""
_PLANNED: Final = 4  # requests that wait for each recording: some find nothing, and a page leads to thousands


@attrs.frozen
class Exchange:
    """Request of a crawl with its response, before it is redacted.

    Attributes:
        pattern: The path of the operation, with ``{}`` for each id.
        path: The path below the base URL.
        query: The query.
        operation: The operation of the library, or None where it has none.
        status: The HTTP status.
        headers: The headers of the response.
        body: The body as data; the problem details of an error.
    """

    pattern: str
    path: str
    query: Query
    operation: Operation | None
    status: int
    headers: Mapping[str, str]
    body: object

    @property
    def is_problem(self) -> bool:
        """Return whether the API rejected the request, or failed."""
        return self.status >= HTTPStatus.BAD_REQUEST


@attrs.frozen
class _Target:
    """Request that may be sent."""

    pattern: str
    path: str
    ids: tuple[str, ...] = ()
    query: Query = ()
    operation: Operation | None = None
    is_expanded: bool = False


class Crawl:
    """Crawl of an account. Iterate over it; it ends when nothing is left, or the requests are spent.

    Iterating raises an `AuthenticationError`, a `RateLimitError` or a `TransportError`: each further request would
    get it too.

    Args:
        client: The client, whose token, rate limit and retries it has.
        requests: The most requests.
        each: The most responses of an operation.
        page_size: Items of a page.
    """

    def __init__(self, client: Api[Async], *, requests: int, each: int = 2, page_size: int = 10) -> None:
        self.requests: int = 0
        self.recorded: Counter[str] = Counter()
        self._client = client
        self._most = requests
        self._each = each
        self._page_size = page_size
        self._seen: set[tuple[str, Query]] = set()
        self._followed: set[str] = set()
        self._closed: set[str] = set()
        self._planned: Counter[str] = Counter()
        self._queue: list[tuple[int, bool, int, _Target]] = []
        self._order = itertools.count()
        for pattern in first_patterns():
            self._add(_Target(pattern, pattern))

    async def __aiter__(self) -> AsyncIterator[Exchange]:
        while self._queue and self.requests < self._most:
            *_, target = heappop(self._queue)
            if self.recorded[target.pattern] >= self._each or target.pattern in self._closed:
                continue
            self.requests += 1
            exchange = await self._exchange(target)
            self.recorded[target.pattern] += 1
            if not exchange.is_problem:
                self._follow(target, exchange.body)
            elif exchange.status != HTTPStatus.NOT_FOUND:
                self._closed.add(target.pattern)  # such as a scope that the token lacks: the next would get it too
            yield exchange

    async def _exchange(self, target: _Target) -> Exchange:
        query = defaultdict[str, list[str]](list)
        for name, value in target.query:
            query[name].append(value)
        status, headers, body = await self._response(target.path, query)
        return Exchange(target.pattern, target.path, target.query, target.operation, status, headers, body)

    async def _response(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, Mapping[str, str], object]:
        try:
            response = await self._client.request("GET", path, params=query)
        except (AuthenticationError, RateLimitError):
            raise
        except ProblemError as error:
            return error.status or 0, error.headers, _members(error)
        try:
            return response.status, response.headers, response.json()
        except DecodeError:  # nothing, or no JSON
            return response.status, response.headers, None

    def _add(self, target: _Target) -> None:
        """Queue a request: the first one of each operation before the second of any, those of devices before others."""
        if self._planned[target.pattern] >= _PLANNED * self._each:
            return
        target = self._described(target)
        if (target.path, target.query) not in self._seen:
            self._seen.add((target.path, target.query))
            rank = 1 if target.is_expanded else 2 * self._planned[target.pattern]
            is_aside = target.path.split("/")[1] not in _CORE
            heappush(self._queue, (rank, is_aside, next(self._order), target))
            self._planned[target.pattern] += 1

    def _described(self, target: _Target) -> _Target:
        """Return the request with the query that the library would send; that of a URL stays."""
        operation = operation_at(target.pattern, target.path, target.ids)
        request = operation and operation.request(target.ids, expand=operation.expand if target.is_expanded else ())
        names = {name for name, _ in target.query}
        own = parse_qsl(request.query) if request else []
        sized = [(name, str(self._page_size) if name == "page_size" else value) for name, value in own]
        query = (*target.query, *(pair for pair in sized if pair[0] not in names))
        return attrs.evolve(target, operation=operation, query=query)

    def _follow(self, target: _Target, body: object) -> None:
        """Queue the requests that a response leads to."""
        if target.operation is not None and target.operation.expand and not target.is_expanded:
            self._add(attrs.evolve(target, is_expanded=True))
        found = dict.fromkeys((*_urls(body), *_items(target.path, body)))
        for url in (one for one in found if one not in self._followed):
            self._followed.add(url)
            for reached in self._reached(url):
                self._add(reached)

    def _reached(self, url: str) -> Iterator[_Target]:
        """Yield the operation at a URL, and those below it."""
        try:
            path, query = resolve_url(url, self._client._base_url)  # noqa: SLF001  one library
        except InvalidArgumentError:  # a URL of somebody else
            return
        found = route_of(path)
        if found is not None:
            pattern, ids = found
            if pattern in patterns():
                yield _Target(pattern, path, ids, query)
            for below in patterns_below(pattern):
                yield _Target(below, path_of(below, ids), ids)


def _members(error: ProblemError) -> dict[str, object]:
    """Return the problem details of an error as the API sent them."""
    members: dict[str, object] = {
        "type": error.type,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": error.instance,
        "field_errors": error.field_errors,
        "notification": error.notification,
    }
    return {name: value for name, value in members.items() if value} | error.extensions


def _urls(data: object) -> Iterator[str]:
    """Yield the URLs that a document holds."""
    if isinstance(data, str):
        if data.startswith(("https://", "http://")):
            yield data
    elif isinstance(data, dict | list):
        inner = cast("Iterable[object]", data.values() if isinstance(data, dict) else data)
        for one in inner:
            yield from _urls(one)


def _items(path: str, body: object) -> Iterator[str]:
    """Yield the paths of the items of a listing, which may have an id and no URL."""
    for item in cast("list[object]", body) if isinstance(body, list) else ():
        name = cast("dict[str, object]", item).get("id") if isinstance(item, dict) else None
        if isinstance(name, str) and _ID.fullmatch(name):
            yield f"{path}/{name}"
