from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from typing import Any, TypeVar, cast

import pytest

from evenergy import (
    AsyncClient,
    Client,
    ClientCredentials,
    ClosedError,
    FanOut,
    InvalidArgumentError,
    NotFoundError,
    Outcome,
    RateLimitError,
    VehicleStatusLog,
)
from evenergy._core.fan_out import OnProgress, TaskPool
from evenergy._core.item_method import ItemMethod
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine
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


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    yield
    gc.collect()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


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


async def test_what_broke_a_source_is_raised_once() -> None:
    def broken() -> Iterator[str]:
        yield from ()
        raise LookupError("the source broke")

    outcomes = fan(Work(), broken())
    with pytest.raises(LookupError):
        await anext(outcomes)
    assert [outcome async for outcome in outcomes] == []


async def test_an_iterator_among_the_keywords_serves_every_item() -> None:
    async with (
        Sandbox(vehicles=3, days=1) as sandbox,
        AsyncClient(credentials(sandbox), base_url=sandbox.base_url) as client,
    ):
        expand: Iterator[Any] = (field for field in ["user"])
        outcomes = client.fan_out(client.vehicles.get, sandbox.vehicle_ids, expand=expand)
        assert [type(outcome.unwrap().user).__name__ async for outcome in outcomes] == ["User"] * 3


def test_blocking_an_iterator_among_the_keywords_serves_every_item() -> None:
    with Sandbox(vehicles=3, days=1) as sandbox, Client(credentials(sandbox), base_url=sandbox.base_url) as client:
        expand: Iterator[Any] = (field for field in ["user"])
        outcomes = client.fan_out(client.vehicles.get, sandbox.vehicle_ids, expand=expand)
        assert [type(outcome.unwrap().user).__name__ for outcome in outcomes] == ["User"] * 3


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


@pytest.mark.parametrize(
    ("items", "kwargs"),
    [(["a"], {"sinse": None}), (["a"], {"concurency": 3}), ("vhcl", {}), (None, {}), (5, {})],
    ids=str,
)
async def test_what_would_fail_for_every_item_is_rejected_at_once(items: object, kwargs: dict[str, Any]) -> None:
    async with AsyncClient("t") as client:
        with pytest.raises(InvalidArgumentError):
            client.fan_out(client.vehicles.status_logs.list, cast("list[str]", items), concurrency=2, **kwargs)
