"""Runs over fleets in which something fails: a vehicle, a log, a page of the list, the rate limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from evenergy import (
    AuthenticationError,
    DecodeError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from tests.fleet.scripted import START, ScriptedFleet, client_of
from tests.fleet.world import keys, marks_of

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
