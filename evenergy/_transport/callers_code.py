"""Code of the caller that a token needs: sources, stores and callbacks, none of which may hang a client.

Plain functions may block, so they run in a thread. It is no thread of an executor: Python joins those at exit, and a
function that hangs would keep the program from ending.
"""

import asyncio
import contextlib
import contextvars
import functools
import inspect
import logging
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Self, TypeAlias, TypeVar, cast

from evenergy.auth import Token, TokenStore
from evenergy.errors import EvEnergyError, InvalidArgumentError, RequestTimeoutError

from .failures import no_thread

T = TypeVar("T")
_Outcome: TypeAlias = tuple[T | None, BaseException | None]

_log = logging.getLogger(__name__)

TIME = 10.0
"""Seconds for each piece of the caller's code within a token refresh."""
_LOCK_TIME = 60.0  # seconds: who holds the lock of a store may be in the middle of a refresh, with its retries


class StuckError(Exception):
    """Code of the caller that did not return in time."""


async def bounded(work: Awaitable[T], seconds: float = TIME) -> T:
    """Await code of the caller.

    Raises:
        StuckError: It took too long.
    """
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            return await work
    except TimeoutError:
        if not timeout.expired():  # it is the caller's own
            raise
    raise StuckError


class PlainThread:
    """Daemon thread for plain functions of the caller: one at a time, in the order in which they were put.

    It ends when it has nothing to do, unless it is kept.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._is_kept = False
        self._pid = os.getpid()

    async def call(self, function: Callable[..., Any], *args: object) -> Any:
        """Call a function, on the loop when it is a coroutine function, else in the thread; return its result."""
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        result = await self.run(function, *args)
        return await result if inspect.isawaitable(result) else result

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in the thread, in this context; it runs to its end even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[_Outcome[T]] = loop.create_future()
        context = contextvars.copy_context()
        self.put(functools.partial(_run, loop, ended, functools.partial(context.run, function, *args)))
        try:
            return _result(await ended)
        finally:
            del ended  # or its error and this frame would hold each other

    def put(self, job: Callable[[], None]) -> None:
        """Add a job that nobody waits for, and that raises nothing.

        Raises:
            ClosedError: The interpreter is shutting down.
            EvEnergyError: No thread could be started.
        """
        if self._pid != os.getpid():
            self._reset()  # the thread is the parent's, and may have held the lock
        with self._changed:
            self._thread = self._thread or self._started()  # before the job, which nobody would run without it
            self._jobs.append(job)
            self._changed.notify()

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._main, name="evenergy-caller", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise no_thread("a token source, a token store or on_token", error) from None
        return thread

    def keep(self, *, kept: bool) -> None:
        """Keep the thread while it has nothing to do, or let it end: a lock may belong to the thread that took it."""
        with self._changed:
            self._is_kept = kept
            self._changed.notify()

    def _main(self) -> None:
        while (job := self._next()) is not None:
            job()
            del job  # nor what it holds, while this thread waits for the next one

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while self._is_kept and not self._jobs:
                self._changed.wait()
            if self._jobs:
                return self._jobs.popleft()
            self._thread = None
            return None


class StoreCalls:
    """Calls of a token store within one refresh: each bounded in time, plain ones all in the same thread."""

    def __init__(self, store: TokenStore | None) -> None:
        self._store = store
        self._thread = PlainThread()

    async def load(self) -> Token | None:
        """Return the stored token, or None where there is none, or no store.

        Raises:
            InvalidArgumentError: The store returned something else.
            RequestTimeoutError: It did not return in time.
        """
        if self._store is None:
            return None
        try:
            token: object = await bounded(self._thread.call(self._store.load))
        except StuckError:
            raise RequestTimeoutError(f"{self._name('load')} did not return within {TIME:g} s") from None
        if token is not None and not isinstance(token, Token):
            raise InvalidArgumentError(
                f"expected {self._name('load')} to return a Token, such as Token.from_dict(data), or None,"
                f" got {type(token).__name__}"
            )
        return token

    async def save(self, token: Token | None) -> None:
        """Replace the stored token.

        Raises:
            StuckError: The store did not return in time.
        """
        if self._store is not None:
            await bounded(self._thread.call(self._store.save, token))

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncGenerator[None]:
        """Hold the store's lock.

        Raises:
            RequestTimeoutError: Somebody else held it all the time.
        """
        held = contextlib.nullcontext() if self._store is None else await self._lock_of(self._store)
        try:
            await bounded(held.__aenter__(), _LOCK_TIME)
        except StuckError:
            raise RequestTimeoutError(f"{self._name('lock')} was not free within {_LOCK_TIME:g} s") from None
        try:
            yield
        finally:
            with contextlib.suppress(StuckError):
                await bounded(held.__aexit__(None, None, None))

    async def _lock_of(self, store: TokenStore) -> AbstractAsyncContextManager[object]:
        lock: object = store.lock()
        if inspect.isawaitable(lock):
            lock = cast("object", await lock)
        if isinstance(lock, AbstractAsyncContextManager):
            return cast("AbstractAsyncContextManager[object]", lock)
        if isinstance(lock, AbstractContextManager):
            return _PlainLock(cast("AbstractContextManager[object]", lock), self._thread)
        raise InvalidArgumentError(
            f"expected {self._name('lock')} to return a context manager, got {type(lock).__name__}"
        )

    def _name(self, method: str) -> str:
        return f"{type(self._store).__name__}.{method}()"


class _PlainLock:
    """Plain lock, taken and released in the same thread, also when the coroutine that wanted it is gone."""

    def __init__(self, lock: AbstractContextManager[object], thread: PlainThread) -> None:
        self._lock = lock
        self._thread = thread
        self._is_held = False

    async def __aenter__(self) -> Self:
        self._thread.keep(kept=True)
        try:
            await self._thread.run(self._take)
        except BaseException:
            with contextlib.suppress(EvEnergyError):  # without a thread nothing was taken
                self._thread.put(self._release_late)  # behind `_take`, which may still wait for the lock
            self._thread.keep(kept=False)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._thread.run(self._release)
        finally:
            self._thread.keep(kept=False)

    def _take(self) -> None:
        self._lock.__enter__()
        self._is_held = True

    def _release(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.__exit__(None, None, None)

    def _release_late(self) -> None:
        try:
            self._release()
        except Exception:  # noqa: BLE001  whatever it is, it is the caller's, and nobody waits for it
            _log.exception("the lock of a token store could not be released")


def _run(loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[_Outcome[T]]", function: Callable[[], T]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(_settle, ended, _outcome(function))


def _outcome(function: Callable[[], T]) -> _Outcome[T]:
    """Return the result of a function, or its error as a value."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001  whatever it is, it belongs to the coroutine that waits
        return None, error


def _settle(ended: "asyncio.Future[T]", outcome: T) -> None:
    if not ended.done():  # else who waited has gone
        ended.set_result(outcome)


def _result(outcome: _Outcome[T]) -> T:
    result, error = outcome
    del outcome
    try:
        if error is not None:
            raise error
        return cast("T", result)
    finally:
        del error
