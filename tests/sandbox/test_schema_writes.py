"""Every write is served, and its response conforms to the provider's description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import attrs
import pytest

from tests.sandbox.description import Operation, each_operation, is_list, needs_description, operations, validate
from tests.sandbox.helpers import Api, Response, serving
from tests.sandbox.known import known_ids

Ids: TypeAlias = dict[str, list[str]]

_POINT = {"latitude": 51.5, "longitude": -0.1, "name": "Home"}
_RING = [[10.0, 50.0], [11.0, 50.0], [11.0, 51.0], [10.0, 50.0]]
_POLYGON = {"type": "Polygon", "coordinates": [_RING]}
_REGIONS = {"name": "New group", "regions": [{"name": "New region", "geometries": [_POLYGON]}]}
_TIMES = {"start_time": "2025-03-11T10:00:00Z", "end_time": "2025-03-11T11:00:00Z"}


@attrs.frozen
class Write:
    """A request that an operation accepts. `{name}` in a text is an id, `{base}` the base URL."""

    body: Any = None
    status: int = 200
    query: str = ""
    user: bool = False
    first: Callable[[Api, Ids], Awaitable[None]] | None = None  # what must have happened before


async def _new_model(api: Api, ids: Ids) -> None:
    body = {"name": "New", "make": f"{api.sandbox.base_url}/vehicle_makes/{ids['vehicle_make_id'][0]}"}
    ids["vehicle_model_id"] = [(await api.send("POST", "/vehicle_models", json=body)).json()["id"]]


async def _begun(api: Api, ids: Ids) -> None:
    query = f"client_id=sandbox&response_type=json&user_id={ids['user_id'][0]}&make_id={ids['vehicle_make_id'][0]}"
    ids["request"] = [(await api.data(f"/vehicle_onboarding?{query}"))["authorization_request_id"]]


async def _smart_session(api: Api, ids: Ids) -> None:
    api.clock.now += 23 * 3600 - api.clock.now % 86400
    await api.renew()
    for session in await api.all("/charging_sessions?expand=sub_sessions&page_size=100"):
        if session["end"] is None and session["sub_sessions"][0]["mode"] == "SMART":
            ids["charging_session_id"] = [session["id"]]
            return
    raise AssertionError("nobody waits for the night")


async def _boosted(api: Api, ids: Ids) -> None:
    await _smart_session(api, ids)
    session = ids["charging_session_id"][0]
    assert (await api.send("POST", f"/charging_sessions/{session}/boost_start")).status == 200


async def _own_token(api: Api, ids: Ids) -> None:
    query = {"response_type": "code", "client_id": "sandbox", "redirect_uri": "app://back"}
    response = await api.get(api.origin + "/o/authorize/", params=query)
    code = response.headers["Location"].removeprefix("app://back?code=")
    token = await api.token(grant_type="authorization_code", code=code, redirect_uri="app://back")
    api.headers["Authorization"] = f"Bearer {token.json()['access_token']}"


async def _evidence(api: Api, ids: Ids) -> None:
    types = await api.data("/rebate_evidence_types")
    ids["rebate_evidence_type_id"] = [types[0]["id"]]
    ids["data"] = [str(types[0]["evidence_data"][0]["id"])]


async def _uploaded(api: Api, ids: Ids) -> None:
    body = {"file_name": "a.pdf", "rebate_evidence_type": f"{api.sandbox.base_url}/rebate_evidence_types/"}
    body["rebate_evidence_type"] += ids["rebate_evidence_type_id"][0]
    url = f"/rebate_evidence_files:start_upload?user_rebate={ids['user_rebate_id'][0]}"
    file = (await api.send("POST", url, json=body)).json()
    assert (await api.bearing(None).send("PUT", file["presigned_url"], data=b"%PDF")).status == 200
    ids["rebate_evidence_file_id"] = [file["id"]]


WRITES: dict[str, Write] = {
    "post-users": Write({"email": "new@example.com"}, 201),
    "patch-users-user_id": Write({"email": "other@example.com", "default_location": {"address_2": "Left"}}),
    "patch-users-user_id-notification_preferences": Write({"groups": {"deals_and_offers": True}}),
    "patch-users-user_id-route_planner_preferences": Write({"preferred_vehicle": "{base}/vehicles/{vehicle_id}"}),
    "patch-vehicles-vehicle_id-connectors": Write({"adaptors": []}),
    "patch-vehicles-vehicle_id-state_of_charge": Write({"state_of_charge_percentage": 50}),
    "post-auth-password_reset": Write({"email": "a@example.com"}),
    "patch-users-user_id-payout-method": Write({"receiver_wallet": "PAYPAL", "receiver": "a@example.com"}),
    "delete-users-user_id-payout-method": Write(status=204),
    "post-users-user_id-saved_routes": Write(
        {"name": "Work", "origin": _POINT, "destination": _POINT, "arrive_with_min_percent": 20}, 201
    ),
    "patch-users-user_id-saved_routes-saved_route_id": Write({"favourite": True, "waypoints": [_POINT]}),
    "delete-users-user_id-saved_routes-saved_route_id": Write(status=204),
    "patch-evses-evse_id": Write({"location": {"latitude": 1.5, "longitude": 2}}),
    "delete-evses-evse_id": Write(status=204),
    "post-evses-evse_id-reconnect": Write({}, 201),
    "post-evse_onboarding-import": Write({"provider": "Easee", "serial_number": "EH-123456"}, 201, user=True),
    "post-evse_waitlist": Write({"email": "a@example.com", "evse_model_id": "{evse_model_id}"}, 201),
    "post-vehicles": Write(
        {"model": "{base}/vehicle_models/{vehicle_model_id}", "user": "{base}/users/{user_id}"}, 201
    ),
    "patch-vehicles": Write({"maximum_charge_limit_percentage": 70}),
    "delete-vehicles": Write(),
    "post-vehicle_trims": Write(
        {"name": "New", "model": "{base}/vehicle_models/{vehicle_model_id}", "battery_size_watt_hours": 50_000}, 201
    ),
    "post-vehicle_models": Write({"name": "New", "make": "{base}/vehicle_makes/{vehicle_make_id}"}, 201),
    "post-vehicle_models-vehicle_model_id-connectors": Write(
        {"region": "EUROPE", "connector_type": "CCS"}, 201, first=_new_model
    ),
    "patch-vehicle_models-vehicle_model_id-connectors-region": Write({"confidence": "LOW"}),
    "patch-vehicle_models-vehicle_model_id": Write({"default_connector_type": "CCS"}),
    "post-vehicle_onboarding-complete": Write(
        {"authorization_request_uid": "{request}", "auth_code": "x"}, 201, first=_begun
    ),
    "post-vehicle_onboarding-onboarding_link": Write(
        {"email": "a@example.com", "make": "{vehicle_make_id}"}, 204, user=True
    ),
    "post-vehicle_waitlist": Write({"email": "a@example.com", "vehicle_model_id": "{vehicle_model_id}"}, 201),
    "post-charging_sessions-charging_session_id-boost_start": Write(first=_smart_session),
    "post-charging_sessions-charging_session_id-boost_end": Write(first=_boosted),
    "patch-notifications-notification_id": Write({"read_at": "2025-03-10T10:00:00Z"}),
    "post-solar-arrays": Write({"capacity_watts": 3000}, 201, user=True),
    "patch-solar_arrays-solar_array_id": Write({"capacity_watts": 3500}),
    "patch-support_tickets-support_ticket_id": Write({"human_verified_category": "SOLAR"}),
    "post-inverters": Write({"model": "{base}/inverter_models/{inverter_model_id}"}, 201, user=True),
    "post-rebates": Write({"rebate_type": "{base}/rebate_types/{rebate_type_id}"}, 201, user=True),
    "patch-user_rebates-application_id": Write(
        {
            "rebate_type": "{base}/rebate_types/{rebate_type_id}",
            "evidence_type": "{base}/rebate_evidence_types/{rebate_evidence_type_id}",
            "evidence_data": [{"id": "{data}", "value": "12.50"}],
        },
        first=_evidence,
    ),
    "post-user_rebates-application_id-:submit": Write(),
    "post-rebate-evidence_files:start_upload": Write(
        {"file_name": "a.pdf", "rebate_evidence_type": "{base}/rebate_evidence_types/{rebate_evidence_type_id}"},
        201,
        query="?user_rebate={user_rebate_id}",
    ),
    "post-rebate-evidence_files-evidence_file_id-:finish_upload": Write(first=_uploaded),
    "post-regions": Write({"name": "New", "geometries": [_POLYGON]}, 201),
    "post-region_groups": Write(_REGIONS, 201),
    "post-region_groups:validate": Write(_REGIONS),
    "post-vehicles-vehicle_id-reconnect": Write({}, 201),
    "post-vehicles-vehicle_id-disconnect": Write(),
    "post-programs-user-verification": Write({"account": 5}, 201, user=True),
    "post-programs-program_id-join": Write(status=201, user=True),
    "post-programs-program_id-participation_agreement_versions-id-accept": Write({}, 201, first=_own_token),
    "post-programs-post-enrollment-verification": Write({"account": 5}, 201, user=True),
    "post-charging_sub_sessions-charging_sub_session_id-recalculate_energy_usages": Write({"dry_run": True}),
    "post-dispatch_coordinators-dispatch_coordinator_id-dispatch_events": Write(_TIMES, 201),
    "post-dispatch_coordinators-dispatch_coordinator_id-dispatch_events-dispatch_event_id-cancel": Write(),
}


def filled(value: Any, names: dict[str, str]) -> Any:
    """Put ids into a body."""
    if isinstance(value, dict):
        return {name: filled(one, names) for name, one in cast("dict[str, Any]", value).items()}
    if is_list(value):
        return [filled(one, names) for one in value]
    if isinstance(value, str):
        return int(names["data"]) if value == "{data}" else value.format(**names)
    return value


async def send(api: Api, operation: Operation, write: Write, ids: Ids) -> Response:
    if write.first is not None:
        await write.first(api, ids)
    names = {"base": api.sandbox.base_url, **{name: found[0] for name, found in ids.items() if found}}
    headers = {"EvEnergy-User": ids["user_id"][0]} if write.user else {}
    path = operation.path.format(**names) + write.query.format(**names)
    body = {} if write.body is None else {"json": filled(write.body, names)}
    return await api.send(operation.method, path, headers=headers, **body)


@needs_description
def test_has_a_request_for_every_write() -> None:
    assert {one.id for one in operations() if one.method != "GET"} == WRITES.keys()


@each_operation("POST", "PATCH", "DELETE")
async def test_serves_writes_as_described(operation: Operation) -> None:
    async with serving(rate_limit=1_000_000) as api:
        write = WRITES[operation.id]
        response = await send(api, operation, write, await known_ids(api))
        assert response.status == write.status, response
        validate(operation, response.status, response.json() if response.body else None)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": NaN}', b"\xff"])
@needs_description
async def test_rejects_bodies_that_are_no_object(body: bytes) -> None:
    async with serving(rate_limit=1_000_000) as api:
        ids = await known_ids(api)
        for operation in operations():
            write = WRITES.get(operation.id)
            if write is None or not write.body or operation.id in _WITHOUT_BODY:
                continue
            names = {"base": "", **{name: found[0] for name, found in ids.items() if found}}
            path = operation.path.format(**names) + write.query.format(**names)
            headers = {"EvEnergy-User": ids["user_id"][0]}
            if operation.id in _OF_OTHERS:
                headers = {}
            response = await api.send(operation.method, path, data=body, headers=headers)
            assert response.status in (400, 422), (operation.id, response)


# Its body may be left out.
_WITHOUT_BODY = ("post-charging_sub_sessions-charging_sub_session_id-recalculate_energy_usages",)
_OF_OTHERS = ("patch-notifications-notification_id", "patch-evses-evse_id")
