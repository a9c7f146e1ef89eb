"""A fan-out takes any function of one item: methods, coroutine functions, plain functions, and pairs of ids."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest

import evenergy
from evenergy import (
    AsyncClient,
    BlockingPager,
    ChargingRegion,
    Client,
    ClientCredentials,
    ClosedError,
    InvalidArgumentError,
    Pager,
    Vehicle,
    VehicleModelConnector,
)
from evenergy._core.loop_thread import LoopThread
from evenergy.sandbox import Sandbox

LIMIT = 60.0  # seconds: what takes longer hangs


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=3, days=1, rate_limit=1_000_000) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(ClientCredentials(sandbox.client_id, sandbox.client_secret), base_url=sandbox.base_url) as client:
        yield client


@pytest.fixture
async def async_client(sandbox: Sandbox) -> AsyncIterator[AsyncClient]:
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    async with AsyncClient(auth, base_url=sandbox.base_url) as client:
        yield client


def loop_of(client: Client) -> LoopThread:
    assert client._loop is not None
    return client._loop


async def test_an_async_fan_out_takes_any_function(async_client: AsyncClient, sandbox: Sandbox) -> None:
    async def coroutine_function(vehicle_id: str, *, suffix: str) -> str:
        return (await async_client.vehicles.get(vehicle_id)).id + suffix

    def pager(vehicle_id: str) -> Pager[Vehicle]:
        return async_client.vehicles.list(page_size=2)

    async def stream(vehicle_id: str) -> AsyncIterator[str]:
        for letter in vehicle_id[:4]:
            yield letter

    ids = sandbox.vehicle_ids[:1]
    found = [outcome.unwrap() async for outcome in async_client.fan_out(coroutine_function, ids, suffix="!")]
    assert found == [ids[0] + "!"]
    listed = [outcome.unwrap() async for outcome in async_client.fan_out(pager, ids)]
    assert [[vehicle.id for vehicle in vehicles] for vehicles in listed] == [sandbox.vehicle_ids]
    assert [outcome.unwrap() async for outcome in async_client.fan_out(stream, ids)] == [["v", "h", "c", "l"]]
    assert [outcome.unwrap() async for outcome in async_client.fan_out(cast("Any", len), ids)] == [30]
    partial = functools.partial(async_client.vehicles.get, expand=["user"])
    assert [type((await item).user) for item in [partial(ids[0])]] == [evenergy.User]
    users = [outcome.unwrap().user async for outcome in async_client.fan_out(partial, ids)]
    assert [type(user) for user in users] == [evenergy.User]


async def test_an_async_fan_out_rejects_a_method_that_blocks(async_client: AsyncClient, client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="blocks the event loop"):
        async_client.fan_out(cast("Any", client.vehicles.get), ["a"])


async def test_a_method_of_two_ids_takes_them_from_tuples(async_client: AsyncClient, client: Client) -> None:
    model = await anext(aiter(async_client.vehicle_models.list()))
    connectors = await async_client.vehicle_models.connectors.list(model.id).collect()
    pairs: list[tuple[str, ChargingRegion | str]] = [(model.id, one.region) for one in connectors if one.region]
    assert pairs
    awaited = async_client.fan_out(async_client.vehicle_models.connectors.get, pairs)
    found: dict[object, VehicleModelConnector] = {outcome.item: outcome.unwrap() async for outcome in awaited}
    assert sorted(map(str, found)) == sorted(map(str, pairs))
    assert {connector.region for connector in found.values()} == {region for _, region in pairs}
    blocking = client.fan_out(client.vehicle_models.connectors.get, pairs)
    assert {outcome.item: outcome.unwrap() for outcome in blocking} == found


@pytest.mark.parametrize("item", ["vmod", ("vmod",), ("vmod", "EUROPE", "x"), ["vmod", "EUROPE"]])
def test_an_item_that_is_not_the_tuple_that_a_method_needs_is_an_error_of_its_own(client: Client, item: Any) -> None:
    def pair(one: str, other: str) -> str:
        return one + other

    good = (("a", "b"), item)
    outcomes = {str(outcome.item): outcome.error for outcome in client.fan_out(pair, good)}
    assert outcomes[str(good[0])] is None
    error = outcomes[str(item)]
    assert isinstance(error, InvalidArgumentError)
    assert "a tuple (one, other)" in str(error)


def test_a_function_of_one_argument_gets_a_tuple_whole(client: Client) -> None:
    def joined(pair: tuple[str, str], separator: str = "-") -> str:
        return separator.join(pair)

    assert [outcome.unwrap() for outcome in client.fan_out(joined, [("a", "b")])] == ["a-b"]
    assert [outcome.unwrap() for outcome in client.fan_out(len, [("a", "b")])] == [2]
    assert [outcome.unwrap() for outcome in client.fan_out(cast("Any", max), [("a", "b")])] == ["b"]


def test_plain_functions_run_in_threads_and_may_use_the_client(client: Client, sandbox: Sandbox) -> None:
    names: set[str] = set()

    def both(vehicle_id: str) -> tuple[str, int]:
        names.add(threading.current_thread().name)
        return client.vehicles.get(vehicle_id).id, len(client.vehicles.status_logs.list(vehicle_id).collect(3))

    found = {outcome.item: outcome.unwrap() for outcome in client.fan_out(both, sandbox.vehicle_ids)}
    assert found == {vehicle_id: (vehicle_id, 3) for vehicle_id in sandbox.vehicle_ids}
    assert names == {"evenergy-fan-out"}


def test_results_of_plain_functions_are_the_outcomes(client: Client, sandbox: Sandbox) -> None:
    def pager(_: str) -> BlockingPager[Vehicle]:
        return client.vehicles.list(page_size=2)

    def generator(item: str) -> Iterator[str]:
        yield from item

    async def coroutine_function() -> None:
        """Stand for what has to be awaited."""

    async def stream() -> AsyncIterator[None]:
        yield

    ids = sandbox.vehicle_ids[:1]
    (listed,) = client.fan_out(pager, ids)
    assert [vehicle.id for vehicle in listed.unwrap()] == sandbox.vehicle_ids
    assert [outcome.unwrap() for outcome in client.fan_out(generator, ["ab"])] == [["a", "b"]]

    def awaitable(_: str) -> object:
        return coroutine_function()

    def async_iterator(_: str) -> object:
        return stream()

    for function in (awaitable, async_iterator):
        (outcome,) = client.fan_out(function, ids)
        assert isinstance(outcome.error, InvalidArgumentError)


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()]
)
def test_an_error_of_a_plain_function_is_that_of_its_item(client: Client, error: BaseException) -> None:
    def fail(item: str) -> str:
        if item == "b":
            raise error
        return item

    found = {outcome.item: outcome.error for outcome in client.fan_out(fail, ["a", "b", "c"])}
    assert found["a"] is found["c"] is None
    if isinstance(error, ValueError):
        assert found["b"] is error
    else:
        assert isinstance(found["b"], RuntimeError)
        assert type(error).__name__ in str(found["b"])


def test_plain_functions_are_bounded_and_items_are_taken_lazily(client: Client) -> None:
    running = most = taken = 0
    lock = threading.Lock()
    all_run = threading.Event()

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                all_run.set()
        assert all_run.wait(LIMIT)
        with lock:
            running -= 1

    def items() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    outcomes = client.fan_out(work, items(), concurrency=3)
    for handed_out in range(1, 10):
        assert next(outcomes).error is None
        assert taken <= handed_out + 3
    outcomes.close()
    assert most == 3


def test_context_variables_reach_plain_functions(client: Client) -> None:
    name = contextvars.ContextVar("name", default="nobody")
    name.set("caller")
    assert [outcome.unwrap() for outcome in client.fan_out(lambda _: name.get(), [1])] == ["caller"]


def test_close_cancels_the_calls_of_plain_functions_and_drops_their_results(client: Client) -> None:
    loop = loop_of(client)
    begun, ended = threading.Semaphore(0), threading.Semaphore(0)
    errors: list[Exception] = []
    running = 0

    async def wait() -> None:
        nonlocal running
        running += 1
        begun.release()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            running -= 1

    def work(_: int) -> None:
        for _ in range(2):  # it insists
            try:
                loop.run(wait)
            except ClosedError as error:
                errors.append(error)
        ended.release()

    def items() -> Iterator[int]:
        yield from range(2)
        for _ in range(2):
            assert begun.acquire(timeout=LIMIT)
        raise KeyboardInterrupt  # as Ctrl-C would, while both wait

    outcomes = client.fan_out(work, items())
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert running == 0  # at once: before the caller goes on
    for _ in range(2):
        assert ended.acquire(timeout=LIMIT)
    assert len(errors) == 4
    assert all("fan-out" in str(error) for error in errors)
    with pytest.raises(ClosedError, match="interrupted"):
        next(outcomes)
    assert client.vehicles.list().collect(1)


def test_close_does_not_wait_for_a_plain_function_that_does_not_use_the_client(client: Client) -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work(_: int) -> None:
        begun.set()
        go.wait(LIMIT)
        ended.set()

    outcomes = client.fan_out(work, itertools.count(), concurrency=1)
    waiting = threading.Thread(target=lambda: next(outcomes, None), daemon=True)
    waiting.start()
    assert begun.wait(LIMIT)
    outcomes.close()
    assert not ended.is_set()
    go.set()
    assert ended.wait(LIMIT)
    waiting.join(LIMIT)
    assert not waiting.is_alive()
