"""Controls let a test make happen what it needs: time, faults, vehicles that vanish, late logs."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from evenergy.sandbox import Sandbox
from tests.sandbox.helpers import MARCH, Api, Clock, assert_problem, serving


async def all_logs(api: Api) -> dict[str, list[Any]]:
    return {id_: await api.all(f"/vehicles/{id_}/status_logs?page_size=100") for id_ in api.sandbox.vehicle_ids}


async def test_advances_the_clock() -> None:
    async with serving(vehicles=2, rate_limit=2) as api:
        path = f"/vehicles/{api.sandbox.vehicle_ids[0]}/status_logs?page_size=1"
        before = (await api.data(path))[0]["sampled_at"]
        await api.get("/vehicles")
        assert_problem(await api.get("/vehicles"), 429)
        api.sandbox.advance(minutes=59, seconds=59)
        assert_problem(await api.get("/vehicles"), 429)
        api.sandbox.advance(seconds=1)
        assert (await api.get("/vehicles")).status == 200
        api.sandbox.advance(hours=9)
        assert_problem(await api.get("/vehicles"), 401)
        await api.renew()
        assert (await api.data(path))[0]["sampled_at"] > before
        with pytest.raises(ValueError, match="forward only"):
            api.sandbox.advance(hours=-1)


async def test_survives_a_clock_that_jumps() -> None:
    clock = Clock()
    async with serving(vehicles=3, rate_limit=50, clock=clock) as api:
        expected = await all_logs(api)
        for jump in (-3 * 86400, 400 * 86400, -30 * 86400, -MARCH):
            clock.now = MARCH + jump
            await api.renew()
            for path in ("/vehicles?expand=latest_status_log", "/charging_sub_sessions", "/hem_systems", "/tariffs"):
                response = await api.get(path)
                assert response.status in (200, 429), response
                assert int(response.headers.get("Retry-After", "1")) <= 3600
        clock.now = MARCH + 3600
        await api.renew()
        assert {id_: logs[-20:] for id_, logs in (await all_logs(api)).items()} == {
            id_: logs[-20:] for id_, logs in expected.items()
        }


async def test_fails_as_often_as_asked() -> None:
    async with serving() as api:
        api.sandbox.fail(times=2, status=503, retry_after=7)
        for _ in range(2):
            response = await api.get("/vehicles")
            assert_problem(response, 503)
            assert response.headers["Retry-After"] == "7"
        response = await api.get("/vehicles")
        assert (response.status, response.headers["X-RateLimit-Remaining"]) == (200, "999")
        assert api.sandbox.requests == 3


async def test_fails_by_path_and_method() -> None:
    async with serving() as api:
        vehicle = api.sandbox.vehicle_ids[0]
        api.sandbox.fail(times=None, status=500, path="/vehicles/*", method="patch")
        assert (await api.get(f"/vehicles/{vehicle}")).status == 200
        assert (await api.send("PATCH", f"/vehicles/{vehicle}/", json={})).status == 500
        assert (await api.send("PATCH", f"/vehicles/{vehicle}/connectors", json={})).status == 500
        api.sandbox.clear_faults()
        assert (await api.send("PATCH", f"/vehicles/{vehicle}", json={})).status == 200


async def test_fails_at_the_token_endpoint_only_when_named() -> None:
    async with serving() as api:
        api.sandbox.fail(status=502)
        assert (await api.token(grant_type="client_credentials")).status == 200
        api.sandbox.fail(status=500, path="/o/token/")
        assert (await api.token(grant_type="client_credentials")).status == 500
        assert (await api.token(grant_type="client_credentials")).status == 200


async def test_fails_as_a_proxy_does() -> None:
    async with serving() as api:
        api.sandbox.fail(status=502, body="<html>Bad Gateway</html>", headers={"Server": "cloud"})
        response = await api.get("/vehicles")
        assert (response.status, response.body) == (502, b"<html>Bad Gateway</html>")
        assert response.headers["Content-Type"].startswith("text/html")
        assert response.headers["Server"] == "cloud"
        assert not {name for name in response.headers if name.startswith(("X-RateLimit", "EvEnergy"))}


async def test_fails_at_the_rate_limit_as_the_api_does() -> None:
    async with serving() as api:
        api.sandbox.fail(status=429, retry_after=1)
        response = await api.get("/vehicles")
        assert_problem(response, 429, "rate-limit-exceeded")
        assert (response.headers["X-RateLimit-Remaining"], response.headers["Retry-After"]) == ("0", "1")


async def test_loses_a_response_after_the_work() -> None:
    async with serving() as api:
        api.sandbox.lose_response(path="/vehicle_models", method="POST")
        make = f"{api.sandbox.base_url}/vehicle_makes/{api.sandbox.make_ids[0]}"
        body = {"name": "New", "make": make}
        models = len(api.sandbox._fleet.catalogue.models)
        with pytest.raises(aiohttp.ClientConnectionError):
            await api.send("POST", "/vehicle_models", json=body)
        assert len(api.sandbox._fleet.catalogue.models) == models + 1
        assert (await api.send("POST", "/vehicle_models", json=body)).status == 201


async def test_slows_requests_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as api:
        waits: list[float] = []

        async def note(seconds: float) -> None:
            waits.append(seconds)

        monkeypatch.setattr("evenergy.sandbox.faults.sleep", note)
        api.sandbox.slow(2.5, times=2, path="/vehicles")
        for path in ("/users", "/vehicles", "/vehicles", "/vehicles"):
            assert (await api.get(path)).status == 200
        assert waits == [2.5, 2.5]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("fail", {"times": 0}, "times must be"),
        ("fail", {"status": 200}, "status must be"),
        ("lose_response", {"times": "1"}, "times must be"),
        ("slow", {"seconds": -1}, "seconds must be"),
        ("slow", {"seconds": 1, "times": True}, "times must be"),
    ],
)
def test_rejects_bad_faults(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        getattr(Sandbox(vehicles=0), name)(**arguments)


async def test_removes_and_restores_a_vehicle() -> None:
    clock = Clock()
    async with serving(vehicles=5, clock=clock) as api:
        ids, vehicle = api.sandbox.vehicle_ids, api.sandbox.vehicle_ids[1]
        parts = await api.data(f"/charging_sub_sessions?vehicle_id={vehicle}")
        api.sandbox.remove_vehicle(vehicle)
        assert api.sandbox.vehicle_ids == [id_ for id_ in ids if id_ != vehicle]
        assert [one["id"] for one in await api.data("/vehicles")] == api.sandbox.vehicle_ids
        for path in (
            f"/vehicles/{vehicle}",
            f"/vehicles/{vehicle}/status_logs",
            f"/charging_sub_sessions/{parts[0]['id']}",
        ):
            assert_problem(await api.get(path), 404)
        assert await api.data(f"/charging_sub_sessions?vehicle_id={vehicle}") == []
        with pytest.raises(KeyError):
            api.sandbox.remove_vehicle(vehicle)
        clock.now += 6 * 3600
        api.sandbox.restore_vehicle(vehicle)
        assert api.sandbox.vehicle_ids == ids
        assert [one["id"] for one in await api.data("/vehicles")] == ids
        newest = await api.data(f"/vehicles/{vehicle}/status_logs?page_size=1")
        assert newest[0]["sampled_at"] > "2025-03-10T10:00"  # it drove on meanwhile
        with pytest.raises(KeyError):
            api.sandbox.restore_vehicle(vehicle)


async def test_stores_a_share_of_logs_late_and_out_of_order() -> None:
    clock = Clock()
    async with serving(vehicles=4, late=0.2, clock=clock) as api, serving(vehicles=4, clock=Clock()) as punctual:
        late, expected = await all_logs(api), await all_logs(punctual)
        samples = {id_: [log["sampled_at"] for log in logs] for id_, logs in expected.items()}
        delayed = 0
        for id_, logs in late.items():
            assert [log["sampled_at"] for log in logs if log["sampled_at"] not in samples[id_]] == []
            assert len(logs) < len(samples[id_])  # some of them are still to come
            stored = [log["logged_at"] for log in logs]
            assert stored != sorted(stored, reverse=True)
            delayed += sum(log["logged_at"][:13] > log["sampled_at"][:13] for log in logs)
        assert 0.1 < delayed / sum(map(len, late.values())) < 0.4
        clock.now += 13 * 3600
        await api.renew()
        for id_, logs in (await all_logs(api)).items():
            assert set(samples[id_]) <= {log["sampled_at"] for log in logs}


async def test_refers_to_the_latest_log_that_is_stored() -> None:
    clock = Clock()
    async with serving(vehicles=8, late=0.5, clock=clock) as api:
        for _ in range(30):
            clock.now += 1700
            await api.renew()
            for vehicle in await api.data("/vehicles?expand=latest_status_log"):
                newest = await api.data(f"/vehicles/{vehicle['id']}/status_logs?page_size=1")
                assert [vehicle["latest_status_log"]] == newest


@pytest.mark.parametrize("late", [-0.1, 1.1, float("nan")])
def test_rejects_a_bad_share_of_late_logs(late: float) -> None:
    with pytest.raises(ValueError, match="late must be a share"):
        Sandbox(late=late)


def test_serves_controls_to_a_blocking_test() -> None:
    with Sandbox(vehicles=3) as sandbox:
        connection = http.client.HTTPConnection(urlsplit(sandbox.base_url).netloc, timeout=10)

        def get(path: str, **headers: str) -> tuple[int, Any]:
            connection.request("GET", "/v2" + path, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

        sandbox.fail(times=1, status=503, path="/vehicle_makes")
        assert [get("/vehicle_makes")[0] for _ in range(2)] == [503, 200]
        login = b64encode(f"{sandbox.client_id}:{sandbox.client_secret}".encode()).decode()
        form = {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/o/token/", body="grant_type=client_credentials", headers=form)
        token = json.loads(connection.getresponse().read())["access_token"]
        sandbox.remove_vehicle(sandbox.vehicle_ids[0])
        assert len(get("/vehicles", Authorization=f"Bearer {token}")[1]) == 2
        sandbox.advance(hours=11)
        assert get("/vehicles", Authorization=f"Bearer {token}")[0] == 401
        connection.close()


def test_moves_the_clock_before_it_serves() -> None:
    sandbox = Sandbox(vehicles=1)
    sandbox.advance(days=1)
    with sandbox:
        assert sandbox._now() > time.time() + 86_000


async def test_takes_faults_from_many_threads() -> None:
    async with serving(rate_limit=1_000_000) as api:
        adding = [asyncio.to_thread(api.sandbox.fail, 1, 500 + n % 5) for n in range(50)]
        await asyncio.gather(*adding)
        statuses = [(await api.get("/vehicle_makes")).status for _ in range(51)]
        assert sorted(statuses) == sorted([200, *(500 + n % 5 for n in range(50))])
