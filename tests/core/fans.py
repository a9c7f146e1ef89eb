"""Fan-outs over calls that end when a test ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from evenergy import ClientCredentials, FanOut
from evenergy._core.fan_out import OnProgress, TaskPool
from evenergy._core.item_method import ItemMethod
from evenergy.sandbox import Sandbox

Item = TypeVar("Item")
V = TypeVar("V")
MISSING = "vhcl" + 26 * "0"


def credentials(sandbox: Sandbox) -> ClientCredentials:
    return ClientCredentials(sandbox.client_id, sandbox.client_secret)


class Work:
    """Calls that end when a test ends them: ``work.end("a")``; an error that is given is raised."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.cancelled: list[str] = []
        self.in_flight = self.most = 0
        self._ends: dict[str, asyncio.Future[str]] = {}

    async def __call__(self, item: str) -> str:
        self.started.append(item)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            return await self._end_of(item)
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.in_flight -= 1

    def end(self, item: str, error: Exception | None = None) -> None:
        if error is None:
            self._end_of(item).set_result(item.upper())
        else:
            self._end_of(item).set_exception(error)

    def _end_of(self, item: str) -> asyncio.Future[str]:
        return self._ends.setdefault(item, asyncio.get_running_loop().create_future())


def recorder(seen: list[tuple[int, int, int | None]]) -> OnProgress:
    def on_progress(done: int, failed: int, total: int | None) -> None:
        seen.append((done, failed, total))

    return on_progress


async def settle() -> None:
    """Let all that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def fan(
    work: Work,
    items: Iterable[str] | AsyncIterator[str],
    *,
    concurrency: int = 3,
    total: int | None = None,
    seen: list[tuple[int, int, int | None]] | None = None,
) -> FanOut[str, str]:
    return fan_of(
        work, items, concurrency=concurrency, on_progress=None if seen is None else recorder(seen), total=total
    )


def fan_of(
    work: Callable[[Item], Coroutine[Any, Any, V]],
    items: Iterable[Item] | AsyncIterator[Item],
    *,
    concurrency: int,
    on_progress: OnProgress | None = None,
    total: int | None = None,
) -> FanOut[Item, V]:
    method = ItemMethod[Item](work, [], {}, is_ours=True)
    method.total = total
    return FanOut(TaskPool(work, method, concurrency=concurrency, on_progress=on_progress), items)


async def drain(outcomes: FanOut[str, str], found: list[str]) -> None:
    async for outcome in outcomes:
        found.append(outcome.item)  # noqa: PERF401  what came before an error counts
