"""The blocking client: the same names, without a hang or a leak."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import errno
import gc
import itertools
import os
import time
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

import evenergy
from evenergy._core import loop_thread as loop_threads, wakers, worker as workers
from evenergy._core.blocking import BlockingPager
from evenergy._core.loop_thread import LoopThread
from evenergy._core.resource import Blocking, Resource, coroutine
from evenergy.sandbox import Sandbox
from tests.core.twin import LIMIT, PACKAGE, Plain, call_soon, connect, in_thread, loops, sweep


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
