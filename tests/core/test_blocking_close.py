"""The end of a blocking client: closed, collected, and never closed."""

import asyncio
import gc
import itertools
import threading
import time
from pathlib import Path

import pytest

import evenergy
from evenergy._core.loop_thread import LoopThread
from evenergy.sandbox import Sandbox
from tests.core.twin import LIMIT, Plain, Twin, call_soon, connect, ended, in_thread, loop_of, loops, nothing, tasks


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
    with pytest.warns(ResourceWarning, match=r"unclosed Client, made at .*twin\.py"):
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


def test_iterators_left_half_way_leave_no_task(client: evenergy.Client, sandbox: Sandbox) -> None:
    before = sandbox.requests
    for _ in range(100):
        for _ in client.vehicles.list(page_size=5):
            break
    assert sandbox.requests == before + 100
    assert loop_of(client).run(tasks) == 0


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
