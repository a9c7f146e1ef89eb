"""Verification of webhooks: the published vector, each byte changed, rotation of secrets, tolerance."""

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings, strategies as st
from standardwebhooks.webhooks import Webhook

from evenergy.errors import DecodeError, InvalidArgumentError
from evenergy.webhooks import WebhookError, WebhookReceiver
from tests.webhooks.helpers import ANY_MACHINE, NOW, OTHER, SECRET, SUB_SESSION, body_of, receiver, signed

VECTOR = b'{"test": 2432232314}'
VECTOR_HEADERS = {
    "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "svix-timestamp": "1614265330",
    "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_published_vector_is_verified() -> None:
    with pytest.raises(DecodeError, match="type"):  # it is genuine, and no webhook of ev.energy
        receiver().read(VECTOR, VECTOR_HEADERS)
    with pytest.raises(WebhookError):
        receiver().read(VECTOR + b" ", VECTOR_HEADERS)


def test_the_published_vector_is_signed() -> None:
    made = receiver().headers(VECTOR, message_id=VECTOR_HEADERS["svix-id"], timestamp=NOW + 0.9)
    assert made == VECTOR_HEADERS


@given(text=st.text())
@ANY_MACHINE
def test_another_implementation_accepts_what_is_signed_here(text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    made = WebhookReceiver([SECRET, OTHER]).headers(body)
    headers = {name.replace("svix", "webhook"): value for name, value in made.items()}
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(body, headers) == {"text": text}


@given(text=st.text(), message_id=st.from_regex("[A-Za-z0-9_-]{1,40}", fullmatch=True))
@ANY_MACHINE
def test_a_signature_of_another_implementation_is_accepted_here(text: str, message_id: str) -> None:
    body = json.dumps({"type": "x", "timestamp": "2024-05-01T22:00:03Z", "data": {"text": text}})
    now = int(time.time())
    signature = Webhook(SECRET).sign(message_id, datetime.fromtimestamp(now, UTC), body)
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": signature}
    event: Any = WebhookReceiver(SECRET).read(body.encode(), headers)
    assert event.data == {"text": text}
    assert event.message_id == message_id


@given(mask=st.integers(1, 255), text=st.text(max_size=20))
@settings(ANY_MACHINE, max_examples=25)
def test_no_byte_of_the_body_can_change(mask: int, text: str) -> None:
    body = body_of(data={**SUB_SESSION, "currency": text})
    headers = signed(body)
    assert receiver().read(body, headers).message_id == "msg_1"
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= mask
        with pytest.raises(WebhookError) as raised:
            receiver().read(changed, headers)
        assert raised.value.check == "signature"
    for other in (body[1:], body[:-1], body + b"\n", b""):
        with pytest.raises(WebhookError):
            receiver().read(other, headers)


@given(mask=st.integers(1, 255), name=st.sampled_from(sorted(VECTOR_HEADERS)))
@ANY_MACHINE
def test_no_byte_of_a_header_can_change(mask: int, name: str) -> None:
    body = body_of()
    headers = signed(body)
    assert receiver(tolerance=None).read(body, headers).message_id == "msg_1"
    for place in range(len(headers[name])):
        changed = bytearray(headers[name], "latin-1")
        changed[place] ^= mask
        with pytest.raises(WebhookError):
            receiver(tolerance=None).read(body, {**headers, name: changed.decode("latin-1")})


@given(whole=st.text("1.", min_size=3, max_size=10))
@ANY_MACHINE
def test_signed_content_can_be_split_in_one_way_only(whole: str) -> None:
    """A dot moved from one part to the next leaves the signed bytes as they are."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = "v1," + base64.b64encode(hmac.digest(key, whole.encode(), "sha256")).decode()
    parts = whole.split(".")
    accepted = 0
    for first in range(1, len(parts)):
        for second in range(first + 1, len(parts)):
            names = {"svix-id": parts[:first], "svix-timestamp": parts[first:second]}
            headers = {name: ".".join(part) for name, part in names.items()} | {"svix-signature": signature}
            with pytest.raises((WebhookError, DecodeError)) as raised:
                receiver(tolerance=None).read(".".join(parts[second:]).encode(), headers)
            accepted += isinstance(raised.value, DecodeError)
    assert accepted <= 1


@pytest.mark.parametrize(
    "bad", ["v1,", "v1,AAAA", "v2,{}", "v1a,{}", "V1,{}", "{}", "v1,{}x", "v1 {}", "v1,é", "\ud800"]
)
def test_one_good_signature_among_others_is_enough(bad: str) -> None:
    body = body_of()
    good = signed(body)["svix-signature"]
    bad = bad.format(good.removeprefix("v1,"))
    for both in (f"{bad} {good}", f"{good}  {bad}", f"{good} {good}"):
        assert receiver().read(body, signed(body, signature=both)).message_id == "msg_1"
    with pytest.raises(WebhookError) as raised:
        receiver().read(body, signed(body, signature=bad))
    assert raised.value.check == "signature"


def test_all_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare_digest = hmac.compare_digest

    def recording(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return compare_digest(one, other)

    body = body_of()
    headers = signed(body, OTHER, SECRET)
    good = [text.removeprefix("v1,").encode() for text in headers["svix-signature"].split()]
    monkeypatch.setattr("hmac.compare_digest", recording)
    assert receiver(SECRET, OTHER).read(body, headers).message_id == "msg_1"
    assert compared == good * 2


def test_old_and_new_secret_during_a_rotation() -> None:
    body = body_of()
    old, both, new = receiver(SECRET), receiver(SECRET, OTHER), receiver(OTHER)
    for reader, sender, is_genuine in [
        (old, old, True),
        (old, both, True),
        (old, new, False),
        (both, old, True),
        (both, both, True),
        (both, new, True),
        (new, old, False),
        (new, both, True),
    ]:
        headers = sender.headers(body, message_id="msg_1")
        if is_genuine:
            assert reader.read(body, headers).message_id == "msg_1"
        else:
            with pytest.raises(WebhookError):
                reader.read(body, headers)


@pytest.mark.parametrize("late", [-300, -299.5, 0, 299.5, 300])
def test_a_timestamp_within_the_tolerance(late: float) -> None:
    body = body_of()
    assert receiver(now=NOW + late).read(body, signed(body)).message_id == "msg_1"


@pytest.mark.parametrize(
    ("late", "message"),
    [(-300.5, "300.5 s in the future"), (-1e9, "s in the future"), (300.5, "300.5 s old"), (1e9, "s old")],
)
def test_a_timestamp_beyond_the_tolerance(late: float, message: str) -> None:
    body = body_of()
    with pytest.raises(WebhookError, match=message) as raised:
        receiver(now=NOW + late).read(body, signed(body))
    assert raised.value.check == "timestamp"
    assert receiver(now=NOW + late, tolerance=None).read(body, signed(body)).message_id == "msg_1"


def test_no_tolerance_at_all() -> None:
    body = body_of()
    assert receiver(tolerance=0).read(body, signed(body)).message_id == "msg_1"
    with pytest.raises(WebhookError):
        receiver(tolerance=0, now=NOW + 1).read(body, signed(body))


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf"), "300", True])
def test_a_tolerance_that_is_none(tolerance: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="tolerance"):
        WebhookReceiver(SECRET, tolerance)


def test_the_clock_of_the_system_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    body = body_of()
    monkeypatch.setattr("time.time", lambda: NOW + 299.0)
    assert WebhookReceiver(SECRET).read(body, signed(body)).message_id == "msg_1"
    assert WebhookReceiver(SECRET).headers(body)["svix-timestamp"] == str(NOW + 299)


def test_without_a_type_of_bytes_the_error_names_the_calls_that_give_them() -> None:
    body = body_of()
    wrong: list[object] = [body.decode(), json.loads(body), [], None, 7, memoryview]
    for one in wrong:
        with pytest.raises(InvalidArgumentError) as reading:
            receiver().read(cast("Any", one), signed(body))
        with pytest.raises(InvalidArgumentError) as signing:
            receiver().headers(cast("Any", one))
        assert str(reading.value) == str(signing.value)
        for part in (
            f"got {type(one).__name__}:",
            "aiohttp: await request.read();",
            "FastAPI and Starlette: await request.body();",
            "Flask: request.get_data();",
            "Django: request.body",
        ):
            assert part in str(reading.value)
        assert "csub" not in str(reading.value)


def test_a_body_may_be_of_any_type_of_bytes() -> None:
    body = body_of()
    expected = receiver().read(body, signed(body))
    backwards = memoryview(body[::-1])[::-1]
    for same in (bytearray(body), memoryview(body), memoryview(bytearray(body)), backwards):
        assert receiver().read(same, signed(body)) == expected
        assert receiver().headers(same, message_id="msg_1") == signed(body)


def test_headers_for_tests_have_an_id_of_their_own() -> None:
    made = [receiver().headers(b"x") for _ in range(10)]
    assert len({headers["svix-id"] for headers in made}) == 10
    assert {headers["svix-timestamp"] for headers in made} == {str(NOW)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"message_id": "a.b"},
        {"message_id": ""},
        {"message_id": "a b"},
        {"message_id": "a\n"},
        {"message_id": "é"},
        {"message_id": "a" * 257},
        {"message_id": 7},
        {"timestamp": -1},
        {"timestamp": float("nan")},
        {"timestamp": "now"},
    ],
    ids=str,
)
def test_headers_that_no_delivery_could_have(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        receiver().headers(b"x", **arguments)
