"""Charging follows from what vehicles do: sessions, energy, prices, and the logs of vehicles and chargers agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from evenergy.sandbox import Sandbox
from evenergy.sandbox.simulation.charging import Sessions
from tests.sandbox.helpers import Api, Clock, assert_problem, serving

EVENING = 1_741_734_000.0  # 2025-03-11, 23:00: many vehicles wait for the night


def seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


async def all_parts(api: Api, query: str = "") -> list[Any]:
    return await api.all(f"/charging_sub_sessions?page_size=100{query}")


async def smart_session(api: Api) -> Any:
    """Return a session that waits for the night, has a charger, and has hours to charge."""
    for session in await api.all("/charging_sessions?page_size=100&expand=sub_sessions"):
        if session["end"] is None and session["evse"] and session["sub_sessions"][0]["mode"] == "SMART":
            charge = await api.data(session["vehicle"] + "/state_of_charge")
            if (charge["state_of_charge_percentage"] or 100) < 50:
                return session
    raise AssertionError("nobody waits for the night")


async def test_agrees_with_the_status_logs_of_the_vehicle() -> None:
    async with serving(rate_limit=100_000) as api:
        compared = 0
        for part in (await all_parts(api, "&is_finished=true"))[::3]:
            window = f"?sampled_at__gte={part['start']}&sampled_at__lte={part['end']}&page_size=100"
            logs = await api.all(part["vehicle"] + "/status_logs" + window)
            assert {log["is_plugged_in"] for log in logs} <= {True, None}
            added = [log["charge_energy_added_watt_hours"] for log in logs if log["state"] != "UNKNOWN"]
            if added and added[0] is not None and part["mode"] != "BOOST" and logs[0]["is_complete"]:
                assert abs(added[0] - part["energy_delivered_watt_hours"]) <= 1
                compared += 1
        assert compared > 5


async def test_agrees_with_the_meter_of_the_charger() -> None:
    async with serving(rate_limit=100_000) as api:
        parts = [part for part in await all_parts(api, "&is_finished=true&mode=SMART") if part["evse"]]
        assert len(parts) > 10
        for part in parts[::4]:
            window = f"?sampled_at__gte={part['start']}&sampled_at__lte={part['end']}&page_size=100"
            logs = await api.all(part["evse"] + "/status_logs" + window)
            assert all(log["is_plugged_in"] and log["control_pilot_status"] in "BC" for log in logs)
            metered = logs[0]["meter_reading_watt_hours"] - logs[-1]["meter_reading_watt_hours"]
            assert -1 <= part["energy_delivered_watt_hours"] - metered <= 300  # what came after the last log
            charging = [log for log in logs if log["is_charging"]]
            assert all(log["charge_rate_watts"] > 0 and log["mode"] == "Charge" for log in charging)
            usage = (await api.data(part["energy_usage"]))["intervals"]
            busy = {seconds(one["started_at"]) for one in usage if one["total_energy_delivered_watt_hours"]}
            assert {seconds(log["sampled_at"]) // 1800 * 1800 for log in charging} <= busy


async def test_adds_intervals_up_to_the_energy_and_the_cost() -> None:
    async with serving(rate_limit=100_000) as api:
        parts = await all_parts(api, "&expand=energy_usage&expand=tariff&expand=carbon_feed")
        for part in parts:
            usage = part["energy_usage"]["intervals"]
            delivered = [one["total_energy_delivered_watt_hours"] for one in usage]
            assert sum(delivered) == part["energy_delivered_watt_hours"]
            assert all(one["started_at"][14:16] in ("00", "30") for one in usage)
            solar, grid = part["solar_energy_delivered_watt_hours"], part["grid_energy_delivered_watt_hours"]
            assert solar + grid == sum(delivered)
            if part["tariff"] is None:
                assert (part["mode"], part["cost"], part["evse"]) == ("UNMANAGED_OTG", None, None)
                continue
            prices = [float(one["electricity_cost_sub_unit"]) for one in usage]
            cost = sum(price * energy for price, energy in zip(prices, delivered, strict=True)) / 1000
            assert part["cost"] == round(cost)
            assert part["currency"] == part["tariff"]["currency"]
        assert {part["mode"] for part in parts} >= {"SMART", "UNMANAGED_HOME", "UNMANAGED_OTG"}
        saved = [part["savings_cost"] for part in parts if part["savings_cost"] is not None]
        assert sum(saved) > 0  # the night is cheaper


async def test_merges_intervals_with_and_without_energy() -> None:
    async with serving(rate_limit=100_000) as api:
        part = next(one for one in await all_parts(api, "&is_finished=true&mode=SMART") if one["duration_minutes"] > 60)
        whole = (await api.data(part["energy_usage"]))["intervals"]
        runs = (await api.data(part["energy_usage"] + "?merge_consecutive_intervals=true"))["intervals"]
        assert sum(one["interval_seconds"] for one in runs) == sum(one["interval_seconds"] for one in whole)
        energies = [one["total_energy_delivered_watt_hours"] for one in runs]
        assert sum(energies) == part["energy_delivered_watt_hours"]
        assert all((one > 0) != (other > 0) for one, other in pairwise(energies))
        filtered = await api.data(part["energy_usage"] + "?energy_delivered_watt_hours__gt=0")
        assert [one["total_energy_delivered_watt_hours"] > 0 for one in filtered["intervals"]]
        assert len(filtered["intervals"]) < len(whole)


async def test_names_a_command_the_same_in_all_logs() -> None:
    async with serving(rate_limit=100_000) as api:
        part = next(one for one in await all_parts(api, "&is_finished=true&mode=SMART") if one["evse"])
        dispatched = await api.data(f"/dispatcher_logs?charging_sub_session_id={part['id']}")
        ids = {log["internal_command_id"] for log in dispatched}
        assert len(ids) == 2
        for device in ("vehicle", "evse"):
            logs = await api.all(f"{part[device]}/command_logs?page_size=100")
            assert ids <= {log["internal_command_id"] for log in logs}


async def test_lists_charging_of_all_vehicles_newest_first() -> None:
    clock = Clock()
    async with serving(rate_limit=100_000, clock=clock) as api:
        everything = await all_parts(api)
        ids = [part["id"] for part in everything]
        assert ids == sorted(ids, reverse=True)
        starts = [part["start"] for part in everything]
        assert starts == sorted(starts, reverse=True)
        assert len({part["vehicle"] for part in everything}) > 20
        for size in (7, 100):
            assert [one["id"] for one in await api.all(f"/charging_sub_sessions?page_size={size}")] == ids
        sessions = [one["start"] for one in await api.all("/charging_sessions?page_size=100")]
        assert sessions == sorted(sessions, reverse=True)
        oldest = "csub0" + "0" * 25
        back = await api.all(f"/charging_sub_sessions?page_size=9&page_before={oldest}", "previous")
        assert [one["id"] for one in back] == ids
        clock.now += 86400
        await api.renew()
        later = await all_parts(api)
        assert [part["id"] for part in later][-len(ids) :] == ids
        assert len(later) > len(ids)
        older = await all_parts(api, f"&page_after={ids[0]}")
        assert [one["id"] for one in older] == ids[1:]
        for cursor in ("x", "cses" + ids[0][4:], ""):
            assert_problem(await api.get("/charging_sub_sessions", params={"page_after": cursor}), 400, "page_after")


async def test_filters_sub_sessions() -> None:
    async with serving(rate_limit=100_000) as api:
        everything = await all_parts(api)
        middle = everything[len(everything) // 2]
        expected: dict[str, Callable[[Any], object] | None] = {
            f"vehicle_id={_id(middle['vehicle'])}": lambda one: one["vehicle"] == middle["vehicle"],
            f"user_id={api.sandbox.user_ids[3]}": None,
            "is_finished=true": lambda one: one["end"] is not None,
            "is_finished=false": lambda one: one["end"] is None,
            "mode=UNMANAGED_OTG": lambda one: one["mode"] == "UNMANAGED_OTG",
            "energy_delivered_watt_hours__gte=9000": lambda one: one["energy_delivered_watt_hours"] >= 9000,
            "energy_delivered_watt_hours__lte=9000": lambda one: one["energy_delivered_watt_hours"] <= 9000,
            f"start__gt={middle['start']}": lambda one: seconds(one["start"]) > seconds(middle["start"]),
            f"start__lt={middle['start']}": lambda one: seconds(one["start"]) < seconds(middle["start"]),
            f"end__gt={middle['end']}": lambda one: one["end"] and seconds(one["end"]) > seconds(middle["end"]),
            f"end__lt={middle['end']}": lambda one: one["end"] and seconds(one["end"]) < seconds(middle["end"]),
        }
        for query, fits in expected.items():
            found = await all_parts(api, "&" + query)
            if fits is None:
                vehicles = (await api.data(f"/users/{api.sandbox.user_ids[3]}"))["vehicles"]
                assert found == [one for one in everything if one["vehicle"] in vehicles]
            else:
                assert found == [one for one in everything if fits(one)], query
                assert found or query == "is_finished=false", query
        for query in ("mode=FAST", "is_finished=yes", "start__gt=now", "energy_delivered_watt_hours__gte=1.5"):
            assert_problem(await api.get(f"/charging_sub_sessions?{query}"), 400, query.partition("=")[0])
        charger = next(one["evse"] for one in everything if one["evse"])
        assert await all_parts(api, f"&evse_id={_id(charger)}") == [one for one in everything if one["evse"] == charger]
        assert await all_parts(api, f"&evse_id=evse{'0' * 26}") == []


def _id(url: str) -> str:
    return url.rpartition("/")[2]


async def test_shows_a_user_their_own_sessions_only() -> None:
    async with serving(rate_limit=100_000) as api:
        user = api.sandbox.user_ids[2]
        vehicles = (await api.data(f"/users/{user}"))["vehicles"]
        headers = {"EvEnergy-User": user}
        own = await api.data("/charging_sub_sessions?page_size=100", headers=headers)
        assert {one["vehicle"] for one in own} == set(vehicles)
        other = next(one for one in await all_parts(api) if one["vehicle"] not in vehicles)
        assert_problem(await api.get(other["url"], headers=headers), 404)
        sessions = await api.data("/charging_sessions?page_size=100", headers=headers)
        assert {one["vehicle"] for one in sessions} == set(vehicles)


async def test_splits_a_session_when_it_is_boosted() -> None:
    clock = Clock(EVENING)
    async with serving(rate_limit=100_000, clock=clock) as api:
        session = await smart_session(api)
        url, path = session["url"], session["vehicle"] + "/status_logs?page_size=100"
        before = await api.all(path)
        assert_problem(await api.send("POST", url + "/boost_end"), 409)
        clock.now += 60
        boosted = await api.send("POST", url + "/boost_start")
        assert (boosted.status, len(boosted.json()["sub_sessions"])) == (200, 2)
        assert_problem(await api.send("POST", url + "/boost_start"), 409)
        newest, first = [await api.data(one) for one in boosted.json()["sub_sessions"]]
        assert (newest["mode"], newest["end"], first["mode"]) == ("BOOST", None, "SMART")
        assert first["end"] == newest["start"]
        clock.now += 1800
        assert (await api.data(session["evse"] + "/status_logs?page_size=1"))[0]["is_charging"]
        ended = (await api.send("POST", url + "/boost_end")).json()
        parts = [await api.data(one) for one in ended["sub_sessions"]]
        assert [part["mode"] for part in parts] == ["SMART", "BOOST", "SMART"]
        assert parts[1]["energy_delivered_watt_hours"] > 1000
        clock.now += 86400
        await api.renew()
        over = await api.data(url + "?expand=sub_sessions")
        assert over["end"] == over["sub_sessions"][0]["end"]
        assert_problem(await api.send("POST", url + "/boost_start"), 409)
        assert (await api.all(path))[-len(before) :] == before
        # Boost is for one session: the next one waits for the night again.
        later = [
            one for one in await all_parts(api, f"&vehicle_id={_id(session['vehicle'])}") if one["start"] > over["end"]
        ]
        assert {one["mode"] for one in later} <= {"SMART", "UNMANAGED_OTG"}


async def test_refuses_to_boost_what_is_not_smart_or_out_of_reach() -> None:
    clock = Clock(EVENING)
    async with serving(rate_limit=100_000, clock=clock) as api:
        open_ones = [one for one in await api.all("/charging_sessions?page_size=100") if one["end"] is None]
        for session in open_ones:
            await api.send("PATCH", session["vehicle"], json={"smart_charging_enabled": False})
            assert_problem(await api.send("POST", session["url"] + "/boost_start"), 409)
        chargerless = next(one for one in open_ones if one["evse"] is None)
        await api.send("POST", chargerless["vehicle"] + "/disconnect")
        assert_problem(await api.send("POST", chargerless["url"] + "/boost_start"), 503)
        assert (await api.data(chargerless["url"]))["end"] == "2025-03-11T23:00:00Z"


async def test_replaces_schedules_when_it_plans_again() -> None:
    async with serving(rate_limit=100_000) as api:
        part = next(one for one in await all_parts(api, "&is_finished=true&mode=SMART") if one["duration_minutes"] > 60)
        plans = (await api.data(part["url"] + "/schedule_plans?expand=price_data"))["schedule_plans"]
        assert len(plans) == 2
        assert all(plan["price_data"] for plan in plans)
        newest = (await api.data(part["schedules"]))["schedules"]
        everything = (await api.data(part["schedules"] + "?only_most_recently_created=false"))["schedules"]
        assert len(newest) == len({one["started_at"] for one in newest}) < len(everything)
        of_plan = await api.data(part["schedules"] + f"?schedule_plan_id={plans[1]['id']}")
        assert {one["created_at"] for one in of_plan["schedules"]} == {plans[1]["created_at"]}
        assert any(one["current_milliamps"] for one in newest)
        since = newest[2]["started_at"]
        later = await api.data(part["schedules"] + f"?started_at__gte={since}")
        assert later["schedules"] == newest[2:]
        created = plans[1]["created_at"]
        assert len((await api.data(part["url"] + f"/schedule_plans?created_at__gte={created}"))["schedule_plans"]) == 1


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("assessment", "debug:read"),
        ("tariff", "tariff:read"),
        ("carbon_feed", "carbon:read"),
        ("grid_feeds", "grid:read"),
    ],
)
async def test_requires_a_scope_to_expand_what_has_its_own(path: str, scope: str) -> None:
    async with serving() as api:
        token = await api.token(grant_type="client_credentials", scope="charging_session:read")
        narrow = api.bearing(token.json()["access_token"])
        assert_problem(await narrow.get(f"/charging_sub_sessions?expand={path}"), 403, scope)
        assert (await narrow.get("/charging_sub_sessions?expand=energy_usage&page_size=1")).status == 200


async def test_recalculates_what_is_over_and_nothing_else() -> None:
    clock = Clock(EVENING)
    async with serving(rate_limit=100_000, clock=clock) as api:
        done = (await api.data("/charging_sub_sessions?is_finished=true&page_size=1"))[0]
        response = await api.send("POST", done["url"] + "/recalculate_energy_usages")
        assert response.json() == {
            "status": "recalculation_triggered",
            "previous_energy_delivered_watt_hours": done["energy_delivered_watt_hours"],
            "new_energy_delivered_watt_hours": done["energy_delivered_watt_hours"],
        }
        open_one = (await api.data("/charging_sub_sessions?is_finished=false&page_size=1"))[0]
        assert_problem(await api.send("POST", open_one["url"] + "/recalculate_energy_usages"), 400)


def test_begins_a_session_on_the_day_of_its_cycle() -> None:
    # The listing over all vehicles reads a day's sessions from the cycles of that day alone.
    fleet = Sandbox(vehicles=150, days=30, clock=Clock())._fleet
    sessions = Sessions(fleet)
    first = int(fleet.begin // 86_400)
    begun = [
        (session.start // 86_400, day)
        for vehicle in fleet.vehicles.values()
        for day in range(first, first + 30)
        for session in sessions.of_cycle(vehicle, day)
    ]
    assert len(begun) > 3000
    assert all(day == cycle for day, cycle in begun)
