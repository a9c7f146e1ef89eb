from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from evenergy import (
    CurrentType,
    DecodeError,
    User,
    Vehicle,
    VehicleState,
    VehicleStatusLog,
    VehicleTrim,
)
from evenergy._codec import decode as codec, strict
from tests.codec.shapes import Price, Tariff, Upload, VehicleNow

BOTH_PATHS = pytest.mark.parametrize("decode", [codec.decode, strict.structure])


@BOTH_PATHS
@pytest.mark.parametrize("written", ["2024-01-31", "2024-01-31T00:00:00Z", "2024-01-31T00:00:00.000+00:00"])
def test_a_date_is_a_date(decode: Callable[[bytes, type[Tariff]], Tariff], written: str) -> None:
    found = decode(f'{{"id":"t","valid_from":"{written}"}}'.encode(), Tariff).valid_from
    assert type(found) is date
    assert found == date(2024, 1, 31)


@BOTH_PATHS
@pytest.mark.parametrize("value", ['""', '"2024-01-31T00:00:01Z"', '"2024-02-30"', "20240131", "true", "{}"])
def test_a_value_that_is_no_date_is_an_error(decode: Callable[[bytes, type[Tariff]], object], value: str) -> None:
    with pytest.raises(DecodeError, match="expected a date") as caught:
        decode(f'{{"id":"t","valid_from":{value}}}'.encode(), Tariff)
    assert caught.value.where == "$.valid_from"


@BOTH_PATHS
@pytest.mark.parametrize(
    ("field", "written", "expected"),
    [
        ("prices", '"https://x"', "https://x"),
        ("prices", '[{"price":"0.1"}]', [Price(price="0.1")]),
        ("prices", "[]", []),
        ("delivered", '{"price":"0.1"}', Price(price="0.1")),
        ("delivered", '[{"price":"0.1"}]', [Price(price="0.1")]),
        ("scheduler", '{"id":"s","prices":[{}]}', Tariff("s", prices=[Price()])),
        ("references", '["https://x",{"id":"v"}]', ["https://x", Vehicle("v")]),
        ("ratings", '{"a":"DRIVING","b":"NEW"}', {"a": VehicleState.DRIVING, "b": VehicleState("NEW")}),
        ("groups", '{"a":true}', {"a": True}),
        ("times", '{"a":"2024-01-01T00:00:00Z"}', {"a": datetime(2024, 1, 1, tzinfo=UTC)}),
        ("by_name", '{"a":{"price":"1"}}', {"a": Price(price="1")}),
        ("states", '["DRIVING","NEW"]', [VehicleState.DRIVING, VehicleState("NEW")]),
        ("coordinates", "[[[1,2.5],[]]]", [[[1.0, 2.5], []]]),
        ("fields", '{"a":[1,null,{"b":"c"}]}', {"a": [1, None, {"b": "c"}]}),
        ("payload", '[1,{"a":null}]', [1, {"a": None}]),
        ("amount", "7", 7),
        ("amount", "7.5", 7.5),
        ("text_or_number", '"7"', "7"),
        ("text_or_number", "7.0", 7),
        ("supplier", '{"id":"s"}', {"id": "s"}),
        ("supplier", '"https://x"', "https://x"),
    ],
)
def test_every_shape_is_read(
    decode: Callable[[bytes, type[Tariff]], Tariff], field: str, written: str, expected: object
) -> None:
    found = getattr(decode(f'{{"id":"t","{field}":{written}}}'.encode(), Tariff), field)
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("field", "written", "where", "why"),
    [
        ("prices", "[{},5]", "$.prices[1]", "expected an object, got 5"),
        ("prices", "{}", "$.prices", "expected a string or an array, got an object"),
        ("delivered", "5", "$.delivered", "expected an object or an array, got 5"),
        ("scheduler", "5", "$.scheduler", "expected a URL or an object, got 5"),
        ("ratings", '{"a":1}', "$.ratings['a']", "expected a string, got 1"),
        ("ratings", "[]", "$.ratings", "expected an object, got an array"),
        ("times", '{"a":""}', "$.times['a']", "expected a time such as"),
        ("coordinates", '[[[1,"2"]]]', "$.coordinates[0][0][1]", "expected a number, got '2'"),
        ("counts", "[70.5]", "$.counts[0]", "expected a whole number, got 70.5"),
        ("text_or_number", "true", "$.text_or_number", "expected a string or a whole number, got True"),
    ],
)
def test_an_error_in_a_shape_names_the_place(field: str, written: str, where: str, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(f'{{"id":"t","{field}":{written}}}'.encode(), Tariff)
    assert caught.value.where == where
    assert why in str(caught.value)


@BOTH_PATHS
def test_a_model_of_a_model_may_narrow_a_field(decode: Callable[[bytes, type[VehicleNow]], VehicleNow]) -> None:
    found = decode(b'{"id":"v","trim":{"id":"t"},"latest_status_log":{"is_charging":true}}', VehicleNow)
    assert found.trim == VehicleTrim("t")
    assert found.latest_status_log == VehicleStatusLog(is_charging=True)
    assert isinstance(found, Vehicle)
    with pytest.raises(DecodeError) as caught:
        decode(b'{"id":"v","latest_status_log":"https://x"}', VehicleNow)
    assert caught.value.where == "$.latest_status_log"


def test_an_error_holds_what_could_not_be_decoded() -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(b'{"id":"v","url":7}', Vehicle)
    assert caught.value.raw == {"id": "v", "url": 7}


@pytest.mark.parametrize("value", ["7", '{"x":"hush"}', '["hush"]'])
def test_no_error_shows_the_value_of_a_secret_field(value: str) -> None:
    with pytest.raises(DecodeError, match="secret, does not fit at") as caught:
        codec.decode(f'{{"id":"u","presigned_url":{value}}}'.encode(), Upload)
    assert caught.value.where == "$.presigned_url"
    assert "hush" not in "".join(traceback.format_exception(caught.value))
    assert "hush" not in repr(caught.value.__cause__)


@BOTH_PATHS
def test_unknown_fields_are_dropped_and_absent_ones_are_none(decode: Callable[[bytes, type[Vehicle]], Vehicle]) -> None:
    assert decode(b'{"id":"v","colour":"red","user":{"id":"u","shoes":[1]}}', Vehicle) == Vehicle("v", user=User("u"))
    assert decode(b'{"id":"v","trim":null}', Vehicle).trim is None


@BOTH_PATHS
def test_a_reference_is_a_url_or_the_resource(decode: Callable[[bytes, type[Vehicle]], Vehicle]) -> None:
    assert decode(b'{"id":"v","trim":"https://x/t"}', Vehicle).trim == "https://x/t"
    assert decode(b'{"id":"v","trim":{"id":"t"}}', Vehicle).trim == VehicleTrim("t")


@BOTH_PATHS
def test_a_reference_that_has_no_class_is_plain_data(decode: Callable[[bytes, type[Tariff]], Tariff]) -> None:
    assert decode(b'{"id":"t","supplier":{"rates":[1,null]}}', Tariff).supplier == {"rates": [1, None]}
    assert decode(b'{"id":"t","supplier":"https://x/s"}', Tariff).supplier == "https://x/s"


@BOTH_PATHS
def test_a_known_value_of_an_enumeration_is_the_member(
    decode: Callable[[bytes, type[VehicleStatusLog]], VehicleStatusLog],
) -> None:
    log = decode(b'{"state":"DRIVING","current_type":"AC - Typically home chargers"}', VehicleStatusLog)
    assert log.state is VehicleState.DRIVING
    assert log.current_type is CurrentType.AC


@BOTH_PATHS
def test_an_unknown_value_of_an_enumeration_comes_through(
    decode: Callable[[bytes, type[VehicleStatusLog]], VehicleStatusLog],
) -> None:
    state = decode(b'{"state":"FLYING"}', VehicleStatusLog).state
    assert isinstance(state, VehicleState)
    assert state == "FLYING"
    assert "FLYING" not in [member.value for member in VehicleState]
