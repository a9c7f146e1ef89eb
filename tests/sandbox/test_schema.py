"""Every response conforms to the provider's description, whose path EVENERGY_OPENAPI holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.helpers import Api, Response, serving

DESCRIPTION = os.environ.get("EVENERGY_OPENAPI")

jsonschema: Any = pytest.importorskip("jsonschema")
yaml: Any = pytest.importorskip("yaml")

pytestmark = pytest.mark.skipif(DESCRIPTION is None, reason="EVENERGY_OPENAPI does not name the provider's description")


@pytest.fixture(scope="module")
def description() -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader(Path(DESCRIPTION or "").read_text()).get_single_data()


def validate(description: Any, method: str, template: str, response: Response) -> None:
    operation = description["paths"][template][method.lower()]
    content = operation["responses"][str(response.status)]["content"]
    schema = {**content["application/json"]["schema"], "components": description["components"]}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(response.json())


def undescribed(description: Any, name: str, data: dict[str, Any]) -> set[str]:
    """Return the fields that the schema has and the data lacks."""
    fields: dict[str, Any] = description["components"]["schemas"][name]["properties"]
    return fields.keys() - data.keys()


READS = (
    ("/", ""),
    ("/users", "?page_size=100"),
    ("/users", "?expand=default_location.tariff.supplier&expand=default_location.evse_site&page_size=100"),
    ("/users/{user_id}", ""),
    ("/vehicles", "?page_size=100"),
    ("/vehicles", "?page_size=100&expand=user&expand=trim.model.make&expand=latest_status_log"),
    ("/vehicles/{vehicle_id}", "?expand=trim"),
    *(
        (f"/vehicles/{{vehicle_id}}/{kind}_logs", "?page_size=100")
        for kind in ("status", "error", "location", "command")
    ),
    ("/vehicles/{vehicle_id}/status_logs", "?expand=vehicle.user&expand=vehicle.trim.model.make"),
    ("/vehicles/{vehicle_id}/connectors", ""),
    ("/vehicles/{vehicle_id}/state_of_charge", ""),
    ("/vehicles/{vehicle_id}/vpp_modes", ""),
    ("/vehicle_makes", ""),
    ("/vehicle_makes/{vehicle_make_id}", ""),
    ("/vehicle_models", "?page_size=100&expand=make"),
    ("/vehicle_models/{vehicle_model_id}", ""),
    ("/vehicle_models/{vehicle_model_id}/connectors", ""),
    ("/vehicle_models/{vehicle_model_id}/connectors/{region}", ""),
    ("/vehicle_trims", "?page_size=100&expand=model.make"),
    ("/vehicle_trims/{vehicle_trim_id}", ""),
    ("/vehicle_compatibility/check", "?vehicle_model_id={vehicle_model_id}"),
)


async def ids(api: Api) -> dict[str, str]:
    trim = (await api.data("/vehicle_trims?expand=model.make"))[0]
    return {
        "user_id": api.sandbox.user_ids[0],
        "vehicle_id": api.sandbox.vehicle_ids[0],
        "vehicle_make_id": trim["model"]["make"]["id"],
        "vehicle_model_id": trim["model"]["id"],
        "vehicle_trim_id": trim["id"],
        "region": "EUROPE",
    }


@pytest.mark.parametrize(("template", "query"), READS)
async def test_serves_reads_as_described(description: Any, template: str, query: str) -> None:
    async with serving() as api:
        response = await api.get((template + query).format(**await ids(api)))
        validate(description, "GET", template, response)


@pytest.mark.parametrize("kind", ["status_logs/{sampled_at}", "error_logs/{logged_at}", "location_logs/{sampled_at}"])
async def test_serves_single_logs_as_described(description: Any, kind: str) -> None:
    async with serving() as api:
        collection = f"/vehicles/{api.sandbox.vehicle_ids[0]}/{kind.partition('/')[0]}"
        for log in await api.data(collection):
            response = await api.get(log["url"])
            validate(description, "GET", "/vehicles/{vehicle_id}/" + kind, response)


async def test_serves_all_status_logs_as_described(description: Any) -> None:
    async with serving() as api:
        for vehicle in api.sandbox.vehicle_ids:
            response = await api.get(f"/vehicles/{vehicle}/status_logs?page_size=100")
            validate(description, "GET", "/vehicles/{vehicle_id}/status_logs", response)


async def test_leaves_no_field_out(description: Any) -> None:
    async with serving() as api:
        vehicle = (await api.data("/vehicles?expand=user&expand=trim.model.make&expand=latest_status_log"))[0]
        known = {
            "Vehicle": vehicle,
            "User": vehicle["user"],
            "VehicleTrim": vehicle["trim"],
            "VehicleModel": vehicle["trim"]["model"],
            "VehicleMake": vehicle["trim"]["model"]["make"],
            "VehicleStatusLog": vehicle["latest_status_log"],
        }
        for name, data in known.items():
            assert undescribed(description, name, data) == set()


async def test_serves_writes_as_described(description: Any) -> None:
    async with serving() as api:
        known = await ids(api)
        base = api.sandbox.base_url
        make, model = (f"{base}/vehicle_{kind}s/{known[f'vehicle_{kind}_id']}" for kind in ("make", "model"))
        region = {"region": "NORTH_AMERICA", "connector_type": "CCS"}
        new = (await api.send("POST", "/vehicle_models", json={"name": "New", "make": make})).json()["id"]
        requests: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
            ("POST", "/vehicles", {"model": model, "user": f"{base}/users/{known['user_id']}"}),
            ("PATCH", "/vehicles/{vehicle_id}", {"maximum_charge_limit_percentage": 70}),
            ("PATCH", "/vehicles/{vehicle_id}/connectors", {"adaptors": []}),
            ("PATCH", "/vehicles/{vehicle_id}/state_of_charge", {"state_of_charge_percentage": 50}),
            ("POST", "/vehicles/{vehicle_id}/reconnect", {}),
            ("POST", "/vehicles/{vehicle_id}/disconnect", {}),
            ("DELETE", "/vehicles/{vehicle_id}", None),
            ("POST", "/vehicle_trims", {"name": "New", "model": model, "battery_size_watt_hours": 50_000}),
            ("POST", "/vehicle_models", {"name": "New", "make": make}),
            ("PATCH", "/vehicle_models/{vehicle_model_id}", {"default_connector_type": "CCS"}),
            ("POST", "/vehicle_models/{vehicle_model_id}/connectors", region),
            ("PATCH", "/vehicle_models/{vehicle_model_id}/connectors/{region}", {"confidence": "LOW"}),
            ("POST", "/vehicle_waitlist", {"email": "a@example.com", "vehicle_model_id": known["vehicle_model_id"]}),
        )
        for method, template, body in requests:
            path = template.format(**{**known, **({"vehicle_model_id": new} if body is region else {})})
            validate(description, method, template, await api.send(method, path, json=body))


async def test_serves_problems_as_described(description: Any) -> None:
    async with serving(rate_limit=4) as api:
        schema = {"$ref": "#/components/schemas/RFC9457ProblemDetail", "components": description["components"]}
        anonymous = api.bearing(None)
        responses = [
            await anonymous.get("/vehicles"),
            await api.get("/nothing"),
            await api.send("PUT", "/vehicles"),
            await api.get("/vehicles?page_size=0"),
            await api.send("POST", "/vehicles", json={}),
            await api.get("/vehicles"),
        ]
        assert [response.status for response in responses] == [401, 404, 405, 400, 400, 429]
        for response in responses:
            jsonschema.Draft202012Validator(schema).validate(response.json())
