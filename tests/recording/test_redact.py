"""Redaction: nothing of an account is left, and all that says how the API behaves is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, cast, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from evenergy import User, Vehicle, VehicleStatusLog
from evenergy._codec.wire_types import JSON
from evenergy.recording import kinds
from evenergy.recording.crawl import Exchange
from evenergy.recording.operations import Operation, operations
from evenergy.recording.record import redacted
from evenergy.recording.redact import API, Redactor
from evenergy.recording.vocabulary import PUBLIC_TEXT
from tests.recording.conftest import Recorded

BASE: Final = "http://127.0.0.1:1234/v2"
LENGTH: Final = 5
READS: Final = [one for one in operations() if one.request(["x"] * one.ids) or one.name.endswith((".get", ".list"))]
ULID: Final = "01HK153X00HH2XJQ67072B9HJR"

# Letters and digits that neither words of the API nor pseudonyms have in such a row, as secrets of all kinds have.
markers = st.text("QXZJKVWqxzjkvw3456789", min_size=8, max_size=20).filter(
    lambda text: re.search("[0-9]", text) and re.search("[A-Za-z]", text)
)

FORMS: Final[list[Callable[[str], str]]] = [
    lambda m: m,
    lambda m: f"{m}@{m}.example",
    lambda m: f"Dear {m}, your car {m} is here",
    lambda m: m.upper(),
    lambda m: f"{m.upper()}_{m.upper()}",
    lambda m: f"vhcl{ULID[:10]}{m}",
    lambda m: f"+44 7700 {re.sub('[^0-9]', '', m) * 3}",
    lambda m: re.sub("[^0-9]", "", m) * 3,
    lambda m: f"https://api.ev.energy/v2/vehicles/{m}",
    lambda m: f"{BASE}/{m}/vhcl{ULID}/status_logs/{m}?email={m}@x.example&{m}=1&page_after={m}",
    lambda m: f"{BASE}/vehicles?expand={m}&sampled_at__gte={m}",
    lambda m: f"https://{m}:{m}@api.ev.energy/v2/users/{m}",
    lambda m: f"https://{m}.s3.example.com/{m}/{m}.png?X-Amz-Signature={m}#{m}",
    lambda m: f"http://[{m}",
    lambda m: f"/v2/users/{m}?token={m}",
    lambda m: f"2026-01-01T00:00:00Z {m}",
    lambda m: f"PT15M{m}",
    lambda m: f"America/{m}",
    lambda m: "{" + m + "}",
    lambda m: f"%51{m}\x00\ud7ff\n{m}",
]


@st.composite
def documents(draw: st.DrawFn, kind: Any, secret: st.SearchStrategy[str], depth: int = 0) -> Any:
    """Draw data of a type, in which each text that is an account's own holds a secret; and fields nobody knows."""
    if kind is kinds.UNKNOWN or depth > 4:
        return draw(
            st.recursive(secret, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys(secret), inner))
        )
    choices = [one for one in kinds.alternatives(kind) if one is not type(None)] or [str]
    one = draw(st.sampled_from(choices))
    if get_origin(one) is list:
        return draw(st.lists(documents(kinds.items_of(one), secret, depth + 1), max_size=2))
    if get_origin(one) is dict:
        return draw(st.dictionaries(secret, documents(kinds.values_of(one), secret, depth + 1), max_size=2))
    model = kinds.model_of(one)
    if model is None:
        return draw(_plain(one, secret))
    found = {
        name: draw(st.just("Public") if (model, name) in PUBLIC_TEXT else documents(field, secret, depth + 1))
        for name, field in kinds.fields_of(model).items()
    }
    return found | {"field_of_tomorrow": draw(secret), draw(keys(secret)): {"inner": draw(secret)}}


def keys(secret: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the secrets that are no names of fields, which are kept."""
    return secret.filter(lambda text: not re.fullmatch("[a-z][a-zA-Z0-9_]*", text))


def _plain(kind: Any, secret: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    if kind is bool:
        return st.booleans()
    if kind in (int, float):
        return st.integers(-99, 99)
    if kind in (datetime, date) or issubclass(kind, Enum):
        return secret | st.just("2026-01-02T03:04:05Z")
    return secret


def leaked(marker: str, text: str) -> list[str]:
    """Return the parts of a secret that a text holds, in any case and any spelling of JSON and URLs."""
    text = re.sub(r"%[0-9A-F]{2}", "", text).casefold()
    parts = {marker.casefold()[at : at + LENGTH] for at in range(len(marker) - LENGTH + 1)}
    digits = re.sub("[^0-9]", "", marker) * 3
    parts |= {digits[at : at + LENGTH] for at in range(len(digits) - LENGTH + 1)}
    return sorted(part for part in parts if part in text)


@settings(deadline=None, max_examples=150)
@given(st.data(), markers, st.sampled_from(READS))
def test_no_part_of_a_secret_is_left_wherever_it_stood(data: st.DataObject, marker: str, operation: Operation) -> None:
    secret = st.sampled_from(FORMS).map(lambda form: form(marker))
    body = data.draw(documents(operation.result, secret))
    headers = {
        "Link": f'<{BASE}/users?page_after={marker}&name={marker}>; rel="next", <{data.draw(secret)}>; rel="previous"',
        **{name: data.draw(secret) for name in ("Content-Type", "Set-Cookie", "Deprecation")},
    }
    query = (("page_after", data.draw(secret)), (marker, "1"), ("expand", marker))
    exchange = Exchange("/x/{}", f"/vehicles/{marker}", query, operation, 200, headers, body)
    written = msgspec.json.encode(redacted(exchange, Redactor(BASE))).decode()
    assert leaked(marker, written) == []


@settings(deadline=None)
@given(st.data(), markers)
def test_no_part_of_a_secret_is_left_of_an_error(data: st.DataObject, marker: str) -> None:
    secret = st.sampled_from(FORMS).map(lambda form: form(marker))
    problem = {name: data.draw(secret) for name in ("type", "title", "detail", "instance", "extension")}
    body = {**problem, "status": 400, "field_errors": {data.draw(keys(secret)): [data.draw(secret)]}}
    exchange = Exchange("/users", "/users", (), None, 400, {}, body)
    assert leaked(marker, msgspec.json.encode(redacted(exchange, Redactor(BASE))).decode()) == []


def test_names_addresses_and_numbers_of_a_driver_are_gone() -> None:
    home = {
        "address_1": "1 Main St",
        "city": "Bath",
        "postal_code": "BA1 1AA",
        "state": "SOMERSET",
        "country_code": "GB",
    }
    place = {"latitude": 51.3811, "longitude": -2.359}
    user = {
        "id": f"user{ULID}",
        "email": "martha@example.org",
        "full_name": "MARTHA",
        "default_location": {**home, "coordinates": place},
        "vin": "WVWZZZ1KZAW123456",
        "phone": 447700900123,
        "nickname": "MARTHA",
        "date_of_birth": "1980-02-29",
    }
    found = cast("dict[str, Any]", Redactor(BASE).body(user, User))
    assert re.fullmatch(r"user0{25}1", found["id"])
    assert found["email"] == "user-1@example.com"
    assert (
        found["full_name"]
        == found["nickname"]
        == found["default_location"]["state"].replace("text 5 (8)", "text 1 (6)")
    )
    written = json.dumps(found)
    for secret in ("martha", "MARTHA", "Main", "Bath", "BA1", "SOMERSET", "WVW", "51.38", "2.359", "447700", "1980"):
        assert secret not in written
    assert found["default_location"]["country_code"] == "GB"
    assert found.keys() == user.keys()


# What is kept


def pairs(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each value of a document beside what became of it, and the name of its field."""
    yield name, before, after
    if isinstance(before, dict):
        for (key, one), other in zip(cast("dict[str, Any]", before).items(), after.values(), strict=True):
            yield from pairs(one, other, key)
    elif isinstance(before, list):
        for one, other in zip(cast("Any", before), after, strict=True):
            yield from pairs(one, other, name)


def all_pairs(recorded: Recorded) -> Iterator[tuple[str, Any, Any]]:
    for exchange, (_, recording) in zip(recorded.exchanges, recorded.recordings, strict=True):
        yield from pairs(exchange.body, recording.body)


def test_times_numbers_nulls_and_names_of_fields_are_kept(recorded: Recorded) -> None:
    names, times = 0, 0
    for name, before, after in all_pairs(recorded):
        assert type(before) is type(after)
        if isinstance(before, dict):
            old, new = list(cast("dict[str, Any]", before)), list(cast("dict[str, Any]", after))
            assert old == new or set(new) - set(old) <= {f"key_{number}" for number in range(100)}
            names += old == new
        elif isinstance(before, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", before):
            assert after == before
            times += 1
        elif (
            isinstance(before, int) and before >= 1_000_000 and after != before
        ):  # of an OCPP message, which has no class
            assert len(str(after)) == len(str(before))
        elif not isinstance(before, str | list) and name not in {"latitude", "longitude", "coordinates"}:
            assert after == before
    assert names > 1000
    assert times > 1000


def test_the_same_id_has_the_same_pseudonym_in_all_files(recorded: Recorded) -> None:
    known: dict[str, str] = {}
    for name, before, after in all_pairs(recorded):
        if name == "id" and isinstance(before, str) and re.fullmatch(f"[a-z]{{4}}{'.' * 26}", before):
            assert (after[:4], len(after)) == (before[:4], len(before))
            assert known.setdefault(before, after) == after
    assert len(known) > 100
    assert len(set(known.values())) == len(known)


def test_references_lead_to_recorded_resources(recorded: Recorded) -> None:
    vehicles = recorded.recordings[recorded.named("/vehicles")][1].body
    users = recorded.recordings[recorded.named("/users")][1].body
    assert {one["user"] for one in vehicles} <= {one["url"] for one in users}
    assert vehicles[0]["url"] == f"{API}/vehicles/{vehicles[0]['id']}"


def test_two_recordings_share_no_pseudonym_by_their_content() -> None:
    first, second = Redactor(BASE), Redactor(BASE)
    second.body("another", str)
    assert first.body("the same", str) != second.body("the same", str)


def test_enumerations_and_texts_of_the_catalogue_are_kept(recorded: Recorded) -> None:
    log = recorded.recordings[recorded.named("/vehicles/{}/status_logs")][1].body[0]
    original = next(one.body for one in recorded.exchanges if one.pattern == "/vehicles/{}/status_logs")
    assert log["state"] == cast("Any", original)[0]["state"]
    makes = recorded.recordings[recorded.named("/vehicle_makes")][1].body
    assert {"Tesla", "Ford"} & {make["name"] for make in makes}


@pytest.mark.parametrize(
    ("value", "kept"), [("DRIVING_BACKWARDS", True), ("DRIVING_BACKWARDS_2", False), ("Martha Smith", False)]
)
def test_a_new_member_of_an_enumeration_is_kept_where_it_can_be_nothing_else(value: str, *, kept: bool) -> None:
    found = cast("dict[str, JSON]", Redactor(BASE).body({"state": value}, VehicleStatusLog))
    assert (found["state"] == value) is kept


def test_places_stay_in_range_with_their_decimals() -> None:
    redactor = Redactor(BASE)
    for latitude in (51.5, -89.123456, 0.0, 45):
        found = cast("dict[str, float]", redactor.body({"latitude": latitude, "longitude": 1.0}, kinds.UNKNOWN))
        assert found["latitude"] != latitude
        assert abs(found["latitude"]) <= 90
        assert type(found["latitude"]) is type(latitude)


def test_links_to_other_pages_keep_their_form() -> None:
    link = f'<{BASE}/vehicles?page_size=10&page_after=vhcl{ULID}>; rel="next", <about:blank>; rel="previous"'
    headers = {"link": link, "x-ratelimit-limit": "1000", "set-cookie": "a=b", "Content-Type": "text/plain; a=b"}
    from multidict import CIMultiDict  # noqa: PLC0415

    found = Redactor(BASE).headers(CIMultiDict(headers))
    assert found.keys() == {"X-RateLimit-Limit", "Link"}
    page_after = f"vhcl{1:026d}"
    assert found["Link"] == (
        f'<{API}/vehicles?page_size=10&page_after={page_after}>; rel="next", <about:blank>; rel="previous"'
    )


def test_a_vehicle_that_was_redacted_is_still_one() -> None:
    assert get_args(Vehicle) == ()
    vehicle = msgspec.convert(Redactor(BASE).body({"id": f"vhcl{ULID}", "integrated": "ACTIVE"}, Vehicle), Vehicle)
    assert vehicle.integrated == "ACTIVE"
