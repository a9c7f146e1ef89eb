"""Credentials, versions, users, rate limit and errors are the same for every request."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import Any

import pytest

from tests.sandbox.helpers import Api, Clock, Response, assert_problem, serving

PUBLIC = ("", "/", "/vehicle_makes", "/vehicle_models", "/vehicle_compatibility/check?vehicle_model_id=x")


def limits(response: Response) -> tuple[int, int]:
    return int(response.headers["X-RateLimit-Limit"]), int(response.headers["X-RateLimit-Remaining"])


async def as_user(api: Api, user: str) -> Api:
    query = {"response_type": "code", "client_id": "sandbox", "redirect_uri": "app://back", "login_hint": user}
    response = await api.get(api.origin + "/o/authorize/", params=query)
    code = response.headers["Location"].removeprefix("app://back?code=")
    response = await api.token(grant_type="authorization_code", code=code, redirect_uri="app://back")
    return api.bearing(response.json()["access_token"])


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic abc", ""])
async def test_rejects_bad_credentials(header: str) -> None:
    async with serving() as api:
        for path in ("/vehicles", "/vehicle_makes", "/nothing"):
            response = await api.get(path, headers={"Authorization": header})
            assert_problem(response, 401)
            assert response.headers["WWW-Authenticate"] == "Bearer"
        assert limits(await api.get("/vehicles")) == (1000, 999)


async def test_accepts_the_scheme_in_any_case() -> None:
    async with serving() as api:
        token = api.headers["Authorization"].removeprefix("Bearer ")
        assert (await api.get("/vehicles", headers={"Authorization": f"bearer {token}"})).status == 200


async def test_limits_anonymous_callers_by_address() -> None:
    async with serving(rate_limit=2) as api:
        anonymous = api.bearing(None)
        response = await anonymous.get("/vehicles")
        assert_problem(response, 401)
        assert limits(response) == (50, 50)
        make, model = api.sandbox.make_ids[0], (await anonymous.data("/vehicle_models"))[0]["id"]
        paths = (*PUBLIC, f"/vehicle_makes/{make}", f"/vehicle_models/{model}", f"/vehicle_models/{model}/connectors")
        for count, path in enumerate(paths, start=2):
            response = await anonymous.get(path)
            assert response.status in (200, 400)
            assert limits(response) == (50, 50 - count)
        for _ in range(50 - limits(response)[0] + limits(response)[1]):
            response = await anonymous.get("/vehicle_makes")
        assert_problem(await anonymous.get("/vehicle_makes"), 429)
        assert (await api.get("/vehicle_makes")).status == 200
        assert_problem(await anonymous.send("POST", "/vehicle_models", json={}), 401)


async def test_counts_requests_in_a_rolling_hour() -> None:
    clock = Clock(0.0)
    async with serving(rate_limit=2, clock=clock) as api:
        assert limits(await api.get("/vehicles")) == (2, 1)
        clock.now = 600.5
        assert limits(await api.get("/nothing")) == (2, 0)
        clock.now = 1000.25
        for _ in range(3):  # a rejected request is not counted
            response = await api.get("/vehicles")
            assert_problem(response, 429, "https://api.ev.energy/v2/problems/rate-limit-exceeded/")
            assert response.headers["Retry-After"] == "2600"
            assert limits(response) == (2, 0)
        clock.now = 3599.99
        assert (await api.get("/vehicles")).headers["Retry-After"] == "1"
        clock.now = 3600.0
        assert limits(await api.get("/vehicles")) == (2, 0)
        assert (await api.get("/vehicles")).headers["Retry-After"] == "601"
        clock.now = 4200.5
        assert limits(await api.get("/vehicles")) == (2, 0)


async def test_counts_each_user_and_the_application_apart() -> None:
    async with serving(rate_limit=5) as api:
        one, two = [await as_user(api, user) for user in api.sandbox.user_ids[:2]]
        assert limits(await one.get("/vehicles")) == (5, 4)
        assert limits(await one.get("/vehicles")) == (5, 3)
        assert limits(await two.get("/vehicles")) == (5, 4)
        assert limits(await (await as_user(api, api.sandbox.user_ids[0])).get("/vehicles")) == (5, 2)
        assert limits(await api.get("/vehicles", headers={"EvEnergy-User": api.sandbox.user_ids[0]})) == (5, 4)
        token = (await api.token(grant_type="client_credentials")).json()["access_token"]
        assert limits(await api.bearing(token).get("/vehicles")) == (5, 3)


@pytest.mark.parametrize(("version", "status"), [("2", 200), ("1", 400), ("3.0", 400), ("", 400), ("two", 400)])
async def test_accepts_version_2_only(version: str, status: int) -> None:
    async with serving() as api:
        response = await api.get("/vehicles", headers={"EvEnergy-Version": version})
        assert response.status == status
        assert response.headers["EvEnergy-Version"] == "2"
        assert "X-RateLimit-Limit" in response.headers
        assert (await api.bearing(None).get("/vehicles")).headers["EvEnergy-Version"] == "2"


async def test_acts_as_the_user_in_the_header() -> None:
    async with serving() as api:
        user = api.sandbox.user_ids[0]
        url = f"{api.sandbox.base_url}/users/{user}"
        for text in (user, url, url + "/"):
            headers = {"EvEnergy-User": text}
            seen = await api.data("/vehicles", headers=headers)
            assert [vehicle["user"] for vehicle in seen] == [url, url]
            assert [found["id"] for found in await api.data("/users", headers=headers)] == [user]
            assert await api.data(f"/vehicles/{seen[0]['id']}", headers=headers)
            assert_problem(await api.get(f"/vehicles/{api.sandbox.vehicle_ids[-1]}", headers=headers), 404)
            assert_problem(await api.get(f"/users/{api.sandbox.user_ids[1]}", headers=headers), 404)
            make = await api.data(f"/vehicle_makes/{api.sandbox.make_ids[0]}", headers=headers)
            assert f"user_id={user}" in make["onboarding_url"]
        make = await api.data(f"/vehicle_makes/{api.sandbox.make_ids[0]}")
        assert "user_id" not in make["onboarding_url"]
        for text in ("", "me", user[:-1], "user" + "0" * 26, url + "?a=1", user + "x"):
            assert_problem(await api.get("/vehicles", headers={"EvEnergy-User": text}), 400, "EvEnergy-User")


async def test_shows_a_user_only_their_own() -> None:
    async with serving() as api:
        user, other = api.sandbox.user_ids[:2]
        owner = await as_user(api, user)
        assert len(await owner.data("/vehicles")) == 2
        assert len(await owner.data("/vehicles", headers={"EvEnergy-User": user})) == 2
        assert_problem(await owner.get("/vehicles", headers={"EvEnergy-User": other}), 400)
        assert_problem(await owner.get(f"/users/{other}"), 404)


async def test_requires_the_scope_of_the_operation() -> None:
    async with serving() as api:
        token = (await api.token(grant_type="client_credentials", scope="vehicle:read")).json()["access_token"]
        narrow = api.bearing(token)
        vehicle = api.sandbox.vehicle_ids[0]
        assert (await narrow.get("/vehicles")).status == 200
        assert_problem(await narrow.get("/users"), 403, "user:read")
        assert_problem(await narrow.get(f"/vehicles/{vehicle}/command_logs"), 403, "debug:read")
        assert_problem(await narrow.send("PATCH", f"/vehicles/{vehicle}", json={}), 403, "vehicle:write")


async def test_reports_unknown_paths_and_methods() -> None:
    async with serving() as api:
        for path in (
            "/nothing",
            "/vehicles/a/b/c/d",
            "/vehicles//",
            "/vehicles/x",
            "/users/vhcl",
            "/vehicle_makes/%00",
        ):
            assert_problem(await api.get(path), 404, api.sandbox.base_url)
        response = await api.send("DELETE", "/vehicle_makes")
        assert_problem(response, 405)
        assert "GET" in response.headers["Allow"]
        assert limits(response)[0] == 1000
        assert_problem(await api.send("PUT", f"/vehicles/{api.sandbox.vehicle_ids[0]}", json={}), 405)


async def test_serves_trailing_slashes_and_head() -> None:
    async with serving() as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs"
        plain, slash = await api.get(path), await api.get(path + "/")
        assert plain.json() == slash.json()
        assert plain.link("next") == slash.link("next")
        head = await api.send("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert int(head.headers["Content-Length"]) == len(plain.body)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"9" * 10_000],
)
async def test_rejects_bad_bodies(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as api:
        vehicle = api.sandbox.vehicle_ids[0]
        for method, path in (
            ("POST", "/vehicles"),
            ("PATCH", f"/vehicles/{vehicle}"),
            ("PATCH", f"/vehicles/{vehicle}/connectors"),
            ("PATCH", f"/vehicles/{vehicle}/state_of_charge"),
            ("POST", "/vehicle_trims"),
            ("POST", "/vehicle_models"),
            ("POST", "/vehicle_waitlist"),
        ):
            assert_problem(await api.send(method, path, data=body), 400)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_rejects_a_body_that_is_too_large() -> None:
    async with serving() as api:
        response = await api.send("PATCH", f"/vehicles/{api.sandbox.vehicle_ids[0]}", data=io.BytesIO(b" " * 2_000_000))
        assert_problem(response, 413)


async def test_leaves_no_traceback_for_odd_requests(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as api:
        port = int(api.origin.rpartition(":")[2])
        token = api.headers["Authorization"]
        for line, host in (
            ("GET /v2/vehicles?page_size=%ff&expand=%00 HTTP/1.1", "x"),
            ("GET /v2/vehicles HTTP/1.1", "[a b:::/"),
            ("GET http://elsewhere/v2/vehicle_makes HTTP/1.1", "elsewhere"),
            ("GET /v2/../v2/vehicles/%2e%2e/x HTTP/1.1", "x"),
            ("G\x01T / HTTP/1.1", "x"),
            ("nonsense", "x"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = f"{line}\r\nHost: {host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            response = await reader.read()
            assert b"Traceback" not in response
            assert response.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.0 4")), response
            writer.close()
            await writer.wait_closed()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_lists_and_filters_users() -> None:
    async with serving() as api:
        users = await api.all("/users?page_size=7")
        assert [user["id"] for user in users] == api.sandbox.user_ids
        listed = [url for user in users for url in user["vehicles"]]
        assert sorted(listed) == [f"{api.sandbox.base_url}/vehicles/{id_}" for id_ in api.sandbox.vehicle_ids]
        email: Any = users[4]["email"]
        assert await api.data("/users", params={"email": email.upper()}) == [users[4]]
        assert await api.data("/users", params={"email": "nobody@example.com"}) == []
        alone = await api.data(f"/users/{users[9]['id']}")
        alone["default_location"].pop("current_carbon_intensity_grams_per_kilowatt_hour")
        assert alone == users[9]
        expand = [("expand", "default_location.tariff.supplier"), ("expand", "default_location.evse_site")]
        location = (await api.data(f"/users/{users[9]['id']}", params=expand))["default_location"]
        assert location["tariff"]["supplier"]["name"]
        assert location["evse_site"]["id"].startswith("site")
        assert_problem(await api.get("/users?expand=default_location"), 400, "default_location")
        assert json.dumps(users).count("@example.com") == len(users)
