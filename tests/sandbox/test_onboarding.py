"""A vehicle is onboarded, and reports from then on."""

from __future__ import annotations

import pytest

from tests.sandbox.helpers import Api, Clock, assert_problem, serving


async def begin(api: Api, **query: str) -> str:
    given = {"client_id": "sandbox", "response_type": "json", "user_id": api.sandbox.user_ids[1], **query}
    return str((await api.data("/vehicle_onboarding", params=given))["authorization_request_id"])


async def complete(api: Api, request: str) -> tuple[int, str]:
    body = {"authorization_request_uid": request, "auth_code": "code"}
    response = await api.send("POST", "/vehicle_onboarding/complete", json=body)
    return response.status, response.json()["vehicles"][0]["url"] if response.status == 201 else ""


async def test_adds_a_vehicle_that_reports_from_then_on() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        model = (await api.data("/vehicle_models"))[0]
        status, url = await complete(api, await begin(api, model_id=model["id"]))
        assert status == 201
        vehicle = await api.data(url + "?expand=trim.model")
        assert vehicle["integrated"] == "ACTIVE"
        assert vehicle["trim"]["model"]["id"] == model["id"]
        assert vehicle["user"].endswith(api.sandbox.user_ids[1])
        assert await api.data(url + "/status_logs") == []
        clock.now += 2 * 86400
        await api.renew()
        logs = await api.all(url + "/status_logs?page_size=100")
        assert len(logs) > 20
        assert logs[-1]["sampled_at"] > "2025-03-10T09:46"


async def test_completes_a_request_once_and_in_time() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        make = (await api.data("/vehicle_makes"))[0]["id"]
        request, late = await begin(api, make_id=make), await begin(api, make_id=make)
        assert (await complete(api, request))[0] == 201
        assert (await complete(api, request))[0] == 404
        clock.now += 3600
        assert (await complete(api, late))[0] == 422
        body = {"authorization_request_uid": "x"}
        response = await api.send("POST", "/vehicle_onboarding/complete", json=body)
        assert response.json()["field_errors"].keys() == {"authorization_request_uid", "auth_code"}


async def test_redirects_a_browser() -> None:
    async with serving() as api:
        anonymous = api.bearing(None)
        query = f"client_id=sandbox&user_id={api.sandbox.user_ids[0]}"
        response = await anonymous.get(f"/vehicle_onboarding?{query}")
        assert response.status == 302
        assert response.headers["Location"].startswith(api.sandbox.base_url)
        assert_problem(await anonymous.get(f"/vehicle_onboarding?{query}&response_type=json"), 422)
        assert_problem(await anonymous.get(f"/vehicle_onboarding?{query}&make_id=x"), 400, "make_id")


@pytest.mark.parametrize("field", ["email", "make"])
async def test_sends_a_link_for_a_user(field: str) -> None:
    async with serving() as api:
        headers, make = {"EvEnergy-User": api.sandbox.user_ids[0]}, api.sandbox.make_ids[0]
        body = {"email": "a@example.com", "make": make}
        path = "/vehicle_onboarding/onboarding_link"
        assert (await api.send("POST", path, json=body, headers=headers)).status == 204
        assert_problem(await api.send("POST", path, json=body), 400, "EvEnergy-User")
        wrong = await api.send("POST", path, json={**body, field: "x"}, headers=headers)
        assert_problem(wrong, 400, field)
