from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import GenericAlias
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings, strategies as st

from evenergy import (
    CurrentType,
    DecodeError,
    Location,
    User,
    Vehicle,
    VehicleConnectors,
    VehicleState,
    VehicleStatusLog,
    VehicleTrim,
)
from evenergy._codec import decode as codec, strict
from tests.codec.documents import anything, bodies, documents, odd_times, outcome, spoiled, utc_times
from tests.codec.shapes import Price, Tariff, Upload, VehicleNow

BOTH_PATHS = pytest.mark.parametrize("decode", [codec.decode, strict.structure])


def strictly_agreeing(body: bytes, kind: Any) -> None:
    try:
        fast = repr(msgspec.json.decode(body, type=kind))
    except ValueError:
        return
    assert outcome(strict.structure, body, kind) == fast


STATUS_LOGS: Any = GenericAlias(list, (VehicleStatusLog,))
KINDS = [
    VehicleStatusLog,
    Vehicle,
    VehicleConnectors,
    User,
    Tariff,
    VehicleNow,
    STATUS_LOGS,
    GenericAlias(dict, (str, str)),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_both_paths_agree_on_all_that_the_first_takes(kind: Any) -> None:
    @settings(max_examples=25)
    @given(bodies(kind, utc_times()))
    def check(body: bytes) -> None:
        strictly_agreeing(body, kind)

    check()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_for_all_else_the_second_path_decides(kind: Any) -> None:
    @settings(max_examples=25)
    @given(bodies(kind, utc_times() | odd_times()))
    def check(body: bytes) -> None:
        assert outcome(codec.decode, body, kind) == outcome(strict.structure, body, kind)

    check()


@pytest.mark.parametrize("kind", [VehicleStatusLog, Tariff, int, GenericAlias(dict, (str, str))], ids=str)
def test_each_item_of_an_array_comes_out_as_it_would_alone(kind: Any) -> None:
    one = documents(kind, utc_times() | odd_times())

    @settings(max_examples=25)
    @given(st.lists(one | one.flatmap(lambda item: st.composite(lambda draw: spoiled(item, draw))()), max_size=4))
    def check(items: list[Any]) -> None:
        found = codec.items_decoder(kind)(json.dumps(items).encode())
        assert len(found.entries) == len(items)
        assert found.items == [entry for entry in found.entries if not isinstance(entry, DecodeError)]
        assert found.undecoded == [entry for entry in found.entries if isinstance(entry, DecodeError)]
        for number, (item, entry) in enumerate(zip(items, found.entries, strict=True)):
            alone = outcome(strict.structure, json.dumps(item).encode(), kind)
            if isinstance(entry, DecodeError):
                assert entry.raw == item
                assert f"{entry} {entry.where} {entry.malformed}".replace(f"$[{number}]", "$") == alone
                assert entry.__traceback__ is None
            else:
                assert repr(entry) == alone

    check()


@given(st.binary() | st.text().map(str.encode) | st.builds(json.dumps, anything).map(str.encode))
@example(rb'{"sampled_at":"2019-08-24T14:15:22.\u0031234569Z"}')
@example(rb'{"sampled_at":"2019-08-24T14:15:22\u002b01:00"}')
@example(rb'{"sampled_at":"2019-08-24T14:15:22+01\u003A00"}')
@example(b'{"sampled_at":"0001-01-01T00:00:00+01:00"}')
@example(b'{"url":"x","url":7}')
@example(b'{"url":7,"url":"x"}')
@example(b"{" + b'"odometer_meters":1e400}')
@example(b'{"odometer_meters":' + b"9" * 5000 + b"}")
def test_any_bytes_give_the_same_on_both_paths_or_a_decode_error(body: bytes) -> None:
    for kind in (VehicleStatusLog, STATUS_LOGS):
        assert outcome(codec.decode, body, kind) == outcome(strict.structure, body, kind)


@BOTH_PATHS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("state_of_charge_percentage", value)
            for value in ("70.9", '"70"', "true", "false", '""', "[]", "{}", "[70]")
        ),
        *(("is_charging", value) for value in ("1", "0", '"false"', '"true"', '""', "1.0", "[]", "{}")),
        *(("sampled_at", value) for value in ("1566656122", "1566656122.5", "true", '""', '"now"', "[]", "{}")),
        *(("state", value) for value in ("1", "true", "[]", "{}")),
        *(("data_source", value) for value in ("1", "true", "1.5", "[]", "{}", '["x"]')),
        *(("vehicle", value) for value in ("1", "true", "[]", '["x"]')),
    ],
)
def test_nothing_is_converted_that_would_lose_something(
    decode: Callable[[bytes, type[VehicleStatusLog]], object], field: str, value: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(f'{{"{field}":{value}}}'.encode(), VehicleStatusLog)
    assert caught.value.where == f"$.{field}"
    assert not caught.value.malformed


@BOTH_PATHS
@pytest.mark.parametrize("written", ["70", "70.0", "7e1", "7.0E+1"])
def test_a_whole_number_may_be_written_with_a_point(
    decode: Callable[[bytes, type[VehicleStatusLog]], VehicleStatusLog], written: str
) -> None:
    found = decode(f'{{"odometer_meters":{written}}}'.encode(), VehicleStatusLog).odometer_meters
    assert found == 70
    assert type(found) is int


@BOTH_PATHS
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019-08-24T14:15:22Z", datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)),
        ("2024-01-01T11:11:11.1111Z", datetime(2024, 1, 1, 11, 11, 11, 111100, tzinfo=UTC)),
        ("2019-08-24T14:15:22.123456Z", datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)),
        ("2019-08-24t14:15:22z", datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)),
    ],
)
def test_times(
    decode: Callable[[bytes, type[VehicleStatusLog]], VehicleStatusLog], written: str, expected: datetime
) -> None:
    found = decode(f'{{"sampled_at":"{written}"}}'.encode(), VehicleStatusLog).sampled_at
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2019-08-24T14:15:22.123456789Z", datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)),
        ("2019-08-24T14:15:22.9999999Z", datetime(2019, 8, 24, 14, 15, 22, 999999, tzinfo=UTC)),
        ("2019-12-31T23:59:59.9999999+00:00", datetime(2019, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2019-08-24T14:15:22+01:00", datetime(2019, 8, 24, 13, 15, 22, tzinfo=UTC)),
        ("2019-08-24T14:15:22.5-0930", datetime(2019, 8, 24, 23, 45, 22, 500000, tzinfo=UTC)),
        ("2019-08-24T14:15:22-00:00", datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)),
    ],
)
def test_times_of_more_digits_or_another_zone_come_out_in_utc_and_cut_to_microseconds(
    written: str, expected: datetime
) -> None:
    found = codec.decode(f'{{"sampled_at":"{written}"}}'.encode(), VehicleStatusLog).sampled_at
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@BOTH_PATHS
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-10-16T11:26:16", datetime(2024, 10, 16, 11, 26, 16, tzinfo=UTC)),
        ("2019-08-24T14:15:22.1234567", datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)),
        ("2019-08-24", datetime(2019, 8, 24, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_in_utc(
    decode: Callable[[bytes, type[VehicleStatusLog]], VehicleStatusLog], written: str, expected: datetime
) -> None:
    found = decode(f'{{"sampled_at":"{written}"}}'.encode(), VehicleStatusLog).sampled_at
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@BOTH_PATHS
@pytest.mark.parametrize("written", ["2024-01-31", "2024-01-31T00:00:00Z", "2024-01-31T00:00:00.000+00:00"])
def test_a_date_is_a_date(decode: Callable[[bytes, type[Tariff]], Tariff], written: str) -> None:
    found = decode(f'{{"id":"t","valid_from":"{written}"}}'.encode(), Tariff).valid_from
    assert type(found) is date
    assert found == date(2024, 1, 31)


@BOTH_PATHS
@pytest.mark.parametrize("value", ['""', '"2024-01-31T00:00:01Z"', '"2024-02-30"', "20240131", "true", "{}"])
def test_what_is_no_date_is_an_error(decode: Callable[[bytes, type[Tariff]], object], value: str) -> None:
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


@pytest.mark.parametrize(
    ("kind", "body", "where", "why"),
    [
        (STATUS_LOGS, b'[{},{},{},{"sampled_at":"x"}]', "$[3].sampled_at", "expected a time such as"),
        (VehicleStatusLog, b'{"vehicle":{"id":"v","trim":{"id":7}}}', "$.vehicle.trim.id", "expected a string, got 7"),
        (VehicleStatusLog, b'{"vehicle":{"id":"v","trim":{}}}', "$.vehicle.trim.id", "the field is missing"),
        (
            Vehicle,
            b'{"id":"v","trim":{"id":"t","model":{"id":"m","make":{"id":null}}}}',
            "$.trim.model.make.id",
            "null",
        ),
        (
            Vehicle,
            b'{"id":"v","latest_status_log":{"is_charging":1}}',
            "$.latest_status_log.is_charging",
            "true or false",
        ),
        (User, b'{"id":"u","vehicles":["a",1]}', "$.vehicles[1]", "expected a string, got 1"),
        (User, b'{"id":"u","default_location":{"coordinates":[]}}', "$.default_location.coordinates", "an array"),
        (Vehicle, b"{}", "$.id", "the field is missing"),
        (Vehicle, b"[]", "$", "expected an object, got an array"),
        (Vehicle, b"null", "$", "expected an object, got null"),
        (STATUS_LOGS, b"{}", "$", "expected an array, got an object"),
        (STATUS_LOGS, b"[null]", "$[0]", "expected an object, got null"),
        (STATUS_LOGS, b'"x"', "$", "expected an array, got 'x'"),
        (GenericAlias(dict, (str, str)), b'{"vehicles":1}', "$['vehicles']", "expected a string"),
    ],
)
def test_an_error_names_the_place(kind: Any, body: bytes, where: str, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(body, kind)
    assert type(caught.value) is DecodeError
    assert (caught.value.where, caught.value.malformed) == (where, False)
    assert why in str(caught.value)
    assert f"at {where}" in str(caught.value)


def test_a_page_of_errors_is_one_short_line() -> None:
    body = json.dumps([{"sampled_at": "x\n" * 1000}] * 1000).encode()
    with pytest.raises(DecodeError, match="and 997 more") as caught:
        codec.decode(body, STATUS_LOGS)
    assert caught.value.where == "$[0].sampled_at"
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()


@BOTH_PATHS
@pytest.mark.parametrize("kind", [Vehicle, STATUS_LOGS], ids=str)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>502 Bad Gateway</html>",
        b'[{"url":"x"},{"ur',
        b'{"id":"x"',
        b'{"id":"x"}}',
        b'{"id":"x"} trailing',
        b"[][]",
        b"NaN",
        b'{"id":"x","battery_size_watt_hours":NaN}',
        b'[{"odometer_meters":-Infinity}]',
        b'{"id":"\\ud800"}',
        b'{"id":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"\x00",
    ],
)
def test_what_is_no_whole_json_document_is_malformed(
    decode: Callable[[bytes, Any], object], kind: Any, body: bytes
) -> None:
    with pytest.raises(DecodeError, match="not a whole JSON document") as caught:
        decode(body, kind)
    assert type(caught.value) is DecodeError
    assert (caught.value.where, caught.value.malformed) == ("$", True)


@pytest.mark.parametrize("kind", [Vehicle, STATUS_LOGS, User], ids=str)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"id":' * 100_000,
        b'{"unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"vehicle":{"id":"x","latest_status_log":' * 300 + b'{"is_charging":1}' + b"}}" * 300,
    ],
    ids=["cut", "whole", "objects", "unknown", "values"],
)
def test_what_is_nested_beyond_reason_is_a_decode_error(kind: Any, body: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.decode(body, kind)


def test_values_nested_too_deeply_for_the_second_path_are_a_decode_error() -> None:
    body = b'{"vehicle":{"id":"x","latest_status_log":' * 300 + b'{"is_charging":1}' + b"}}" * 300
    with pytest.raises(DecodeError):
        codec.decode(body, VehicleStatusLog)


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


def test_a_time_of_many_digits_takes_no_other_field_away() -> None:
    body = b'{"id":"u","joined_at":"2019-08-24T14:15:22.1234567Z","default_location":{"city":"x"}}'
    user = codec.decode(body, User)
    assert user.joined_at == datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)
    assert user.default_location == Location(city="x")


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
