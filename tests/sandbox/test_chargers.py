"""Chargers, their logs and clamps, and how they are onboarded and changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sandbox.helpers import Api, assert_problem, serving


async def ocpp_charger(api: Api) -> Any:
    return (await api.data("/evses?page_size=1"))[0]


async def test_belongs_to_its_user() -> None:
    async with serving() as api:
        chargers = await api.all("/evses?page_size=100")
        assert 15 <= len(chargers) < len(api.sandbox.vehicle_ids)
        for user in await api.data("/users?page_size=100"):
            assert user["evses"] == [one["url"] for one in chargers if one["user"] == user["url"]]
        one = chargers[3]
        assert await api.data(f"/evses?cpid={one['cpid']}") == [one]
        headers = {"EvEnergy-User": one["user"].rpartition("/")[2]}
        assert {row["user"] for row in await api.data("/evses", headers=headers)} == {one["user"]}
        other = next(row for row in chargers if row["user"] != one["user"])
        assert_problem(await api.get(other["url"], headers=headers), 404)


async def test_moves_and_clears_the_location() -> None:
    async with serving() as api:
        url = (await ocpp_charger(api))["url"]
        place = {"latitude": 1.25, "longitude": -2.5}
        moved = await api.send("PATCH", url + "?expand=user", json={"location": place})
        assert (moved.json()["location"], moved.json()["user"]["url"]) == (place, (await api.data(url))["user"])
        assert (await api.send("PATCH", url, json={})).json()["location"] == place
        assert (await api.send("PATCH", url, json={"location": None})).json()["location"] is None
        for wrong in ({"latitude": 91, "longitude": 0}, {"latitude": 1}, "1,2", {"latitude": "1", "longitude": 2}):
            assert_problem(await api.send("PATCH", url, json={"location": wrong}), 400, "location")


async def test_decommissions_a_charger() -> None:
    async with serving() as api:
        part = next(one for one in await api.data("/charging_sub_sessions?page_size=100") if one["evse"])
        assert (await api.send("DELETE", part["evse"])).status == 204
        assert_problem(await api.get(part["evse"]), 404)
        assert_problem(await api.send("DELETE", part["evse"]), 404)
        after = await api.data(part["url"] + "?expand=evse")
        assert after["evse"] is None
        assert after["energy_delivered_watt_hours"] == part["energy_delivered_watt_hours"]


async def test_filters_ocpp_messages() -> None:
    async with serving(rate_limit=100_000) as api:
        path = (await ocpp_charger(api))["url"] + "/ocpp_logs"
        everything = await api.all(path + "?page_size=100")
        assert {log["action"] for log in everything} >= {"Heartbeat", "StatusNotification", "MeterValues"}
        filters: dict[str, Callable[[Any], object]] = {
            "action=Heartbeat": lambda log: log["action"] == "Heartbeat",
            "action__in=StartTransaction,StopTransaction": lambda log: (
                log["action"] in ("StartTransaction", "StopTransaction")
            ),
            "direction=SENT": lambda log: log["direction"] == "Sent",
            "direction=RECEIVED": lambda log: log["direction"] == "Received",
            "error_code=NoError": lambda log: log["response"]["error_code"] == "NoError",
            "error_code__in=InternalError,GenericError": lambda log: log["response"]["error_code"] != "NoError",
        }
        for query, fits in filters.items():
            assert await api.all(f"{path}?page_size=3&{query}") == [log for log in everything if fits(log)], query
        assert_problem(await api.get(path + "?direction=Sent"), 400, "direction")


async def test_counts_the_same_energy_in_transactions_and_status_logs() -> None:
    async with serving(rate_limit=100_000) as api:
        url = (await ocpp_charger(api))["url"]
        stops = await api.all(url + "/ocpp_logs?page_size=100&action=StopTransaction")
        assert stops
        for stop in stops:
            since = f"{url}/status_logs?page_size=1&sampled_at__lte={stop['sampled_at']}"
            reading = (await api.data(since))[0]["meter_reading_watt_hours"]
            assert 0 <= stop["payload"]["meterStop"] - reading < 1500


async def test_measures_the_grid_with_a_clamp_and_with_a_meter_alike() -> None:
    async with serving(rate_limit=100_000) as api:
        clamps = await api.data("/ct_clamps?page_size=100&expand=evse")
        meters: dict[str, int] = {}
        for user in {clamp["evse"]["user"] for clamp in clamps}:
            headers = {"EvEnergy-User": user.rpartition("/")[2]}
            for meter in await api.data("/boundary_meters?expand=latest_status_log", headers=headers):
                meters[user] = meter["latest_status_log"]["power_watts"]
        compared = [clamp for clamp in clamps if clamp["evse"]["user"] in meters]
        assert compared
        for clamp in compared:
            log = (await api.data(clamp["url"] + "/logs?page_size=1"))[0]
            watts = meters[clamp["evse"]["user"]]
            assert abs(log["current_milliamps"] - watts / 230 * 1000) < 1 or log["sampled_at"] < "2025-03-10T09:45"
            assert clamp["calibration_factor"] in (1, -1)


async def test_imports_a_charger_by_its_serial_number() -> None:
    async with serving() as api:
        user = api.sandbox.user_ids[4]
        headers = {"EvEnergy-User": user}
        body = {"provider": "Zaptec", "serial_number": "ZAP-000123"}
        assert_problem(await api.send("POST", "/evse_onboarding/import", json=body), 400, "EvEnergy-User")
        made = await api.send("POST", "/evse_onboarding/import?expand=model", json=body, headers=headers)
        assert made.status == 201
        assert (made.json()["cpid"], made.json()["latest_status_log"]) == ("ZAP-000123", None)
        assert made.json()["model"]["name"]
        assert await api.data(made.json()["url"] + "/status_logs") == []
        assert made.json()["url"] in (await api.data(f"/users/{user}"))["evses"]
        assert_problem(await api.send("POST", "/evse_onboarding/import", json=body, headers=headers), 422)
        unknown = {**body, "serial_number": "no such"}
        assert_problem(await api.send("POST", "/evse_onboarding/import", json=unknown, headers=headers), 404)
        other = {**body, "provider": "Acme"}
        assert_problem(await api.send("POST", "/evse_onboarding/import", json=other, headers=headers), 400, "provider")


async def test_reports_connectivity_and_modes() -> None:
    async with serving() as api:
        signals: set[bool] = set()
        for charger in await api.data("/evses?page_size=100"):
            data = await api.data(charger["url"] + "/connectivity?expand=latest_status_log")
            assert data["latest_status_log"]["evse"] == charger["url"]
            assert (data["signal_strength_rssi_dbm"] is None) == (data["iccid"] is None)
            signals.add(data["signal_strength_rssi_dbm"] is None)
            assert (await api.data(charger["url"] + "/vpp_modes"))["import_max_power"] is True
        assert signals == {True, False}


async def test_starts_onboarding_of_a_charger() -> None:
    async with serving() as api:
        anonymous, user = api.bearing(None), api.sandbox.user_ids[0]
        make = (await anonymous.data("/evse_makes"))[0]["id"]
        path = f"/evse_onboarding?client_id=sandbox&user_id={user}"
        redirect = await anonymous.get(f"{path}&make_id={make}")
        assert (redirect.status, redirect.body) == (302, b"")
        as_json = await anonymous.data(f"{path}&make_id={make}&response_type=json")
        assert as_json == {"url": redirect.headers["Location"]}
        assert_problem(await anonymous.get(path + "&response_type=json"), 400, "make_id")
        assert_problem(await anonymous.get(path + "&make_id=emak0"), 400, "make_id")
        assert_problem(await anonymous.get(f"/evse_onboarding?client_id=x&user_id={user}"), 400, "client_id")
        assert_problem(await anonymous.get(f"/evse_onboarding?client_id=sandbox&user_id=user{'0' * 26}"), 404)


async def test_checks_chargers_by_country_and_program() -> None:
    async with serving() as api:
        models = {one["name"]: one["id"] for one in await api.all("/evse_models")}

        async def compatible(**query: str) -> bool:
            query["evse_model_id"] = models["Home Flex"]
            return bool((await api.data("/evse_compatibility/check", params=query))["compatible"])

        assert await compatible()
        assert not await compatible(country="gb")
        programs = {one["name"]: one["id"] for one in await api.all("/programs")}
        assert await compatible(country="gb", program_id=programs["Peak Relief Texas"])
        assert not await compatible(program_id=programs["Smart Nights"])
        wrong = await api.get(f"/evse_compatibility/check?evse_model_id=emod{'0' * 26}")
        assert_problem(wrong, 404, "evse-model-not-found")


async def test_the_user_of_a_charger_may_have_moved_to_a_country_without_models() -> None:
    async with serving() as api:
        user = next(one for one in await api.data("/users?page_size=100") if one["evses"])
        address = {"address_1": "1 Rue", "city": "Paris", "postal_code": "75001", "country_code": "ZZ"}
        moved = await api.send("PATCH", user["url"], json={"default_location": address})
        assert moved.status == 200
        assert all([(await api.data(url))["model"] for url in user["evses"]])
