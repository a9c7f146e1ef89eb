"""Blocking forms of pagers, iterators and fan-outs.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import contextlib
import functools
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeVar

from evenergy.errors import EvEnergyError, InvalidArgumentError

from .fan_out import OnProgress, Outcome, TaskPool, collected, shared_keywords, size
from .loop_thread import LoopThread
from .pagination import Page, Pager

Item = TypeVar("Item")
R = TypeVar("R")


class BlockingPager(Iterator[R]):
    """The items of a collection, page by page: ``for item in pager`` blocks once a page.

    One loop uses it up, and after an error it goes on where it was; `pages` and `collect` begin anew.
    """

    def __init__(self, pager: Pager[R], loop: LoopThread) -> None:
        self._pager, self._loop = pager, loop
        self._pages, self._items = self.pages(), iter(list[R]())

    def __next__(self) -> R:
        while True:
            for item in self._items:
                return item
            self._items = iter(next(self._pages).items)

    def pages(self) -> Iterator[Page[R]]:
        """The pages, from the first."""
        return iter(functools.partial(self._loop.run, self._pager.pages().next_page), None)

    def collect(self, limit: int | None = None) -> list[R]:
        """All items in a list, or the first ``limit``; no page is asked for that is not needed."""
        return self._loop.run(self._pager.collect, limit)

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
