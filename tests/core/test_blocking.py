"""The blocking client: the same names, without a hang or a leak."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import errno
import gc
import itertools
import os
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

import evenergy
from evenergy._core import loop_thread as loop_threads, wakers, worker as workers
from evenergy._core.blocking import BlockingFanOut, BlockingPager, blocking_fan_out
from evenergy._core.item_method import ItemMethod
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine
from evenergy._core.worker import Worker
from evenergy.sandbox import Sandbox

LIMIT = 20.0  # seconds: what takes longer hangs
PACKAGE = str(Path(evenergy.__file__).parent)


class Twin:
    """An async object that does what a test asks for."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.cancelled: list[object] = []
        self.most = self.now = 0

    async def echo(self, item: object) -> object:
        """Value that it was given."""
        return item

    async def wait(self, item: object = None) -> None:
        self.begun.release()
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self.now -= 1
            self.ended.release()

    async def wait_unless_zero(self, item: int) -> None:
        if item:
            await self.wait(item)

    async def do(self, function: Callable[[], object]) -> object:
        return function()

    async def fail(self, error: BaseException) -> None:
        raise error

    async def reject(self, kind: type[Exception], item: object) -> None:
        raise kind("so it is")


class Plain(Resource[Blocking]):
    def __init__(self, twin: Twin, loop: LoopThread) -> None:
        super().__init__(cast("Any", None), loop)
        self._twin = twin

    @coroutine
    async def echo(self, item: object) -> object:
        return await self._twin.echo(item)

    @coroutine
    async def wait(self, item: object = None) -> None:
        await self._twin.wait(item)

    @coroutine
    async def wait_unless_zero(self, item: int) -> None:
        await self._twin.wait_unless_zero(item)

    @coroutine
    async def do(self, function: Callable[[], object]) -> object:
        return await self._twin.do(function)

    @coroutine
    async def fail(self, error: BaseException) -> None:
        await self._twin.fail(error)

    @coroutine
    async def reject(self, kind: type[Exception], item: object) -> None:
        await self._twin.reject(kind, item)


async def nothing() -> None:
    pass


@pytest.fixture(params=["eventfd", "call_soon_threadsafe"])
def loop(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    thread = LoopThread(nothing, "unclosed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "eventfd":
            patch.delattr(os, "eventfd", raising=False)
        elif not hasattr(os, "eventfd"):
            pytest.skip("only Linux has eventfd")
        yield thread
        thread.close()


@pytest.fixture
def plain(loop: LoopThread) -> Plain:
    return Plain(Twin(), loop)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=12, days=1, rate_limit=1_000_000) as sandbox:
        yield sandbox


def connect(sandbox: Sandbox, **options: Any) -> evenergy.Client:
    return evenergy.Client(
        evenergy.ClientCredentials(sandbox.client_id, sandbox.client_secret), base_url=sandbox.base_url, **options
    )


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[evenergy.Client]:
    with connect(sandbox) as client:
        yield client


def in_thread(function: Callable[[], object]) -> "concurrent.futures.Future[object]":
    """The outcome of a function in a thread of its own; a hang fails the test and does not hold it up."""
    future: concurrent.futures.Future[object] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def loop_of(client: evenergy.Client) -> LoopThread:
    assert client._loop is not None
    return client._loop


def call_soon(loop: LoopThread, callback: Callable[[], object]) -> None:
    """Have the loop call something, without a call of its own."""
    running = loop.worker().loop
    assert running is not None
    running.call_soon_threadsafe(callback)


def ended(worker: Worker) -> bool:
    assert worker.thread is not None
    worker.thread.join(LIMIT)
    return not worker.thread.is_alive()


def loops() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "evenergy"]


def sweep(loop: LoopThread, method: Callable[..., Any], items: Any, concurrency: int = 32) -> BlockingFanOut[Any, Any]:
    return blocking_fan_out(
        loop, method, ItemMethod(method, items, {}, is_ours=True), items, concurrency=concurrency, on_progress=None
    )


def test_a_client_and_its_views_return_values(client: evenergy.Client, sandbox: Sandbox) -> None:
    assert client.rate_limit is None
    vehicle = client.vehicles.get(sandbox.vehicle_ids[0])
    assert vehicle.id == sandbox.vehicle_ids[0]
    assert client.rate_limit is not None
    assert client.rate_limit.limit == 1_000_000
    assert client.request("GET", f"/vehicles/{vehicle.id}", into=evenergy.Vehicle) == vehicle
    assert client.request("GET", "/vehicles").status == 200
    assert "vehicles" in client.root()
    view = client.with_options(timeout=5, user=None)
    assert view.vehicles.get(vehicle.id) == vehicle
    view.close()
    assert client.vehicles.get(vehicle.id) == vehicle
    assert repr(client).startswith("<Client http://127.0.0.1")


def test_a_listing_is_read_page_by_page(client: evenergy.Client, sandbox: Sandbox) -> None:
    listing = client.vehicles.list(page_size=5)
    before = sandbox.requests
    assert isinstance(listing, BlockingPager)
    assert iter(listing) is listing
    first = next(listing)
    assert sandbox.requests == before + 1
    assert [first.id, *(vehicle.id for vehicle in listing)] == sandbox.vehicle_ids
    assert next(listing, None) is next(listing, None) is None
    assert list(itertools.islice(listing, 5)) == []
    assert sandbox.requests == before + 3
    assert repr(listing) == "<BlockingPager /vehicles>"
    assert [len(page.items) for page in listing.pages()] == [5, 5, 2]
    assert len(listing.collect(7)) == 7
    assert listing.collect() == list(client.pages("/vehicles", evenergy.Vehicle))


def test_fan_out_runs_calls_on_the_loop_and_takes_items_in_the_callers_thread(plain: Plain, loop: LoopThread) -> None:
    taken_by: set[threading.Thread] = set()

    def items() -> Iterator[int]:
        for number in itertools.count():
            taken_by.add(threading.current_thread())
            assert plain.echo(number) == number  # a call of its own, while others are under way
            yield number

    outcomes = sweep(loop, plain.echo, items(), concurrency=4)
    assert {outcome.unwrap() for outcome in itertools.islice(outcomes, 50)} >= set(range(40))
    assert taken_by == {threading.current_thread()}


def test_many_short_fan_outs_never_hang(plain: Plain, loop: LoopThread) -> None:
    call = in_thread(lambda: [list(sweep(loop, plain.echo, [1, 2], concurrency=1)) for _ in range(500)])
    assert [len(cast("list[object]", outcomes)) for outcomes in cast("Any", call.result(LIMIT))] == [2] * 500


def test_an_interrupted_fan_out_cancels_the_calls_in_flight(plain: Plain, loop: LoopThread) -> None:
    def items() -> Iterator[int]:
        yield from range(8)
        raise KeyboardInterrupt  # as Ctrl-C would

    with pytest.raises(KeyboardInterrupt):
        list(sweep(loop, plain.wait, items()))
    assert plain._twin.most == 8
    assert sorted(cast("list[int]", plain._twin.cancelled)) == list(range(8))


def test_a_fan_out_closed_by_its_consumer_ends(client: evenergy.Client, sandbox: Sandbox) -> None:
    outcomes = client.fan_out(client.vehicles.get, itertools.cycle(sandbox.vehicle_ids), concurrency=4)
    assert next(outcomes).unwrap().id in sandbox.vehicle_ids
    outcomes.close()
    outcomes.close()
    assert next(outcomes, None) is None
    assert loop_of(client).run(tasks) == 0


async def tasks() -> int:
    """Return the number of tasks beside the loop's own and this one."""
    return len(asyncio.all_tasks()) - 2


def test_fan_out_collects_listings_and_keeps_failures(client: evenergy.Client, sandbox: Sandbox) -> None:
    done: list[tuple[int, int, int | None]] = []

    def progress(*numbers: Any) -> None:
        done.append(cast("tuple[int, int, int | None]", numbers))

    ids = [*sandbox.vehicle_ids[:3], "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"]
    outcomes = list(client.fan_out(client.vehicles.status_logs.list, ids, on_progress=progress, page_size=50))
    assert {outcome.item for outcome in outcomes} == set(ids)
    assert [outcome.item for outcome in outcomes if outcome.error] == ids[3:]
    assert all(outcome.value for outcome in outcomes if not outcome.error)
    assert done[-1] == (4, 1, 4)


def test_a_fan_out_whose_source_raises_completes_the_calls_in_flight(plain: Plain, loop: LoopThread) -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("no more to read")

    outcomes = sweep(loop, plain.echo, items())
    assert {next(outcomes).value, next(outcomes).value} == {1, 2}
    with pytest.raises(OSError, match="no more to read"):
        next(outcomes)


def test_fan_out_rejects_what_it_cannot_call(client: evenergy.Client) -> None:
    async def coroutine_function(item: str) -> str:
        return item

    awaiting = evenergy.AsyncClient("t")
    rejected: list[tuple[Any, str]] = [
        (awaiting.vehicles.get, "AsyncClient"),
        (awaiting.vehicles.status_logs.list, "AsyncClient"),
        (coroutine_function, "AsyncClient"),
        (client.with_options, "cannot be called with an item"),
        (5, "expected a method"),
    ]
    for method, words in rejected:
        with pytest.raises(evenergy.InvalidArgumentError, match=words):
            client.fan_out(method, ["a"])
    with pytest.raises(evenergy.InvalidArgumentError):
        client.fan_out(client.vehicles.get, [], concurrency=0)


def test_fan_out_takes_methods_of_views_and_of_other_clients(sandbox: Sandbox, client: evenergy.Client) -> None:
    view = client.with_options(timeout=9)
    with connect(sandbox) as other:
        for method in (view.vehicles.get, other.vehicles.get):
            assert next(client.fan_out(method, sandbox.vehicle_ids[:1])).unwrap().id == sandbox.vehicle_ids[0]


def test_twenty_threads_share_one_client(client: evenergy.Client, sandbox: Sandbox) -> None:
    wanted = list(itertools.islice(itertools.cycle(sandbox.vehicle_ids), 50))

    def work(_: int) -> list[str]:
        return [client.vehicles.get(vehicle_id).id for vehicle_id in wanted]

    before = sandbox.requests
    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(work, range(20))) == [wanted] * 20
    assert sandbox.requests == before + 1000
    assert len(loops()) == 1


async def test_calls_work_inside_another_running_loop(client: evenergy.Client, sandbox: Sandbox) -> None:
    assert client.vehicles.get(sandbox.vehicle_ids[0]).id == sandbox.vehicle_ids[0]
    assert len(list(client.vehicles.list(page_size=5))) == 12


def test_a_call_on_the_clients_own_loop_is_an_error(plain: Plain, loop: LoopThread) -> None:
    with pytest.raises(evenergy.EvEnergyError, match=r"own event loop.*AsyncClient"):
        plain.do(lambda: plain.echo(1))
    assert plain.echo(2) == 2


def test_close_ends_waiting_calls(plain: Plain, loop: LoopThread) -> None:
    waiting = [in_thread(plain.wait) for _ in range(8)]
    for _ in waiting:
        assert plain._twin.begun.acquire(timeout=LIMIT)
    loop.close()
    for call in waiting:
        assert isinstance(call.exception(LIMIT), evenergy.ClosedError)


def test_close_against_callers_who_come_and_go() -> None:
    for _ in range(50):
        loop = LoopThread(nothing, "unclosed")
        plain = Plain(Twin(), loop)
        calls = [in_thread(lambda plain=plain: [plain.echo(n) for n in itertools.count()]) for _ in range(4)]  # type: ignore[misc]
        plain.echo(0)
        loop.close()
        for call in calls:
            assert isinstance(call.exception(LIMIT), evenergy.ClosedError)


def test_close_ends_a_wait_for_the_rate_limit() -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=1) as sandbox, connect(sandbox, max_wait=None) as client:
        vehicle_id = sandbox.vehicle_ids[0]
        client.vehicles.get(vehicle_id)
        limiter = client._session.credentials.limiter
        calls = [in_thread(lambda: client.vehicles.get(vehicle_id)) for _ in range(2)]
        calls.append(in_thread(lambda: list(client.fan_out(client.vehicles.get, [vehicle_id] * 3))))

        async def all_wait() -> None:
            waiting = loop_of(client).worker()._calls  # two, the fan-out, which asks for an outcome, and this one
            while limiter.queued < 5 or len(waiting) < 4:  # noqa: ASYNC110  the limiter tells nobody who waits
                await asyncio.sleep(0)

        loop_of(client).run(all_wait)
        client.close()
        for call in calls:
            assert isinstance(call.exception(LIMIT), evenergy.ClosedError)
        assert sandbox.requests == 1


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors where Linux shows them")
def test_nothing_is_left_after_close(sandbox: Sandbox) -> None:
    def use() -> None:
        with connect(sandbox) as client:
            list(client.fan_out(client.vehicles.get, sandbox.vehicle_ids))

    use()
    before = descriptors(), threading.enumerate()
    own = before[0]
    for _ in range(5):
        use()
    limit = time.monotonic() + LIMIT
    while descriptors() > own and time.monotonic() < limit:  # the server's ends, in its own thread
        time.sleep(0.01)
    assert descriptors() <= own
    assert loops() == []
    assert set(threading.enumerate()) <= set(before[1])


def test_calls_after_close_raise_closed_error(sandbox: Sandbox) -> None:
    client = connect(sandbox)
    listing = client.vehicles.list(page_size=5)
    next(listing)
    client.close()
    client.close()
    assert len(list(itertools.islice(listing, 4))) == 4  # what is here is here
    outcomes = client.fan_out(client.vehicles.get, list[str]())
    for use in (client.root, lambda: next(listing), listing.collect, lambda: next(outcomes)):
        with pytest.raises(evenergy.ClosedError, match="closed"):
            use()
    unused = evenergy.Client("t")
    unused.close()
    with pytest.raises(evenergy.ClosedError):
        unused.root()


def test_never_used_starts_and_warns_of_nothing() -> None:
    client = evenergy.Client("t")
    assert loops() == []
    del client
    gc.collect()


def test_a_client_collected_unclosed_warns_and_ends_its_thread(sandbox: Sandbox) -> None:
    client = connect(sandbox)
    client.root()
    (thread,) = loops()
    box = [client]
    del client
    with pytest.warns(ResourceWarning, match=r"unclosed Client, made at .*test_blocking\.py"):
        box.clear()
    assert not thread.is_alive()


def test_warnings_as_errors_keep_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = LoopThread(nothing, "unclosed")
    loop.run(nothing)
    (thread,) = loops()
    _, finalizer = next(iter(loop._workers.values()))
    with pytest.raises(ResourceWarning):
        finalizer()
    assert not thread.is_alive()


def test_a_client_collected_on_its_own_loop_thread_ends_it() -> None:
    loop = LoopThread(nothing, "unclosed")
    loop.run(nothing)
    box = [loop]
    worker = loop.worker()
    del loop

    def collect() -> bool:
        call_soon(box[0], box.clear)
        return ended(worker)

    with pytest.warns(ResourceWarning, match="unclosed"):
        assert collect()


def test_a_fan_out_collected_on_the_loop_thread_cancels_its_calls(plain: Plain, loop: LoopThread) -> None:
    outcomes = [sweep(loop, plain.wait_unless_zero, [1, 0], concurrency=2)]
    assert next(outcomes[0]).item == 0
    plain.do(outcomes.clear)
    assert plain._twin.ended.acquire(timeout=LIMIT)
    assert plain._twin.cancelled == [1]


def test_iterators_left_half_way_leave_no_task(client: evenergy.Client, sandbox: Sandbox) -> None:
    before = sandbox.requests
    for _ in range(100):
        for _ in client.vehicles.list(page_size=5):
            break
    assert sandbox.requests == before + 100
    assert loop_of(client).run(tasks) == 0


def test_context_variables_reach_the_call(plain: Plain, loop: LoopThread) -> None:
    name = contextvars.ContextVar("name", default="nobody")
    name.set("caller")
    assert plain.do(name.get) == "caller"
    plain.do(lambda: name.set("callee"))
    assert name.get() == "caller"

    class Named(Resource[Blocking]):
        @coroutine
        async def get(self, item: object) -> str:
            return name.get()

    assert [outcome.value for outcome in sweep(loop, Named(cast("Any", None), loop).get, [1])] == ["caller"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), ZeroDivisionError()])
def test_any_error_ends_the_call_and_not_the_loop(plain: Plain, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        plain.fail(error)
    assert caught.value is error
    assert plain.echo(1) == 1


def test_system_exit_in_a_fan_out_is_the_error_of_its_item(plain: Plain, loop: LoopThread) -> None:
    (outcome,) = sweep(loop, plain.fail, [SystemExit(3)])
    assert isinstance(outcome.error, RuntimeError)
    assert plain.echo(1) == 1


def test_a_call_cancelled_by_what_it_awaits_raises(plain: Plain) -> None:
    with pytest.raises(concurrent.futures.CancelledError):
        plain.fail(asyncio.CancelledError())
    assert plain.echo(1) == 1


def test_timeout_errors_are_the_calls_own(plain: Plain) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        plain.fail(TimeoutError("mine"))
    assert plain.echo(1) == 1


def test_a_caller_woken_for_nothing_waits_on(plain: Plain, loop: LoopThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakers, "_POLL", 0.001)
    plain.echo(1)
    (waker,) = loop.worker()._wakers
    really_wait, waits, go = waker.wait, itertools.count(), asyncio.Event()

    def wait() -> None:
        if next(waits) == 2:
            call_soon(loop, go.set)
        waker.wake()
        waker.wake()
        really_wait()

    monkeypatch.setattr(waker, "wait", wait)
    assert loop.run(go.wait)
    assert next(waits) > 2
    monkeypatch.undo()
    assert [plain.echo(n) for n in range(9)] == list(range(9))


def test_calls_work_when_no_descriptor_is_left_for_a_waker(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "eventfd", exhausted, raising=False)
    assert [plain.echo(n) for n in range(9)] == list(range(9))


def test_a_loop_that_was_stopped_ends_all_calls(
    plain: Plain, loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", str)  # the thread says what broke it
    call = in_thread(plain.wait)
    assert plain._twin.begun.acquire(timeout=LIMIT)
    worker = loop.worker()
    assert worker.loop is not None
    call_soon(loop, worker.loop.stop)
    assert isinstance(call.exception(LIMIT), evenergy.ClosedError)
    assert ended(worker)
    with pytest.raises(evenergy.ClosedError):
        plain.echo(1)


def test_ctrl_c_before_the_call_has_begun_cancels_it(
    plain: Plain, loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = loop.worker()

    def interrupted(*args: Any) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_wake", interrupted)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        plain.wait()
    assert time.monotonic() - began < workers._GRACE
    assert plain.echo(1) == 1


def frames(error: BaseException) -> list[str]:
    return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]


def test_tracebacks_are_short(sandbox: Sandbox) -> None:
    missing = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
    with connect(sandbox) as client:
        rejected = client.with_options(auth="wrong")
        for call in (
            lambda: client.vehicles.get(missing),
            lambda: client.vehicles.get("nonsense"),
            lambda: next(client.vehicles.status_logs.list(missing)),
            lambda: client.vehicles.status_logs.list(missing).collect(),
            lambda: rejected.request("GET", "/vehicles"),
        ):
            with pytest.raises(evenergy.EvEnergyError) as caught:
                call()
            where = frames(caught.value)
            assert where[1] == __file__  # the line that called
            assert sum(name.startswith(PACKAGE) for name in where) <= 8
            assert len(where) <= 10


def test_a_strangers_traceback_shows_its_own_line(sandbox: Sandbox) -> None:
    class Source:
        async def access_token(self) -> str:
            raise LookupError("no keyring")

    with evenergy.Client(Source(), base_url=sandbox.base_url) as client:
        with pytest.raises(LookupError) as caught:
            client.vehicles.get("vhcl01HRFF3SEVSCRAV9B3CHVDFN0H")
        where = frames(caught.value)
        assert where[-1] == where[0] == __file__
        assert sum(name.startswith(PACKAGE) for name in where) <= 9


class Precious:
    pass


@pytest.mark.parametrize("error", [evenergy.TransportError, ValueError])
def test_a_failed_call_keeps_nothing(plain: Plain, error: type[Exception]) -> None:
    item = Precious()
    seen = weakref.ref(item)
    gc.disable()
    try:
        with contextlib.suppress(error):  # `pytest.raises` would keep it
            plain.reject(error, item)
        plain.echo(None)  # the loop has let go of the call before
        del item
        assert seen() is None
    finally:
        gc.enable()


def test_a_forked_child_makes_a_worker_of_its_own(
    plain: Plain, loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = sweep(loop, plain.wait_unless_zero, [1, 0])
    assert next(outcomes).item == 0
    parents = loop.worker()
    with monkeypatch.context() as child:
        child.setattr(wakers, "process", mark := [object()])
        child.setattr(workers, "process", mark)
        child.setattr(loop_threads, "process", mark)
        assert in_thread(lambda: plain.echo(1)).result(LIMIT) == 1
        assert isinstance(in_thread(lambda: next(outcomes)).exception(LIMIT), evenergy.ClosedError)
        assert loop.worker() is not parents
        loop.worker().end()
        loop.worker().join()
    assert loop.worker() is parents
    assert plain.echo(1) == 1
