from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any, cast
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings

from evenergy import (
    InvalidArgumentError,
    Response,
    Token,
    User,
    Vehicle,
    VehicleConnectors,
    VehicleMake,
    VehicleState,
    VehicleStatusLog,
    to_dict,
)
from evenergy._codec import decode as codec
from evenergy._codec.secret import Secret
from tests.codec.documents import documents, utc_times
from tests.codec.shapes import Price, Tariff, Upload


@pytest.mark.parametrize("kind", [VehicleStatusLog, Vehicle, VehicleConnectors, User, Tariff])
def test_to_dict_is_plain_data_and_reads_back(kind: Any) -> None:
    @settings(max_examples=25)
    @given(documents(kind, utc_times()))
    def check(document: object) -> None:
        value = codec.decode(json.dumps(document).encode(), kind)
        data: object = to_dict(value)
        text = json.dumps(data, allow_nan=False)
        assert json.loads(text) == data
        assert repr(data) == repr(codec._data(value))
        assert repr(codec.decode(text.encode(), kind)) == repr(value)

    check()


def test_to_dict_gives_an_absent_field_as_null_and_a_time_in_utc() -> None:
    log = VehicleStatusLog(
        sampled_at=datetime.fromisoformat("2024-01-01T12:11:11.1111+01:00"), vehicle=Vehicle("v", trim="https://x/t")
    )
    data = to_dict(log)
    assert list(data) == [field.name for field in attrs.fields(VehicleStatusLog)]
    assert data["sampled_at"] == "2024-01-01T11:11:11.111100Z"
    assert data["is_charging"] is None
    assert isinstance(data["vehicle"], dict)
    assert data["vehicle"]["trim"] == "https://x/t"
    assert data["vehicle"]["user"] is None


@pytest.mark.parametrize("value", [None, 1, "x", {}, [], [VehicleMake("m")], VehicleMake, object()])
def test_to_dict_rejects_what_is_no_value(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a value such as a Vehicle"):
        to_dict(value)


@pytest.mark.parametrize(
    "value", [Token.from_dict({"access_token": "t"}), Response(200, {}, b"")], ids=["token", "bytes"]
)
def test_to_dict_rejects_what_is_no_json_data(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a value such as a Vehicle"):
        to_dict(value)


EAST = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    "value",
    [
        VehicleStatusLog(sampled_at=datetime(2024, 1, 1, 1, tzinfo=EAST)),
        VehicleStatusLog(sampled_at=datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC"))),
        VehicleStatusLog(sampled_at=datetime(2024, 1, 1)),  # noqa: DTZ001  one of a caller's own making
        VehicleStatusLog(vehicle=Vehicle("v", user=User("u", joined_at=datetime(2024, 1, 1, 1, tzinfo=EAST)))),
        Tariff("t", prices=[Price(started_at=datetime(2024, 1, 1, 1, tzinfo=EAST))]),
        Tariff("t", delivered=Price(started_at=datetime(2024, 1, 1, 1, tzinfo=EAST))),
        Tariff("t", times={"a": datetime(2024, 1, 1, 1, tzinfo=EAST)}),
        Tariff("t", by_name={"a": Price(started_at=datetime(2024, 1, 1, 1, tzinfo=EAST))}),
        Tariff("t", fields={"a": [datetime(2024, 1, 1, 1, tzinfo=EAST)]}),
        Tariff("t", payload=datetime(2024, 1, 1, 1, tzinfo=EAST)),
    ],
    ids=repr,
)
def test_to_dict_writes_every_time_in_utc(value: Any) -> None:
    text = json.dumps(to_dict(value))
    assert "2024-01-01T00:00:00Z" in text
    assert "+01:00" not in text


def test_to_dict_writes_dates_enumerations_and_secrets_as_text() -> None:
    tariff = Tariff("t", valid_from=date(2024, 1, 31), states=[VehicleState.DRIVING, VehicleState("NEW")])
    data = to_dict(tariff)
    assert data["valid_from"] == "2024-01-31"
    assert data["states"] == ["DRIVING", "NEW"]
    assert repr(data["states"]) == "['DRIVING', 'NEW']"
    assert to_dict(Upload("u", "hush")) == {"id": "u", "presigned_url": "hush", "size": None}


def test_a_secret_inside_of_a_value_is_rejected() -> None:
    for value in (Vehicle("v", url=cast("str", Secret("hush"))), Tariff("t", fields={"a": [Secret("hush")]})):
        with pytest.raises(InvalidArgumentError, match="one that holds secret"):
            to_dict(value)
