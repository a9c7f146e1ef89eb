"""The energy of a home is in balance, whichever device tells of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.helpers import MARCH, Api, Clock, assert_problem, serving

NOON = 1_741_867_200.0  # 2025-03-13, 12:00


async def equipped(api: Api) -> dict[str, str]:
    """Return the headers that act as the user who has everything."""
    battery = (await api.data("/home_batteries?page_size=1"))[0]
    for user in api.sandbox.user_ids:
        headers = {"EvEnergy-User": user}
        if [one["id"] for one in await api.data("/home_batteries", headers=headers)] == [battery["id"]]:
            return headers
    raise AssertionError("nobody has a battery")


async def one(api: Api, path: str, headers: dict[str, str]) -> Any:
    return (await api.data(path, headers=headers))[0]


async def test_balances_live_power() -> None:
    clock = Clock(NOON)
    async with serving(rate_limit=100_000, clock=clock) as api:
        headers = await equipped(api)
        system = await one(api, "/hem_systems", headers)
        for _ in range(48):
            clock.now += 1800
            await api.renew()
            watts = {
                name.removesuffix("_watts"): value
                for name, value in (await api.data(system["url"] + "/live_power")).items()
            }
            assert watts["generation"] == watts["solar_to_home"] + watts["solar_to_battery"] + watts["solar_to_grid"]
            assert watts["consumption"] == watts["solar_to_home"] + watts["battery_to_home"] + watts["grid_to_home"]
            assert watts["charge"] == watts["solar_to_battery"] + watts["grid_to_battery"]
            assert watts["discharge"] == watts["battery_to_home"] + watts["battery_to_grid"]
            assert watts["import"] == watts["grid_to_home"] + watts["grid_to_battery"]
            assert watts["export"] == watts["solar_to_grid"] + watts["battery_to_grid"]
            assert min(value for name, value in watts.items() if name != "sampled_at") >= 0
            assert 10 <= watts["battery_state_of_charge_percentage"] <= 100


async def test_agrees_with_inverter_battery_and_meter() -> None:
    async with serving(rate_limit=100_000, clock=Clock(NOON + 60)) as api:
        headers = await equipped(api)
        live = await api.data((await one(api, "/hem_systems", headers))["url"] + "/live_power")
        inverter, battery, meter = [
            (await one(api, f"/{name}?expand=latest_status_log", headers))["latest_status_log"]
            for name in ("inverters", "home_batteries", "boundary_meters")
        ]
        assert inverter["solar_power_watts"] == live["generation_watts"] > 0
        assert inverter["status"] == "PRODUCING"
        assert battery["charge_rate_watts"] == live["charge_watts"] - live["discharge_watts"]
        assert battery["state_of_charge_percentage"] == live["battery_state_of_charge_percentage"]
        assert meter["power_watts"] == live["import_watts"] - live["export_watts"]


async def test_imports_what_the_vehicle_charges() -> None:
    async with serving(rate_limit=100_000) as api:
        headers = await equipped(api)
        battery = await one(api, "/home_batteries", headers)
        logs = await api.all(battery["url"] + "/status_logs?page_size=100")
        assert len(logs) == pytest.approx(7 * 96, abs=2)
        assert {log["status"] for log in logs} == {"CHARGING", "DISCHARGING", "IDLE"}
        meter = await one(api, "/boundary_meters", headers)
        parts = await api.data("/charging_sub_sessions?is_finished=true&mode=SMART", headers=headers)
        part = next(p for p in parts if p["energy_delivered_watt_hours"] > 5000)
        usage = (await api.data(part["energy_usage"] + "?energy_delivered_watt_hours__gt=1500"))["intervals"]
        middle = datetime.fromisoformat(usage[1]["started_at"]) + timedelta(minutes=20)
        params = {"page_size": "1", "sampled_at__lte": middle.isoformat()}
        during = await api.data(meter["url"] + "/status_logs", params=params)
        assert during[0]["power_watts"] > 2 * 1500 * 0.8


async def test_sums_energy_by_half_hours_days_and_months() -> None:
    async with serving(rate_limit=100_000) as api:
        headers = await equipped(api)
        system = await one(api, "/hem_systems", headers)
        url = system["url"] + "/energy_stats"
        hours = await api.data(f"{url}?start=2025-03-08T00:00:00Z&end=2025-03-09T00:00:00Z&resolution=PT30M")
        days = await api.data(f"{url}?start=2025-03-01T00:00:00Z&end=2025-03-12T00:00:00Z&resolution=P1D")
        summer = {"start": "2025-01-01T00:00:00Z", "end": "2025-04-01T00:00:00+01:00", "resolution": "P1M"}
        months = await api.data(url, params=summer)
        assert [len(one["buckets"]) for one in (hours, days, months)] == [48, 11, 3]
        day = next(one for one in days["buckets"] if one["period_start"] == "2025-03-08T00:00:00Z")
        for name in ("generation_wh", "consumption_wh", "import_wh"):
            assert sum(one[name] for one in hours["buckets"]) == pytest.approx(day[name], abs=25)
            known = [one[name] for one in days["buckets"] if one[name] is not None]
            assert sum(known) == pytest.approx(months["buckets"][2][name], abs=5)
            assert months["buckets"][0][name] is None  # before anything was measured
        assert day["generation_wh"] > 1000


@pytest.mark.parametrize(
    ("start", "end", "resolution", "named"),
    [
        ("2025-03-08T00:15:00Z", "2025-03-08T01:00:00Z", "PT30M", "start"),
        ("2025-03-08T00:00:00Z", "2025-03-08T12:00:00Z", "P1D", "end"),
        ("2025-03-02T00:00:00Z", "2025-04-01T00:00:00Z", "P1M", "start"),
        ("2025-03-08T00:00:00Z", "2025-03-09T00:30:00Z", "PT30M", "end"),
        ("2025-03-08T00:00:00Z", "2025-03-08T00:00:00Z", "PT30M", "end"),
        ("2025-03-08", "2025-03-09T00:00:00Z", "P1D", "start"),
        ("2025-03-08T00:00:00Z", "2025-03-09T00:00:00Z", "PT1H", "resolution"),
    ],
)
async def test_rejects_energy_off_the_grid(start: str, end: str, resolution: str, named: str) -> None:
    async with serving() as api:
        system = await one(api, "/hem_systems", await equipped(api))
        query = {"start": start, "end": end, "resolution": resolution}
        assert_problem(await api.get(system["url"] + "/energy_stats", params=query), 400, named)


async def test_aligns_days_to_the_zone_of_the_system() -> None:
    async with serving(rate_limit=100_000) as api:
        zones = {"US": "-06:00", "GB": "+00:00", "DE": "+01:00"}
        tried = 0
        for user in await api.data("/users?page_size=100"):
            city, headers = user["default_location"]["city"], {"EvEnergy-User": user["id"]}
            systems = await api.data("/hem_systems", headers=headers)
            zone = {"Austin": zones["US"], "Hamburg": zones["DE"], "London": zones["GB"]}.get(city)
            if systems and zone:
                start, end = f"2025-03-07T00:00:00{zone}", f"2025-03-08T00:00:00{zone}"
                params = {"start": start, "end": end, "resolution": "P1D"}
                data = await api.data(systems[0]["url"] + "/energy_stats", params=params)
                assert datetime.fromisoformat(data["start"]) == datetime.fromisoformat(start)
                tried += 1
        assert tried


async def test_forecasts_the_sun_ahead() -> None:
    async with serving(rate_limit=100_000) as api:
        forecast = (await api.data("/solar_forecasts"))[0]
        logs = await api.all(forecast["url"] + "/forecast_logs?page_size=100")
        newest = datetime.fromisoformat(logs[0]["started_at"]).timestamp()
        assert 86_400 < newest - MARCH <= 2 * 86_400
        assert all(log["sampled_at"] < log["started_at"] for log in logs)
        night = [log["forecast_watts_per_kilowatt"] for log in logs if log["started_at"][11:13] in ("00", "01", "23")]
        noon = [log["forecast_watts_per_kilowatt"] for log in logs if log["started_at"][11:13] == "12"]
        assert set(night) == {0}
        assert min(noon) > 50
        assert await api.data(f"{forecast['url']}/forecast_logs/{logs[5]['started_at']}") == logs[5]


async def test_adds_inverters_and_solar_arrays() -> None:
    async with serving() as api:
        user = api.sandbox.user_ids[1]
        headers, model = {"EvEnergy-User": user}, (await api.data("/inverter_models"))[0]["url"]
        assert_problem(await api.send("POST", "/inverters", json={"model": model}), 400, "EvEnergy-User")
        body = {"model": model, "user": f"{api.sandbox.base_url}/users/{user}"}
        made = [
            await api.send("POST", "/inverters", json=body),
            await api.send("POST", "/inverters", json={"model": model}, headers=headers),
        ]
        assert [response.status for response in made] == [201, 201]
        assert {one["id"] for one in await api.data("/inverters", headers=headers)} == {r.json()["id"] for r in made}
        array = await api.send("POST", "/solar_arrays", json={"capacity_watts": 4000}, headers=headers)
        assert array.json()["inverter"] is None
        changed = await api.send("PATCH", array.json()["url"], json={"capacity_watts": 5000})
        assert changed.json()["capacity_watts"] == 5000
        assert_problem(await api.send("PATCH", array.json()["url"], json={"capacity_watts": None}), 400)
        vehicle = (await api.data("/vehicles", headers=headers))[0]["id"]
        filled = await api.data(array.json()["url"] + f"?vehicle_id={vehicle}")
        assert filled["forecast"]["percent_vehicle_battery_charge_until_midnight"] is not None


async def test_redirects_to_the_makers_login() -> None:
    async with serving() as api:
        make = (await api.data("/inverter_makes"))[0]
        path = f"/inverter_onboarding?client_id=sandbox&user_id={api.sandbox.user_ids[0]}"
        response = await api.bearing(None).get(f"{path}&make_id={make['id']}")
        assert (response.status, response.body) == (302, b"")
        assert make["id"] in response.headers["Location"]
        assert_problem(await api.get(path + "&inverter_id=x"), 400, "inverter_id")
        assert_problem(await api.get("/inverter_onboarding?client_id=sandbox&user_id=x"), 404)
