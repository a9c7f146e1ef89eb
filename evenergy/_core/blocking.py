"""Blocking forms of pagers, iterators and fan-outs.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import asyncio
import concurrent.futures
import contextvars
import functools
import inspect
import threading
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from evenergy._transport.failures import no_thread
from evenergy.errors import DecodeError, InvalidArgumentError

from .fan_out import OfPool, OnProgress, Outcome, TaskPool
from .item_method import ItemMethod, collected
from .loop_thread import LoopThread, loop_of
from .pagination import Collected, Listing, Page, Pager
from .worker import Scope, Worker, scope_of_calls

E = TypeVar("E")
Item = TypeVar("Item")
R = TypeVar("R")


class Delivery(Iterator["deque[E]"]):
    """Iterator that gives the same queue over and over, with the next entry of a listing at its head.

    The caller takes the entry with a function in C, so that no interrupt can come between taking it and having it.
    """

    def __init__(self, listing: Listing[Any, E], loop: LoopThread) -> None:
        self._listing, self._loop = listing, loop
        self._at = listing.turn, deque[E | DecodeError]()  # together, so that no interrupt comes in between

    def __next__(self) -> deque[E]:
        while True:
            turn, entries = at = self._at
            if entries and entries[0].__class__ is not DecodeError:
                return cast("deque[E]", entries)
            if entries:
                self._raise_once(entries)
                continue
            following = self._loop.run(self._listing.after, turn)
            if following is None:
                raise StopIteration
            moved = following, deque(following.entries)
            if self._at is at:  # else another thread was faster
                self._at = moved

    @staticmethod
    def _raise_once(entries: deque[E | DecodeError]) -> None:
        """Raise the error at the head; it is removed at the next look, once it has a traceback and so was raised."""
        error = entries[0] if entries else None  # another thread may have been faster
        if isinstance(error, DecodeError):
            if error.__traceback__ is None:
                raise error
            if entries and entries[0] is error:
                del entries[0]


if TYPE_CHECKING:
    _Map = map
else:

    class _Map(map):
        """`map` that is a generic class at run time too."""

        __class_getitem__ = classmethod(GenericAlias)


class BlockingPager(_Map[R]):
    """Items of a collection, page by page: ``for item in pager`` blocks once a page.

    One loop uses it up; `pages` and `collect` begin anew. After an error or an interrupt, such as Ctrl-C, it goes on
    where it was: no item is skipped, and none is delivered twice. An item that cannot be decoded raises `DecodeError`
    when its turn comes; iterating goes on behind it, with no request sent again.
    """

    def __new__(cls, pager: Pager[R], loop: LoopThread) -> Self:
        """Return an iterator that takes each item with C code, which no interrupt divides."""
        return super().__new__(cls, deque[R].popleft, Delivery(aiter(pager), loop))

    def __init__(self, pager: Pager[R], loop: LoopThread) -> None:
        self._pager, self._loop = pager, loop

    def pages(self) -> Iterator[Page[R]]:
        """Return an iterator over the pages, from the first."""
        return map(deque[Page[R]].popleft, Delivery(self._pager.pages(), self._loop))

    def collect(self, limit: int | None = None, on_error: Callable[[DecodeError], object] | None = None) -> list[R]:
        """Return all items in a list, or the first ``limit``; no page is requested that is not needed.

        Args:
            limit: The most items; None for all.
            on_error: Called, in this thread, with the error of each item that cannot be decoded; None to raise the
                first of them.
        """
        if on_error is None:
            return self._loop.run(self._pager.collect, limit)
        items, listing = Collected[R](limit, on_error), aiter(self._pager)
        turn = listing.turn
        while items.wanted and (following := self._loop.run(listing.after, turn)) is not None:
            turn = following
            items.add(turn)
        return items.all

    def __repr__(self) -> str:
        return repr(self._pager).replace("Pager", "BlockingPager", 1)


class BlockingFanOut(OfPool[Item, R], Iterator[Outcome[Item, R]]):
    """Outcomes of a fan-out, in order of completion. An item is taken when the next outcome is wanted.

    Leaving the loop cancels the calls in flight, and so does an exception that interrupts the wait for an outcome, such
    as that of Ctrl-C: the next outcome is a `ClosedError` then, for the items in flight are lost. A function of your
    own that runs in a thread is not interrupted, only its calls with this client are cancelled; its result is dropped.
    One thread iterates.
    """

    _worker: Worker | None = None

    def __init__(self, loop: LoopThread, pool: TaskPool[Item, R], items: Iterator[Item]) -> None:
        self._loop, self._pool, self._items = loop, pool, items
        self._more = True
        self._source_error: Exception | None = None
        self._is_closed = False

    def __next__(self) -> Outcome[Item, R]:
        if self._is_closed:
            raise StopIteration
        if self._is_interrupted:
            raise self._interrupted()
        try:
            while True:
                if (outcome := self._pool.pop()) is not None:
                    return outcome
                if not self._go_on():
                    break
        except BaseException:
            self._is_interrupted = True
            self._cancel()
            raise
        error, self._source_error = self._source_error, None
        if error is None:
            raise StopIteration
        try:
            raise error
        finally:
            del error  # or it and this frame would hold each other

    def close(self) -> None:
        """Cancel the calls in flight, and wait until they have ended; no outcome comes any more."""
        self._is_closed = True
        self._cancel()

    def _go_on(self) -> bool:
        """Take an item, or wait for an outcome; return False when none is to come."""
        # This worker to the end: in a forked child the calls are still the parent's.
        worker = self._worker = self._worker or self._loop.worker()
        if self._more and self._pool.capacity > 0:
            self._take(worker)
        elif self._pool.busy:
            worker.call(_wait, self._pool)
        else:
            return False
        return True

    def _take(self, worker: Worker) -> None:
        try:
            item = next(self._items)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the source's: the calls in flight come out first
            self._more = False
            self._source_error = None if isinstance(error, StopIteration) else error
        else:
            worker.call(_start, self._pool, item)

    def _cancel(self) -> None:
        if self._worker is not None and self._pool.busy:
            self._worker.finish(self._pool.close)

    def __del__(self) -> None:
        self._cancel()


def blocking_fan_out(
    loop: LoopThread,
    method: Callable[..., Any],
    shared: ItemMethod[Item],
    items: Iterable[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
) -> BlockingFanOut[Item, Any]:
    """Return the outcomes of a method of the client, which runs on its loop, or of any function, run in threads.

    Raises:
        InvalidArgumentError: The call would fail for every item alike.
    """
    resource: object = getattr(method, "__self__", None) if shared.is_ours else None
    if inspect.iscoroutinefunction(method) or (resource is not None and loop_of(resource) is None):
        raise InvalidArgumentError(
            f"expected a method or function that blocks, got {method!r}; await it in AsyncClient"
        )
    if isinstance(items, AsyncIterable):
        raise InvalidArgumentError(f"expected items that can be iterated without await, got {items!r}")
    awaited = getattr(method, "awaited", None)  # of a `Method`
    if awaited is not None and resource is not None and loop_of(resource) is loop:
        start = _on_loop(functools.partial(awaited, resource), shared)
    else:
        start = _in_threads(loop, method, shared)

    async def work(item: Item) -> Any:
        try:
            return await start(item)
        except (KeyboardInterrupt, SystemExit) as error:  # it ends the item, and not the loop
            raise _ended_with(error) from error

    return BlockingFanOut(loop, TaskPool(work, shared, concurrency=concurrency, on_progress=on_progress), iter(items))


def _on_loop(method: Callable[..., Any], shared: ItemMethod[Item]) -> Callable[[Item], Awaitable[Any]]:
    async def start(item: Item) -> Any:
        return await collected(method(*shared.arguments(item), **shared.keywords))

    return start


def _in_threads(
    loop: LoopThread, function: Callable[..., Any], shared: ItemMethod[Item]
) -> Callable[[Item], Awaitable[Any]]:
    """Return a function that runs another in a thread of its own; the pool bounds how many there are."""

    async def start(item: Item) -> Any:
        worker, scope, context = loop.worker(), Scope(), contextvars.copy_context()
        context.run(scope_of_calls.set, scope)
        arguments = shared.arguments(item)
        try:
            return await asyncio.wrap_future(
                _in_thread(lambda: context.run(_plain_value, function, arguments, shared.keywords))
            )
        except asyncio.CancelledError:
            tasks = worker.cancel_scope(scope)
            if tasks:
                await asyncio.wait(tasks)
            raise

    return start


def _in_thread(call: Callable[[], R]) -> "concurrent.futures.Future[R]":
    """Run a function in a daemon thread, which does not hold up the exit of the interpreter as an executor's would."""
    future: concurrent.futures.Future[R] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # from here on only the thread sets it

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  whatever it is, it belongs to this item
            is_plain = isinstance(error, Exception) and not isinstance(error, StopIteration)  # no future takes that one
            future.set_exception(error if is_plain else _ended_with(error))
        else:
            future.set_result(result)

    try:
        threading.Thread(target=run, name="evenergy-fan-out", daemon=True).start()
    except RuntimeError as error:
        raise no_thread("a function in a fan-out", error) from None
    return future


def _ended_with(error: BaseException) -> RuntimeError:
    return RuntimeError(f"the call ended with {error!r}")


def _plain_value(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: Mapping[str, object]) -> Any:
    """Return the result of a function that blocks, or all items of an iterator."""
    result = function(*arguments, **keywords)
    if isinstance(result, BlockingPager):
        return cast("BlockingPager[object]", result).collect()
    if isinstance(result, Iterator):
        return list(cast("Iterator[object]", result))
    if isinstance(result, Coroutine):
        result.close()  # or Python warns that nobody awaited it
    if isinstance(result, Awaitable | AsyncIterable):
        raise InvalidArgumentError("expected a function that blocks, got one whose result has to be awaited")
    return result


async def _start(pool: TaskPool[Item, R], item: Item) -> None:
    pool.start(item)


async def _wait(pool: TaskPool[Any, Any]) -> None:
    if pool.busy:  # looked at again, here on the loop, where the last one cannot end in between
        await pool.wait()
