"""Users, their notifications, preferences and routes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.helpers import Api, assert_problem, serving

POINT = {"latitude": 51.5, "longitude": -0.1, "name": "Home"}
ROUTE = {"name": "Work", "origin": POINT, "destination": {**POINT, "name": "Work"}, "arrive_with_min_percent": 20}


def first(api: Api) -> str:
    return f"/users/{api.sandbox.user_ids[0]}"


async def patched(api: Api, path: str, **body: Any) -> Any:
    response = await api.send("PATCH", path, json=body)
    assert response.status == 200, response
    return response.json()


async def test_creates_a_user() -> None:
    async with serving() as api:
        made = await api.send("POST", "/users", json={"email": "New@Example.com"})
        assert made.status == 201
        user = made.json()
        assert (user["email"], user["vehicles"], user["evses"]) == ("new@example.com", [], [])
        assert user["id"] == api.sandbox.user_ids[-1]
        assert await api.data(user["url"]) == user
        assert_problem(await api.send("POST", "/users", json={"email": "new@example.com"}), 400, "email")
        for path in ("/solar_arrays", "/notifications", "/home_batteries", "/charging_sessions"):
            assert await api.data(path, headers={"EvEnergy-User": user["id"]}) == []


async def test_keeps_an_address_whole() -> None:
    async with serving() as api:
        before = (await api.data(first(api)))["default_location"]
        after = (await patched(api, first(api), default_location={"city": "York", "state": None}))["default_location"]
        assert after == {**before, "city": "York"}
        assert_problem(await api.send("PATCH", first(api), json={"default_location": {"city": None}}), 400, "city")
        nothing = dict.fromkeys(
            ("address_1", "address_2", "city", "state", "postal_code", "country_code", "coordinates")
        )
        cleared = (await patched(api, first(api), default_location=nothing))["default_location"]
        assert {cleared[name] for name in nothing} == {None}
        assert_problem(await api.send("PATCH", first(api), json={"default_location": {"address_1": "x"}}), 400)


async def test_changes_the_tariff() -> None:
    async with serving() as api:
        tariff = (await api.data("/tariffs"))[-1]["url"]
        after = await patched(api, first(api), default_location={"tariff": tariff})
        assert after["default_location"]["tariff"] == tariff
        assert_problem(await api.send("PATCH", first(api), json={"default_location": {"tariff": "x"}}), 400)


async def test_marks_notifications_as_read() -> None:
    async with serving() as api:
        assert_problem(await api.get("/notifications"), 400, "EvEnergy-User")
        found = [
            (user, one)
            for user in api.sandbox.user_ids
            for one in await api.data("/notifications", headers={"EvEnergy-User": user})
        ]
        user, unread = next((user, one) for user, one in found if "read_at" not in one)
        headers = {"EvEnergy-User": user}
        read = await api.send("PATCH", unread["url"], json={"read_at": "2025-03-10T10:00:00Z"}, headers=headers)
        assert read.json() == {"Notification": {**unread, "read_at": "2025-03-10T10:00:00Z"}}
        assert (await api.data(unread["url"], headers=headers))["read_at"] == "2025-03-10T10:00:00Z"
        assert_problem(await api.send("PATCH", unread["url"], json={"read_at": None}, headers=headers), 400)
        french = await api.data(unread["url"], headers={**headers, "Accept-Language": "fr-FR"})
        assert french["external_button_label"] == "Lire la suite"
        stranger = {"EvEnergy-User": next(one for one in api.sandbox.user_ids if one != user)}
        assert_problem(await api.get(unread["url"], headers=stranger), 404)


async def test_changes_only_the_groups_that_are_given() -> None:
    async with serving() as api:
        path = first(api) + "/notification_preferences"
        before = (await api.data(path))["groups"]
        assert await patched(api, path) == await patched(api, path, groups={}) == await api.data(path)
        after = (await patched(api, path, groups={"charging_flow": False}))["groups"]
        assert after == {**before, "charging_flow": False}
        for wrong in ({"weather": True}, {"charging_flow": 1}, None):
            assert_problem(await api.send("PATCH", path, json={"groups": wrong}), 400, "groups")
        other = f"/users/{api.sandbox.user_ids[1]}/notification_preferences"
        assert (await api.data(other))["groups"] == before


async def test_keeps_the_preferences_of_the_route_planner() -> None:
    async with serving() as api:
        path = first(api) + "/route_planner_preferences"
        vehicle = f"{api.sandbox.base_url}/vehicles/{api.sandbox.vehicle_ids[0]}"
        assert (await api.data(path))["preferred_vehicle"] is None
        after = await patched(api, path, preferred_vehicle=vehicle, min_charger_power_watts=50_000)
        assert (after["preferred_vehicle"], after["min_charger_power_watts"]) == (vehicle, 50_000)
        cleared = await patched(api, path, preferred_vehicle=None, min_charger_power_watts=None)
        assert (cleared["preferred_vehicle"], cleared["arrive_with_min_percent"]) == (None, 10)
        for name, value in (
            ("min_charger_power_watts", 7000),
            ("arrive_with_min_percent", 101),
            ("preferred_vehicle", "x"),
        ):
            assert_problem(await api.send("PATCH", path, json={name: value}), 400, name)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"receiver_wallet": "PAYPAL", "receiver": "a@example.com"}, "EMAIL"),
        ({"receiver_wallet": "VENMO", "receiver": "+1 555 123 456"}, "PHONE"),
        ({"receiver_wallet": "BILL_CREDITS"}, "ACCOUNT_NUMBER"),
    ],
)
async def test_sets_and_clears_the_payout_method(body: dict[str, str], kind: str) -> None:
    async with serving() as api:
        path = first(api) + "/payout_method"
        unset = await api.data(path)
        assert set(unset.values()) == {None, api.sandbox.base_url + path}
        assert (await patched(api, path, **body))["receiver_type"] == kind
        assert (await api.data(path))["receiver_wallet"] == body["receiver_wallet"]
        for _ in range(2):
            assert (await api.send("DELETE", path)).status == 204
        assert await api.data(path) == unset


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"receiver_wallet": "GOLD"},
        {"receiver_wallet": "PAYPAL"},
        {"receiver_wallet": "PAYPAL", "receiver": "a"},
        {"receiver_wallet": "VENMO", "receiver": "a@example.com"},
        {"receiver_wallet": "BILL_CREDITS", "receiver": "5"},
    ],
)
async def test_rejects_a_payout_method_that_does_not_fit(body: dict[str, str]) -> None:
    async with serving() as api:
        assert_problem(await api.send("PATCH", first(api) + "/payout_method", json=body), 400, "receiver")


async def test_keeps_routes() -> None:
    async with serving() as api:
        path = first(api) + "/saved_routes"
        made = [(await api.send("POST", path, json={**ROUTE, "name": str(n)})).json() for n in range(5)]
        assert await api.all(path + "?page_size=2") == made
        assert (made[0]["favourite"], made[0]["waypoints"], made[0]["preferred_departure_minutes"]) == (False, [], None)
        changed = await patched(api, made[1]["url"], waypoints=[POINT], preferred_departure_minutes=450)
        assert changed == {**made[1], "waypoints": [POINT], "preferred_departure_minutes": 450}
        assert (await api.send("DELETE", made[0]["url"])).status == 204
        assert await api.data(path) == [changed, *made[2:]]
        other = f"/users/{api.sandbox.user_ids[1]}/saved_routes"
        assert await api.data(other) == []
        assert_problem(await api.get(f"{other}/{made[1]['id']}"), 404)
        for wrong in ({"origin": {"latitude": 1}}, {"waypoints": [POINT] * 26}, {"arrive_with_min_percent": 101}):
            assert_problem(await api.send("POST", path, json={**ROUTE, **wrong}), 400, next(iter(wrong)))
        for _ in range(46):
            assert (await api.send("POST", path, json=ROUTE)).status == 201
        assert_problem(await api.send("POST", path, json=ROUTE), 400, "50")


async def test_resets_a_password_without_telling_who_has_an_account() -> None:
    async with serving() as api:
        anonymous = api.bearing(None)
        user = await api.data(first(api))
        for email in (user["email"], "nobody@example.com"):
            response = await anonymous.send("POST", "/auth/password_reset", json={"email": email})
            assert response.json() == {"status": "password_reset_email_sent"}
        assert_problem(await anonymous.send("POST", "/auth/password_reset", json={"email": "x"}), 422, "email")


async def test_makes_another_link_to_the_webhook_portal_each_time() -> None:
    async with serving() as api:
        urls = {(await api.data("/webhook_portal"))["url"] for _ in range(3)}
        assert len(urls) == 3
        assert_problem(await api.bearing(None).get("/webhook_portal"), 401)
