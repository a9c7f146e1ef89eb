"""Logs of vehicles are plausible and consistent."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.helpers import MARCH, Api, Clock, assert_problem, serving

SEED_FIELDS = {
    "url",
    "logged_at",
    "sampled_at",
    "vehicle",
    "state_of_charge_percentage",
    "is_charging",
    "is_plugged_in",
    "charge_rate_watts",
}
NEWER_FIELDS = {
    "estimated_charge_rate_watts",
    "charge_level_watt_hours",
    "target_charge_level_percentage",
    "target_charge_level_watt_hours",
    "charge_energy_added_watt_hours",
    "minutes_to_full_charge",
    "current_type",
    "is_complete",
    "odometer_meters",
    "data_source",
    "state",
}
KINDS = {
    "status_logs": "sampled_at",
    "location_logs": "sampled_at",
    "error_logs": "logged_at",
    "command_logs": "logged_at",
}


async def fleet_logs(api: Api, kind: str = "status_logs") -> list[list[Any]]:
    return [await api.all(f"/vehicles/{id_}/{kind}?page_size=100") for id_ in api.sandbox.vehicle_ids]


async def test_reports_plausible_status_logs() -> None:
    async with serving() as api:
        seen: dict[str, set[Any]] = {}
        digits: set[int] = set()
        for logs in await fleet_logs(api):
            assert len(logs) > 100
            times = [datetime.fromisoformat(log["sampled_at"]) for log in logs]
            assert times == sorted(set(times), reverse=True)
            for log, sampled in zip(logs, times, strict=True):
                assert log.keys() == SEED_FIELDS | NEWER_FIELDS
                assert timedelta(0) < datetime.fromisoformat(log["logged_at"]) - sampled < timedelta(minutes=1)
                assert MARCH - 7 * 86400 <= sampled.timestamp() <= MARCH
                assert log["url"] == f"{log['vehicle']}/status_logs/{log['sampled_at']}"
                fraction = log["sampled_at"].removesuffix("Z").partition(".")[2]
                assert not fraction.endswith("0")
                digits.add(len(fraction))
                for name, value in log.items():
                    seen.setdefault(name, set()).add(value)
        assert digits == set(range(7))
        for name in NEWER_FIELDS - {"data_source"} | SEED_FIELDS - {"url", "logged_at", "sampled_at", "vehicle"}:
            assert None in seen[name]
            assert len(seen[name]) > 1
        assert {"DRIVING", "STATIONARY", "RECENTLY_FINISHED_DRIVING", "UNKNOWN"} < seen["state"]
        assert {"PLUGGED_IN_CHARGING", "PLUGGED_IN_NOT_CHARGING", "PLUGGED_IN_COMPLETE"} < seen["state"]
        assert len(seen["current_type"]) == 3


async def test_charges_plausibly() -> None:
    async with serving() as api:
        rates: dict[bool, set[Any]] = {True: set(), False: set()}
        for vehicle_id, logs in zip(api.sandbox.vehicle_ids, await fleet_logs(api), strict=True):
            limit = (await api.data(f"/vehicles/{vehicle_id}"))["maximum_charge_limit_percentage"]
            for newer, older in pairwise(logs):
                charge, before = newer["state_of_charge_percentage"], older["state_of_charge_percentage"]
                if charge is None or before is None:
                    continue
                assert 0 <= charge <= 100
                if newer["is_charging"]:
                    assert charge <= limit
                    assert newer["is_plugged_in"] in (True, None)
                if newer["is_charging"] and older["is_charging"]:
                    hours = datetime.fromisoformat(newer["sampled_at"]) - datetime.fromisoformat(older["sampled_at"])
                    assert charge >= before or hours > timedelta(hours=2)
                if newer["is_charging"] and (newer["current_type"] or "").startswith("AC") and not 79 <= charge <= 82:
                    rates[charge > 82].add(newer["charge_rate_watts"])
        assert rates[False] == {3600, 7400, 11000, None}
        slow = rates[True] - {None}
        assert slow.isdisjoint(rates[False])
        assert min(slow) < 3600 < max(slow) < 11000


async def test_never_turns_odometers_back() -> None:
    async with serving() as api:
        for logs in await fleet_logs(api):
            readings = [log["odometer_meters"] for log in logs if log["odometer_meters"] is not None]
            assert readings == sorted(readings, reverse=True)


async def test_reports_the_same_for_the_same_seed_and_clock() -> None:
    async def read_all(**options: Any) -> Any:
        async with serving(vehicles=2, **options) as api:
            return [[{**log, "url": "", "vehicle": ""} for log in logs] for logs in await fleet_logs(api)]

    assert await read_all(seed=3) == await read_all(seed=3)
    assert await read_all(seed=3) != await read_all(seed=4)


async def test_adds_logs_with_time_and_changes_none() -> None:
    clock = Clock()
    async with serving(vehicles=3, clock=clock) as api:
        before = {kind: await fleet_logs(api, kind) for kind in KINDS}
        clock.now += 30 * 3600
        await api.renew()
        for kind in KINDS:
            for earlier, later in zip(before[kind], await fleet_logs(api, kind), strict=True):
                assert later[len(later) - len(earlier) :] == earlier
        after = await fleet_logs(api)
        assert all(len(later) > len(logs) for logs, later in zip(before["status_logs"], after, strict=True))


@pytest.mark.parametrize("start", [0.0, 1000.0])
async def test_supports_a_clock_that_starts_at_the_epoch(start: float) -> None:
    clock = Clock(start)
    async with serving(vehicles=2, clock=clock) as api:
        for logs in await fleet_logs(api):
            assert logs[-1]["sampled_at"].startswith("1969-12-2")
            assert await api.data(logs[-1]["url"]) == logs[-1]
        clock.now += 86400
        await api.renew()
        assert (await fleet_logs(api))[0][0]["sampled_at"].startswith("1970-01-0")


@pytest.mark.parametrize("kind", KINDS)
async def test_returns_one_log_by_its_key(kind: str) -> None:
    async with serving(vehicles=4) as api:
        count = 0
        for logs in await fleet_logs(api, kind):
            for log in logs[::10]:
                assert await api.data(log["url"]) == log
                count += 1
        assert count > 3
        vehicle = api.sandbox.vehicle_ids[0]
        for key in ("2025-03-04T05:06:07Z", "x", "2025-03-04", "2025-03-04T05:06:07", vehicle):
            assert_problem(await api.get(f"/vehicles/{vehicle}/{kind}/{key}"), 404)


async def test_reads_a_key_as_an_instant() -> None:
    async with serving() as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"
        log = next(log for log in await api.all(path) if len(log["sampled_at"]) == len("2025-03-10T00:00:00.123Z"))
        text = log["sampled_at"].removesuffix("Z")
        hour_on = (datetime.fromisoformat(text) + timedelta(hours=1)).isoformat()
        for key in (f"{text}Z", f"{text}000Z", f"{text}000000Z", f"{text}+00:00", f"{hour_on}+01:00"):
            assert await api.data(f"{path}/{quote(key)}") == log
            assert await api.data(f"{path}/{quote(key, safe='')}/") == log
        assert_problem(await api.get(f"{path}/{text[:-1]}Z"), 404)


async def test_reports_locations_errors_and_commands() -> None:
    async with serving() as api:
        for kind, key in KINDS.items():
            everything = [log for logs in await fleet_logs(api, kind) for log in logs]
            assert everything
            for log in everything:
                assert log["url"] == f"{log['vehicle']}/{kind}/{log[key]}"
        commands = {log["command"] for logs in await fleet_logs(api, "command_logs") for log in logs}
        assert commands == {"START_CHARGE", "STOP_CHARGE", "WAKE_UP", "SEND_SCHEDULE"}
        at_home = {log["at_home"] for logs in await fleet_logs(api, "location_logs") for log in logs}
        assert at_home == {True, False, None}


async def test_ends_the_logs_of_a_lost_connection() -> None:
    async with serving() as api:
        lost = [vehicle for vehicle in await api.data("/vehicles") if vehicle["integrated"] == "INACTIVE"]
        assert len(lost) == 1
        latest = await api.data(lost[0]["latest_status_log"])
        assert datetime.fromisoformat(latest["sampled_at"]).timestamp() < MARCH - 2 * 86400


async def test_refers_to_the_latest_status_log() -> None:
    async with serving() as api:
        for vehicle in await api.data("/vehicles?expand=latest_status_log"):
            logs = await api.data(f"/vehicles/{vehicle['id']}/status_logs?page_size=1")
            assert [vehicle["latest_status_log"]] == logs
            plain = await api.data(f"/vehicles/{vehicle['id']}")
            assert plain["latest_status_log"] == logs[0]["url"]
