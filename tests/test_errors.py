from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from multidict import CIMultiDict

import evenergy
from evenergy import errors
from evenergy.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetError,
    ClosedError,
    ConflictError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    MethodNotAllowedError,
    NotAcceptableError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ProblemError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    SyncRunningError,
    TransportError,
    UnprocessableEntityError,
    error_from_response,
)

STATUSES: dict[int, type[ProblemError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: ProblemError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    406: NotAcceptableError,
    409: ConflictError,
    413: PayloadTooLargeError,
    418: ProblemError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    499: ProblemError,
    500: ServerError,
    502: ServerError,
    503: ServerError,
    504: ServerError,
    599: ServerError,
}

PARENTS: dict[type[EvEnergyError], tuple[type[BaseException], ...]] = {
    EvEnergyError: (Exception,),
    InvalidArgumentError: (EvEnergyError, ValueError),
    TransportError: (EvEnergyError,),
    RequestTimeoutError: (TransportError, TimeoutError),
    OutcomeUnknownError: (TransportError,),
    DecodeError: (EvEnergyError,),
    ClosedError: (EvEnergyError,),
    BudgetError: (EvEnergyError,),
    SyncRunningError: (EvEnergyError,),
    ProblemError: (EvEnergyError,),
    **{kind: (ProblemError,) for kind in STATUSES.values() if kind is not ProblemError},
}

URL = "https://api.ev.energy/v2/vehicles"
DOCUMENT: dict[str, Any] = {
    "type": "https://api.ev.energy/v2/problems/invalid/",
    "title": "Invalid",
    "status": 400,
    "detail": "The model is unknown.",
    "instance": "/problems/7",
    "field_errors": {"model": ["Unknown.", "Try another."], "user": ["Missing."]},
    "notification": {"title": "Sorry", "actions": [{"url": "https://x"}]},
}


def rejection(status: int, body: object, **more: Any) -> ProblemError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_response(status, CIMultiDict({"X-Request-Id": "7"}), data, method="POST", url=URL, **more)


@pytest.mark.parametrize(("kind", "parents"), PARENTS.items())
def test_the_tree(kind: type[EvEnergyError], parents: tuple[type[BaseException], ...]) -> None:
    assert kind.__bases__ == parents
    assert getattr(evenergy, kind.__name__) is kind
    assert kind.__name__ in dir(evenergy)


def test_the_tree_has_no_other_branches() -> None:
    found = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, EvEnergyError)}
    assert found == set(PARENTS)


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_each_status_has_its_error(status: int, kind: type[ProblemError]) -> None:
    for body in (b"", DOCUMENT):
        error = rejection(status, body)
        assert type(error) is kind
        assert error.status == status
        assert str(status) in str(error)


def test_all_members_of_the_problem_details() -> None:
    error = rejection(400, DOCUMENT, hint="ask somebody")
    assert error.type == DOCUMENT["type"]
    assert error.title == "Invalid"
    assert error.detail == "The model is unknown."
    assert error.instance == "/problems/7"
    assert error.field_errors == DOCUMENT["field_errors"]
    assert error.notification == DOCUMENT["notification"]
    assert (error.method, error.url) == ("POST", URL)
    assert error.headers["x-request-id"] == "7"
    message = str(error)
    for part in (
        "400 Invalid",
        "The model is unknown.",
        "model: Unknown. Try another.",
        "user: Missing.",
        "ask somebody",
    ):
        assert part in message
    assert message.endswith(f"(POST {URL})")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body><h1>502 Bad Gateway</h1></body></html>",
        b'{"title": "Inv',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"detail":' * 100_000,
        b"NaN",
        b'{"detail":"\\ud800"}',
        [],
        [DOCUMENT],
        "Invalid",
        7,
        None,
        {},
        {"title": "", "detail": None},
        dict.fromkeys(DOCUMENT, 7),
        {name: [None] for name in DOCUMENT},
        dict.fromkeys(DOCUMENT, True),
        {"title": {}, "detail": [], "type": 1.5, "instance": {"x": 1}, "field_errors": [], "notification": "x"},
    ],
    ids=lambda body: repr(body)[:40],
)
@pytest.mark.parametrize(("status", "title"), [(502, "Bad Gateway"), (404, "Not Found"), (499, "Unknown status")])
def test_a_response_without_problem_details_is_an_error_of_its_status(status: int, title: str, body: object) -> None:
    error = rejection(status, body)
    assert type(error) is STATUSES[status]
    assert (error.status, error.title, error.detail, error.type, error.instance) == (status, title, None, None, None)
    assert error.field_errors == {}
    assert error.notification is None
    assert str(error) == f"{status} {title} (POST {URL})"


def test_the_status_of_the_response_wins_over_that_of_the_body() -> None:
    error = rejection(503, {**DOCUMENT, "status": 400})
    assert type(error) is ServerError
    assert error.status == 503


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"model": ["a", "b"]}, {"model": ["a", "b"]}),
        ({"model": "a"}, {"model": ["a"]}),
        ({"model": ["a", 1, None, "b"]}, {"model": ["a", "b"]}),
        ({"": ["a"]}, {"": ["a"]}),
        ({}, {}),
        (None, {}),
        ("x", {}),
        ([["model", "a"]], {}),
    ],
)
def test_field_errors(sent: object, expected: dict[str, list[str]]) -> None:
    assert rejection(422, {"field_errors": sent}).field_errors == expected


@pytest.mark.parametrize("sent", [7, None, {"x": "y"}, [7], [["a"]]])
def test_field_errors_hold_nothing_but_texts(sent: object) -> None:
    found = rejection(422, {"field_errors": {"model": sent}}).field_errors
    assert all(isinstance(text, str) for texts in found.values() for text in texts)
    assert set(found) <= {"model"}


def test_control_characters_are_escaped_in_the_message_and_kept_in_the_attributes() -> None:
    nasty = "a\x1b[31mb\r\nc\u202ed\u2028\0"
    error = rejection(400, {"title": nasty, "detail": nasty, "field_errors": {nasty: [nasty]}})
    assert (error.title, error.detail, error.field_errors) == (nasty, nasty, {nasty: [nasty]})
    assert str(error).isprintable()
    assert "a\\x1b[31mb\\r\\nc\\u202ed\\u2028\\x00" in str(error)


def test_a_long_text_is_cut_in_the_message_and_kept_in_the_attribute() -> None:
    error = rejection(400, {"title": "t" * 10**6, "detail": "d" * 10**6})
    assert len(str(error)) < 2000
    assert "…" in str(error)
    assert error.detail == "d" * 10**6


def test_many_field_errors_make_no_endless_message() -> None:
    sent = {f"field_{number}": ["wrong"] for number in range(10_000)}
    error = rejection(400, {"field_errors": sent})
    assert error.field_errors == sent
    assert "field_0: wrong" in str(error)
    assert len(str(error)) < 10_000


@given(st.integers(400, 599), st.binary() | st.text().map(str.encode))
def test_any_body_makes_an_error(status: int, body: bytes) -> None:
    error = rejection(status, body)
    assert type(error) is STATUSES.get(status, ServerError if status >= 500 else ProblemError)
    assert str(error).isprintable()


json_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*DOCUMENT, "x"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(DOCUMENT)), json_data))
def test_any_members_make_an_error_of_the_right_types(document: dict[str, object]) -> None:
    error = rejection(400, document)
    assert isinstance(error.title, str)
    assert error.title
    for text in (error.type, error.detail, error.instance):
        assert text is None or isinstance(text, str)
    assert all(isinstance(text, str) for texts in error.field_errors.values() for text in texts)
    assert error.notification is None or error.notification == document["notification"]
    assert str(error).isprintable()
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)  # noqa: S301


def test_a_rate_limit_error_says_when_a_request_may_succeed() -> None:
    before = datetime.now(UTC)
    error = rejection(429, {"title": "Slow down"}, retry_after=90.0)
    assert isinstance(error, RateLimitError)
    assert error.retry_after == 90.0
    assert before + timedelta(seconds=90) <= error.retry_at <= datetime.now(UTC) + timedelta(seconds=90)
    assert error.retry_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("wait", "hint", "expected"),
    [
        (90.0, "", "429 Slow down · retry after 90 s (POST"),
        (0.2, "wait", "429 Slow down · retry after 1 s · wait (POST"),
        (float("inf"), "", "429 Slow down · retry after 3155760000 s (POST"),
    ],
)
def test_the_message_of_a_rate_limit_error_has_the_time(wait: float, hint: str, expected: str) -> None:
    assert str(rejection(429, {"title": "Slow down"}, retry_after=wait, hint=hint)).startswith(expected)


def test_an_error_that_is_made_of_its_message_alone_claims_nothing_false() -> None:
    for error in examples():
        again = type(error)(*error.args)
        assert str(again) == str(error)
        assert getattr(again, "status", None) is None
        assert getattr(again, "url", "") == getattr(again, "method", "") == ""
    unknown = OutcomeUnknownError("lost")
    assert (unknown.sent, unknown.transient) == (True, False)
    assert TransportError("lost").sent  # it may have been
    limited = RateLimitError("later")
    assert limited.retry_after == 3600.0
    assert limited.retry_at > datetime.now(UTC) + timedelta(minutes=59)


@pytest.mark.parametrize(
    "members",
    [
        {"conflicts": [{"name": "x", "url": "https://x"}], "existing_region_group": "https://y"},
        {"status_code": 7, "Type": None, "": {}},
        {},
    ],
)
def test_members_that_have_no_field_of_their_own_are_kept(members: dict[str, object]) -> None:
    error = rejection(409, {**DOCUMENT, **members})
    assert error.extensions == members
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)  # noqa: S301


def test_members_that_have_no_field_of_their_own_show_no_secret() -> None:
    body = {"echo": ["Bearer a-long-secret"], "a-long-secret": {"x": "a-long-secret"}}
    error = rejection(409, body, secret="a-long-secret")
    assert error.extensions == {"echo": ["Bearer ***"], "***": {"x": "***"}}


def test_redacting_removes_a_secret_from_all_of_an_error() -> None:
    error = DecodeError("x hush-hush", raw={"hush-hush": ["a hush-hush", 5, None]}, url="https://x?hush-hush")
    error.__cause__ = ValueError("hush-hush")
    errors.redact("hush-hush", error)
    assert error.raw == {"***": ["a ***", 5, None]}
    assert "hush-hush" not in f"{error!r} {vars(error)} {error.__cause__!r}"


def test_data_that_nobody_can_look_through_is_not_kept() -> None:
    raw: object = "hush-hush"
    for _ in range(100_000):
        raw = [raw]
    error = DecodeError("x", raw=raw)
    errors.redact("hush-hush", error)
    assert error.raw is None


def test_raw_data_is_not_in_the_message() -> None:
    error = DecodeError("x", raw={"url": "y" * 1000})
    assert "yy" not in f"{error} {error!r}"


def test_a_problem_error_of_nothing_has_all_attributes() -> None:
    error = ProblemError("x")
    assert vars(error) == {
        "status": None,
        "type": None,
        "title": "",
        "detail": None,
        "instance": None,
        "field_errors": {},
        "notification": None,
        "extensions": {},
        "method": "",
        "url": "",
        "headers": {},
    }


def examples() -> list[EvEnergyError]:
    plain: list[EvEnergyError] = [
        kind("what happened")
        for kind in (EvEnergyError, InvalidArgumentError, ClosedError, SyncRunningError, BudgetError)
    ]
    transport = [
        kind("what happened", method="GET", url=URL, transient=False)
        for kind in (TransportError, RequestTimeoutError, OutcomeUnknownError)
    ]
    undecoded = DecodeError(
        "what happened", where="$[3]", raw={"id": [7]}, status=200, method="GET", url=URL, malformed=True
    )
    return [*plain, *transport, undecoded, *(rejection(status, DOCUMENT, retry_after=7.0) for status in STATUSES)]


@pytest.mark.parametrize(
    "error", examples(), ids=lambda error: f"{type(error).__name__}-{getattr(error, 'status', '')}"
)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_pickles_with_its_attributes(error: EvEnergyError, protocol: int) -> None:
    same = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301
    assert type(same) is type(error)
    assert same.args == error.args
    assert str(same) == str(error)
    assert vars(same) == vars(error)
    if isinstance(same, ProblemError):
        assert same.headers["X-REQUEST-ID"] == "7"


def test_the_examples_are_of_all_classes() -> None:
    assert {type(error) for error in examples()} == set(PARENTS)


@given(st.text(st.characters()))
def test_printable_text_stays_and_the_rest_is_escaped(text: str) -> None:
    shown = errors.printable(text)
    assert shown.isprintable()
    if text.isprintable() and len(text) <= 300:
        assert shown == text


@pytest.mark.parametrize("depth", [100, 500, 900, 3000, 100_000])
def test_a_body_nested_beyond_reason_is_an_error_like_any_other(depth: int) -> None:
    body = b'{"title": "no", "notification": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    assert error_from_response(400, {}, body, method="GET", url="https://x", secret="a-long-secret").status == 400
