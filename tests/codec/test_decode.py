from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from types import GenericAlias, NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec
import pytest
from hypothesis import example, given, settings, strategies as st

from evenergy import (
    CurrentType,
    DecodeError,
    InvalidArgumentError,
    Response,
    Token,
    User,
    Vehicle,
    VehicleClass,
    VehicleConnectors,
    VehicleMake,
    VehicleState,
    VehicleStatusLog,
    VehicleTrim,
    to_dict,
)
from evenergy._codec import decode as codec, strict
from evenergy._codec.wire_types import OpenEnum, reference_id, time_text

BOTH_PATHS = pytest.mark.parametrize("decode", [codec.decode, strict.structure])

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=3,
)


@st.composite
def utc_times(draw: st.DrawFn) -> str:
    """Times as the API writes them: in UTC, with 0 to 6 digits."""
    time, digits = draw(st.datetimes()), draw(st.integers(0, 6))
    return (
        time.strftime(f"{time.year:04}-%m-%dT%H:%M:%S")
        + (f".{time.microsecond:06}"[: digits + 1] if digits else "")
        + "Z"
    )


@st.composite
def odd_times(draw: st.DrawFn) -> str:
    """Times as others write them."""
    time = draw(utc_times()).removesuffix("Z")
    digits = draw(st.sampled_from(["", ".1234567", ".9999999", ".000000000"]))
    zone = draw(st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+01:00", "-0930", "+14:00"]))
    return time.partition(".")[0] + digits + zone


def documents(kind: Any, times: st.SearchStrategy[str], depth: int = 2) -> st.SearchStrategy[Any]:
    """JSON data that fits a type."""
    plain: dict[object, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-(2**63), 2**64 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000),
        bool: st.booleans(),
        datetime: times,
        NoneType: st.none(),
        Any: anything,
    }
    if kind in plain:
        return plain[kind]
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if depth > 0 or not attrs.has(one)]
        return st.one_of([documents(one, times, depth - 1) for one in kinds])
    if get_origin(kind) is list:
        return st.lists(documents(get_args(kind)[0], times, depth), max_size=3)
    if get_origin(kind) is dict:
        return st.dictionaries(texts, documents(get_args(kind)[1], times, depth), max_size=2)
    if issubclass(kind, OpenEnum):
        return st.sampled_from([member.value for member in kind]) | texts
    fields = {name: documents(hint, times, depth) for name, hint in get_type_hints(kind).items()}
    needed = [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    optional = {**{name: fields[name] for name in fields if name not in needed}, "x_unknown": anything}
    return st.fixed_dictionaries({name: fields[name] for name in needed}, optional=optional)


def spoiled(document: Any, draw: st.DrawFn) -> Any:
    """The document with one value of it replaced by anything."""
    keys: list[Any] = []
    if hasattr(document, "keys"):
        keys += document.keys()
    elif hasattr(document, "append"):
        keys += range(len(document))
    if not keys or draw(st.booleans()):
        return draw(anything)
    key = draw(st.sampled_from(keys))
    document[key] = spoiled(document[key], draw)
    return document


@st.composite
def bodies(draw: st.DrawFn, kind: Any, times: st.SearchStrategy[str]) -> bytes:
    """JSON that fits a type, or nearly."""
    document = draw(documents(kind, times))
    if draw(st.booleans()):
        document = spoiled(document, draw)
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode()


def outcome(decode: Callable[[bytes, Any], object], body: bytes, kind: Any) -> str:
    """What came of it, with all its types."""
    try:
        return repr(decode(body, kind))
    except DecodeError as error:
        return f"{error} {error.where} {error.malformed}"


def strictly_agreeing(body: bytes, kind: Any) -> None:
    try:
        fast = repr(msgspec.json.decode(body, type=kind))
    except ValueError:
        return
    assert outcome(strict.structure, body, kind) == fast


STATUS_LOGS: Any = GenericAlias(list, (VehicleStatusLog,))
KINDS = [VehicleStatusLog, Vehicle, VehicleConnectors, User, STATUS_LOGS, GenericAlias(dict, (str, str))]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_both_paths_agree_on_all_that_the_first_takes(kind: Any) -> None:
    @settings(max_examples=60)
    @given(bodies(kind, utc_times()))
    def check(body: bytes) -> None:
        strictly_agreeing(body, kind)

    check()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_for_all_else_the_second_path_decides(kind: Any) -> None:
    @settings(max_examples=60)
    @given(bodies(kind, utc_times() | odd_times()))
    def check(body: bytes) -> None:
        assert outcome(codec.decode, body, kind) == outcome(strict.structure, body, kind)

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
def test_nothing_is_coerced(decode: Callable[[bytes, type[VehicleStatusLog]], object], field: str, value: str) -> None:
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


@pytest.mark.parametrize("written", ["2019-08-24T14:15:22", "2019-08-24T14:15:22.1234567", "2019-08-24"])
def test_a_time_without_a_zone_cannot_be_read(written: str) -> None:
    with pytest.raises(DecodeError, match="expected a time with a zone") as caught:
        codec.decode(f'[{{"sampled_at":"{written}"}}]'.encode(), STATUS_LOGS)
    assert caught.value.where == "$[0].sampled_at"


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


def test_a_page_of_errors_is_told_in_one_short_line() -> None:
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
def test_an_expanded_reference_that_has_no_class_is_plain_data(decode: Callable[[bytes, type[User]], User]) -> None:
    body = b'{"id":"u","default_location":{"tariff":{"supplier":{"rates":[1,null]}},"evse_site":"https://x/s"}}'
    location = decode(body, User).default_location
    assert location is not None
    assert location.tariff == {"supplier": {"rates": [1, None]}}
    assert location.evse_site == "https://x/s"


def test_a_time_of_many_digits_takes_no_other_field_away() -> None:
    body = b'{"id":"u","joined_at":"2019-08-24T14:15:22.1234567Z","default_location":{"tariff":{"name":"x"}}}'
    user = codec.decode(body, User)
    assert user.joined_at == datetime(2019, 8, 24, 14, 15, 22, 123456, tzinfo=UTC)
    assert user.default_location is not None
    assert user.default_location.tariff == {"name": "x"}


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


@pytest.mark.parametrize("kind", [VehicleStatusLog, Vehicle, VehicleConnectors, User])
def test_to_dict_is_plain_data_and_reads_back(kind: Any) -> None:
    @settings(max_examples=60)
    @given(documents(kind, utc_times()))
    def check(document: object) -> None:
        value = codec.decode(json.dumps(document).encode(), kind)
        data: object = to_dict(value)
        text = json.dumps(data, allow_nan=False)
        assert json.loads(text) == data
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
def test_to_dict_refuses_what_is_no_value(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a value such as a Vehicle"):
        to_dict(value)


@pytest.mark.parametrize(
    "value", [Token.from_dict({"access_token": "t"}), Response(200, {}, b"")], ids=["token", "bytes"]
)
def test_to_dict_refuses_what_is_no_json_data(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a value such as a Vehicle"):
        to_dict(value)


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
