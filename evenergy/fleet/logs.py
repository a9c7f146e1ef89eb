"""New status logs of a fleet: the run of `evenergy.fleet.run`, with its requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Generic

import attrs

from evenergy._core.fan_out import Outcome, TaskPool
from evenergy._core.loop_thread import LoopThread
from evenergy._core.pagination import Pages
from evenergy._transport.retry import CountedRetries
from evenergy._transport.session import Session
from evenergy.errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    NotFoundError,
    RateLimitError,
)

from .feeds import BlockingFeed, Feed
from .run import Changes, Read, SyncRun
from .source import Device, Entry, L, LogsRead, Reader, Source, Undecoded, next_page
from .values import NewLogs


class NewStatusLogs(Feed[NewLogs[L]], Generic[L]):
    """Async iterator over the new logs of a fleet, one `NewLogs` a request, in the order in which marks change.

    It ends when nothing is left to read, when the budget is spent, or when the rate limit rejects a request
    (``max_wait``); requests in flight complete first. Leaving the loop cancels them as soon as this object is let go;
    `aclose` (`contextlib.aclosing`) does it at once, and waits for it. A cancelled wait for the next entry ends it too.

    Attributes:
        refused: The error with which the rate limit ended the run, or None.

    Raises:
        EvEnergyError: A page of the list failed, or the credentials were rejected; that ends the run. What was not
            handed out comes with the next run.
    """

    def __init__(self, source: Source[Any, L], session: Session, run: SyncRun[Entry[L]], concurrency: int) -> None:
        super().__init__()
        retries = CountedRetries(session.retry_budget, run.spend_retry)
        counted = Session(session.options, session.credentials, session.connections, retries)
        reader: Reader[Any, L] = Reader(source, counted)
        # The tasks hold the reader, and not this object, which can so be let go while they run.
        self._pool: TaskPool[Read, LogsRead[L]] = TaskPool(reader.read, concurrency=concurrency)
        self._reader = reader
        self._run = run
        self._limiter = session.limiter
        self._pages: Pages[Device] | None = None
        self._is_sweeping = True
        self._broken: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.refused: RateLimitError | None = None

    @property
    def requests(self) -> int:
        """Return the requests spent so far: each attempt that the rate limit admitted, retries included."""
        return self._run.requests

    @property
    def left(self) -> int:
        """Return the number of reads that are known to wait."""
        return self._run.left

    async def aclose(self) -> None:
        """Cancel the requests in flight, and wait until they have ended; nothing is handed out any more."""
        await super().aclose()
        await self._pool.close()

    async def _advance(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            if self._is_sweeping:
                await self._sweep()
            else:
                await self._read()
        except BaseException:
            self._ended = True
            self._pool.cancel()
            raise

    async def _sweep(self) -> None:
        """Request one page of the list."""
        run = self._run
        if not run.next_page():
            self._is_sweeping = False
            return
        try:
            if self._pages is None:
                self._pages = self._resumed()
            listed = self._reader.listed(await next_page(self._pages))
        except RateLimitError as error:
            changes = run.page_rejected()
            self._refuse(error)
            if changes.marks:
                self._put(changes)
        except (BadRequestError, NotFoundError):
            restarted = run.restart()
            if restarted is None:
                raise
            self._pages = None
            self._put(restarted)
        else:
            self._put(run.take_page(listed.devices, listed.next_url), lost=listed.lost)

    def _resumed(self) -> Pages[Device]:
        try:
            return self._reader.sweep(self._run.next_url)
        except DecodeError:  # the place among the marks is no URL
            changes = self._run.restart()
            if changes is None:
                raise
            self._put(changes)
            return self._reader.sweep(None)

    async def _read(self) -> None:
        """Start as many reads as there is room for, and take one that has ended."""
        pool = self._pool
        # Of those that wait for the rate limit one is enough: more would hold up everybody behind them.
        while not self._broken and pool.capacity > 0 and not (pool.busy and self._limiter.queued):
            read = self._run.next_read()
            if read is None:
                break
            pool.start(read)
            await asyncio.sleep(0)  # so that it takes a permit, or its place in the queue
        outcome = pool.pop()
        if outcome is not None:
            self._take(outcome)
        elif pool.busy:
            await pool.wait()
        else:
            self._ended = True
            if self._broken is not None:
                raise self._broken

    def _take(self, outcome: Outcome[Read, LogsRead[L]]) -> None:
        run, read, error = self._run, outcome.item, outcome.error
        if error is None:
            found = outcome.unwrap()
            self._put(run.take_logs(read, found.page), read.vehicle_id, found.lost)
        elif isinstance(error, RateLimitError):
            run.read_rejected(read)
            self._refuse(error)
        elif isinstance(error, NotFoundError):
            self._put(attrs.evolve(run.vehicle_not_found(read), error=error), read.vehicle_id)
        else:
            run.read_failed(read)
            if isinstance(error, EvEnergyError) and not isinstance(error, (AuthenticationError, ClosedError)):
                self._put(Changes(error=error), read.vehicle_id)
            else:
                self._broken = self._broken or error  # it would be the same for the next

    def _refuse(self, error: RateLimitError) -> None:
        self.refused = self.refused or error
        if error.headers:  # a response of the API, so the request was sent
            self._run.spend_retry()

    def _put(self, changes: Changes[Entry[L]], device_id: str | None = None, lost: Iterable[Undecoded] = ()) -> None:
        """Make the changes ready to be handed out, and behind them the errors that are one too many for a page."""
        logs: list[L] = []
        odd: list[Undecoded] = []
        for entry in changes.logs:
            if isinstance(entry, Undecoded):
                odd.append(entry)
            else:
                logs.append(entry)
        odd.extend(lost)
        error = changes.error
        if error is None and odd and device_id is not None:
            error = odd.pop(0).error
        self._ready.append(self._page(logs, changes.marks, device_id, error))
        self._ready.extend(self._page([], {}, item.device_id, item.error) for item in odd)

    def _page(
        self, logs: list[L], marks: dict[str, str], device_id: str | None, error: EvEnergyError | None
    ) -> NewLogs[L]:
        return NewLogs(logs, marks, device_id, error, self._run.requests, self._run.left)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.requests} requests, {self.left} left>"

    def __del__(self) -> None:
        loop = vars(self).get("_loop")
        if loop is None or loop.is_closed() or not self._pool.busy:
            return
        with contextlib.suppress(RuntimeError):  # the loop closed meanwhile
            loop.call_soon_threadsafe(self._pool.cancel)


class BlockingNewStatusLogs(BlockingFeed[NewLogs[L]], Generic[L]):
    """Iterator over the new logs of a fleet, one `NewLogs` a request, in the order in which marks change.

    It ends, and raises, as `NewStatusLogs` does. Between two entries requests go on, in the client's own thread.
    """

    def __init__(self, feed: NewStatusLogs[L], loop: LoopThread) -> None:
        super().__init__(feed, loop)
        self._feed = feed

    @property
    def requests(self) -> int:
        """Return the requests spent so far: each attempt that the rate limit admitted, retries included."""
        return self._feed.requests

    @property
    def left(self) -> int:
        """Return the number of reads that are known to wait."""
        return self._feed.left

    @property
    def refused(self) -> RateLimitError | None:
        """Return the error with which the rate limit ended the run, or None."""
        return self._feed.refused
