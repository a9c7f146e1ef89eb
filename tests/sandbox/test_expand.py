from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.helpers import assert_problem, serving

LOGS = ("status_logs", "error_logs", "location_logs", "command_logs")


def at(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data[name]
    return data


async def test_writes_references_as_urls_unless_expanded() -> None:
    async with serving() as api:
        vehicle = (await api.data("/vehicles"))[0]
        base = api.sandbox.base_url
        assert vehicle["url"] == f"{base}/vehicles/{vehicle['id']}"
        assert vehicle["trim"].startswith(f"{base}/vehicle_trims/trim")
        assert vehicle["user"].startswith(f"{base}/users/user")
        assert vehicle["charging_sub_sessions"] == f"{base}/charging_sub_sessions?vehicle_id={vehicle['id']}"
        for name in ("trim", "user", "latest_status_log"):
            whole = (await api.data("/vehicles", params={"expand": name}))[0]
            assert whole[name]["url"] == vehicle[name]
            assert {**whole, name: ""} == {**vehicle, name: ""}


@pytest.mark.parametrize("path", ["trim", "trim.model", "trim.model.make", "user", "latest_status_log"])
async def test_expands_vehicles_to_each_depth(path: str) -> None:
    async with serving() as api:
        for url in ("/vehicles", f"/vehicles/{api.sandbox.vehicle_ids[0]}"):
            data = await api.data(url, params={"expand": path})
            inner = at(data[0] if isinstance(data, list) else data, path)
            assert await api.data(inner["url"]) == inner or path == "user"


@pytest.mark.parametrize("kind", LOGS)
async def test_expands_logs_to_each_depth(kind: str) -> None:
    async with serving() as api:
        vehicle = api.sandbox.vehicle_ids[0]
        path = f"/vehicles/{vehicle}/{kind}"
        expand = [("expand", "vehicle.user"), ("expand", "vehicle.trim.model.make")]
        logs = await api.data(path, params=expand)
        for log in logs:
            assert log["vehicle"]["user"]["email"]
            assert log["vehicle"]["trim"]["model"]["make"]["name"]
            assert isinstance(log["vehicle"]["latest_status_log"], str)
        assert await api.data(logs[0]["url"], params=expand) == logs[0]


async def test_links_makes_models_and_trims() -> None:
    async with serving() as api:
        makes, models, trims = [await api.all(f"/vehicle_{name}") for name in ("makes", "models", "trims")]
        assert len(makes) >= 6
        assert len(models) >= 12
        assert len(trims) > len(models)
        for name in ("icon", "onboarding_url", "subscription_name", "subscription_package"):
            assert None in {make[name] for make in makes}
            assert len({make[name] for make in makes}) > 1
        assert any(model["onboarding_url"] is None for model in models)
        assert any(trim["onboarding_url"] is None for trim in trims)
        for make in makes:
            assert await api.data(make["url"]) == make
            own = await api.data(make["models"])
            assert own == [model for model in models if model["make"] == make["url"]]
        for model in models:
            assert await api.data(model["url"]) == model
            assert await api.data(model["vehicle_trims"]) == [trim for trim in trims if trim["model"] == model["url"]]
        whole = await api.data("/vehicle_models?expand=make&page_size=100")
        assert [model["make"] for model in whole] == [await api.data(model["make"]) for model in models]
        trim = await api.data(trims[0]["url"] + "?expand=model.make")
        assert trim["model"]["make"] == makes[0]
        assert await api.data("/vehicle_models?make_id=nothing") == []


async def test_lists_models_available_for_a_user() -> None:
    async with serving() as api:
        models = await api.all("/vehicle_models")
        counts: set[tuple[bool, int]] = set()
        for user in await api.all("/users"):
            available = await api.all(f"/vehicle_models?available_for_user_id={user['id']}")
            assert all(model in models for model in available)
            makes = await api.data(f"/vehicle_makes?available_for_user_id={user['id']}")
            assert {make["url"] for make in makes} == {model["make"] for model in available}
            counts.add((user["default_location"]["country_code"] == "US", len(available)))
        assert len(counts) == 2
        assert_problem(await api.get("/vehicle_makes?available_for_user_id=me"), 400, "available_for_user_id")


async def test_checks_compatibility_by_country() -> None:
    async with serving() as api:
        models = {model["name"]: model["id"] for model in await api.all("/vehicle_models")}

        async def compatible(language: str = "", **query: str) -> bool:
            query["vehicle_model_id"] = models["ID.3"]
            headers = {"Accept-Language": language}
            data = await api.data("/vehicle_compatibility/check", params=query, headers=headers)
            return bool(data["compatible"])

        assert not await compatible()
        assert await compatible(country="gb")
        assert not await compatible(country="JP")
        assert await compatible("de-DE,de;q=0.9")
        assert not await compatible("de-DE", country="US")
        path = "/vehicle_compatibility/check"
        assert_problem(await api.get(path), 400, "vehicle_model_id")
        assert_problem(await api.get(f"{path}?vehicle_model_id={models['ID.3']}&country=xyz"), 400, "country")
        assert_problem(await api.get(f"{path}?vehicle_model_id=vmod{'0' * 26}"), 404)
        assert_problem(await api.get(f"{path}?vehicle_model_id={models['ID.3']}&program_id=prog{'0' * 26}"), 404)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/vehicles", "nothing"),
        ("/vehicles", ""),
        ("/vehicles", "user,trim"),
        ("/vehicles", "trim.user"),
        ("/vehicle_makes", "models"),
        ("/vehicle_models", "make.models"),
        ("/vehicle_trims", "trim"),
        ("/users", "vehicles"),
    ],
)
async def test_rejects_unknown_expansions(path: str, value: str) -> None:
    async with serving() as api:
        response = await api.get(path, params=[("expand", value)])
        assert_problem(response, 400, repr(value))
        assert "expand" in response.json()["field_errors"]


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
REGION = {"name": "New", "geometries": [SQUARE]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", {"email": "new@example.com"}),
        ("/inverters", {"model": "{base}/inverter_models/{model}", "user": "{base}/users/{user}"}),
        ("/regions", REGION),
        ("/region_groups", {"name": "New", "regions": [REGION]}),
    ],
)
async def test_a_creation_with_an_unknown_expansion_adds_nothing(path: str, body: dict[str, Any]) -> None:
    async with serving() as api:
        places = {
            "base": api.sandbox.base_url,
            "user": api.sandbox.user_ids[0],
            "model": (await api.data("/inverter_models"))[0]["id"],
        }
        sent = {name: value.format(**places) if isinstance(value, str) else value for name, value in body.items()}
        before = await api.all(path)
        assert_problem(await api.send("POST", path + "?expand=nothing", json=sent), 400, "'nothing'")
        assert await api.all(path) == before
        assert (await api.send("POST", path, json=sent)).status == 201
        assert len(await api.all(path)) == len(before) + 1


@pytest.mark.parametrize("kind", ["evse", "inverter", "home_battery", "boundary_meter"])
async def test_lists_the_models_of_a_make(kind: str) -> None:
    async with serving() as api:
        models = await api.data(f"/{kind}_models?page_size=100&expand=make")
        for make in await api.data(f"/{kind}_makes"):
            own = await api.data(f"/{kind}_models?expand=make&make_id={make['id']}")
            assert own == [model for model in models if model["make"] == make]
            assert own


async def test_offers_chargers_by_the_country_of_the_user() -> None:
    async with serving() as api:
        counts: set[tuple[bool, int]] = set()
        for user in await api.all("/users"):
            makes = await api.data(f"/evse_makes?available_for_user_id={user['id']}")
            models = await api.data(f"/evse_models?available_for_user_id={user['id']}")
            assert {model["make"] for model in models} == {make["url"] for make in makes}
            counts.add((user["default_location"]["country_code"] == "US", len(makes)))
        assert len({american for american, _ in counts}) == 2
        assert len(counts) > 2


async def test_names_user_and_application_in_onboarding_links() -> None:
    async with serving() as api:
        headers = {"EvEnergy-User": api.sandbox.user_ids[0]}
        make = (await api.data("/evse_makes", headers=headers))[0]["onboarding_url"]
        assert f"user_id={api.sandbox.user_ids[0]}" in make
        assert "client_id=sandbox" in make
        assert (await api.get(make)).status == 302
        anonymous = (await api.bearing(None).data("/evse_makes"))[0]["onboarding_url"]
        assert "client_id" not in anonymous
