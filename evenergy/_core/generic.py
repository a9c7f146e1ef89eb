"""Generic calls of both clients: any operation by path, any collection by URL, one method over many items."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, TypeAlias, TypeVar, cast, overload

from evenergy._codec import urls, validate
from evenergy._codec.urls import Parameter
from evenergy._transport.request import ListRequest, Request, Response, as_it_is, encode, items_reader, reader
from evenergy.errors import InvalidArgumentError

from .blocking import BlockingFanOut, BlockingPager, blocking_fan_out
from .fan_out import FanOut, OnProgress, async_fan_out
from .item_method import ItemMethod
from .loop_thread import loop_of
from .pagination import Pager, superseded
from .resource import Async, Blocking, M_co, Resource, operation, paged

A = TypeVar("A")
B = TypeVar("B")
Item = TypeVar("Item")
T = TypeVar("T")
V = TypeVar("V")

Params: TypeAlias = Mapping[str, Parameter]
"""Parameters of a query by name."""


Function: TypeAlias = Callable[[Item], V] | Callable[Concatenate[Item, ...], V]
"""Function of one item, and perhaps of keywords. (mypy takes a lambda only for the first form.)"""


class GenericCalls(Resource[M_co]):
    """Calls that fit every operation of the API, also those that this library has no method for."""

    @overload
    def request(
        self: GenericCalls[Async],
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        into: None = None,
    ) -> Coroutine[Any, Any, Response]: ...
    @overload
    def request(
        self: GenericCalls[Async],
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        into: type[T],
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def request(
        self: GenericCalls[Blocking],
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        into: None = None,
    ) -> Response: ...
    @overload
    def request(
        self: GenericCalls[Blocking],
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        into: type[T],
    ) -> T: ...
    def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        into: type[Any] | None = None,
    ) -> Any:
        """Send a request to any operation of the API, with the token, rate limit and retries of this client.

        Args:
            method: The HTTP method.
            path: The path below the base URL, or a URL that the API gave.
            params: The query: None is left out, a list repeats its name, a datetime is written in UTC.
            json: The body, or None for none.
            into: The type to decode the response into, such as ``Vehicle`` or ``list[Vehicle]``; None for a `Response`.
                One odd item fails a list as a whole, with the response's data in the error's ``raw``: `pages` gives
                each item or its error.

        Raises:
            InvalidArgumentError: The URL is of another origin, or something cannot be sent.
            EvEnergyError: As `evenergy.errors` lists.
        """
        where, given = urls.resolve_url(path, self._base_url)
        return Request(
            validate.http_method(method),
            where,
            as_it_is if into is None else reader(into),
            urls.encoded((*given, *urls.query_items(params or {}))),
            None if json is None else encode(json),
        )

    if not TYPE_CHECKING:  # checkers lose overloads through a decorator
        request = operation(request)

    @overload
    def pages(self: GenericCalls[Async], path_or_url: str, /, into: type[T], **params: Parameter) -> Pager[T]: ...
    @overload
    def pages(
        self: GenericCalls[Blocking], path_or_url: str, /, into: type[T], **params: Parameter
    ) -> BlockingPager[T]: ...
    def pages(self, path_or_url: str, /, into: type[Any], **params: Parameter) -> Any:
        """Page through any collection of the API, such as the ``models`` link of a make.

        Args:
            path_or_url: The path below the base URL, or a URL that the API gave.
            into: The type to decode an item into.
            params: The query, in place of that of the URL; ``page_size`` is 100 unless it is given here or there.

        Raises:
            InvalidArgumentError: The URL is of another origin, or something cannot be sent.
        """
        where, in_url = urls.resolve_url(path_or_url, self._base_url)
        given = tuple(urls.query_items(params))
        replaced = superseded({name for name, _ in given})
        query = (*(pair for pair in in_url if pair[0] not in replaced), *given)
        if "page_size" not in {name for name, _ in query}:
            query = (("page_size", str(validate.LARGEST_PAGE)), *query)
        validate.page_size(cast("int | None", params.get("page_size")))
        return ListRequest("GET", where, items_reader(into), urls.encoded(query))

    if not TYPE_CHECKING:
        pages = paged(pages)

    # A plain value is fine for `AsyncClient` too. With an overload for it, mypy would take every coroutine for Any.
    @overload
    def fan_out(
        self: GenericCalls[Async],
        method: Function[Item, AsyncIterable[V]],
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[Item, list[V]]: ...
    @overload
    def fan_out(
        self: GenericCalls[Async],
        method: Function[Item, Awaitable[V]],
        items: Iterable[Item] | AsyncIterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[Item, V]: ...
    @overload
    def fan_out(
        self: GenericCalls[Async],
        method: Callable[Concatenate[A, B, ...], AsyncIterable[V]],
        items: Iterable[tuple[A, B]] | AsyncIterable[tuple[A, B]],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[tuple[A, B], list[V]]: ...
    @overload
    def fan_out(
        self: GenericCalls[Async],
        method: Callable[Concatenate[A, B, ...], Awaitable[V]],
        items: Iterable[tuple[A, B]] | AsyncIterable[tuple[A, B]],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> FanOut[tuple[A, B], V]: ...
    @overload
    def fan_out(
        self: GenericCalls[Blocking],
        method: Function[Item, Iterator[V]],
        items: Iterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> BlockingFanOut[Item, list[V]]: ...
    @overload
    def fan_out(
        self: GenericCalls[Blocking],
        method: Function[Item, V],
        items: Iterable[Item],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> BlockingFanOut[Item, V]: ...
    @overload
    def fan_out(
        self: GenericCalls[Blocking],
        method: Callable[Concatenate[A, B, ...], Iterator[V]],
        items: Iterable[tuple[A, B]],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> BlockingFanOut[tuple[A, B], list[V]]: ...
    @overload
    def fan_out(
        self: GenericCalls[Blocking],
        method: Callable[Concatenate[A, B, ...], V],
        items: Iterable[tuple[A, B]],
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> BlockingFanOut[tuple[A, B], V]: ...
    def fan_out(
        self,
        method: Callable[..., Any],
        items: Any,
        *,
        concurrency: int = 32,
        on_progress: OnProgress | None = None,
        **kwargs: object,
    ) -> Any:
        """Call a method for many items at once; the outcomes come in order of completion.

        One failure loses nothing else. An item is taken when an outcome is wanted, so a slow loop holds the calls
        back. Leaving the loop cancels the calls in flight. When an error comes that every other item would get too, no
        more items are taken: the calls in flight complete, and the fan-out ends. Such errors are a `RateLimitError`,
        an `AuthenticationError` of a client's own method, and a `BadRequestError` that names an argument which the
        items share, such as ``expand``. ``stopped_by`` of the result is this error.

        In the blocking client, methods of the client run on its loop, and other functions in threads. Items are taken,
        and ``on_progress`` is called, in the caller's thread.

        Args:
            method: A method of a collection, such as ``client.vehicles.status_logs.list``, or a function of one item.
                The items of a pager or another iterator are collected. A method of two ids takes them from a tuple.
            items: The items to call it with, one at a time; endless ones too, and for `AsyncClient` asynchronous ones.
            concurrency: Calls in flight at once.
            on_progress: Called with the number of completed and of failed items, and the total (None if unknown).
            kwargs: Keywords for the method, beside the item.

        Raises:
            InvalidArgumentError: ``concurrency`` is below 1, or the method does not take an item and the keywords.
        """
        owner: object = getattr(method, "__self__", None)
        if self._loop is None and loop_of(owner) is not None and isinstance(owner, Resource):
            raise InvalidArgumentError(
                f"expected a method of an AsyncClient, got {method!r}, which blocks the event loop"
            )
        shared = ItemMethod[Any](method, items, kwargs, is_ours=isinstance(owner, Resource))
        if self._loop is None:
            return async_fan_out(method, shared, items, concurrency=concurrency, on_progress=on_progress)
        return blocking_fan_out(self._loop, method, shared, items, concurrency=concurrency, on_progress=on_progress)
