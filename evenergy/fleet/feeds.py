"""Feeds: iterators whose entries wait in a queue until they are handed out, for both clients."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from evenergy._core.loop_thread import LoopThread

E = TypeVar("E")


class Feed(AsyncIterator[E]):
    """Async iterator over entries of which several may come at once."""

    def __init__(self) -> None:
        self._ready: deque[E] = deque()
        self._ended = False
        self._lock = asyncio.Lock()  # for several tasks, or threads, that share one feed

    async def __anext__(self) -> E:
        while not self._ready:
            if not await self.fill():
                raise StopAsyncIteration
        return self.take()

    async def fill(self) -> bool:
        """Wait until an entry is ready, and return True; return False at the end."""
        async with self._lock:
            while not self._ready and not self._ended:
                await self._advance()
        return bool(self._ready)

    @property
    def has_entries(self) -> bool:
        """Return whether an entry can be taken at once."""
        return bool(self._ready)

    def take(self) -> E:
        """Return the next entry that is ready. An interrupt on the way leaves it in its place."""
        entry = self._ready[0]
        self._hand_out(entry)
        del self._ready[0]  # an operator and no call: no handler of a signal runs between it and the return
        return entry

    async def aclose(self) -> None:
        """End the iteration: what was not handed out is dropped."""
        self._ended = True
        self._ready.clear()

    async def _advance(self) -> None:
        """Do one step that may make entries ready, or end the feed."""
        raise NotImplementedError

    def _hand_out(self, entry: E) -> None:
        """Record that an entry is handed out."""


class BlockingFeed(Iterator[E]):
    """Blocking form of a feed, which advances on the loop of the client."""

    def __init__(self, feed: Feed[E], loop: LoopThread) -> None:
        self._entries = feed
        self._loop = loop

    def __next__(self) -> E:
        feed = self._entries
        while not feed.has_entries:
            if not self._loop.run(feed.fill):
                raise StopIteration
        return feed.take()

    def __repr__(self) -> str:
        return repr(self._entries).replace("<", "<Blocking", 1)

    def close(self) -> None:
        """End the iteration: what is in flight is cancelled, what was not handed out is dropped."""
        self._loop.run(self._entries.aclose)
