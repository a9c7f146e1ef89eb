"""Blocking forms of pagers, iterators and fan-outs.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import contextlib
import functools
import threading
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from evenergy.errors import DecodeError, EvEnergyError, InvalidArgumentError

from .fan_out import OnProgress, Outcome, TaskPool, collected, shared_keywords, size
from .loop_thread import LoopThread
from .pagination import Collected, Listing, Page, Pager

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


def blocking_fan_out(
    loop: LoopThread,
    method: Callable[..., Any],
    items: Iterable[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
    kwargs: dict[str, Any],
) -> Iterator[Outcome[Item, Any]]:
    """The outcomes of a blocking method over many items, which are taken in the caller's thread."""
    resource, awaited = getattr(method, "__self__", None), getattr(method, "awaited", None)
    if awaited is None or getattr(resource, "_loop", None) is not loop:
        raise InvalidArgumentError(f"expected a method of this client, such as client.vehicles.get, got {method!r}")
    keywords = shared_keywords(method, items, kwargs)
    if isinstance(items, AsyncIterable):
        raise InvalidArgumentError(f"expected items that can be iterated without await, got {items!r}")

    async def work(item: Item) -> Any:
        try:
            return await collected(awaited(resource, item, **keywords))
        except (KeyboardInterrupt, SystemExit) as error:  # it ends the item, and not the loop
            raise RuntimeError(f"the call ended with {error!r}") from error

    pool = TaskPool[Item, Any](work, concurrency=concurrency, total=size(items), on_progress=on_progress)
    return _outcomes(loop, pool, iter(items))


def _outcomes(loop: LoopThread, pool: TaskPool[Item, R], items: Iterator[Item]) -> Iterator[Outcome[Item, R]]:
    worker = loop.worker()  # this one to the end: in a forked child the pool is still the parent's
    end: Exception | None = None
    try:
        while True:
            if (outcome := pool.pop()) is not None:
                yield outcome
            elif end is None and pool.capacity > 0:
                try:
                    worker.call(_step, pool, next(items))
                except Exception as error:  # noqa: BLE001  no more, or the source broke: those under way come out first
                    end = error
            elif pool.busy:
                worker.call(_step, pool)
            elif end is None or isinstance(end, StopIteration):
                return
            else:
                raise end
    finally:
        end = None  # or it and this frame would hold each other
        if threading.current_thread() is worker.thread:  # the collector came by on the loop's own thread
            pool.cancel()
        elif pool.busy:
            with contextlib.suppress(EvEnergyError):  # the client is closed
                worker.call(pool.close)


async def _step(pool: TaskPool[Item, R], *items: Item) -> None:
    for item in items:
        pool.start(item)
    if not items and pool.busy:  # asked again, here on the loop, where the last one cannot end in between
        await pool.wait()


def blocking_iterator(loop: LoopThread, items: AsyncIterator[R]) -> Iterator[R]:
    """Return an iterator that advances an async one on the loop of a blocking client, item by item."""
    missing = object()

    async def following() -> Any:
        return await anext(items, missing)

    return iter(functools.partial(loop.run, following), missing)
