"""Use of a budget: who holds how much of which bucket."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from evenergy._transport.window import State


@attrs.frozen
class Holding:
    """Slots of one process and share.

    Attributes:
        share: The share; empty for the one without a name.
        holder: The process, as host name and process id.
        in_flight: Its requests in flight.
        completed: Its complete requests in the window.
    """

    share: str
    holder: str
    in_flight: int
    completed: int


@attrs.frozen
class BucketUse:
    """Use of one bucket.

    Attributes:
        bucket: The name of the bucket: a hash.
        limit: The requests of a window, or None before the first response.
        foreign: The requests of others, as far as is known: they do not use the budget.
        state: The state of the bucket.
        seconds: The seconds until the next request may find out whether there is room, after a 429; else 0.
        reserve: The parts of the limit that are kept for shares.
        holdings: The processes, those with the most slots first.
    """

    bucket: str
    limit: int | None
    foreign: int
    state: State
    seconds: float
    reserve: dict[str, float]
    holdings: tuple[Holding, ...]

    @property
    def used(self) -> int:
        """Return the slots of all processes that use the budget."""
        return sum(holding.in_flight + holding.completed for holding in self.holdings)

    @property
    def free(self) -> int | None:
        """Return how many more requests the bucket holds, or None before the first response."""
        return None if self.limit is None else max(0, self.limit - self.used - self.foreign)


class Reports(Protocol):
    """Budget that can say who holds what; `SQLiteBudget` and `RedisBudget` can."""

    async def uses(self) -> Sequence[BucketUse]:
        """Return the use of each bucket."""
        ...


def bucket_use(
    bucket: str, limit: int, foreign: int, state: State, trial: float, reserve: dict[str, float], found: list[Holding]
) -> BucketUse:
    """Return the use of a bucket, from what a ledger has of it.

    Args:
        bucket: The name of the bucket.
        limit: The requests of a window, or 0 before the first response.
        foreign: The requests of others.
        state: The state as the ledger keeps it: after a 429 it is half-open at once.
        trial: The seconds until the next request may try whether there is room; below 0 it may now.
        reserve: The parts of the limit that are kept for shares.
        found: The holdings, in any order.
    """
    is_closed = state is State.HALF_OPEN and trial > 0
    holdings = sorted(found, key=lambda one: (-one.in_flight - one.completed, one.share, one.holder))
    shown, seconds = (State.CLOSED, trial) if is_closed else (state, 0.0)
    return BucketUse(bucket, limit or None, foreign, shown, seconds, reserve, tuple(holdings))


def budget_report(uses: Sequence[BucketUse]) -> list[str]:
    """Return the use of a budget as lines of a table, for a terminal."""
    lines: list[str] = []
    for use in uses:
        free = "unknown" if use.free is None else str(use.free)
        limit = "unknown" if use.limit is None else str(use.limit)
        state = f"{use.state.value} for {use.seconds:.0f} s" if use.state is State.CLOSED else use.state.value
        lines.append(f"bucket {use.bucket}: {state}, limit {limit}, used {use.used}, others {use.foreign}, free {free}")
        lines += [f"  reserve of {share or '(no share)'}: {100 * part:g} %" for share, part in use.reserve.items()]
        lines += [
            f"  {one.share or '(no share)'} {one.holder}: {one.completed} completed, {one.in_flight} in flight"
            for one in use.holdings
        ]
    return lines or ["the budget has no requests"]
