from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from evenergy import AsyncClient, InvalidArgumentError, LatLong, VehicleMake
from evenergy._codec import validate
from tests.codec.rejections import rejected

VEHICLE = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
USER = "user01HRFF3SEVSCRAV9B3CHVDFN0H"
ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"

any_texts = st.text(st.characters())  # lone surrogates too


@pytest.mark.parametrize(
    "value",
    [
        VEHICLE,
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}/",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}?expand=trim",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}/?next=https://other.example/a/b",
        f"http://127.0.0.1:8080/vehicles/{VEHICLE}",
    ],
)
def test_an_id_is_taken_as_it_is_or_from_the_end_of_a_url(value: str) -> None:
    assert validate.identifier(value, "vhcl") == VEHICLE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "vhcl",
        "https://api.ev.energy/v2/vehicles/",
        USER,
        VEHICLE.lower(),
        VEHICLE.upper(),
        VEHICLE[:-1],
        VEHICLE + "0",
        VEHICLE + "\n",
        " " + VEHICLE,
        VEHICLE[:-1] + ARABIC_DIGITS[0],
        VEHICLE[:-1] + "-",
        VEHICLE + "/..",
        f"{VEHICLE}/status_logs",
        f"{VEHICLE}?expand=trim",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs",
        f"https://api.ev.energy/v2/vehicles?id={VEHICLE}",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}#top",
        None,
        7,
        VEHICLE.encode(),
    ],
)
def test_a_value_that_is_no_id_of_the_kind_is_rejected(value: object) -> None:
    message = rejected(validate.identifier, value, "vhcl")
    assert "vhcl" in message
    assert message.isprintable()


@given(any_texts)
def test_an_id_holds_nothing_but_its_prefix_and_26_letters_and_digits(text: str) -> None:
    for value in (text, "vhcl" + text, VEHICLE + text, f"https://api.ev.energy/{VEHICLE}{text}"):
        try:
            found = validate.identifier(value, "vhcl")
        except InvalidArgumentError:
            continue
        assert len(found) == 30
        assert found.isascii()
        assert found.isalnum()
        assert found.startswith("vhcl")
        assert found[4:] == found[4:].upper()


@pytest.mark.parametrize("value", [None, 1, 25, 100])
def test_a_page_size(value: int | None) -> None:
    assert validate.page_size(value) == value


@pytest.mark.parametrize("value", [0, -1, 101, True, 25.0, "25", math.nan])
def test_a_value_that_is_no_page_size_is_rejected(value: object) -> None:
    assert "page_size from 1 to 100" in rejected(validate.page_size, value)


@pytest.mark.parametrize(("value", "expected"), [(None, None), (1, 1.0), (0.5, 0.5), (10**6, 1e6)])
def test_seconds(value: object, expected: float | None) -> None:
    assert validate.seconds("timeout", value) == expected


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, -math.inf, True, "30", timedelta(seconds=30)])
def test_a_value_that_is_no_duration_is_rejected(value: object) -> None:
    message = rejected(validate.seconds, "timeout", value)
    assert "timeout in seconds, more than 0" in message


def test_a_duration_that_no_float_can_hold_is_rejected() -> None:
    assert "timeout in seconds" in rejected(validate.seconds, "timeout", 10**400)


def test_a_duration_that_may_be_nothing() -> None:
    assert validate.seconds("max_wait", 0, zero=True) == 0
    assert "max_wait in seconds, 0 or more" in rejected(validate.seconds, "max_wait", -1, zero=True)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None])
def test_a_count_is_a_whole_number_of_at_least_one(value: object) -> None:
    assert validate.positive_int("concurrency", 1) == 1
    assert "concurrency as a whole number of at least 1" in rejected(validate.positive_int, "concurrency", value)


@pytest.mark.parametrize(
    "value", ["hush hush", "hush\n", "hush\r\nX-Evil: 1", "hush\0", "hüsh", "hush\x7f", " hush", "", b"hush", 4, None]
)
def test_a_rejected_secret_is_not_in_the_message(value: object) -> None:
    message = rejected(validate.secret, "client_secret", value)
    assert "client_secret" in message
    assert "hush" not in message
    assert "hüsh" not in message


def test_a_secret_comes_back_as_it_is() -> None:
    assert validate.secret("a token", "ey.J0~eXA+/=") == "ey.J0~eXA+/="


@given(any_texts)
def test_a_secret_or_a_header_can_never_hold_a_blank_or_a_line_end(text: str) -> None:
    for check in (validate.secret, validate.header_value):
        try:
            value = check("a value", text)
        except InvalidArgumentError:
            assert not text or any(not "!" <= character <= "~" for character in text)
        else:
            assert value == text
            assert all("!" <= character <= "~" for character in text)


@pytest.mark.parametrize("value", ["2\n", "", "2 2", "é", None, 2])
def test_a_value_that_is_no_header_is_rejected(value: object) -> None:
    assert "api_version of visible ASCII" in rejected(validate.header_value, "api_version", value)


@pytest.mark.parametrize("argument", ["base_url", "user"])
def test_an_empty_argument_is_rejected_and_not_taken_for_none(argument: str) -> None:
    given: dict[str, Any] = {argument: ""}
    assert "expected" in rejected(AsyncClient, "token", **given)


def test_an_empty_user_of_a_view_is_rejected() -> None:
    assert "expected an id such as user" in rejected(AsyncClient("token").with_options, user="")


@pytest.mark.parametrize(
    ("expand", "expected"),
    [
        ((), ()),
        (["trim.model.make", "user"], ("trim.model.make", "user")),
        (iter(["user"]), ("user",)),
        ({"latest_status_log": 1}, ("latest_status_log",)),
    ],
)
def test_expand_takes_any_iterable(expand: Iterable[str], expected: tuple[str, ...]) -> None:
    assert validate.expansion(expand) == expected


def test_a_bare_string_as_expand_is_rejected_with_the_remedy() -> None:
    assert "['trim.model']" in rejected(validate.expansion, "trim.model")


def test_a_resource_in_place_of_its_id_is_rejected_with_the_remedy() -> None:
    message = rejected(validate.identifier, VehicleMake("vmak01HRFHBCM7VBSWRPVYFBQMH2BR"), "vmak")
    assert message.endswith("got a VehicleMake: pass its id")


@pytest.mark.parametrize("expand", [None, 5, object()])
def test_a_value_that_is_no_list_of_fields_is_rejected(expand: object) -> None:
    assert "expected expand as a list" in rejected(validate.expansion, expand)


@pytest.mark.parametrize("value", ["", None, 1])
def test_a_value_that_is_no_text_in_a_path_is_rejected(value: object) -> None:
    assert "expected region as text" in rejected(functools.partial(validate.path_text, "region"), value)


@pytest.mark.parametrize(
    "field", ["", ".", "trim.", ".trim", "trim..model", "Trim", "trim&x=1", "trim\n", "trim model", "trïm", None, 1]
)
def test_a_value_that_is_no_field_to_expand_is_rejected(field: object) -> None:
    assert "expected a field to expand" in rejected(validate.expansion, ["user", field])


@pytest.mark.parametrize(("value", "expected"), [("get", "GET"), ("PATCH", "PATCH")])
def test_a_method(value: str, expected: str) -> None:
    assert validate.http_method(value) == expected


@pytest.mark.parametrize("value", ["", "GET\n", "GET /x HTTP/1.1\r\n", "GÉT", "G T", None, b"GET"])
def test_a_value_that_is_no_method_is_rejected(value: object) -> None:
    assert "expected an HTTP method" in rejected(validate.http_method, value)


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENERGY_TOKEN", raising=False)
    assert validate.environment_variable("EVENERGY_TOKEN") is None
    monkeypatch.setenv("EVENERGY_TOKEN", "x")
    assert validate.environment_variable("EVENERGY_TOKEN") == "x"


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_of_the_environment_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", value)
    assert "EVENERGY_TOKEN is set but empty" in rejected(validate.environment_variable, "EVENERGY_TOKEN")


@given(any_texts)
def test_a_rejection_is_one_short_printable_line(text: str) -> None:
    message = str(validate.invalid_argument("something", text))
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (None, None),
        (LatLong(51.5, -0.1), "51.5,-0.1"),
        (LatLong(1e-05, -1e-07), "0.00001,-0.0000001"),
        (LatLong(-0.0, 180), "0,180"),
        ({"latitude": 90, "longitude": -180.0}, "90,-180"),
        (LatLong(51.123456789012345, 0.1 + 0.2), "51.123456789012344,0.30000000000000004"),
    ],
)
def test_a_place_is_written_in_plain_digits(place: LatLong | None, expected: str | None) -> None:
    assert validate.latitude_longitude("contains", place) == expected


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_reads_back_as_it_was(latitude: float, longitude: float) -> None:
    written = validate.latitude_longitude("contains", LatLong(latitude, longitude)) or ""
    assert re.fullmatch(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?", written)
    assert [float(text) for text in written.split(",")] == [latitude, longitude]


@pytest.mark.parametrize(
    "place",
    [
        LatLong(90.1, 0),
        LatLong(0, -180.1),
        LatLong(math.nan, 0),
        LatLong(0, math.inf),
        {"latitude": "51.5", "longitude": 0},
        {"latitude": True, "longitude": 0},
        {"latitude": 1},
        (51.5, -0.1),
        "51.5,-0.1",
        10**400,
    ],
)
def test_a_value_that_is_no_place_is_rejected(place: object) -> None:
    message = rejected(validate.latitude_longitude, "contains", place)
    assert "contains as a LatLong with a latitude from -90 to 90 and a longitude from -180 to 180" in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dc000000", "dc000000"),
        ("dcrd01HRFF3SEVSCRAV9B3CHVDFN0H", "dcrd01HRFF3SEVSCRAV9B3CHVDFN0H"),
        ("https://api.ev.energy/v2/dispatch_coordinators/dc000000/", "dc000000"),
        ("https://api.ev.energy/v2/dispatch_coordinators/dc000000?x=1", "dc000000"),
        ("CHARGEPOINT", "CHARGEPOINT"),
        ("a-b_c.d~e", "a-b_c.d~e"),
    ],
)
def test_an_id_without_a_prefix_is_a_word_or_the_end_of_a_url(value: str, expected: str) -> None:
    assert validate.word_id("coordinator_id", value) == expected


@pytest.mark.parametrize(
    "value", ["", ".", "..", "a/b", "a b", "a?b", "a#b", "dc\n", "é", "%2e", "https://api.ev.energy/", None, 7, b"dc"]
)
def test_a_value_that_is_no_word_is_rejected(value: object) -> None:
    assert "coordinator_id as a word" in rejected(validate.word_id, "coordinator_id", value)
