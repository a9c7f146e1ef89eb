from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import pytest
from hypothesis import example, given, strategies as st
from yarl import URL

from evenergy import InvalidArgumentError, VehicleState
from evenergy._codec import urls
from tests.codec.rejections import rejected

BASE = "https://gateway.example/ev/v2"

texts = st.text(st.characters(exclude_categories=["Cs"]))
any_texts = st.text(st.characters())  # lone surrogates too


def _as_parameter(value: Any) -> object:
    return tuple(urls.query_items({"since": value}))


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
def test_a_value_that_is_no_base_url_is_rejected(value: object) -> None:
    message = rejected(urls.base_url, value)
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
    assert "a token would travel in the clear" in rejected(urls.base_url, value)


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
def test_a_base_url_with_a_password_is_rejected_and_not_shown(value: str) -> None:
    for check in (urls.base_url, urls.endpoint_url):
        message = rejected(check, value)
        assert "hush" not in message
        assert "pass credentials as auth" in message


def test_a_token_endpoint_keeps_its_last_slash() -> None:
    assert urls.endpoint_url("https://api.ev.energy/o/token/") == "https://api.ev.energy/o/token/"
    assert "expected" in rejected(urls.endpoint_url, "http://api.ev.energy/o/token/")


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


@pytest.mark.parametrize("name", ["\ud800", 1, None])
def test_a_value_that_is_no_name_of_a_parameter_is_rejected(name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected text"):
        tuple(urls.query_items({name: "x"}))


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
def test_a_path_or_a_url_is_resolved_below_the_base(value: str, expected: tuple[str, urls.Query]) -> None:
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
def test_a_segment_that_would_leave_its_place_is_rejected(value: object) -> None:
    message = rejected(urls.resolve_url, value, BASE)
    assert message.isprintable()


@pytest.mark.parametrize("origin", ["https://ann:hush@api.ev.energy", "https://hush@gateway.example", "//ann:hush@x"])
def test_a_url_with_a_password_is_rejected_and_not_shown(origin: str) -> None:
    assert "hush" not in rejected(urls.resolve_url, origin + "/v2/vehicles", BASE)


@given(any_texts)
@example("/%2e%2e%2fo/token")
@example("/\ud800")
@example("?x=\udcff")
def test_whatever_is_resolved_stays_below_the_base(text: str) -> None:
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
def test_a_segment_that_is_none_is_rejected(part: str) -> None:
    assert "expected" in rejected(urls.segments, "vehicle_models", part)


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
def test_a_value_that_no_query_can_hold_is_rejected(value: Any) -> None:
    assert "expected" in rejected(_as_parameter, value)


@pytest.mark.parametrize(
    ("given_values", "expected"),
    [
        (None, None),
        (["a", "b"], "a,b"),
        (("a",), "a"),
        ({"a": 1}.keys(), "a"),
        (iter(["a", VehicleState.DRIVING, VehicleState("NEW"), 7, True]), "a,DRIVING,NEW,7,true"),
        ([datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))], "2024-01-01T00:00:00Z"),
    ],
)
def test_a_filter_by_several_values_is_one_parameter_with_commas(
    given_values: Iterable[str] | None, expected: str | None
) -> None:
    assert urls.comma_list("status__in", given_values) == expected


@pytest.mark.parametrize("values", ["DRIVING", b"x", 7, [], ["a,b"], [""], [None], [["a"]], {"a": 1}.items()])
def test_a_value_that_cannot_stand_between_commas_is_rejected(values: Any) -> None:
    assert rejected(urls.comma_list, "status__in", values).isprintable()


def test_a_bare_string_in_place_of_several_values_is_named() -> None:
    assert "expected status__in as a list of values, got 'DRIVING'" in rejected(
        urls.comma_list, "status__in", "DRIVING"
    )


@pytest.mark.parametrize("name", [1, "\ud800"])
def test_the_name_of_a_parameter_is_checked_also_where_it_is_left_out(name: Any) -> None:
    assert rejected(lambda: tuple(urls.query_items({name: None})))
