from __future__ import annotations

import copy
import json
import pickle
import re
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from evenergy import (
    EvEnergyError,
    Vehicle,
    VehicleClass,
    VehicleMake,
    VehicleState,
    VehicleStatusLog,
    VehicleTrim,
    expanded,
    to_dict,
)
from evenergy._codec.wire_types import reference_id, time_text


@pytest.mark.parametrize("text", ["FLYING", "", "é", "DRIVING"])
def test_a_member_known_or_not_is_its_string(text: str) -> None:
    state = VehicleState(text)
    assert state == text
    assert state != text + "x"
    assert state.value == text
    assert str(state) == f"{state}" == text
    assert hash(state) == hash(text)
    assert {state: 1}[VehicleState(text)] == 1
    assert {str(state): 2}[state] == 2
    for same in (pickle.loads(pickle.dumps(state)), copy.deepcopy(state), copy.copy(state)):  # noqa: S301
        assert type(same) is VehicleState
        assert same == state
    assert to_dict(VehicleStatusLog(state=state))["state"] == text
    assert json.dumps(to_dict(VehicleStatusLog(state=state))["state"]) == json.dumps(text)


def test_a_known_member_is_one_object() -> None:
    for same in (pickle.loads(pickle.dumps(VehicleState.DRIVING)), copy.deepcopy(VehicleState.DRIVING)):  # noqa: S301
        assert same is VehicleState.DRIVING


def test_an_unknown_value_makes_no_member() -> None:
    before = list(VehicleClass)
    VehicleClass("SUBMARINE")
    assert list(VehicleClass) == before


@pytest.mark.parametrize("value", [1, None, True, b"DRIVING"])
def test_a_member_is_made_of_a_string_only(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid VehicleState"):
        VehicleState(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_written_with_all_its_digits(time: datetime) -> None:
    text = time_text(time)
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == time


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (None, None),
        ("https://api.ev.energy/v2/vehicles/v", "v"),
        ("https://api.ev.energy/v2/vehicles/v/", "v"),
        ("https://api.ev.energy/v2/vehicles/v?expand=trim", "v"),
        (VehicleMake("m"), "m"),
    ],
)
def test_the_id_behind_a_reference(reference: str | VehicleMake | None, expected: str | None) -> None:
    assert reference_id(reference) == expected


def test_the_model_behind_a_reference() -> None:
    vehicle = Vehicle("v", trim=VehicleTrim("t"))
    trim: VehicleTrim = expanded(vehicle.trim)
    assert trim is vehicle.trim
    plain: dict[str, int] = expanded(cast("str | dict[str, int] | None", {"a": 1}))
    assert plain == {"a": 1}


@pytest.mark.parametrize(
    ("url", "expand"),
    [
        ("https://api.ev.energy/v2/vehicle_trims/trim01HRFF3SEVSCRAV9B3CHVDFN0H", "trim"),
        ("https://api.ev.energy/v2/vehicle_makes/vmak01HRFF3SEVSCRAV9B3CHVDFN0H/", "make"),
        ("https://api.ev.energy/v2/evse_models/emod01HRFF3SEVSCRAV9B3CHVDFN0H?x=1", "model"),
        ("https://api.ev.energy/v2/vehicles/vhcl01HRFF3SEVSCRAV9B3CHVDFN0H", "vehicle"),
        ("https://api.ev.energy/v2/home_batteries/hoba01HRFF3SEVSCRAV9B3CHVDFN0H", "home_battery"),
        ("https://api.ev.energy/v2/evse_sites/site01HRFF3SEVSCRAV9B3CHVDFN0H", "evse_site"),
        ("https://api.ev.energy/v2/subscription_offerings/subo01HRFF3SEVSCRAV9B3CHVDFN0H", "offering"),
        ("https://api.ev.energy/v2/vehicles/v7/status_logs/2024-01-01T11:11:11.1111Z", "latest_status_log"),
        ("https://api.ev.energy/v2/tariffs/tari01HRFF3SEVSCRAV9B3CHVDFN0H/prices", "prices"),
    ],
)
def test_a_reference_that_is_only_a_url_says_what_to_expand(url: str, expand: str) -> None:
    with pytest.raises(EvEnergyError, match=re.escape(f"got the URL {url}: pass expand=['{expand}']")):
        expanded(cast("str | Vehicle | None", url))


@pytest.mark.parametrize("url", ["", "/", "x", "https://", "::::", "\n" * 1000])
def test_any_text_is_a_reference_that_was_not_expanded(url: str) -> None:
    with pytest.raises(EvEnergyError, match="expected an expanded resource") as caught:
        expanded(cast("str | Vehicle | None", url))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_no_reference_is_an_error_too() -> None:
    with pytest.raises(EvEnergyError, match="got None: the API sent no reference"):
        expanded(Vehicle("v").trim)
