"""Runs over fleets on the wire: their costs, crashes, budgets, errors and ends, for both clients."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from evenergy import (
    AsyncClient,
    AuthenticationError,
    Client,
    ClientCredentials,
    DecodeError,
    HomeBatteryNow,
    InvalidArgumentError,
    NewLogs,
    NotFoundError,
    RateLimitError,
    ServerError,
    VehicleNow,
    VehicleStatusLog,
)
from evenergy.sandbox import Sandbox
from tests.fleet.scripted import START, ScriptedFleet, client_of

Page = NewLogs[VehicleStatusLog]
Key = tuple[str | None, datetime | None]

DAY = timedelta(days=1)
SIZE = 110
SWEEP = 2  # requests


class World:
    """A sandbox whose clock a test sets."""

    def __init__(self, vehicles: int = SIZE) -> None:
        self.now = time.time() - 86_400  # so that a day can pass before a log lies in the future
        self.sandbox = Sandbox(vehicles=vehicles, days=2, rate_limit=1_000_000, clock=lambda: self.now)

    @property
    def auth(self) -> ClientCredentials:
        return ClientCredentials(self.sandbox.client_id, self.sandbox.client_secret)

    def pass_hours(self, hours: float) -> None:
        self.now += hours * 3600


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.sandbox:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(world.auth, base_url=world.sandbox.base_url) as client:
        yield client


def keys(pages: list[Page]) -> list[Key]:
    return [(one.vehicle_id, one.sampled_at) for page in pages for one in page.logs]


async def truth(client: AsyncClient, world: World, since: datetime) -> set[Key]:
    lists = [client.vehicles.status_logs.list(one, since=since) for one in world.sandbox.vehicle_ids]
    return {(one.vehicle_id, one.sampled_at) for each in lists for one in await each.collect()}


def marks_of(pages: list[Page]) -> dict[str, str]:
    return {name: text for page in pages for name, text in page.marks.items()}


# Costs


async def test_a_snapshot_costs_a_request_for_100_vehicles(world: World, client: AsyncClient) -> None:
    vehicles = await client.fleet.snapshot().collect()
    assert [one.id for one in vehicles] == world.sandbox.vehicle_ids
    assert {type(one) for one in vehicles} == {VehicleNow}
    assert all(isinstance(one.latest_status_log, VehicleStatusLog) for one in vehicles)
    assert world.sandbox.requests == SWEEP


async def test_a_first_run_and_one_without_news_cost_a_snapshot(world: World, client: AsyncClient) -> None:
    first = [page async for page in client.fleet.new_status_logs()]
    assert world.sandbox.requests == SWEEP
    assert len(keys(first)) == len(set(keys(first))) == SIZE
    run = client.fleet.new_status_logs(marks_of(first))
    assert keys([page async for page in run]) == []
    assert (world.sandbox.requests, run.requests, run.left, run.refused) == (2 * SWEEP, SWEEP, 0, None)


async def test_a_run_costs_a_request_more_for_each_vehicle_with_news(world: World, client: AsyncClient) -> None:
    marks = marks_of([page async for page in client.fleet.new_status_logs()])
    newest = {one.id: one.latest_status_log for one in await client.fleet.snapshot().collect()}
    world.pass_hours(1)
    now = {one.id: one.latest_status_log for one in await client.fleet.snapshot().collect()}
    moved = {one for one in now if now[one] != newest[one]}
    before = world.sandbox.requests
    pages = [page async for page in client.fleet.new_status_logs(marks)]
    assert 0 < len(moved) < SIZE
    assert world.sandbox.requests - before == pages[-1].requests == SWEEP + len(moved)
    assert {page.vehicle_id for page in pages} == moved | {None}


async def test_all_logs_come_once(world: World, client: AsyncClient) -> None:
    since = datetime.fromtimestamp(world.now, UTC) - DAY
    marks: dict[str, str] = {}
    pages: list[Page] = []
    for _ in range(4):
        async for page in client.fleet.new_status_logs(marks, since=since):
            marks.update(page.marks)
            pages.append(page)
        world.pass_hours(3)
    world.pass_hours(-3)
    assert len(keys(pages)) == len(set(keys(pages)))
    assert set(keys(pages)) == await truth(client, world, since)


async def test_within_puts_reads_off(world: World, client: AsyncClient) -> None:
    marks = marks_of([page async for page in client.fleet.new_status_logs()])
    world.pass_hours(1)
    run = client.fleet.new_status_logs(marks, within=DAY)
    assert keys([page async for page in run])  # the newest come at once
    assert run.requests == SWEEP


# Crashes and budgets


@pytest.mark.parametrize("pages_before", [1, 4, 40])
async def test_a_run_that_crashed_is_taken_up_again(world: World, client: AsyncClient, pages_before: int) -> None:
    since = datetime.fromtimestamp(world.now, UTC) - DAY / 2
    marks: dict[str, str] = {}
    pages: list[Page] = []
    run = client.fleet.new_status_logs(marks, since=since)
    for _ in range(pages_before):
        page = await anext(run)
        marks.update(page.marks)
        pages.append(page)
    await run.aclose()
    pages += [page async for page in client.fleet.new_status_logs(marks, since=since)]
    assert len(keys(pages)) == len(set(keys(pages)))
    assert set(keys(pages)) == await truth(client, world, since)


@pytest.mark.parametrize("budget", [2, 5, 60])
async def test_budgets_are_kept_and_all_comes_in_the_end(world: World, client: AsyncClient, budget: int) -> None:
    since = datetime.fromtimestamp(world.now, UTC) - DAY / 8
    marks: dict[str, str] = {}
    delivered: list[Key] = []
    for _ in range(10 if budget < 60 else 20):
        before = world.sandbox.requests
        run = client.fleet.new_status_logs(marks, since=since, budget=budget)
        async for page in run:
            marks.update(page.marks)
            delivered += keys([page])
        assert world.sandbox.requests - before == run.requests <= budget
    assert len(delivered) == len(set(delivered))
    if budget == 60:
        assert set(delivered) == await truth(client, world, since)


async def test_retries_are_spent_from_the_budget() -> None:
    fleet = ScriptedFleet(vehicles=2)
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        for one in fleet.ids:
            fleet.report(one, 10, 20)
        fleet.requests.clear()
        fleet.script = lambda request: web.Response(status=503) if "status_logs" in request.path else None
        run = client.fleet.new_status_logs(marks, budget=4, concurrency=1)
        pages = [page async for page in run]
        assert len(fleet.requests) == run.requests == 4
        assert isinstance(pages[1].error, ServerError)
        assert pages[1].marks == {}
        assert run.left == 2


# Errors


async def test_a_vehicle_that_fails_costs_no_other() -> None:
    fleet = ScriptedFleet()
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        for one in fleet.ids:
            fleet.report(one, 10, 20)
        bad = fleet.ids[1]
        fleet.script = lambda request: web.Response(status=500) if f"{bad}/" in request.path else None
        pages = [page async for page in client.fleet.new_status_logs(marks)]
        failed = [page for page in pages if page.error is not None]
        assert [(page.vehicle_id, page.logs, page.marks) for page in failed] == [(bad, [], {})]
        assert len(keys(pages)) == 5
        fleet.script = lambda _: None
        again = [page async for page in client.fleet.new_status_logs(marks | marks_of(pages))]
        assert keys(again) == [(bad, START + timedelta(minutes=10))]


async def test_a_vehicle_that_vanished_is_left_alone_for_a_day() -> None:
    fleet = ScriptedFleet()
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        gone = fleet.ids[0]
        fleet.report(gone, 10, 20)
        fleet.script = lambda request: web.Response(status=404) if f"{gone}/" in request.path else None
        pages = [page async for page in client.fleet.new_status_logs(marks)]
        assert [(page.vehicle_id, type(page.error)) for page in pages] == [(None, type(None)), (gone, NotFoundError)]
        run = client.fleet.new_status_logs(marks | marks_of(pages))
        assert [page.error async for page in run] == [None]
        assert run.requests == 1


async def test_a_log_that_cannot_be_decoded_costs_that_log() -> None:
    fleet = ScriptedFleet()
    odd, listed = fleet.ids[0], fleet.ids[1]
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        fleet.report(odd, 10, 30)
        fleet.report(odd, 20, state_of_charge_percentage="full")
        fleet.report(listed, 5)
        fleet.report(listed, 40, is_charging="perhaps")
        pages = [page async for page in client.fleet.new_status_logs(marks)]
        errors = [(page.vehicle_id, type(page.error), page.marks == {}) for page in pages if page.error]
        assert sorted(errors) == [(odd, DecodeError, False), (listed, DecodeError, True)]
        minutes = [(one, time - START) for one, time in keys(pages) if time]
        assert sorted(minutes) == [
            (odd, timedelta(minutes=10)),
            (odd, timedelta(minutes=30)),
            (listed, timedelta(minutes=5)),
        ]
        again = [page async for page in client.fleet.new_status_logs(marks | marks_of(pages))]
        assert [(page.logs, page.error) for page in again] == [([], None)]  # told once, read once


async def test_a_vehicle_that_cannot_be_decoded_still_has_its_log() -> None:
    fleet = ScriptedFleet(vehicles=2)
    fleet.vehicles[fleet.ids[0]]["disabled"] = "sometimes"
    async with client_of(fleet) as client:
        pages = [page async for page in client.fleet.new_status_logs()]
        assert {one for one, _ in keys(pages)} == set(fleet.ids)
        assert [page.error for page in pages] == [None]


async def test_a_url_where_the_log_was_to_be_is_an_error_and_no_log_counts_as_delivered() -> None:
    fleet = ScriptedFleet(vehicles=2)
    odd = fleet.ids[0]
    url = f"https://api.ev.energy/v2/vehicles/{odd}/status_logs/2024-01-01T00:00:00Z"
    fleet.vehicles[odd]["latest_status_log"] = url
    async with client_of(fleet) as client:
        with pytest.raises(DecodeError):
            await client.fleet.snapshot().collect()
        pages = [page async for page in client.fleet.new_status_logs()]
        assert [(page.vehicle_id, type(page.error)) for page in pages] == [(None, type(None)), (odd, DecodeError)]
        assert odd not in marks_of(pages)


async def test_a_log_without_a_time_is_skipped_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    fleet = ScriptedFleet(vehicles=2)
    for one in fleet.ids:
        fleet.vehicles[one]["latest_status_log"] = {"is_charging": True}
    async with client_of(fleet) as client:
        pages = [page async for page in client.fleet.new_status_logs()]
    assert [(page.logs, page.marks) for page in pages] == [([], {})]
    assert [record.levelname for record in caplog.records if "skipped" in record.message] == ["WARNING"]


async def test_a_failing_page_of_the_list_is_raised_and_ends_the_run() -> None:
    fleet = ScriptedFleet(vehicles=3, page_size=1)
    fleet.script = lambda request: web.Response(status=500) if "page_after" in request.query else None
    async with client_of(fleet) as client:
        run = client.fleet.new_status_logs()
        assert len((await anext(run)).logs) == 1
        with pytest.raises(ServerError):
            await anext(run)
        with pytest.raises(StopAsyncIteration):
            await anext(run)


async def test_rejected_credentials_end_the_run() -> None:
    fleet = ScriptedFleet(vehicles=50)
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        for one in fleet.ids:
            fleet.report(one, 10, 20)
        fleet.script = lambda request: web.Response(status=401) if "status_logs" in request.path else None
        run = client.fleet.new_status_logs(marks, concurrency=2)
        with pytest.raises(AuthenticationError):
            _ = [page async for page in run]
        assert len(fleet.requests) < 10


# Where a sweep was cut short


async def test_a_sweep_begins_anew_when_its_place_is_no_longer_known() -> None:
    fleet = ScriptedFleet(vehicles=6, page_size=1)
    async with client_of(fleet) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs(budget=3)])
        assert "page_after" in marks[""]
        fleet.script = lambda request: web.Response(status=400) if request.query.get("page_after") == "3" else None
        run = client.fleet.new_status_logs(marks, budget=3)
        pages = [page async for page in run]
        assert "page_after" not in pages[0].marks[""]
        assert run.requests == 3


async def test_a_sweep_goes_on_where_it_was_cut_short_and_stays_on_the_list() -> None:
    fleet = ScriptedFleet(vehicles=4, page_size=1)
    async with client_of(fleet) as client:
        first = [page async for page in client.fleet.new_status_logs(budget=2)]
        marks = marks_of(first)
        marks[""] = marks[""].replace("/v2/vehicles", "/v2/users")  # only the query counts
        second = [page async for page in client.fleet.new_status_logs(marks, budget=2)]
        assert [one for one, _ in keys(first + second)] == fleet.ids
        assert set(fleet.requests) == {"/v2/vehicles"}


# The rate limit


async def test_the_rate_limit_ends_a_run_and_loses_nothing() -> None:
    fleet = ScriptedFleet(vehicles=20)
    fleet.headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "900"}
    async with client_of(fleet, max_wait=0) as client:
        marks = marks_of([page async for page in client.fleet.new_status_logs()])
        for one in fleet.ids:
            fleet.report(one, 10, 20)
        count = iter(range(1000))

        def reject_later(request: web.Request) -> web.Response | None:
            if "status_logs" not in request.path or next(count) < 5:
                return None
            return web.json_response({}, status=429, headers={"Retry-After": "3000"})

        fleet.requests.clear()
        fleet.script = reject_later
        run = client.fleet.new_status_logs(marks, concurrency=4)
        pages = [page async for page in run]
        assert isinstance(run.refused, RateLimitError)
        assert run.left == 15
        assert len(keys(pages)) == 20 + 5
        assert run.requests == len(fleet.requests) < 12
        assert all(page.error is None for page in pages)


async def test_a_list_that_the_rate_limit_rejects_ends_the_run() -> None:
    fleet = ScriptedFleet(vehicles=3, page_size=1)
    fleet.script = lambda _: web.json_response({}, status=429, headers={"Retry-After": "3000"})
    async with client_of(fleet, max_wait=0) as client:
        run = client.fleet.new_status_logs()
        assert [page async for page in run] == []
        assert isinstance(run.refused, RateLimitError)
        assert run.requests == len(fleet.requests) == 1


# Ends


def hanging(fleet: ScriptedFleet) -> asyncio.Event:
    """Let reads of single vehicles hang for ever; the event says that one has begun."""
    begun, respond = asyncio.Event(), fleet.respond

    async def hang(request: web.Request) -> web.StreamResponse:
        if "status_logs" in request.path:
            begun.set()
            await asyncio.Event().wait()
        return await respond(request)

    vars(fleet)["respond"] = hang
    return begun


async def reading(client: AsyncClient, fleet: ScriptedFleet) -> dict[str, str]:
    marks = marks_of([page async for page in client.fleet.new_status_logs()])
    for one in fleet.ids:
        fleet.report(one, 10, 20)
    return marks


def tasks() -> set[str]:
    """Return the names of what this library runs in the background."""
    found = [task.get_coro() for task in asyncio.all_tasks()]
    return {str(one) for one in found if "TaskPool" in str(one)}


@pytest.mark.parametrize("how", ["aclose", "cancel", "let go"])
async def test_no_task_is_left(how: str) -> None:
    fleet = ScriptedFleet()
    begun = hanging(fleet)
    async with client_of(fleet) as client:
        run = client.fleet.new_status_logs(await reading(client, fleet))
        await anext(run)
        waiting = asyncio.ensure_future(anext(run))
        await begun.wait()
        assert tasks()
        if how == "aclose":
            await run.aclose()
            with pytest.raises(StopAsyncIteration):
                await waiting
        else:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        if how == "let go":
            del waiting, run
            gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert tasks() == set()


async def test_a_run_that_is_let_go_cancels_its_reads() -> None:
    fleet = ScriptedFleet(vehicles=3)
    begun, respond = asyncio.Event(), fleet.respond

    async def hang(request: web.Request) -> web.StreamResponse:
        if any(f"{one}/" in request.path for one in fleet.ids[1:]):
            begun.set()
            await asyncio.Event().wait()
        return await respond(request)

    vars(fleet)["respond"] = hang
    async with client_of(fleet) as client:
        run = client.fleet.new_status_logs(await reading(client, fleet))
        await anext(run)
        assert (await anext(run)).vehicle_id == fleet.ids[0]
        await begun.wait()
        assert tasks()
        del run
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
        assert tasks() == set()


# Arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"since": datetime(2024, 1, 1)},  # noqa: DTZ001  naive is what is rejected
        {"since": datetime.now(UTC) + DAY},
        {"within": -DAY},
        {"lookback": -DAY},
        {"budget": 1},
        {"concurrency": 0},
        {"marks": {"vhcl1": "nonsense"}},
    ],
)
async def test_wrong_arguments_are_rejected_at_once(arguments: dict[str, object]) -> None:
    async with AsyncClient("token") as client:
        with pytest.raises(InvalidArgumentError):
            client.fleet.new_status_logs(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_the_marks_that_were_given_are_not_changed(client: AsyncClient) -> None:
    marks: dict[str, str] = {}
    assert [page async for page in client.fleet.new_status_logs(marks)]
    assert marks == {}


# The blocking client, and other devices


@pytest.fixture
def blocking() -> Iterator[tuple[World, Client]]:
    world = World()
    with world.sandbox, Client(world.auth, base_url=world.sandbox.base_url) as client:
        yield world, client


def test_the_blocking_client_does_the_same(blocking: tuple[World, Client]) -> None:
    world, client = blocking
    since = datetime.fromtimestamp(world.now, UTC) - DAY / 4
    assert len(client.fleet.snapshot().collect()) == SIZE
    run = client.fleet.new_status_logs(since=since, budget=50)
    first = list(run)
    assert (run.requests, run.refused) == (50, None)
    assert run.left > 0
    second = list(client.fleet.new_status_logs(marks_of(first), since=since))
    delivered = keys(first + second)
    logs = client.vehicles.status_logs
    expected = {
        (each.vehicle_id, each.sampled_at)
        for one in world.sandbox.vehicle_ids
        for each in logs.list(one, since=since).collect()
    }
    assert len(delivered) == len(set(delivered))
    assert set(delivered) == expected


def test_a_blocking_run_can_be_closed(blocking: tuple[World, Client]) -> None:
    world, client = blocking
    run = client.fleet.new_status_logs(since=datetime.fromtimestamp(world.now, UTC) - DAY)
    next(run)
    run.close()
    assert list(run) == []


async def test_other_devices_have_the_same_engine(world: World, client: AsyncClient) -> None:
    batteries = await client.fleet.of("home_batteries").snapshot().collect()
    assert batteries
    assert {type(one) for one in batteries} == {HomeBatteryNow}
    for fleet in (client.fleet.of("home_batteries"), client.fleet.of("boundary_meters")):
        marks: dict[str, str] = {}
        first = [page async for page in fleet.new_status_logs()]
        for page in first:
            marks.update(page.marks)
        world.pass_hours(1)
        second = [page async for page in fleet.new_status_logs(marks)]
        assert len(second) > 1
        assert sum(len(page.logs) for page in second) > sum(len(page.logs) for page in first)
    with pytest.raises(InvalidArgumentError, match="home_batteries"):
        client.fleet.of("toasters")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def test_a_plan_takes_the_limit_that_the_api_told() -> None:
    fleet = ScriptedFleet()
    fleet.headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "90"}
    every = timedelta(minutes=5)
    async with client_of(fleet) as client:
        assert client.fleet.plan(500, changed=30, every=every).fits
        _ = await client.fleet.snapshot().collect()
        assert not client.fleet.plan(500, changed=30, every=every).fits
        assert client.fleet.plan(500, changed=30, every=every, limit=1000).fits
