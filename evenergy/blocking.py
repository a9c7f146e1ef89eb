"""Blocking code over the async client: the typed one-line form of a method, pagers and fan-outs that block.

No async generator crosses from the loop to the caller: between two pages only a cursor lives, so nothing has to be
closed when a loop is left early.
"""

import contextlib
import functools
import inspect
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from .errors import EvEnergyError, InvalidArgumentError
from .fanout import Crew, OnProgress, Outcome, collected, shared, size
from .loopthread import LoopThread
from .pager import Page, Pager

A = TypeVar("A")
Item = TypeVar("Item")
P = ParamSpec("P")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Facade(Generic[T_co]):
    """The blocking twin of an async object."""

    def __init__(self, twin: T_co, loop: LoopThread) -> None:
        self._twin, self._loop = twin, loop


class Method(Protocol[T_contra, P, T_co]):
    """What `blocking` makes, as a type checker sees it; at run time it is a function."""

    @overload
    def __get__(self, facade: None, owner: type) -> Callable[..., T_co]: ...
    @overload
    def __get__(self, facade: Facade[T_contra], owner: type) -> Callable[P, T_co]: ...


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]]) -> Method[A, P, R]:
    """The blocking form of the twin's coroutine method."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(method, self._twin, *args, **kwargs)

    return cast("Method[A, P, R]", call)


def blocking_pager(method: "Callable[Concatenate[A, P], Pager[R]]") -> "Method[A, P, BlockingPager[R]]":
    """The blocking form of the twin's method that gives a pager."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> BlockingPager[R]:
        return BlockingPager(method(self._twin, *args, **kwargs), self._loop)

    signature = inspect.signature(method)  # for help(): the result is another
    pager: Any = signature.return_annotation
    result = f"Blocking{pager}" if isinstance(pager, str) else cast("Any", BlockingPager)[get_args(pager)]
    cast("Any", call).__signature__ = signature.replace(return_annotation=result)
    return cast("Method[A, P, BlockingPager[R]]", call)


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


def fan_out(
    loop: LoopThread,
    method: Callable[..., Any],
    items: Iterable[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
    kwargs: dict[str, Any],
) -> Iterator[Outcome[Item, Any]]:
    """The outcomes of a blocking method over many items, which are taken in the caller's thread."""
    facade, function = getattr(method, "__self__", None), getattr(method, "__wrapped__", None)
    if function is None or getattr(facade, "_loop", None) is not loop:
        raise InvalidArgumentError(f"expected a method of this client, such as client.vehicles.get, got {method!r}")
    keywords = shared(method, items, kwargs)
    if isinstance(items, AsyncIterable):
        raise InvalidArgumentError(f"expected items that can be iterated without await, got {items!r}")

    async def work(item: Item) -> Any:
        try:
            return await collected(function(getattr(facade, "_twin", None), item, **keywords))
        except (KeyboardInterrupt, SystemExit) as error:  # it ends the item, and not the loop
            raise RuntimeError(f"the call ended with {error!r}") from error

    crew = Crew[Item, Any](work, concurrency=concurrency, total=size(items), on_progress=on_progress)
    return _outcomes(loop, crew, iter(items))


def _outcomes(loop: LoopThread, crew: Crew[Item, R], items: Iterator[Item]) -> Iterator[Outcome[Item, R]]:
    worker = loop.worker()  # this one to the end: in a forked child the crew is still the parent's
    end: Exception | None = None
    try:
        while True:
            if (outcome := crew.take()) is not None:
                yield outcome
            elif end is None and crew.room > 0:
                try:
                    worker.call(_step, crew, next(items))
                except Exception as error:  # noqa: BLE001  no more, or the source broke: those under way come out first
                    end = error
            elif crew.busy:
                worker.call(_step, crew)
            elif end is None or isinstance(end, StopIteration):
                return
            else:
                raise end
    finally:
        end = None  # or it and this frame would hold each other
        if threading.current_thread() is worker.thread:  # the collector came by on the loop's own thread
            crew.cancel()
        elif crew.busy:
            with contextlib.suppress(EvEnergyError):  # the client is closed
                worker.call(crew.close)


async def _step(crew: Crew[Item, R], *items: Item) -> None:
    for item in items:
        crew.start(item)
    if not items and crew.busy:  # asked again, here on the loop, where the last one cannot end in between
        await crew.wait()
