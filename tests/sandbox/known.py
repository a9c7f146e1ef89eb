"""Ids of a running sandbox, by the names that the description gives them in paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.helpers import Api

_COLLECTIONS = {
    "user_id": "users",
    "vehicle_id": "vehicles",
    "vehicle_make_id": "vehicle_makes",
    "vehicle_model_id": "vehicle_models",
    "vehicle_trim_id": "vehicle_trims",
    "evse_id": "evses",
    "evse_make_id": "evse_makes",
    "evse_model_id": "evse_models",
    "evse_firmware_version_id": "evse_firmware_versions",
    "ct_clamp_id": "ct_clamps",
    "charging_session_id": "charging_sessions",
    "charging_sub_session_id": "charging_sub_sessions",
    "supplier_id": "suppliers",
    "tariff_id": "tariffs",
    "carbon_feed_id": "carbon_feeds",
    "grid_feed_id": "grid_feeds",
    "program_id": "programs",
    "region_id": "regions",
    "region_group_id": "region_groups",
    "evse_site_id": "evse_sites",
    "cpms_provider_id": "cpms_providers",
    "timezone_id": "timezones",
    "inverter_id": "inverters",
    "inverter_make_id": "inverter_makes",
    "inverter_model_id": "inverter_models",
    "home_battery_id": "home_batteries",
    "home_battery_make_id": "home_battery_makes",
    "home_battery_model_id": "home_battery_models",
    "boundary_meter_id": "boundary_meters",
    "boundary_meter_make_id": "boundary_meter_makes",
    "boundary_meter_model_id": "boundary_meter_models",
    "hem_system_id": "hem_systems",
    "solar_array_id": "solar_arrays",
    "solar_forecast_id": "solar_forecasts",
    "rebate_type_id": "rebate_types",
    "rebate_evidence_type_id": "rebate_evidence_types",
    "user_rebate_id": "user_rebates",
    "rebate_evidence_file_id": "rebate_evidence_files",
    "support_ticket_id": "support_tickets",
    "dispatch_coordinator_id": "dispatch_coordinators",
}


_found: dict[str, list[str]] = {}


async def known_ids(api: Api) -> dict[str, list[str]]:
    """Return some ids for each parameter of a path. They follow from the seed and the clock, so one look is enough."""
    if not _found:
        _found.update(await _look(api))
    else:
        await _saved_route(api, _found["user_id"][0])
    return {name: list(ids) for name, ids in _found.items()}


async def _look(api: Api) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for parameter, collection in _COLLECTIONS.items():
        page = await api.data(f"/{collection}")
        assert page, collection
        found[parameter] = [item["id"] for item in page[:3]]
    user, program, ticket = found["user_id"][0], found["program_id"][0], found["support_ticket_id"][0]
    found["offering_id"] = [one["offering"].rpartition("/")[2] for one in await api.data("/subscriptions")][:1]
    found["tier_id"] = [one["id"] for one in await api.data(f"/programs/{program}/tiers")]
    versions = await api.data(f"/programs/{program}/participation_agreement_versions")
    found["participation_agreement_version_id"] = [one["id"] for one in versions]
    found["message_id"] = [one["id"] for one in await api.data(f"/support_tickets/{ticket}/messages")]
    found["notified_user_id"], found["notification_id"] = await _notification(api)
    parts = await api.data("/charging_sub_sessions?mode=SMART&is_finished=true&page_size=100")
    found["charging_sub_session_id"] = [part["id"] for part in parts if part["evse"]][:3]
    found["saved_route_id"] = [(await _saved_route(api, user))["id"]]
    found["region"] = ["EUROPE"]
    found["dispatch_event_id"] = ["devt00000000000000000000000000"]
    return found


async def _notification(api: Api) -> tuple[list[str], list[str]]:
    for user in api.sandbox.user_ids:
        for notification in await api.data("/notifications", headers={"EvEnergy-User": user}):
            return [user], [str(notification["id"])]
    raise AssertionError("nobody has a notification")


async def _saved_route(api: Api, user: str) -> Any:
    point = {"latitude": 51.5, "longitude": -0.1, "name": "Home"}
    body = {"name": "Work", "origin": point, "destination": point, "arrive_with_min_percent": 20}
    return (await api.send("POST", f"/users/{user}/saved_routes", json=body)).json()
