from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from evenergy import AsyncClient, ClientCredentials, EvEnergyError, NotFoundError, VehicleStatusLog, to_dict
from evenergy.cli import demo
from evenergy.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

MARCH = 1_741_600_000.25  # a Monday, 2025-03-10
UNTIL = datetime.fromtimestamp(MARCH, UTC)
SINCE = datetime(2025, 3, 10, tzinfo=UTC)


def sandbox(vehicles: int = 5, **options: Any) -> Sandbox:
    return Sandbox(vehicles, clock=lambda: MARCH, **options)


def client(server: Sandbox, **options: Any) -> AsyncClient:
    auth = ClientCredentials(server.client_id, server.client_secret)
    return AsyncClient(auth, base_url=server.base_url, **options)


def log(minute: int, percentage: int | None) -> VehicleStatusLog:
    return VehicleStatusLog(sampled_at=SINCE + timedelta(minutes=minute), state_of_charge_percentage=percentage)


@pytest.mark.parametrize(
    ("percentages", "line"),
    [
        ([], ""),
        ([0, 12, 13, 50, 87, 88, 99, 100], "▁▁▂▅▇███"),
        ([None, 40, None], " ▄ "),
        ([-5, 250], "▁█"),
    ],
)
def test_sparkline(percentages: Sequence[int | None], line: str) -> None:
    assert demo.sparkline(percentages) == line


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 3, ()),
        ([1, None], 3, (1, None)),
        ([1, 2, 3], 3, (1, 2, 3)),
        ([1, 2, 3, None, None, None], 3, (2, 3, None)),
        ([1, 2, 3, 4, 5], 2, (2, 5)),
    ],
)
def test_condensed(values: Sequence[int | None], width: int, expected: tuple[int | None, ...]) -> None:
    assert demo.condensed(values, width) == expected


def test_by_hour_keeps_the_newest_known_of_each() -> None:
    logs = [log(185, 9), log(119, None), log(110, 42), log(61, 41), log(0, 30), log(-1, 29)]
    assert demo.by_hour(logs, SINCE, 4) == (30, 42, None, 9)


def test_by_hour_takes_what_came_while_it_was_read() -> None:
    assert demo.by_hour([log(121, 50)], SINCE, 2) == (None, 50)


def test_by_hour_passes_over_logs_without_a_time() -> None:
    assert demo.by_hour([VehicleStatusLog(state_of_charge_percentage=50)], SINCE, 2) == (None, None)


async def test_gather() -> None:
    calls: list[tuple[int, int, int | None]] = []
    async with sandbox() as server, client(server) as api:
        rows, count = await demo.gather(api, UNTIL, 24, lambda done, failed, total: calls.append((done, failed, total)))
        newest = [await api.vehicles.status_logs.list(row.id, until=UNTIL).collect(1) for row in rows]
        assert [row.id for row in rows] == server.vehicle_ids
    assert calls == [(done, 0, 5) for done in range(6)]
    assert count > 100
    for row, logs in zip(rows, newest, strict=True):
        assert row.error is None
        assert row.make
        assert row.model
        assert row.last_seen == logs[0].sampled_at
        assert (row.is_plugged_in, row.is_charging) == (logs[0].is_plugged_in, logs[0].is_charging)
        assert row.charge_rate_watts == logs[0].charge_rate_watts
        assert len(row.state_of_charge_by_hour) == 24
        known = [value for value in row.state_of_charge_by_hour if value is not None]
        assert row.state_of_charge_percentage == known[-1]


async def test_gather_same_twice() -> None:
    async with sandbox() as one, client(one) as api:
        first = await demo.gather(api, UNTIL, 24)
    async with sandbox() as two, client(two) as api:
        assert await demo.gather(api, UNTIL, 24) == first


async def test_silent_vehicle() -> None:
    async with sandbox(25, days=30) as server, client(server) as api:  # the last one lost its cloud long ago
        rows, _ = await demo.gather(api, UNTIL, 24)
    silent = rows[-1]
    assert silent.make
    assert attrs.evolve(silent, make=None, model=None) == demo.Row(silent.id, state_of_charge_by_hour=(None,) * 24)


async def test_charge_is_the_newest_known_and_the_rest_of_the_newest_log(monkeypatch: pytest.MonkeyPatch) -> None:
    async def logs(vehicle_id: str, *, since: datetime) -> list[VehicleStatusLog]:
        return [log(130, None), attrs.evolve(log(70, 61), is_plugged_in=True, charge_rate_watts=7200)]

    async with sandbox(1) as server, client(server) as api:
        monkeypatch.setattr(api.vehicles.status_logs, "list", logs)
        (row,), count = await demo.gather(api, SINCE + timedelta(hours=3), 3)
    assert count == 2
    assert (row.state_of_charge_percentage, row.is_plugged_in, row.charge_rate_watts) == (61, None, None)
    assert row.last_seen == SINCE + timedelta(minutes=130)
    assert row.state_of_charge_by_hour == (None, 61, None)


async def test_names_that_did_not_come_along(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sandbox(1) as server, client(server) as api:
        bare = api.vehicles.list()
        monkeypatch.setattr(api.vehicles, "list", lambda **_: bare)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        (row,), _ = await demo.gather(api, UNTIL, 1)
    assert (row.make, row.model, row.error) == (None, None, None)


async def test_one_failure_loses_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sandbox(3) as server, client(server) as api:
        broken, real = server.vehicle_ids[1], api.vehicles.status_logs.list

        async def logs(vehicle_id: str, *, since: datetime) -> list[VehicleStatusLog]:
            if vehicle_id == broken:
                raise NotFoundError("404 gone")
            return await real(vehicle_id, since=since).collect()

        monkeypatch.setattr(api.vehicles.status_logs, "list", logs)
        rows, count = await demo.gather(api, UNTIL, 24)
    assert [row.error for row in rows] == [None, "404 gone", None]
    assert rows[1].state_of_charge_by_hour == (None,) * 24
    assert count > 0


async def test_rate_limit_reached() -> None:
    async with sandbox(40, rate_limit=3) as server, client(server, max_wait=0) as api:
        rows, count = await demo.gather(api, UNTIL, 1)
    errors = [row.error for row in rows if row.error is not None]
    assert len(rows) == 40
    assert len(errors) >= 38
    assert any(error.startswith("429") for error in errors)
    assert any(error.startswith("not asked") for error in errors)
    assert count <= 30


@pytest.mark.parametrize(("hours", "days"), [(1, 7), (24, 7), (168, 7), (169, 8), (8760, 365)])
async def test_the_fleet_is_that_of_the_sandbox_unless_more_days_are_asked_for(
    hours: int, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object, days: int, **__: object) -> Sandbox:
        found.append(days)
        raise LookupError

    found: list[int] = []
    monkeypatch.setattr(demo, "Sandbox", made)
    with pytest.raises(LookupError):
        await demo.run(4, hours, 7)
    assert found == [days]


async def test_fleet_that_cannot_be_listed() -> None:
    async with sandbox() as server, AsyncClient("wrong", base_url=server.base_url) as api:
        with pytest.raises(EvEnergyError, match="401"):
            await demo.gather(api, UNTIL, 24)


@pytest.mark.parametrize("hours", [1, 24, 25, 100])
async def test_run(hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_USER", "user01HRFF3SEVSCRAV9B3CHVDFN0H")
    monkeypatch.setenv("EVENERGY_TOKEN", "of another account")
    report = await demo.run(4, hours, 7)
    assert (report.hours, report.totals.vehicles, report.totals.failed) == (hours, 4, 0)
    assert [len(row.state_of_charge_by_hour) for row in report.vehicles] == [hours] * 4
    assert report.totals.requests >= 5
    assert report.totals.requests + report.totals.requests_left == demo.rate_limit(4, hours)
    assert report.totals.seconds > 0


async def test_run_asks_for_each_page_once() -> None:
    report = await demo.run(3, 3, 0)
    assert report.totals.requests == 4


async def test_seed() -> None:
    one, two = await demo.run(2, 1, 1), await demo.run(2, 1, 2)
    assert {row.id for row in one.vehicles}.isdisjoint(row.id for row in two.vehicles)


def test_rate_limit_is_that_of_the_api_until_it_has_to_grow() -> None:
    assert demo.rate_limit(25, 24) == 1000
    assert demo.rate_limit(5000, 24) > 5000 * 3


async def test_plain_data() -> None:
    report = await demo.run(1, 2, 0)
    data: Any = to_dict(report)
    assert set(data) == {"until", "hours", "vehicles", "totals"}
    assert data["vehicles"][0]["id"] == report.vehicles[0].id
    assert data["vehicles"][0]["state_of_charge_by_hour"] == list(report.vehicles[0].state_of_charge_by_hour)
