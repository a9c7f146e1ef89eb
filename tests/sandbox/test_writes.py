from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.helpers import Api, Clock, Response, assert_problem, serving


async def new_vehicle(api: Api, **body: Any) -> Response:
    model = (await api.data("/vehicle_models"))[0]
    user = f"{api.sandbox.base_url}/users/{api.sandbox.user_ids[0]}"
    return await api.send("POST", "/vehicles", json={"model": model["url"], "user": user, **body})


async def patched(api: Api, url: str, **body: Any) -> Any:
    response = await api.send("PATCH", url, json=body)
    assert response.status == 200, response
    return response.json()


def assert_fields(response: Response, *names: str) -> None:
    assert_problem(response, 400)
    assert response.json()["field_errors"].keys() == set(names)


async def test_updates_a_vehicle() -> None:
    async with serving() as api:
        url = f"/vehicles/{api.sandbox.vehicle_ids[0]}"
        before = await api.data(url)
        change = {"maximum_charge_limit_percentage": 55, "smart_charging_enabled": False, "vehicle_class": None}
        after = await patched(api, url, **change, id="ignored")
        assert after == {**before, **change}
        assert await api.data(url) == after
        assert await patched(api, url) == after
        expanded = await patched(api, url + "?expand=user")
        assert expanded["user"]["url"] == after["user"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_charge_limit_percentage", 49),
        ("maximum_charge_limit_percentage", 101),
        ("maximum_charge_limit_percentage", "80"),
        ("maximum_charge_limit_percentage", 80.0),
        ("maximum_charge_limit_percentage", True),
        ("maximum_charge_limit_percentage", None),
        ("smart_charging_enabled", 1),
        ("vehicle_class", "TANK"),
        ("vehicle_class", ["PASSENGER"]),
        ("battery_size_watt_hours", 60_000),
    ],
)
async def test_rejects_bad_updates(name: str, value: object) -> None:
    async with serving() as api:
        url = f"/vehicles/{api.sandbox.vehicle_ids[0]}"
        before = await api.data(url)
        body = {"smart_charging_enabled": False, "maximum_charge_limit_percentage": 60, name: value}
        assert_fields(await api.send("PATCH", url, json=body), name)
        assert await api.data(url) == before


async def test_applies_a_new_limit_from_then_on() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        before = {id_: await api.all(f"/vehicles/{id_}/status_logs?page_size=100") for id_ in api.sandbox.vehicle_ids}
        for vehicle in before:
            await patched(api, f"/vehicles/{vehicle}", maximum_charge_limit_percentage=50)
        clock.now += 5 * 86400
        await api.renew()
        later_charges: set[int] = set()
        for vehicle, logs in before.items():
            later = await api.all(f"/vehicles/{vehicle}/status_logs?page_size=100")
            assert later[len(later) - len(logs) :] == logs
            new = later[: len(later) - len(logs)]
            later_charges |= {log["state_of_charge_percentage"] for log in new if log["is_charging"]} - {None}
            assert {log["target_charge_level_percentage"] for log in new[:-1]} <= {50, None}
        assert later_charges
        assert max(later_charges) <= 50


async def test_creates_and_deletes_a_vehicle() -> None:
    async with serving() as api:
        response = await new_vehicle(
            api, battery_size_watt_hours=60_004, description="Mine", vehicle_class="COMMERCIAL"
        )
        assert response.status == 201
        vehicle = response.json()
        assert vehicle["integrated"] == "UNINTEGRATED"
        assert vehicle["battery_size_watt_hours"] == 60_000
        assert (vehicle["description"], vehicle["vehicle_class"]) == ("Mine", "COMMERCIAL")
        assert vehicle["latest_status_log"] is None
        assert vehicle["id"] == api.sandbox.vehicle_ids[-1] == max(api.sandbox.vehicle_ids)
        assert await api.data(vehicle["url"]) == vehicle
        assert await api.data(vehicle["url"] + "/status_logs") == []
        assert vehicle["url"] in (await api.data(f"/users/{api.sandbox.user_ids[0]}"))["vehicles"]
        assert (await patched(api, vehicle["url"], battery_size_watt_hours=50_000))["battery_size_watt_hours"] == 50_000
        response = await api.send("DELETE", vehicle["url"])
        assert response.status == 200
        assert all(isinstance(count, int) for count in response.json().values())
        assert_problem(await api.get(vehicle["url"]), 404)
        assert_problem(await api.send("DELETE", vehicle["url"]), 404)
        assert vehicle["id"] not in api.sandbox.vehicle_ids


async def test_assigns_a_new_vehicle_to_its_user() -> None:
    async with serving() as api:
        model, user = (await api.data("/vehicle_models"))[0]["url"], api.sandbox.user_ids[1]
        assert_fields(await api.send("POST", "/vehicles", json={"model": model}), "user")
        headers = {"EvEnergy-User": user}
        response = await api.send("POST", "/vehicles?expand=user", json={"model": model}, headers=headers)
        assert response.status == 201
        assert response.json()["user"]["id"] == user
        body = {"model": model, "user": f"{api.sandbox.base_url}/users/{api.sandbox.user_ids[0]}"}
        assert_fields(await api.send("POST", "/vehicles", json=body, headers=headers), "user")


async def test_rejects_bad_vehicles() -> None:
    async with serving() as api:
        user = f"{api.sandbox.base_url}/users/{api.sandbox.user_ids[0]}"
        model = (await api.data("/vehicle_models"))[0]["id"]
        assert_fields(await api.send("POST", "/vehicles", json={}), "model", "user")
        for wrong in (model, 5, None, user, f"{api.sandbox.base_url}/vehicle_models/vmod{'0' * 26}"):
            assert_fields(await new_vehicle(api, model=wrong), "model")
        assert_fields(
            await new_vehicle(api, battery_size_watt_hours=999, description=""),
            "battery_size_watt_hours",
            "description",
        )


async def test_updates_connectors_of_a_vehicle() -> None:
    async with serving() as api:
        url = f"/vehicles/{api.sandbox.vehicle_ids[0]}/connectors"
        before = await api.data(url)
        assert before["updated_at"] is None
        assert await patched(api, url) == before
        after = await patched(api, url, native_connector="NACS", adaptors=["CCS", "CHADEMO"])
        assert (after["native_connector"], after["adaptors"]) == ("NACS", ["CCS", "CHADEMO"])
        assert after["updated_at"]
        assert await api.data(url) == after
        restored = await patched(api, url, native_connector=None, adaptors=[])
        assert restored["native_connector"] == before["native_connector"]
        for adaptors in (["CCS", "CCS"], ["GBT"], "CCS", None, [["CCS"]], [before["native_connector"]]):
            assert_fields(await api.send("PATCH", url, json={"adaptors": adaptors}), "adaptors")
        assert_fields(await api.send("PATCH", url, json={"native_connector": "X"}), "native_connector")


async def test_updates_the_state_of_charge() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        url = f"/vehicles/{api.sandbox.vehicle_ids[0]}/state_of_charge"
        connected = await api.data(url)
        assert connected["source"] == "CONNECTED"
        manual = await patched(api, url, state_of_charge_percentage=33)
        assert (manual["source"], manual["state_of_charge_percentage"]) == ("MANUAL", 33)
        assert await patched(api, url) == manual
        assert await patched(api, url, state_of_charge_percentage=None) == connected
        await patched(api, url, state_of_charge_percentage=34)
        clock.now += 20 * 3600
        await api.renew()
        assert (await api.data(url))["state_of_charge_percentage"] != 34
        for wrong in (-1, 101, "5", 1.5, False):
            response = await api.send("PATCH", url, json={"state_of_charge_percentage": wrong})
            assert_fields(response, "state_of_charge_percentage")
        unknown = await api.data((await new_vehicle(api)).json()["url"] + "/state_of_charge")
        assert {unknown[name] for name in ("state_of_charge_percentage", "source", "updated_at")} == {None}


async def test_disconnects_and_reconnects() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        url = f"/vehicles/{api.sandbox.vehicle_ids[0]}"
        assert (await api.data(url + "/vpp_modes"))["charge_mode"] is True
        logs = await api.data(url + "/status_logs")
        for _ in range(2):
            response = await api.send("POST", url + "/disconnect")
            assert (response.status, response.json()["integrated"]) == (200, "INACTIVE")
        clock.now += 86400
        await api.renew()
        assert await api.data(url + "/status_logs") == logs
        assert (await api.data(url + "/vpp_modes"))["charge_mode"] is False
        response = await api.send("POST", url + "/reconnect", json={})
        assert response.status == 201
        assert response.json()["url"].startswith(api.sandbox.base_url)
        assert response.json()["expires_at"] == "2025-03-11T10:46:40.25Z"
        dumb = (await new_vehicle(api)).json()["url"]
        assert (await api.send("POST", dumb + "/disconnect")).json()["integrated"] == "UNINTEGRATED"


async def test_adds_catalogue_entries() -> None:
    async with serving() as api:
        make = f"{api.sandbox.base_url}/vehicle_makes/{api.sandbox.make_ids[0]}"
        listed = [await api.all("/vehicle_models"), await api.all("/vehicle_trims")]
        model = await api.send("POST", "/vehicle_models", json={"name": "Coupé", "make": make})
        assert model.status == 201
        url = model.json()["url"]
        body = {"name": "Base", "model": url, "battery_size_watt_hours": 50_000}
        trim = await api.send("POST", "/vehicle_trims", json=body)
        assert trim.status == 201
        assert await api.data(url) == model.json()
        assert await api.data(trim.json()["url"]) == trim.json()
        assert [await api.all("/vehicle_models"), await api.all("/vehicle_trims")] == listed
        assert (await new_vehicle(api, model=url)).status == 201
        assert (await patched(api, url, default_connector_type="NACS"))["default_connector_type"] == "NACS"
        assert_fields(await api.send("PATCH", url, json={"default_connector_type": "GBT"}), "default_connector_type")
        assert_fields(await api.send("POST", "/vehicle_trims", json={}), *body)
        assert_fields(await api.send("POST", "/vehicle_models", json={"name": " ", "make": "x"}), "name", "make")


async def test_updates_connectors_of_a_model() -> None:
    async with serving() as api:
        make = f"{api.sandbox.base_url}/vehicle_makes/{api.sandbox.make_ids[0]}"
        model = (await api.send("POST", "/vehicle_models", json={"name": "New", "make": make})).json()
        url = model["url"] + "/connectors"
        assert await api.data(url) == []
        body = {"region": "EUROPE", "connector_type": "GBT", "verified_at": "2025-01-01T00:00:00Z"}
        response = await api.send("POST", url, json=body)
        assert response.status == 201
        assert response.json() == {**response.json(), **body, "source": None, "confidence": None}
        assert_fields(await api.send("POST", url, json=body), "region")
        assert_fields(await api.send("POST", url, json={"verified_at": "x"}), "region", "connector_type", "verified_at")
        changed = await patched(api, url + "/EUROPE", confidence="LOW", region="NORTH_AMERICA")
        assert changed == {**response.json(), "confidence": "LOW"}
        assert await api.data(url + "/EUROPE") == changed
        for region in ("NORTH_AMERICA", "MOON"):
            assert_problem(await api.get(f"{url}/{region}"), 404)
            assert_problem(await api.send("PATCH", f"{url}/{region}", json={}), 404)


async def test_waitlist() -> None:
    async with serving() as api:
        anonymous = api.bearing(None)
        model = (await api.data("/vehicle_models"))[0]["id"]
        words = {"vehicle_make_name": "Trabant", "vehicle_model_name": "nT"}
        ids: set[str] = set()
        for device in ({"vehicle_model_id": model}, words, {**words, "vehicle_model_id": None}):
            response = await anonymous.send("POST", "/vehicle_waitlist", json={"email": "a@example.com", **device})
            assert response.status == 201
            ids.add(response.json()["id"])
        assert len(ids) == 3
        for wrong in ({}, {"vehicle_make_name": "Trabant"}, {**words, "vehicle_model_id": model}):
            response = await anonymous.send("POST", "/vehicle_waitlist", json={"email": "a@example.com", **wrong})
            assert_fields(response, "vehicle_model_id")
        assert_fields(await anonymous.send("POST", "/vehicle_waitlist", json={**words, "email": "a"}), "email")


async def test_rejects_writes_of_another_user() -> None:
    async with serving() as api:
        headers = {"EvEnergy-User": api.sandbox.user_ids[0]}
        url = f"/vehicles/{api.sandbox.vehicle_ids[-1]}"
        for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/disconnect"), ("POST", "/reconnect")):
            assert_problem(await api.send(method, url + path, json={}, headers=headers), 404)
        assert len(api.sandbox.vehicle_ids) == 25
