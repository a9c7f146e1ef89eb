"""Fan-outs of the blocking client: in the caller's thread, without a hang."""

import itertools
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

import evenergy
from evenergy._core.loop_thread import LoopThread
from evenergy.sandbox import Sandbox
from tests.core.twin import LIMIT, Plain, connect, in_thread, loop_of, sweep, tasks


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


def test_a_fan_out_collected_on_the_loop_thread_cancels_its_calls(plain: Plain, loop: LoopThread) -> None:
    outcomes = [sweep(loop, plain.wait_unless_zero, [1, 0], concurrency=2)]
    assert next(outcomes[0]).item == 0
    plain.do(outcomes.clear)
    assert plain._twin.ended.acquire(timeout=LIMIT)
    assert plain._twin.cancelled == [1]


def test_system_exit_in_a_fan_out_is_the_error_of_its_item(plain: Plain, loop: LoopThread) -> None:
    (outcome,) = sweep(loop, plain.fail, [SystemExit(3)])
    assert isinstance(outcome.error, RuntimeError)
    assert plain.echo(1) == 1
