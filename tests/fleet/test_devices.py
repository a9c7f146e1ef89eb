"""Fleets in the blocking client, fleets of other devices, and plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from evenergy import (
    AsyncClient,
    BoundaryMeterNow,
    BoundaryMeterStatusLog,
    Client,
    EVSENow,
    EVSEStatusLog,
    FleetDatabase,
    HomeBatteryNow,
    HomeBatteryStatusLog,
    InvalidArgumentError,
)
from tests.fleet.scripted import ScriptedFleet, client_of
from tests.fleet.world import DAY, SIZE, World, keys, marks_of

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


@pytest.mark.parametrize(
    ("kind", "now", "log"),
    [
        ("boundary_meters", BoundaryMeterNow, BoundaryMeterStatusLog),
        ("evses", EVSENow, EVSEStatusLog),
        ("home_batteries", HomeBatteryNow, HomeBatteryStatusLog),
    ],
)
async def test_other_devices_have_the_same_engine(
    world: World, client: AsyncClient, path: Path, kind: Literal["evses"], now: type, log: type
) -> None:
    devices = client.fleet.of(kind)
    found = await devices.snapshot().collect()
    assert found
    assert {type(one) for one in found} == {now}
    assert {type(one.latest_status_log) for one in found} <= {log, type(None)}
    before = world.sandbox.requests
    with FleetDatabase(path, of=log) as database:
        first = [database.save(page) async for page in devices.new_status_logs()]
        assert world.sandbox.requests - before == -(-len(found) // 100)
        assert sum(first) == sum(one.latest_status_log is not None for one in found)
        world.pass_hours(3)
        pages = [page async for page in devices.new_status_logs(database.marks)]
        assert sum(database.save(page) for page in pages) == sum(len(page.logs) for page in pages) > sum(first)
        assert {page.error for page in pages} == {None}
        assert len(pages) > 1
        assert [page.logs async for page in devices.new_status_logs(database.marks)] == [[]]


async def test_a_kind_of_device_that_is_not_there_is_named(client: AsyncClient) -> None:
    with pytest.raises(InvalidArgumentError, match="'boundary_meters', 'evses' or 'home_batteries', got 'toasters'"):
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
