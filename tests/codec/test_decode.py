from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import GenericAlias
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings, strategies as st

from evenergy import (
    DecodeError,
    Location,
    User,
    Vehicle,
    VehicleConnectors,
    VehicleStatusLog,
)
from evenergy._codec import decode as codec, strict
from tests.codec.documents import anything, bodies, documents, odd_times, outcome, spoiled, utc_times
from tests.codec.shapes import Tariff, VehicleNow

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
def test_a_body_that_is_no_whole_json_document_is_malformed(
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
def test_a_body_that_is_nested_beyond_reason_is_a_decode_error(kind: Any, body: bytes) -> None:
    with pytest.raises(DecodeError):
        codec.decode(body, kind)


def test_values_nested_too_deeply_for_the_second_path_are_a_decode_error() -> None:
    body = b'{"vehicle":{"id":"x","latest_status_log":' * 300 + b'{"is_charging":1}' + b"}}" * 300
    with pytest.raises(DecodeError):
        codec.decode(body, VehicleStatusLog)


def test_a_time_of_many_digits_takes_no_other_field_away() -> None:
    body = b'{"id":"u","joined_at":"2019-08-24T14:15:22.1234567Z","default_location":{"city":"x"}}'
    user = codec.decode(body, User)
    assert user.joined_at == datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)
    assert user.default_location == Location(city="x")
