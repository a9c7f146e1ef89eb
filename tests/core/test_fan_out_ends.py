"""Ends of a fan-out: left, closed, cancelled, and sources that break."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from evenergy import ClosedError, RateLimitError
from tests.core.fans import Work, drain, fan, settle

pytestmark = pytest.mark.usefixtures("no_task_is_left")


async def test_when_the_rate_limiter_rejects_an_item_no_more_are_taken_and_those_in_flight_come_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work, taken = Work(), list[str]()

    def items() -> Iterator[str]:
        for item in "abcdefgh":
            taken.append(item)
            yield item

    rejection = RateLimitError("later", retry_after=3600)
    outcomes = fan(work, items(), concurrency=3)
    coming = asyncio.ensure_future(anext(outcomes))
    await settle()
    work.end("b", rejection)
    assert (await coming).error is rejection
    work.end("a")
    work.end("c")
    assert {outcome.item async for outcome in outcomes} == {"a", "c"}
    assert taken == ["a", "b", "c"]
    assert [record.levelname for record in caplog.records if "remaining items were skipped" in record.message] == [
        "WARNING"
    ]


async def test_a_rejection_also_ends_an_asynchronous_source_that_takes_its_time() -> None:
    work = Work()

    async def items() -> AsyncIterator[str]:
        yield "a"
        await asyncio.get_running_loop().create_future()

    work.end("a", RateLimitError("later", retry_after=3600))
    found = [outcome.item async for outcome in fan(work, items())]
    assert found == ["a"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_source_that_raises_midway_loses_no_call_in_flight(*, is_async: bool) -> None:
    def broken() -> Iterator[str]:
        yield from "ab"
        raise LookupError("the source broke")

    async def asynchronous() -> AsyncIterator[str]:
        for item in broken():
            yield item

    work, found = Work(), list[str]()
    work.end("a")
    work.end("b")
    with pytest.raises(LookupError, match="the source broke"):
        await drain(fan(work, asynchronous() if is_async else broken()), found)
    assert sorted(found) == ["a", "b"]


async def test_leaving_the_loop_cancels_the_calls_in_flight() -> None:
    work = Work()
    work.end("a")
    outcomes = fan(work, "abcde")
    async for outcome in outcomes:
        assert outcome.item == "a"
        break
    assert work.in_flight == 2
    del outcomes
    gc.collect()
    await settle()
    assert sorted(work.cancelled) == ["b", "c"]
    assert work.in_flight == 0


async def test_aclosing_cancels_the_calls_in_flight_and_waits_for_it() -> None:
    work = Work()
    work.end("a")
    async with aclosing(fan(work, "abcde")) as outcomes:
        async for _ in outcomes:
            break
    assert sorted(work.cancelled) == ["b", "c"]
    assert work.in_flight == 0
    assert work.started == ["a", "b", "c"]


async def test_aclose_may_be_called_before_the_first_outcome_and_twice() -> None:
    outcomes = fan(Work(), "ab")
    await outcomes.aclose()
    await outcomes.aclose()
    assert await anext(outcomes, None) is None


async def test_cancelling_the_consumer_cancels_the_calls_in_flight() -> None:
    work = Work()

    async def consume() -> None:
        async for _ in fan(work, "abcde"):
            pass

    task = asyncio.ensure_future(consume())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert sorted(work.cancelled) == ["a", "b", "c"]


async def test_cancelling_the_consumer_ends_its_wait_for_an_asynchronous_source() -> None:
    ended = asyncio.Event()

    async def items() -> AsyncIterator[str]:
        try:
            await asyncio.get_running_loop().create_future()
            yield "never"
        finally:
            ended.set()

    coming = asyncio.ensure_future(anext(fan(Work(), items())))
    await settle()
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    await settle()
    assert ended.is_set()


async def test_several_tasks_may_share_one_fan_out() -> None:
    work, found = Work(), list[str]()
    outcomes = fan(work, "abcdef", concurrency=2)
    tasks = [asyncio.ensure_future(drain(outcomes, found)) for _ in range(3)]
    await settle()
    for item in "abcdef":
        work.end(item)
        await settle()
    await asyncio.gather(*tasks)
    assert sorted(found) == list("abcdef")


async def test_one_of_several_tasks_that_gives_up_leaves_none_waiting() -> None:
    async def never() -> AsyncIterator[str]:
        await asyncio.get_running_loop().create_future()
        yield "a"

    outcomes = fan(Work(), never())
    first, second = (asyncio.ensure_future(anext(outcomes)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    with pytest.raises(ClosedError, match="interrupted"):
        await second


async def test_after_a_cancelled_wait_the_fan_out_does_not_look_complete() -> None:
    outcomes = fan(Work(), "abc")
    waiting = asyncio.ensure_future(anext(outcomes))
    await settle()
    waiting.cancel()
    await settle()
    for _ in range(2):
        with pytest.raises(ClosedError, match="start another for the items that have no outcome"):
            await anext(outcomes)
    await outcomes.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


async def test_aclose_beside_one_who_waits_for_an_asynchronous_source() -> None:
    async def items() -> AsyncIterator[str]:
        await asyncio.get_running_loop().create_future()
        yield "a"

    outcomes = fan(Work(), items())
    coming, closing = asyncio.ensure_future(anext(outcomes)), asyncio.ensure_future(outcomes.aclose())
    await closing
    with pytest.raises(StopAsyncIteration):
        await coming


async def test_after_aclose_no_outcome_comes() -> None:
    work = Work()
    for item in "abc":
        work.end(item)
    outcomes = fan(work, "abcd")
    await anext(outcomes)
    await settle()
    await outcomes.aclose()
    assert [outcome async for outcome in outcomes] == []


async def test_an_error_of_a_source_is_raised_once() -> None:
    def broken() -> Iterator[str]:
        yield from ()
        raise LookupError("the source broke")

    outcomes = fan(Work(), broken())
    with pytest.raises(LookupError):
        await anext(outcomes)
    assert [outcome async for outcome in outcomes] == []
