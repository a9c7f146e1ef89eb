"""One method over many items at once, where one failure loses nothing else."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sized
from contextlib import suppress
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from evenergy._codec import validate
from evenergy.errors import EvEnergyError, InvalidArgumentError, RateLimitError, printable

from .pagination import Pager

Item = TypeVar("Item")
V = TypeVar("V")

_log = logging.getLogger(__name__)

OnProgress: TypeAlias = Callable[[int, int, int | None], object]
"""Called with how many are done, how many of them failed, and how many there are (None when nobody knows)."""


@attrs.frozen
class Outcome(Generic[Item, V]):
    """What became of one item.

    Attributes:
        item: As it was given.
        value: The result, or all items of a collection; None after an error.
        error: What went wrong, or None.
    """

    item: Item
    value: V | None = None
    error: Exception | None = None

    def unwrap(self) -> V:
        """The value, or the error raised."""
        if self.error is not None:
            raise self.error
        return cast("V", self.value)


class TaskPool(Generic[Item, V]):
    """The calls under way: started one by one, handed out as they end."""

    def __init__(
        self,
        work: Callable[[Item], Awaitable[V]],
        *,
        concurrency: int,
        total: int | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.is_rate_limited: bool = False  # the rate gate let one go no further, so it would be the same for the next
        self._closing = False
        self._work = work
        self._concurrency = validate.positive_int("concurrency", concurrency)
        self._total = total
        self._on_progress = on_progress
        self._done = self._failed = 0
        self._ended: deque[Outcome[Item, V]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[Callable[[object], None]] = set()

    @property
    def capacity(self) -> int:
        """How many more may be started: what has ended and was not handed out holds a place too."""
        return 0 if self.is_rate_limited else self._concurrency - len(self._tasks) - len(self._ended)

    @property
    def busy(self) -> bool:
        """Whether an outcome is to come."""
        return bool(self._tasks or self._ended)

    def start(self, item: Item) -> None:
        """Begin with an item."""
        task = asyncio.get_running_loop().create_task(self._run(item))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def pop(self) -> Outcome[Item, V] | None:
        """The next outcome, if one is there."""
        if not self._ended:
            return None
        outcome = self._ended.popleft()
        self._done += 1
        self._failed += outcome.error is not None
        if self._on_progress is not None:
            self._on_progress(self._done, self._failed, self._total)
        return outcome

    async def wait(self, *others: asyncio.Future[Any]) -> None:
        """Until an outcome is there, or one of the others is done."""
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
        """Cancel what is under way, wait until it has ended, and drop what was not handed out."""
        tasks = self.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._ended.clear()

    def cancel(self) -> set[asyncio.Task[None]]:
        """Cancel what is under way."""
        self.is_rate_limited = self._closing = True
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)

    def __repr__(self) -> str:
        total = "" if self._total is None else f" of {self._total}"
        return f"{self._done}{total} handed out, {len(self._tasks)} under way"

    async def _run(self, item: Item) -> None:
        try:
            outcome: Outcome[Item, V] = Outcome(item, value=await self._work(item))
        except asyncio.CancelledError:
            if self._closing:
                raise
            outcome = Outcome(item, error=EvEnergyError("the call was cancelled by something that it awaited"))
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to this item
            if isinstance(error, RateLimitError) and not self.is_rate_limited:
                self.is_rate_limited = True
                _log.warning("the rate limit ends a fan-out: what has no outcome was not asked for (%s)", error)
            outcome = Outcome(item, error=error)
        self._ended.append(outcome)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        for wake in self._waiting:  # several tasks may share one fan-out
            wake(task)


class FanOut(AsyncIterator[Outcome[Item, V]]):
    """The outcomes, in order of completion. An item is taken when the one who iterates asks for more.

    Leaving the loop cancels what is under way as soon as this object is let go; `aclose` (`contextlib.aclosing`) does
    it at once, and waits for it.
    """

    def __init__(self, pool: TaskPool[Item, V], items: Iterable[Item] | AsyncIterable[Item]) -> None:
        self._pool = pool
        self._items = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._pending_item: asyncio.Future[Item] | None = None
        self._more = True
        self._source_error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __anext__(self) -> Outcome[Item, V]:
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                if self._more and self._pool.capacity > 0:
                    if isinstance(self._items, AsyncIterator):
                        await self._await_items(self._items)
                    else:
                        self._take_items(self._items)
                if (outcome := self._pool.pop()) is not None:
                    return outcome
                if self._pending_item is not None and not self._pool.is_rate_limited:
                    await self._pool.wait(self._pending_item)
                elif self._pool.busy:
                    await self._pool.wait()
                elif self._source_error is not None:
                    broken, self._source_error = self._source_error, None
                    raise broken
                else:
                    self._release()
                    raise StopAsyncIteration
        except asyncio.CancelledError:
            self._release()
            raise

    async def aclose(self) -> None:
        """Cancel what is under way, and wait until it has ended; no outcome comes any more."""
        self._more, self._source_error = False, None
        pending, self._pending_item = self._pending_item, None
        if pending is not None:
            pending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await pending
        await self._pool.close()

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
                if (
                    pending is not self._pending_item or not pending.done()
                ):  # closed meanwhile, or taken by another task
                    return
                self._pending_item = None
                self._pool.start(pending.result())
            except Exception as error:  # noqa: BLE001  as above
                self._source_ended(error)

    def _source_ended(self, error: Exception) -> None:
        self._more = False
        if not isinstance(error, StopIteration | StopAsyncIteration):
            self._source_error = error  # what is under way comes out first

    def _release(self) -> None:
        self._more = False
        self._pool.cancel()
        if self._pending_item is not None:
            self._pending_item.cancel()

    def __repr__(self) -> str:
        return f"<FanOut {self._pool}>"

    def __del__(self) -> None:
        if self._loop is None or self._loop.is_closed() or not (self._pool.busy or self._pending_item):
            return
        with suppress(RuntimeError):  # the loop closed meanwhile
            self._loop.call_soon_threadsafe(_cancel, self._pool, self._pending_item)


def _cancel(pool: TaskPool[Any, Any], pending: "asyncio.Future[Any] | None") -> None:
    pool.cancel()
    if pending is not None:
        pending.cancel()


def collected(result: Pager[Any] | Awaitable[Any]) -> Awaitable[Any]:
    """The value of what a method of a collection returned: a coroutine's result, or all items of a pager."""
    return result.collect() if isinstance(result, Pager) else result


def shared_keywords(method: Callable[..., object], items: object, kwargs: Mapping[str, object]) -> dict[str, object]:
    """The keywords for all items, where an iterator would be used up by the first.

    Raises:
        InvalidArgumentError: What would fail for every item alike.
    """
    if isinstance(items, str | bytes):
        raise InvalidArgumentError(f"expected several items, such as a list of ids, got the single {items!r}")
    if not isinstance(items, Iterable | AsyncIterable):
        raise InvalidArgumentError(f"expected several items, such as a list of ids, got {printable(repr(items))}")
    if not callable(method):
        raise InvalidArgumentError(f"expected a method, such as client.vehicles.get, got {method!r}")
    keywords = {name: _kept(value) for name, value in kwargs.items()}
    _check_keywords(method, keywords)
    return keywords


def _kept(value: object) -> object:
    return tuple(cast("Iterator[object]", value)) if isinstance(value, Iterator) else value


def _check_keywords(method: Callable[..., object], kwargs: Mapping[str, object]) -> None:
    try:
        inspect.signature(method).bind(object(), **kwargs)
    except ValueError:
        return  # something that does not say what it takes
    except TypeError as error:
        owner, name = getattr(method, "__self__", None), getattr(method, "__name__", repr(method))
        name = name if owner is None else f"{type(owner).__name__}.{name}"
        raise InvalidArgumentError(f"{name} cannot be called with an item and these keywords: {error}") from None


def size(items: object) -> int | None:
    """How many items there are, where that is known."""
    return len(items) if isinstance(items, Sized) else None
