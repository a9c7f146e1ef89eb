"""Watches: changes once and in time, for no more requests than allowed, on a clock that jumps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from aiohttp import web

from evenergy import (
    AsyncClient,
    AuthenticationError,
    Change,
    Client,
    ClientCredentials,
    InvalidArgumentError,
    PermissionDeniedError,
    VehicleNow,
    Watch,
)
from evenergy.sandbox import Sandbox
from tests.fleet.scripted import ScriptedFleet, client_of
from tests.server import run_jumping

FIVE = 300  # seconds
HOUR = 3600


def jumping(test: Callable[[ScriptedFleet, AsyncClient], Awaitable[None]], **sizes: int) -> None:
    """Run a test where waiting takes no time."""

    async def main() -> None:
        fleet = ScriptedFleet(**sizes)
        for one in fleet.ids:
            fleet.logs[one][0] |= {"is_charging": False, "is_plugged_in": False, "state_of_charge_percentage": 50}
        async with client_of(fleet, timeout=None, max_wait=None) as client:
            await test(fleet, client)

    run_jumping(main())


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(watch: Watch, count: int) -> list[Change]:
    return [await anext(watch) for _ in range(count)]


async def timed_out(watch: Watch, seconds: float) -> bool:
    """Return whether nothing changes for so long. A watch goes on after a wait that was cancelled."""
    try:
        await asyncio.wait_for(anext(watch), seconds)
    except TimeoutError:
        return True
    return False


def test_the_first_sweep_gives_everything_and_later_ones_what_changed() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        first = await take(watch, 3)
        assert [change.vehicle_id for change in first] == fleet.ids
        assert all(change.before is None and isinstance(change.after, VehicleNow) for change in first)
        assert first[0].fields == {"is_charging", "is_plugged_in", "state_of_charge_percentage", "integrated"}
        assert list(watch.known) == fleet.ids
        assert watch.fresh_at is not None
        begun = now()
        fleet.report(fleet.ids[1], 5, is_plugged_in=True, is_charging=False, state_of_charge_percentage=50)
        change = await anext(watch)
        assert change.vehicle_id == fleet.ids[1]
        assert change.fields == {"is_plugged_in"}
        assert change.before == first[1].after
        assert change.after == watch.known[fleet.ids[1]]
        assert now() - begun == pytest.approx(FIVE, abs=5)

    jumping(main)


def test_none_is_no_news() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        await take(watch, 1)
        fleet.report(fleet.ids[0], 5)  # a sleeping car reports nothing
        assert await timed_out(watch, HOUR)
        fleet.report(fleet.ids[0], 10, is_charging=True)
        change = await anext(watch)
        assert change.fields == {"is_charging"}
        assert change.after is not None
        assert change.after.latest_status_log is not None
        assert change.after.latest_status_log.state_of_charge_percentage == 50

    jumping(main, vehicles=1)


def test_a_vehicle_is_gone_after_two_complete_sweeps_and_may_come_back() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        await take(watch, 3)
        gone, begun = fleet.ids.pop(), now()
        change = await anext(watch)
        assert (change.vehicle_id, change.after, change.fields) == (gone, None, frozenset())
        assert now() - begun == pytest.approx(2 * FIVE, abs=5)
        assert gone not in watch.known
        fleet.ids.append(gone)
        change = await anext(watch)
        assert (change.vehicle_id, change.before) == (gone, None)

    jumping(main)


def test_nobody_is_gone_by_a_sweep_that_failed_or_by_an_odd_vehicle() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        await take(watch, 3)
        fresh_at = watch.fresh_at
        fleet.script = lambda request: web.Response(status=404) if "page_after" in request.query else None
        assert await timed_out(watch, HOUR)
        assert watch.failures > 2
        assert watch.fresh_at == fresh_at
        fleet.script = lambda _: None
        fleet.vehicles[fleet.ids[2]]["disabled"] = "sometimes"
        assert await timed_out(watch, HOUR)
        assert watch.failures == 0
        assert watch.fresh_at != fresh_at

    jumping(main, page_size=1)


def test_half_a_sweep_is_news_too() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        await take(watch, 3)
        fleet.script = lambda request: web.Response(status=404) if "page_after" in request.query else None
        fleet.report(fleet.ids[0], 5, is_charging=True)
        assert (await anext(watch)).vehicle_id == fleet.ids[0]
        assert await timed_out(watch, FIVE)
        assert watch.failures >= 1

    jumping(main, page_size=1)


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
def test_credentials_and_permissions_are_raised(status: int, error: type[Exception]) -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        fleet.script = lambda _: web.Response(status=status)
        with pytest.raises(error):
            await anext(client.fleet.watch(budget=10))

    jumping(main)


def test_the_interval_is_shorter_while_something_charges_and_longer_after_failures() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        fleet.report(fleet.ids[0], 5, is_charging=True)
        watch = client.fleet.watch(budget=1000)
        await take(watch, 1)
        fleet.requests.clear()
        assert await timed_out(watch, HOUR)
        assert len(fleet.requests) == pytest.approx(60, abs=1)
        fleet.script = lambda _: web.Response(status=404)
        fleet.requests.clear()
        assert await timed_out(watch, HOUR)
        assert len(fleet.requests) == pytest.approx(12, abs=3)  # doubled up to every five minutes

    jumping(main, vehicles=1)


@pytest.mark.parametrize("budget", [1, 3, 7, 20])
@pytest.mark.parametrize("faulty", [False, True])
def test_the_budget_of_any_hour_is_kept(budget: int, faulty: bool) -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        times: list[float] = []

        def note(_: web.Request) -> web.Response | None:
            times.append(now())
            return web.Response(status=503) if faulty and len(times) % 5 == 0 else None

        fleet.script = note
        watch = client.fleet.watch(budget=budget, every=timedelta(seconds=20), charging=timedelta(seconds=10))
        known = 0
        until = now() + 5 * HOUR
        while now() < until:
            known += not await timed_out(watch, HOUR / 2)
        assert known >= (2 if faulty else 3)
        for at in times:
            assert sum(at <= other < at + HOUR for other in times) <= budget
        assert len(times) >= 4 * budget - 4  # and it is used

    jumping(main, page_size=1)


def test_a_slow_consumer_gets_fewer_changes_and_none_is_stale() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=1000)
        await take(watch, 1)
        fleet.requests.clear()
        for minute in range(5, 100):
            fleet.report(fleet.ids[0], minute, state_of_charge_percentage=minute)
            await asyncio.sleep(60)
        assert fleet.requests == []
        change = await anext(watch)
        assert change.after is not None
        assert change.after.latest_status_log is not None
        assert change.after.latest_status_log.state_of_charge_percentage == 99
        assert await timed_out(watch, HOUR)

    jumping(main, vehicles=1)


def test_logs_that_were_handed_out_are_known_and_taken_up_again() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100)
        await take(watch, 2)
        assert list(watch.known) == fleet.ids[:2]
        again = client.fleet.watch(budget=100, known=watch.known)
        assert (await anext(again)).vehicle_id == fleet.ids[2]
        assert await timed_out(again, HOUR)
        assert list(watch.known) == fleet.ids[:2]

    jumping(main)


def test_only_the_given_fields_are_watched() -> None:
    async def main(fleet: ScriptedFleet, client: AsyncClient) -> None:
        watch = client.fleet.watch(budget=100, fields=["smart_charging_enabled"])
        await take(watch, 1)
        fleet.report(fleet.ids[0], 5, is_charging=True)
        assert await timed_out(watch, HOUR)
        fleet.vehicles[fleet.ids[0]]["smart_charging_enabled"] = True
        assert (await anext(watch)).fields == {"smart_charging_enabled"}

    jumping(main, vehicles=1)


async def test_a_closed_watch_ends() -> None:
    fleet = ScriptedFleet()
    async with client_of(fleet) as client:
        watch = client.fleet.watch(budget=100)
        await anext(watch)
        await watch.aclose()
        assert [change async for change in watch] == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"budget": 0},
        {"budget": 10, "every": timedelta(0)},
        {"budget": 10, "every": 60},
        {"budget": 10, "charging": timedelta(-1)},
        {"budget": 10, "known": ["vhcl"]},
        {"budget": 10, "fields": None},
        {"budget": 10, "fields": []},
        {"budget": 10, "fields": ["colour"]},
        {"budget": 10, "fields": "is_charging"},
    ],
)
async def test_wrong_arguments_are_rejected_at_once(arguments: dict[str, Any]) -> None:
    async with AsyncClient("token") as client:
        with pytest.raises(InvalidArgumentError):
            client.fleet.watch(**arguments)


def test_the_blocking_client_watches_too() -> None:
    at = time.time() - 86_400
    with Sandbox(vehicles=5, clock=lambda: at) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        with Client(auth, base_url=sandbox.base_url) as client:
            short = timedelta(milliseconds=1)
            watch = client.fleet.watch(budget=1000, every=short, charging=short)
            assert [change.vehicle_id for change in islice(watch, 5)] == sandbox.vehicle_ids
            assert list(watch.known) == sandbox.vehicle_ids
            assert (watch.failures, watch.fresh_at is not None) == (0, True)
            sandbox.remove_vehicle(sandbox.vehicle_ids[2])
            change = next(watch)
            assert (change.after, len(watch.known)) == (None, 4)
            assert repr(watch) == "<BlockingWatch: 4 vehicles, 0 failures>"
            watch.close()
            assert list(watch) == []
