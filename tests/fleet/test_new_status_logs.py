"""Runs over fleets on the wire: their costs, crashes, budgets and arguments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web

from evenergy import (
    AsyncClient,
    InvalidArgumentError,
    ServerError,
    VehicleNow,
    VehicleStatusLog,
)
from tests.fleet.scripted import ScriptedFleet, client_of
from tests.fleet.world import DAY, SIZE, SWEEP, Key, Page, World, keys, marks_of, truth

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
        {"budget": 2.5},
        {"within": 6},
        {"lookback": 6},
        {"since": "2026-01-01"},
        {"marks": {"vhcl1": "nonsense"}},
        {"marks": "{}"},
        {"marks": None},
    ],
)
async def test_wrong_arguments_are_rejected_at_once(arguments: dict[str, object]) -> None:
    async with AsyncClient("token") as client:
        with pytest.raises(InvalidArgumentError):
            client.fleet.new_status_logs(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_the_repr_of_a_run_and_of_its_pages_is_short(client: AsyncClient) -> None:
    run = client.fleet.new_status_logs()
    assert repr(await anext(run)) == (
        "NewLogs(logs=<100>, marks=<100>, vehicle_id=None, error=None, requests=1, left=0)"
    )
    assert repr(run) == "<NewStatusLogs: 1 requests, 0 left>"


async def test_the_marks_that_were_given_are_not_changed(client: AsyncClient) -> None:
    marks: dict[str, str] = {}
    assert [page async for page in client.fleet.new_status_logs(marks)]
    assert marks == {}
