from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import pytest
from hypothesis import assume, example, given, strategies as st
from yarl import URL

from evenergy import AsyncClient, InvalidArgumentError, VehicleMake
from evenergy._codec import urls, validate

BASE = "https://gateway.example/ev/v2"
VEHICLE = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
USER = "user01HRFF3SEVSCRAV9B3CHVDFN0H"
ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"

texts = st.text(st.characters(exclude_categories=["Cs"]))
any_texts = st.text(st.characters())  # lone surrogates too


def refused(check: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    """The message of the refusal."""
    with pytest.raises(InvalidArgumentError) as caught:
        check(*args, **kwargs)
    return str(caught.value)


class Nowhere(tzinfo):
    """A zone without an offset, so that its times are naive."""

    def utcoffset(self, dt: datetime | None, /) -> None:
        return None

    dst = tzname = utcoffset


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
def test_what_is_no_id_of_the_kind_is_refused(value: object) -> None:
    message = refused(validate.identifier, value, "vhcl")
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2024, 1, 1, 11, 11, 11, 111100, tzinfo=UTC), "2024-01-01T11:11:11.111100Z"),
        (datetime(2024, 1, 1, 11, 11, 11, tzinfo=UTC), "2024-01-01T11:11:11Z"),
        (datetime(2024, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2023-12-31T23:30:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        ("2024-01-01T11:11:11.1111Z", "2024-01-01T11:11:11.1111Z"),
        ("2019-08-24T14:15:22Z", "2019-08-24T14:15:22Z"),
        ("2019-08-24t14:15:22z", "2019-08-24t14:15:22z"),
        ("2019-08-24T14:15:22.123456789Z", "2019-08-24T14:15:22.123456789Z"),
        ("2019-08-24T14:15:22+00:00", "2019-08-24T14:15:22+00:00"),
        (f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs/2019-08-24T14:15:22.1Z", "2019-08-24T14:15:22.1Z"),
        (f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs/2019-08-24T14%3A15%3A22Z/", "2019-08-24T14:15:22Z"),
    ],
)
def test_a_log_key_keeps_its_digits(value: object, expected: str) -> None:
    assert validate.log_key(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "latest",
        "2019-08-24",
        "2019-08-24T14:15:22",
        "2019-08-24T14:15Z",
        "2019-08-24 14:15:22Z",
        "2019-08-24T14:15:22Z\n",
        "2019-08-24T14:15:22Z/..",
        "2019-08-24T14:15:22Z?expand=vehicle",
        "2019-08-24T14:15:2" + ARABIC_DIGITS[2] + "Z",
        "2019-08-24T14:15:22.1234567890Z",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs",
        1_566_656_122,
        None,
        b"2019-08-24T14:15:22Z",
    ],
)
def test_what_is_no_log_key_is_refused(value: object) -> None:
    assert "expected an aware datetime, or a time" in refused(validate.log_key, value)


def _as_parameter(value: Any) -> object:
    return tuple(urls.query_items({"since": value}))


@pytest.mark.parametrize("check", [validate.aware, validate.log_key, _as_parameter])
@pytest.mark.parametrize("zone", [None, Nowhere()])
def test_a_naive_time_is_refused_with_the_reason_and_the_cure(
    check: Callable[[object], object], zone: tzinfo | None
) -> None:
    message = refused(check, datetime(2024, 1, 1, 11, 11, tzinfo=zone))
    assert "naive 2024-01-01T11:11:00" in message
    assert "without a zone it names no instant" in message
    assert "timezone.utc" in message


@pytest.mark.parametrize(
    "value", ["2024-01-01T00:00:00Z", 0, None, timedelta(1), datetime(2024, 1, 1, tzinfo=UTC).date()]
)
def test_what_is_no_datetime_is_refused(value: object) -> None:
    assert "expected an aware datetime" in refused(validate.aware, value)


@pytest.mark.parametrize(
    "value",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_a_time_that_utc_cannot_hold_is_refused(value: datetime) -> None:
    assert "years 1 and 9999" in refused(validate.aware, value)


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_written_as_the_same_instant_in_utc(time: datetime) -> None:
    try:
        written = validate.aware(time)
    except InvalidArgumentError:
        assume(condition=False)
        raise
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == time.astimezone(UTC)


@pytest.mark.parametrize("value", [None, 1, 25, 100])
def test_a_page_size(value: int | None) -> None:
    assert validate.page_size(value) == value


@pytest.mark.parametrize("value", [0, -1, 101, True, 25.0, "25", math.nan])
def test_what_is_no_page_size_is_refused(value: object) -> None:
    assert "page_size from 1 to 100" in refused(validate.page_size, value)


@pytest.mark.parametrize(("value", "expected"), [(None, None), (1, 1.0), (0.5, 0.5), (10**6, 1e6)])
def test_seconds(value: object, expected: float | None) -> None:
    assert validate.seconds("timeout", value) == expected


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, -math.inf, True, "30", timedelta(seconds=30)])
def test_what_is_no_duration_is_refused(value: object) -> None:
    message = refused(validate.seconds, "timeout", value)
    assert "timeout in seconds, more than 0" in message


def test_a_duration_that_no_float_can_hold_is_refused() -> None:
    assert "timeout in seconds" in refused(validate.seconds, "timeout", 10**400)


def test_a_duration_that_may_be_nothing() -> None:
    assert validate.seconds("max_wait", 0, zero=True) == 0
    assert "max_wait in seconds, 0 or more" in refused(validate.seconds, "max_wait", -1, zero=True)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None])
def test_a_count_is_a_whole_number_of_at_least_one(value: object) -> None:
    assert validate.positive_int("concurrency", 1) == 1
    assert "concurrency as a whole number of at least 1" in refused(validate.positive_int, "concurrency", value)


@pytest.mark.parametrize(
    "value", ["hush hush", "hush\n", "hush\r\nX-Evil: 1", "hush\0", "hüsh", "hush\x7f", " hush", "", b"hush", 4, None]
)
def test_a_refused_secret_is_not_in_the_message(value: object) -> None:
    message = refused(validate.secret, "client_secret", value)
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
def test_what_is_no_header_is_refused(value: object) -> None:
    assert "api_version of visible ASCII" in refused(validate.header_value, "api_version", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://api.ev.energy/v2", "https://api.ev.energy/v2"),
        ("https://api.ev.energy/v2/", "https://api.ev.energy/v2"),
        ("https://gateway.example:8443", "https://gateway.example:8443"),
        ("http://localhost:8080/v2", "http://localhost:8080/v2"),
        ("http://LOCALHOST/", "http://LOCALHOST"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.8.8.8", "http://127.8.8.8"),
        ("http://[::1]:8080/v2/", "http://[::1]:8080/v2"),
        ("https://[2001:db8::1]/v2", "https://[2001:db8::1]/v2"),
    ],
)
def test_a_base_url(value: str, expected: str) -> None:
    assert urls.base_url(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/",
        "api.ev.energy/v2",
        "//api.ev.energy/v2",
        "/v2",
        "https://",
        "https:///v2",
        "https://:443/v2",
        "ftp://api.ev.energy/v2",
        "file:///v2",
        "https://api.ev.energy:99999/v2",
        "https://api.ev.energy:-1/v2",
        "https://api.ev.energy:https/v2",
        "https://[::1/v2",
        "https://api.ev.energy/v2?x=1",
        "https://api.ev.energy/v2?",
        "https://api.ev.energy/v2#top",
        "https://api.ev.energy/v2#",
        "https://api.ev.energy/v2\n",
        " https://api.ev.energy/v2",
        "https://api.ev.energy\\v2",
        "https://äpi.example/v2",
        b"https://api.ev.energy/v2",
        URL("https://api.ev.energy/v2"),
        None,
    ],
)
def test_what_is_no_base_url_is_refused(value: object) -> None:
    message = refused(urls.base_url, value)
    assert "expected base_url" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "value",
    [
        "http://api.ev.energy/v2",
        "http://localhost.evil.example/v2",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[2001:db8::1]",
    ],
)
def test_http_is_for_the_loopback_only(value: str) -> None:
    assert "a token would travel in the clear" in refused(urls.base_url, value)


@pytest.mark.parametrize(
    "value",
    [
        "https://ann:hush@api.ev.energy/v2",
        "https://hush@api.ev.energy",
        "http://ann:hush@localhost",
        "http://ann:hush@evil.example",
        "https://ann:hush@api.ev.energy:99999",
        "https://ann:hush@",
        "https://ann:hush@api.ev.energy/v2\n",
    ],
)
def test_a_base_url_with_a_password_is_refused_and_not_shown(value: str) -> None:
    for check in (urls.base_url, urls.endpoint_url):
        message = refused(check, value)
        assert "hush" not in message
        assert "pass credentials as auth" in message


def test_a_token_endpoint_keeps_its_last_slash() -> None:
    assert urls.endpoint_url("https://api.ev.energy/o/token/") == "https://api.ev.energy/o/token/"
    assert "expected" in refused(urls.endpoint_url, "http://api.ev.energy/o/token/")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.ev.energy",
        "https://api.ev.energy:443/v2",
        "https://API.EV.ENERGY/v2?x",
        "HTTPS://api.ev.energy/",
    ],
)
def test_one_origin_has_one_spelling(url: str) -> None:
    assert urls.origin(url) == "https://api.ev.energy:443"


@pytest.mark.parametrize(
    "url", ["http://api.ev.energy", "https://api.ev.energy:444", "https://api.ev.energy.example", "https://ev.energy"]
)
def test_another_scheme_port_or_host_is_another_origin(url: str) -> None:
    assert urls.origin(url) != urls.origin("https://api.ev.energy")


@pytest.mark.parametrize("argument", ["base_url", "user"])
def test_an_empty_argument_is_refused_and_not_taken_for_none(argument: str) -> None:
    given: dict[str, Any] = {argument: ""}
    assert "expected" in refused(AsyncClient, "token", **given)


def test_an_empty_user_of_a_view_is_refused() -> None:
    assert "expected an id such as user" in refused(AsyncClient("token").with_options, user="")


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


def test_a_bare_string_as_expand_is_refused_with_the_cure() -> None:
    assert "['trim.model']" in refused(validate.expansion, "trim.model")


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    late, early = datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    assert validate.time_range(early, late) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert validate.time_range(late, late) == ("2024-01-02T00:00:00Z",) * 2
    assert validate.time_range(None, early) == (None, "2024-01-01T00:00:00Z")
    assert "since to be no later than until" in refused(validate.time_range, late, early)


def test_a_resource_in_place_of_its_id_is_refused_with_the_cure() -> None:
    message = refused(validate.identifier, VehicleMake("vmak01HRFHBCM7VBSWRPVYFBQMH2BR"), "vmak")
    assert message.endswith("got a VehicleMake: pass its id")


@pytest.mark.parametrize("expand", [None, 5, object()])
def test_what_is_no_list_of_fields_is_refused(expand: object) -> None:
    assert "expected expand as a list" in refused(validate.expansion, expand)


@pytest.mark.parametrize("name", ["\ud800", 1, None])
def test_what_is_no_name_of_a_parameter_is_refused(name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected text"):
        tuple(urls.query_items({name: "x"}))


@pytest.mark.parametrize("value", ["", None, 1])
def test_what_is_no_word_in_a_path_is_refused(value: object) -> None:
    assert "expected region as text" in refused(functools.partial(validate.path_text, "region"), value)


@pytest.mark.parametrize(
    "field", ["", ".", "trim.", ".trim", "trim..model", "Trim", "trim&x=1", "trim\n", "trim model", "trïm", None, 1]
)
def test_what_is_no_field_to_expand_is_refused(field: object) -> None:
    assert "expected a field to expand" in refused(validate.expansion, ["user", field])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/vehicles", ("/vehicles", ())),
        ("vehicles", ("/vehicles", ())),
        ("/vehicles/", ("/vehicles/", ())),
        ("/", ("/", ())),
        ("/vehicles?expand=user&expand=trim&x=", ("/vehicles", (("expand", "user"), ("expand", "trim"), ("x", "")))),
        ("/logs/2024-01-01T11:11:11.1Z", ("/logs/2024-01-01T11:11:11.1Z", ())),
        ("/a%20b", ("/a%20b", ())),
        ("/a%2Fb", ("/a%2Fb", ())),
        ("/a%252e%252e", ("/a%252e%252e", ())),
        ("/é", ("/%C3%A9", ())),
        ("https://api.ev.energy/v2/vehicles?x=1", ("/vehicles", (("x", "1"),))),
        ("https://api.ev.energy/vehicles", ("/vehicles", ())),
        ("https://API.ev.energy:443/v2/vehicles", ("/vehicles", ())),
        ("https://api.ev.energy/v2", ("/", ())),
        ("https://api.ev.energy/v2/", ("/", ())),
        ("https://api.ev.energy/v20/vehicles", ("/v20/vehicles", ())),
        (f"{BASE}/vehicles", ("/vehicles", ())),
        ("https://gateway.example/v2/vehicles", ("/vehicles", ())),
        ("https://gateway.example/vehicles?page=2", ("/vehicles", (("page", "2"),))),
    ],
)
def test_a_path_or_a_url_is_placed_below_the_base(value: str, expected: tuple[str, urls.Query]) -> None:
    assert urls.resolve_url(value, BASE) == expected


@pytest.mark.parametrize(
    "value",
    [
        "https://evil.example/v2/vehicles",
        "http://api.ev.energy/v2/vehicles",
        "https://api.ev.energy:444/v2/vehicles",
        "https://api.ev.energy.evil.example/v2",
        "//evil.example/vehicles",
        "//api.ev.energy/vehicles",
        "https:vehicles",
        "https:///vehicles",
        "javascript:alert(1)",
        "https://api.ev.energy:port/vehicles",
        "https://[::1/vehicles",
        "https://api.ev.energy\uff0fevil.example/v2",
        "/a/../b",
        "/..",
        "/.",
        "/a/%2e%2e/b",
        "/a/%2E./b",
        "/a/.%2e",
        "/%2e",
        "https://api.ev.energy/v2/../o/token/",
        "https://api.ev.energy/v2/%2e%2e/o/token/",
        "/a//b",
        "/a\\..\\b",
        "\\\\evil.example\\b",
        "/a b",
        "/a\nb",
        "/a\r\nX-Evil: 1",
        "/a\tb",
        "/a\0b",
        "/a\x7fb",
        "/a#b",
        "/a\ud800b",
        "",
        None,
        7,
        b"/vehicles",
    ],
)
def test_what_would_leave_its_place_is_refused(value: object) -> None:
    message = refused(urls.resolve_url, value, BASE)
    assert message.isprintable()


@pytest.mark.parametrize("origin", ["https://ann:hush@api.ev.energy", "https://hush@gateway.example", "//ann:hush@x"])
def test_a_url_with_a_password_is_refused_and_not_shown(origin: str) -> None:
    assert "hush" not in refused(urls.resolve_url, origin + "/v2/vehicles", BASE)


@given(any_texts)
@example("/%2e%2e%2fo/token")
@example("/\ud800")
@example("?x=\udcff")
def test_whatever_is_placed_stays_below_the_base(text: str) -> None:
    for value in (text, "/" + text, f"/a/{text}/b", f"{BASE}/{text}", f"https://api.ev.energy{text}"):
        try:
            path, query = urls.resolve_url(value, BASE)
        except InvalidArgumentError:
            continue
        url = URL(f"{BASE}{path}?{urlencode(query)}", encoded=True)
        assert (url.origin(), url.fragment) == (URL(BASE).origin(), "")
        assert url.raw_path == "/ev/v2" + path
        assert path.isascii()
        assert not {".", ".."} & {unquote(part) for part in path.split("/")}
        assert tuple(url.query.items()) == query


@given(st.lists(texts.filter(lambda text: text not in {"", ".", ".."}), max_size=4))
@example(["a/b", "?", "#", "%2e%2e", "..\\..", "a;b", "\r\nHost: x", "é", ":"])
def test_a_segment_is_always_exactly_one(parts: list[str]) -> None:
    path = urls.segments(*parts)
    assert [unquote(part) for part in path.split("/")[1:]] == (parts or [""])
    url = URL("https://api.ev.energy" + path, encoded=True)
    assert (url.host, url.raw_path, url.query_string, url.fragment) == ("api.ev.energy", path, "", "")
    assert path.isascii()
    assert path.isprintable()
    assert " " not in path


@pytest.mark.parametrize("part", ["", ".", "..", "\ud800"])
def test_a_segment_that_is_none_is_refused(part: str) -> None:
    assert "expected" in refused(urls.segments, "vehicle_models", part)


values = st.one_of(texts, st.integers(), st.booleans(), st.lists(texts), st.none())


@given(st.dictionaries(texts, values))
@example({"a&b=c": "x&y=z#?+ %26", "é": ["\r\n", "\0"]})
def test_a_query_decodes_to_what_was_given(parameters: dict[str, str | int | list[str] | None]) -> None:
    expected: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, list):
            expected += [(name, item) for item in value]
        elif value is not None:
            spelled = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
            expected.append((name, spelled))
    query = tuple(urls.query_items(parameters))
    assert list(query) == expected
    url = URL(f"{BASE}/vehicles?{urlencode(query)}", encoded=True)
    assert (url.raw_path, url.fragment) == ("/ev/v2/vehicles", "")
    assert parse_qsl(url.raw_query_string, keep_blank_values=True) == expected


def test_a_query_spells_times_and_leaves_out_none() -> None:
    since = datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert tuple(
        urls.query_items(
            {"sampled_at__gte": since, "sampled_at__lte": None, "expand": ("user", "trim"), "page": 2, "ratio": 0.5}
        )
    ) == (
        ("sampled_at__gte", "2024-01-01T00:00:00Z"),
        ("expand", "user"),
        ("expand", "trim"),
        ("page", "2"),
        ("ratio", "0.5"),
    )


@pytest.mark.parametrize("value", [[None], [b"x"], [["x"]], [{}], object(), "\ud800", ["\udcff"]])
def test_what_no_query_can_hold_is_refused(value: Any) -> None:
    assert "expected" in refused(_as_parameter, value)


@pytest.mark.parametrize(("value", "expected"), [("get", "GET"), ("PATCH", "PATCH")])
def test_a_method(value: str, expected: str) -> None:
    assert validate.http_method(value) == expected


@pytest.mark.parametrize("value", ["", "GET\n", "GET /x HTTP/1.1\r\n", "GÉT", "G T", None, b"GET"])
def test_what_is_no_method_is_refused(value: object) -> None:
    assert "expected an HTTP method" in refused(validate.http_method, value)


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
    assert "EVENERGY_TOKEN is set but empty" in refused(validate.environment_variable, "EVENERGY_TOKEN")


@given(any_texts)
def test_a_refusal_is_one_short_printable_line(text: str) -> None:
    message = str(validate.invalid_argument("something", text))
    assert message.isprintable()
    assert len(message) < 400
