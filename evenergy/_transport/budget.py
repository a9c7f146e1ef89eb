"""The protocol of a budget: a ledger of requests that processes share, and what it says."""

import math
from hashlib import blake2b
from typing import Protocol

import attrs

from .usage import WINDOW
from .window import State

_KEY = b"evenergy budget"  # of the hash: the same text hashed elsewhere has another value


@attrs.frozen
class Slot:
    """The right to send one request, as a ledger granted it.

    Attributes:
        bucket: The bucket that it counts in.
        id: Its name in the ledger.
        life: The life of the ledger that it is of: a ledger that was wiped begins another.
        taken_at: When it was granted, by the ledger's clock.
        epoch: The number of 429 responses before it.
        void: The number of times before it that the ledger withdrew all slots that were not sent.
        settled: The requests that the API had surely counted before it, since the life began.
        gone: The requests that had left the window before it, since the life began.
    """

    bucket: str
    id: str
    life: str
    taken_at: float
    epoch: int = 0
    void: int = 0
    settled: int = 0
    gone: int = 0


@attrs.frozen
class Wait:
    """No slot can be had now; the numbers say when. Times are seconds from now.

    Attributes:
        seconds: The time until it is worth asking again.
        state: The state of the bucket.
        trial: The time until the next request may try whether there is room, where that is in doubt.
        free: The slots that are free to this share; not above 0, as a rule.
        in_flight: The requests in flight of all processes.
        completed: The requests in the window that are complete.
        in_doubt: True if there may be room although none is known.
        learning: True if a response in flight will tell.
        frees: The times until a completed request leaves the window, in order.
        unreserved: The time until one leaves that no share may keep for itself; 0 where none is kept.
        window: The length of the rolling window.
    """

    seconds: float
    state: State = State.OPEN
    trial: float = 0.0
    free: int = 0
    in_flight: int = 0
    completed: int = 0
    in_doubt: bool = False
    learning: bool = False
    frees: tuple[float, ...] = ()
    unreserved: float = 0.0
    window: float = WINDOW

    def earliest(self, place: int) -> float:
        """Return the time before which the waiter at a place of the queue surely gets no slot, or ``-inf``."""
        if self.state is not State.OPEN:
            return self.trial if self.trial > 0 else -math.inf
        missing = place + 1 - self.free
        if missing <= self.in_flight or self.learning:  # slots in flight may be given back
            return -math.inf
        if self.completed < missing <= self.completed + self.in_flight:
            return -math.inf
        frees = self._frees(missing - self.in_flight)
        if not self.in_doubt:
            return frees
        return min(frees, self.trial) if self.trial > 0 else -math.inf

    def expected(self, place: int) -> float:
        """Return the time at which the waiter at a place of the queue probably gets a slot."""
        if self.state is not State.OPEN:
            return max(0.0, self.trial)
        missing = place + 1 - self.free
        if missing <= 0 or self.learning:
            return 0.0
        frees = max(self._frees(missing), self.unreserved)
        return max(0.0, min(frees, self.trial)) if self.in_doubt else frees

    def _frees(self, count: int) -> float:
        if count <= len(self.frees):
            return self.frees[count - 1]
        if count <= self.completed and self.frees:
            return self.frees[-1]  # a ledger names only so many
        return self.window


@attrs.frozen
class Settlement:
    """The end of a slot, for the ledger.

    Attributes:
        kind: ``unsent``: it was not sent, or surely did not reach the API. ``lost``: no response came, or one that
            says nothing (401). ``response``: the API responded.
        status: The status of the response, or 0.
        limit: The limit of its headers, or None.
        remaining: The remaining requests of its headers, or None.
        retry_after: The seconds of its ``Retry-After``, or None.
    """

    kind: str
    status: int = 0
    limit: int | None = None
    remaining: int | None = None
    retry_after: float | None = None


class Budget(Protocol):
    """Ledger of the requests of a bucket, which processes share; `SQLiteBudget` and `RedisBudget` are two.

    The client keeps the queue, the patience of callers, 429s and errors; a budget counts. An exception of `take` or
    `settle` means that the ledger cannot be reached.
    """

    @property
    def share(self) -> str:
        """Return the share of clients that name none."""
        ...

    @property
    def required(self) -> bool:
        """Return whether calls fail while the ledger cannot be reached, instead of going on without it."""
        ...

    @property
    def bucket(self) -> str | None:
        """Return the name of the bucket for credentials that have no id of their own, or None."""
        ...

    async def take(self, bucket: str, share: str, *, hurry: bool = False) -> Slot | Wait:
        """Return a slot, or the times until one can be had.

        Args:
            bucket: The bucket: a hash without a secret.
            share: The share to count it in.
            hurry: The caller would fail: it gets what courtesy would leave to other users of the credentials.
        """
        ...

    async def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Record the end of a slot, and what the API said of the bucket."""
        ...

    def holds(self, slot: Slot) -> bool:
        """Return whether a slot is still good as far as this process knows: no 429 came since, in any process."""
        ...

    async def close(self) -> None:
        """Close what is open on this event loop; the next use opens it again."""
        ...


def bucket_of(*parts: str) -> str:
    """Return the name of a bucket: a keyed hash, from which no id and no token can be read."""
    return blake2b("\0".join(parts).encode(), key=_KEY, digest_size=16).hexdigest()
