"""Fan-out: order, concurrency, progress, and one failure that loses nothing else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast

import pytest

from evenergy import AsyncClient, Client, InvalidArgumentError, NotFoundError, Outcome, VehicleStatusLog
from evenergy.sandbox import Sandbox
from tests.core.fans import MISSING, Work, credentials, fan, fan_of, recorder, settle

pytestmark = pytest.mark.usefixtures("no_task_is_left")


async def test_outcomes_come_in_order_of_completion() -> None:
    work = Work()
    outcomes = fan(work, "abc")
    for item in "cab":
        coming = asyncio.ensure_future(anext(outcomes))
        await settle()
        assert not coming.done()
        work.end(item)
        assert await coming == Outcome(item, item.upper())
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


async def test_all_outcomes_of_many_items_come_once() -> None:
    async def double(item: int) -> int:
        await asyncio.sleep(0)
        return 2 * item

    outcomes = fan_of(double, range(500), concurrency=7)
    assert sorted([(outcome.item, outcome.unwrap()) async for outcome in outcomes]) == [(n, 2 * n) for n in range(500)]


async def test_nothing_is_done_for_no_items() -> None:
    assert [outcome async for outcome in fan(Work(), "")] == []


async def test_no_item_is_taken_before_an_outcome_is_wanted() -> None:
    taken = 0

    def items() -> Iterator[str]:
        nonlocal taken
        for item in "ab":
            taken += 1
            yield item

    outcomes = fan(Work(), items())
    await settle()
    assert taken == 0
    await outcomes.aclose()
    assert taken == 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_slow_consumer_of_an_endless_source_holds_it_back(*, is_async: bool) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        for number in itertools.count():
            taken.append(str(number))
            yield str(number)

    async def asynchronous() -> AsyncIterator[str]:
        for item in endless():
            await asyncio.sleep(0)
            yield item

    async def at_once(item: str) -> str:
        started.append(item)
        return item

    started: list[str] = []
    source = asynchronous() if is_async else endless()
    async with aclosing(fan_of(at_once, source, concurrency=3)) as outcomes:
        for handed_out in range(1, 30):
            await anext(outcomes)
            await settle()
            assert len(started) <= handed_out + 3
            assert len(taken) <= handed_out + 4  # an asynchronous source may have one ready
    if is_async:
        await cast("AsyncGenerator[str]", source).aclose()


async def test_never_more_than_concurrency_are_in_flight() -> None:
    work = Work()
    outcomes = fan(work, map(str, range(10)), concurrency=3)
    for number in range(10):
        coming = asyncio.ensure_future(anext(outcomes))
        await settle()
        assert work.in_flight == min(3, 10 - number)
        work.end(str(number))
        await coming
    assert work.most == 3
    assert await anext(outcomes, None) is None


async def test_outcomes_that_ended_while_the_consumer_was_busy_hold_their_places() -> None:
    work = Work()
    outcomes = fan(work, map(str, range(10)), concurrency=3)
    for number in range(10):
        work.end(str(number))
    await anext(outcomes)
    await settle()
    assert len(work.started) <= 4
    assert [outcome.item async for outcome in outcomes] == [str(number) for number in range(1, 10)]


async def test_one_failure_loses_nothing_else() -> None:
    work, failure = Work(), RuntimeError("no")
    for item in "acd":
        work.end(item)
    work.end("b", failure)
    found = {outcome.item: outcome async for outcome in fan(work, "abcd", concurrency=2)}
    assert {item: outcome.value for item, outcome in found.items()} == {"a": "A", "b": None, "c": "C", "d": "D"}
    assert found["b"].error is failure
    with pytest.raises(RuntimeError, match="no"):
        found["b"].unwrap()
    assert found["a"].error is None
    assert found["a"].unwrap() == "A"


@pytest.mark.parametrize("total", [4, None])
async def test_progress_tells_done_failed_and_total(total: int | None) -> None:
    work, seen = Work(), list[tuple[int, int, int | None]]()
    for item in "acd":
        work.end(item)
    work.end("b", RuntimeError("no"))
    assert len([outcome async for outcome in fan(work, "abcd", concurrency=1, total=total, seen=seen)]) == 4
    assert seen == [(1, 0, total), (2, 1, total), (3, 1, total), (4, 1, total)]


async def test_an_asynchronous_source_that_takes_its_time_holds_no_outcome_back() -> None:
    work, more = Work(), asyncio.Event()

    async def items() -> AsyncIterator[str]:
        yield "a"
        await more.wait()
        yield "b"

    outcomes = fan(work, items())
    work.end("a")
    assert (await anext(outcomes)).item == "a"
    coming = asyncio.ensure_future(anext(outcomes))
    await settle()
    more.set()
    work.end("b")
    assert (await coming).item == "b"
    assert await anext(outcomes, None) is None


async def test_an_iterator_among_the_keywords_serves_every_item() -> None:
    async with (
        Sandbox(vehicles=3, days=1) as sandbox,
        AsyncClient(credentials(sandbox), base_url=sandbox.base_url) as client,
    ):
        expand: Iterator[Any] = (field for field in ["user"])
        outcomes = client.fan_out(client.vehicles.get, sandbox.vehicle_ids, expand=expand)
        assert [type(outcome.unwrap().user).__name__ async for outcome in outcomes] == ["User"] * 3


@pytest.mark.parametrize("concurrency", [0, -1, True, 1.5])
async def test_concurrency_below_one_is_rejected_at_once(concurrency: int) -> None:
    client, blocking = AsyncClient("token"), Client("token")
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        client.fan_out(client.vehicles.get, [MISSING], concurrency=concurrency)
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        blocking.fan_out(blocking.vehicles.get, [MISSING], concurrency=concurrency)


async def test_the_async_client_collects_pages_and_passes_the_keywords_on() -> None:
    seen: list[tuple[int, int, int | None]] = []
    async with (
        Sandbox(vehicles=3, days=1) as sandbox,
        AsyncClient(credentials(sandbox), base_url=sandbox.base_url) as client,
    ):
        ids = [*sandbox.vehicle_ids, MISSING]
        outcomes = client.fan_out(client.vehicles.status_logs.list, ids, page_size=50, on_progress=recorder(seen))
        found = {outcome.item: outcome async for outcome in outcomes}
    assert set(found) == set(ids)
    assert isinstance(found[MISSING].error, NotFoundError)
    for vehicle_id in sandbox.vehicle_ids:
        logs = found[vehicle_id].unwrap()
        assert logs
        assert all(isinstance(log, VehicleStatusLog) for log in logs)
        assert {log.vehicle_id for log in logs} == {vehicle_id}
    assert [done for done, _, _ in seen] == [1, 2, 3, 4]
    assert seen[-1] == (4, 1, 4)


def test_the_blocking_client_does_the_same() -> None:
    seen: list[tuple[int, int, int | None]] = []
    with Sandbox(vehicles=3, days=1) as sandbox, Client(credentials(sandbox), base_url=sandbox.base_url) as client:
        ids = [*sandbox.vehicle_ids, MISSING]
        outcomes = client.fan_out(client.vehicles.status_logs.list, ids, page_size=50, on_progress=recorder(seen))
        found = {outcome.item: outcome for outcome in outcomes}
    assert set(found) == set(ids)
    assert isinstance(found[MISSING].error, NotFoundError)
    for vehicle_id in sandbox.vehicle_ids:
        assert {log.vehicle_id for log in found[vehicle_id].unwrap()} == {vehicle_id}
    assert [done for done, _, _ in seen] == [1, 2, 3, 4]
    assert seen[-1] == (4, 1, 4)


@pytest.mark.parametrize(
    ("items", "kwargs"),
    [(["a"], {"sinse": None}), (["a"], {"concurency": 3}), ("vhcl", {}), (None, {}), (5, {})],
    ids=str,
)
async def test_an_argument_that_would_fail_for_every_item_is_rejected_at_once(
    items: object, kwargs: dict[str, Any]
) -> None:
    async with AsyncClient("t") as client:
        with pytest.raises(InvalidArgumentError):
            client.fan_out(client.vehicles.status_logs.list, cast("list[str]", items), concurrency=2, **kwargs)
