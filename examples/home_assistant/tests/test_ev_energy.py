"""The integration in a real Home Assistant, against the sandbox: login, sensors, bad days, and the end."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from custom_components.ev_energy.const import DOMAIN
from homeassistant.config_entries import SOURCE_REAUTH, SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry

import evenergy
from evenergy.sandbox import Sandbox

from .conftest import LogIn, blocking_calls


def states(hass: HomeAssistant, vehicle_id: str) -> dict[str, str]:
    """Return the states of a vehicle, by the key of its sensor."""
    entities = {
        key: er.async_get(hass).async_get_entity_id(domain, DOMAIN, f"{vehicle_id}_{key}")
        for domain, keys in (
            ("sensor", ("state_of_charge", "power", "last_seen")),
            ("binary_sensor", ("plugged_in", "charging")),
        )
        for key in keys
    }
    return {key: hass.states.get(entity).state for key, entity in entities.items()}


async def reauthentication(hass: HomeAssistant) -> dict[str, Any]:
    """Return the only flow in progress, which has to be a login."""
    await hass.async_block_till_done()
    (flow,) = hass.config_entries.flow.async_progress()
    assert (flow["context"]["source"], flow["step_id"]) == (SOURCE_REAUTH, "reauth_confirm")
    return flow


def shown(value: int | bool | None) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "unknown" if value is None else str(value)


async def test_a_user_logs_in_and_sees_the_vehicles(hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry) -> None:
    assert entry.state is ConfigEntryState.LOADED
    assert sandbox.requests == 2  # who it is, and a snapshot
    vehicles = entry.runtime_data.data
    assert vehicles
    for vehicle_id, vehicle in vehicles.items():
        log, seen = vehicle.latest_status_log, states(hass, vehicle_id)
        assert log is not None
        assert seen["state_of_charge"] == shown(log.state_of_charge_percentage)
        assert seen["power"] == shown(log.charge_rate_watts)
        assert seen["plugged_in"] == shown(log.is_plugged_in)
        assert seen["charging"] == shown(log.is_charging)
        assert log.sampled_at is not None
        assert datetime.fromisoformat(seen["last_seen"]) == log.sampled_at.replace(microsecond=0)


async def test_the_same_user_is_not_added_twice(hass: HomeAssistant, entry: ConfigEntry, log_in: LogIn) -> None:
    result: Any = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await log_in(result)
    assert (result["type"], result["reason"]) == ("abort", "already_configured")


async def test_an_update_brings_what_changed(hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry) -> None:
    vehicle_id = next(iter(entry.runtime_data.data))
    before = states(hass, vehicle_id)["last_seen"]
    sandbox.advance(hours=8)
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert states(hass, vehicle_id)["last_seen"] > before
    assert sandbox.requests == 3


async def test_a_vehicle_that_leaves_is_unavailable_and_a_new_one_is_added(
    hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry
) -> None:
    vehicle_id = next(iter(entry.runtime_data.data))
    sandbox.remove_vehicle(vehicle_id)
    await entry.runtime_data.async_refresh()
    assert set(states(hass, vehicle_id).values()) == {"unavailable"}
    await hass.config_entries.async_reload(entry.entry_id)
    sandbox.restore_vehicle(vehicle_id)
    await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert "unavailable" not in states(hass, vehicle_id).values()


async def test_a_rejected_token_asks_the_user_to_log_in_again(
    hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry, log_in: LogIn
) -> None:
    sandbox.fail(times=None, status=401, path="/vehicles*")
    await entry.runtime_data.async_refresh()
    flow = await reauthentication(hass)
    sandbox.clear_faults()
    before = entry.data["token"]["access_token"]
    result = await log_in(await hass.config_entries.flow.async_configure(flow["flow_id"], {}))
    await hass.async_block_till_done()
    assert (result["type"], result["reason"]) == ("abort", "reauth_successful")
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["token"]["access_token"] != before


async def test_a_token_is_refreshed_by_home_assistant(
    hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry
) -> None:
    old = entry.data["token"]
    hass.config_entries.async_update_entry(entry, data={**entry.data, "token": {**old, "expires_at": 0}})
    await entry.runtime_data.async_refresh()
    assert entry.runtime_data.last_update_success
    assert entry.data["token"]["access_token"] != old["access_token"]
    assert entry.data["token"]["expires_at"] > time.time()


async def test_a_refresh_that_is_rejected_asks_the_user_too(
    hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry
) -> None:
    old = {**entry.data["token"], "expires_at": 0, "refresh_token": "of-nobody"}
    hass.config_entries.async_update_entry(entry, data={**entry.data, "token": old})
    await entry.runtime_data.async_refresh()
    await reauthentication(hass)


@pytest.mark.parametrize("rate_limit", [2])
async def test_a_spent_budget_is_waited_for(hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry) -> None:
    vehicle_id = next(iter(entry.runtime_data.data))
    await entry.runtime_data.async_refresh()
    error = entry.runtime_data.last_exception
    assert isinstance(error.__cause__, evenergy.RateLimitError)
    assert 0 < error.retry_after <= 3601
    assert set(states(hass, vehicle_id).values()) == {"unavailable"}
    assert hass.config_entries.flow.async_progress() == []


async def test_an_outage_passes(hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry) -> None:
    vehicle_id = next(iter(entry.runtime_data.data))
    sandbox.fail(times=1, status=501, path="/vehicles*")  # no retry helps against it
    await entry.runtime_data.async_refresh()
    assert set(states(hass, vehicle_id).values()) == {"unavailable"}
    await entry.runtime_data.async_refresh()
    assert "unavailable" not in states(hass, vehicle_id).values()


async def test_a_login_that_the_api_rejects_adds_nothing(hass: HomeAssistant, sandbox: Sandbox, log_in: LogIn) -> None:
    sandbox.fail(times=None, status=403, path="/users*")
    result: Any = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    result = await log_in(result)
    assert (result["type"], result["reason"]) == ("abort", "cannot_connect")


async def test_diagnostics_name_nobody_and_hold_no_token(
    hass: HomeAssistant, hass_client: Any, entry: ConfigEntry
) -> None:
    text = json.dumps(await get_diagnostics_for_config_entry(hass, hass_client, entry))
    assert '"state_of_charge_percentage"' in text
    assert '"remaining"' in text
    secrets = [str(value) for key, value in entry.data["token"].items() if key.endswith("_token")]
    named = [entry.unique_id, *entry.runtime_data.data]
    named += [vehicle.description for vehicle in entry.runtime_data.data.values() if vehicle.description]
    assert len(secrets) == 2
    assert [one for one in (*secrets, *named) if one in text] == []


async def test_unloading_closes_the_client_and_not_the_session(hass: HomeAssistant, entry: ConfigEntry) -> None:
    client = entry.runtime_data.client
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(evenergy.ClosedError):
        await client.vehicles.list().collect(1)
    assert await hass.config_entries.async_setup(entry.entry_id)  # on the same session
    assert entry.state is ConfigEntryState.LOADED


async def test_blocking_calls_are_watched(caplog: pytest.LogCaptureFixture, entry: ConfigEntry) -> None:
    """Without this the other tests could pass because nobody looks."""
    source = Path(evenergy.__file__).with_name("_version.py")
    names = {"__file__": str(source), "source": source}
    exec(compile("source.read_text()", str(source), "exec"), names)  # a line that seems to be the library's
    assert blocking_calls(caplog)
    caplog.clear()
