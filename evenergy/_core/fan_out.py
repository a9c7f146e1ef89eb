"""Fan-out: one method over many items at once, where one failure loses nothing else."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from evenergy._codec import validate
from evenergy.errors import ClosedError, EvEnergyError

from .item_method import ItemMethod, collected, rejection_note

Item = TypeVar("Item")
V = TypeVar("V")

_log = logging.getLogger(__name__)

OnProgress: TypeAlias = Callable[[int, int, int | None], object]
"""Called with the number of completed and of failed items, and the total (None if unknown)."""


@attrs.frozen
class Outcome(Generic[Item, V]):
    """Outcome of one item.

    Attributes:
        item: The item as it was given.
        value: The result, or all items of a collection; None after an error.
        error: The error, or None.
    """

    item: Item
    value: V | None = None
    error: Exception | None = None

    def unwrap(self) -> V:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("V", self.value)


class TaskPool(Generic[Item, V]):
    """Calls in flight: started one by one, handed out as they end."""

    stopped_by: EvEnergyError | None = None
    """The error that every other item would get too, so that no more are started."""

    def __init__(
        self,
        work: Callable[[Item], Awaitable[V]],
        method: ItemMethod[Item] | None = None,
        *,
        concurrency: int,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Hold what is called for each item; without ``method`` no error stops the others.

        Args:
            work: The call.
            method: Its total, and which of its errors every other item would get.
            concurrency: Calls in flight at once, with the outcomes that were not handed out.
            on_progress: Called when an outcome is handed out.
        """
        self._is_closing = False
        self._work = work
        self._method = method
        self._total = None if method is None else method.total
        self._concurrency = validate.positive_int("concurrency", concurrency)
        self._on_progress = on_progress
        self._started = self._done = self._failed = 0
        self._ended: deque[Outcome[Item, V]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[Callable[[object], None]] = set()

    @property
    def capacity(self) -> int:
        """Return how many more items may be started: an outcome that was not handed out holds a place too."""
        if self.is_stopped:
            return 0
        return self._concurrency - len(self._tasks) - len(self._ended)

    @property
    def is_stopped(self) -> bool:
        """Return whether no more items are started."""
        return self._is_closing or self.stopped_by is not None

    @property
    def busy(self) -> bool:
        """Return whether an outcome is to come."""
        return bool(self._tasks or self._ended)

    @property
    def skipped(self) -> int | None:
        """Return how many items were not tried because of `stopped_by`; None if their number is unknown."""
        if self.stopped_by is None:
            return 0
        return None if self._total is None else max(0, self._total - self._started)

    def start(self, item: Item) -> None:
        """Begin with an item."""
        self._started += 1
        task = asyncio.get_running_loop().create_task(self._run(item))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def pop(self) -> Outcome[Item, V] | None:
        """Return the next outcome, or None when none is there."""
        if not self._ended:
            return None
        outcome = self._ended.popleft()
        self._done += 1
        self._failed += outcome.error is not None
        if self._on_progress is not None:
            self._on_progress(self._done, self._failed, self._total)
        return outcome

    async def wait(self, *others: asyncio.Future[Any]) -> None:
        """Wait until an outcome is there, or one of the others is done."""
        if self._ended or not (self._tasks or others) or any(other.done() for other in others):
            return
        woken = asyncio.get_running_loop().create_future()

        def wake(_: object) -> None:  # one for each who waits: taking back the callback takes back all its equals
            if not woken.done():
                woken.set_result(None)

        self._waiting.add(wake)
        for other in others:
            other.add_done_callback(wake)
        try:
            await woken
        finally:
            self._waiting.discard(wake)
            for other in others:
                other.remove_done_callback(wake)

    async def close(self) -> None:
        """Cancel the calls in flight, wait until they have ended, and drop the outcomes that are left."""
        tasks = self.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._ended.clear()

    def cancel(self) -> set[asyncio.Task[None]]:
        """Cancel the calls in flight."""
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)

    def __repr__(self) -> str:
        total = "" if self._total is None else f" of {self._total}"
        return f"{self._done}{total} done, {len(self._tasks)} in flight"

    async def _run(self, item: Item) -> None:
        try:
            outcome: Outcome[Item, V] = Outcome(item, value=await self._work(item))
        except asyncio.CancelledError:
            if self._is_closing:
                raise
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # by whoever ends the loop
                self._ended.append(Outcome(item, error=ClosedError("the event loop ended during the call")))
                raise
            outcome = Outcome(item, error=EvEnergyError("the call was cancelled by something that it awaited"))
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to this item
            self._failed_with(item, error)
            outcome = Outcome(item, error=error)
        self._ended.append(outcome)

    def _failed_with(self, item: Item, error: Exception) -> None:
        """Stop where the error is one that every other item would get."""
        method = self._method
        if method is None or self.is_stopped or not isinstance(error, EvEnergyError):
            return
        if not method.rejects_all(item, error):
            return
        self.stopped_by = error
        if self.skipped != 0:
            note = rejection_note(self.skipped, error, method.hint(error))
            error.add_note(note)
            _log.warning("%s (%s)", note, error)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        for wake in self._waiting:  # several tasks may share one fan-out
            wake(task)


class OfPool(Generic[Item, V]):
    """Part of both fan-outs that says what ended them."""

    _pool: TaskPool[Item, V]
    _is_interrupted = False

    @property
    def stopped_by(self) -> EvEnergyError | None:
        """Return the error that ended the fan-out, as every other item would get it too; None while there is none.

        It is the first `RateLimitError`, the first `AuthenticationError` or `ClosedError` of a client's own method, or
        the first `BadRequestError` that names an argument which all items share. It is also the error of an outcome.
        """
        return self._pool.stopped_by

    @property
    def skipped(self) -> int | None:
        """Return how many items were not tried because of `stopped_by`; None if their number is unknown.

        An iterator that was given as items still holds them.
        """
        return self._pool.skipped

    @staticmethod
    def _interrupted() -> ClosedError:
        """Return the error for the next outcome after an interrupted wait: it must not look like a complete fan-out."""
        return ClosedError("the fan-out was interrupted; start another for the items that have no outcome")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._pool}>"


class FanOut(OfPool[Item, V], AsyncIterator[Outcome[Item, V]]):
    """Outcomes of a fan-out, in order of completion. An item is taken when the next outcome is wanted.

    Leaving the loop cancels the calls in flight as soon as this object is let go; `aclose` (`contextlib.aclosing`)
    does it at once, and waits for it. A cancelled wait for an outcome cancels them too: the next outcome is a
    `ClosedError` then, for the items in flight are lost.
    """

    _is_closed = False
    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, pool: TaskPool[Item, V], items: Iterable[Item] | AsyncIterable[Item]) -> None:
        self._pool = pool
        self._items = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._pending_item: asyncio.Future[Item] | None = None
        self._more = True
        self._source_error: BaseException | None = None

    async def __anext__(self) -> Outcome[Item, V]:
        self._loop = asyncio.get_running_loop()
        try:
            while self._is_closed or not self._is_interrupted:
                await self._take()
                if (outcome := self._pool.pop()) is not None:
                    return outcome
                if not await self._wait():
                    break
            else:
                raise self._interrupted()
        except asyncio.CancelledError:
            self._is_interrupted = True
            self._release()
            raise
        if self._source_error is not None:
            broken, self._source_error = self._source_error, None
            raise broken
        self._release()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Cancel the calls in flight, and wait until they have ended; no outcome comes any more."""
        self._is_closed, self._more, self._source_error = True, False, None
        pending, self._pending_item = self._pending_item, None
        if pending is not None:
            pending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await pending
        await self._pool.close()

    async def _take(self) -> None:
        """Take items while there is room for them."""
        if not self._more or self._pool.capacity <= 0:
            return
        if isinstance(self._items, AsyncIterator):
            await self._await_items(self._items)
        else:
            self._take_items(self._items)

    async def _wait(self) -> bool:
        """Wait until an outcome or an item is there; return False when none is to come."""
        if self._pending_item is not None and not self._pool.is_stopped:
            await self._pool.wait(self._pending_item)
        elif self._pool.busy:
            await self._pool.wait()
        else:
            return False
        return True

    def _take_items(self, items: Iterator[Item]) -> None:
        try:
            while self._pool.capacity > 0:
                self._pool.start(next(items))
        except Exception as error:  # noqa: BLE001  whatever it is, it is the source's
            self._source_ended(error)

    async def _await_items(self, items: AsyncIterator[Item]) -> None:
        while self._more and self._pool.capacity > 0:
            try:
                pending = self._pending_item
                if pending is None:  # it may take its time; outcomes go on meanwhile
                    pending = self._pending_item = asyncio.ensure_future(anext(items))
                    await asyncio.sleep(0)
                if pending is not self._pending_item or not pending.done():
                    return  # closed meanwhile, or taken by another task
                self._pending_item = None
                self._pool.start(pending.result())
            except Exception as error:  # noqa: BLE001  as above
                self._source_ended(error)

    def _source_ended(self, error: Exception) -> None:
        self._more = False
        if not isinstance(error, StopIteration | StopAsyncIteration):
            self._source_error = error  # the calls in flight come out first

    def _release(self) -> None:
        self._more = False
        self._pool.cancel()
        if self._pending_item is not None:
            self._pending_item.cancel()

    def __del__(self) -> None:
        if self._loop is None or self._loop.is_closed() or not (self._pool.busy or self._pending_item):
            return
        with suppress(RuntimeError):  # the loop closed meanwhile
            self._loop.call_soon_threadsafe(_cancel, self._pool, self._pending_item)


def _cancel(pool: TaskPool[Any, Any], pending: "asyncio.Future[Any] | None") -> None:
    pool.cancel()
    if pending is not None:
        pending.cancel()


def async_fan_out(
    method: Callable[..., Any],
    shared: ItemMethod[Item],
    items: Iterable[Item] | AsyncIterable[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
) -> FanOut[Item, Any]:
    """Return the outcomes of a method of the async client, or of any function."""

    def work(item: Item) -> Awaitable[Any]:
        return collected(method(*shared.arguments(item), **shared.keywords))

    return FanOut(TaskPool(work, shared, concurrency=concurrency, on_progress=on_progress), items)
