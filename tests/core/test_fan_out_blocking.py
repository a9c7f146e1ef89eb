"""The fan-out of the blocking client."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, cast

import pytest

from evenergy import Client, InvalidArgumentError, RateLimitError
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine
from evenergy.sandbox import Sandbox
from tests.core.fans import credentials

pytestmark = pytest.mark.usefixtures("no_task_is_left")


def test_blocking_an_iterator_among_the_keywords_serves_every_item() -> None:
    with Sandbox(vehicles=3, days=1) as sandbox, Client(credentials(sandbox), base_url=sandbox.base_url) as client:
        expand: Iterator[Any] = (field for field in ["user"])
        outcomes = client.fan_out(client.vehicles.get, sandbox.vehicle_ids, expand=expand)
        assert [type(outcome.unwrap().user).__name__ for outcome in outcomes] == ["User"] * 3


class Twin:
    """Calls on the loop of a blocking client."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.cancelled: list[str] = []
        self.released = False

    async def get(self, item: str, /, *, suffix: str = "") -> str:
        self.started.append(item)
        if item == "rejected":
            raise RateLimitError("later", retry_after=3600)
        if item == "fails":
            raise RuntimeError("no")
        try:
            while item == "held" and not self.released:  # noqa: ASYNC110  the test's thread sets it
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        return item.upper() + suffix


class BlockingTwin(Resource[Blocking]):
    def __init__(self, twin: Twin, loop: LoopThread | None) -> None:
        super().__init__(cast("Any", None), loop)
        self._twin = twin

    @coroutine
    async def get(self, item: str, /, *, suffix: str = "") -> str:
        return await self._twin.get(item, suffix=suffix)


@pytest.fixture
def twin() -> Twin:
    return Twin()


@pytest.fixture
def client() -> Iterator[Client]:
    with Client("token") as client:
        yield client


@pytest.fixture
def get(client: Client, twin: Twin) -> Callable[..., str]:
    return BlockingTwin(twin, client._loop).get


def test_blocking_one_failure_loses_nothing_else(client: Client, get: Callable[..., str]) -> None:
    found = {outcome.item: outcome for outcome in client.fan_out(get, ["a", "fails", "b"], suffix="!", concurrency=2)}
    assert {item: outcome.value for item, outcome in found.items()} == {"a": "A!", "fails": None, "b": "B!"}
    assert isinstance(found["fails"].error, RuntimeError)


def test_blocking_items_and_progress_are_of_the_callers_thread(client: Client, get: Callable[..., str]) -> None:
    threads: set[int] = set()

    def items() -> Iterator[str]:
        for item in "abc":
            threads.add(threading.get_ident())
            yield item

    def on_progress(_done: int, _failed: int, _total: int | None) -> None:
        threads.add(threading.get_ident())

    outcomes = client.fan_out(get, items(), on_progress=on_progress)
    assert sorted(outcome.unwrap() for outcome in outcomes) == ["A", "B", "C"]
    assert threads == {threading.get_ident()}


def test_blocking_a_slow_loop_over_an_endless_source_holds_it_back(
    client: Client, twin: Twin, get: Callable[..., str]
) -> None:
    outcomes = client.fan_out(get, itertools.repeat("a"), concurrency=3)
    for handed_out, _ in enumerate(itertools.islice(outcomes, 20), 1):
        assert len(twin.started) <= handed_out + 3


def test_blocking_leaving_the_loop_cancels_the_calls_in_flight(
    client: Client, twin: Twin, get: Callable[..., str]
) -> None:
    outcomes = client.fan_out(get, ["held", "held", "a", "b"], concurrency=3)
    assert next(outcomes).item == "a"
    del outcomes
    gc.collect()
    assert twin.cancelled == ["held", "held"]


def test_blocking_a_rejection_ends_it_and_loses_nothing(client: Client, twin: Twin, get: Callable[..., str]) -> None:
    found: list[str] = []
    for outcome in client.fan_out(get, itertools.chain(["held", "rejected"], itertools.repeat("a")), concurrency=2):
        found.append(outcome.item)
        twin.released = True
    assert found == ["rejected", "held"]
    assert twin.started == ["held", "rejected"]


def test_blocking_a_source_that_raises_midway_loses_no_call_in_flight(
    client: Client, twin: Twin, get: Callable[..., str]
) -> None:
    def broken() -> Iterator[str]:
        yield "held"
        yield "held"
        twin.released = True
        raise LookupError("the source broke")

    outcomes = client.fan_out(get, broken(), concurrency=5)
    assert [next(outcomes).unwrap(), next(outcomes).unwrap()] == ["HELD", "HELD"]
    with pytest.raises(LookupError, match="the source broke"):
        next(outcomes)


def test_blocking_takes_no_asynchronous_items(client: Client, get: Callable[..., str]) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"

    with pytest.raises(InvalidArgumentError, match="without await"):
        client.fan_out(get, cast("Iterable[str]", items()))
