"""Secrets of webhooks: where they come from, and that nothing shows one, or a signature."""

import base64
import copy
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evenergy.errors import EvEnergyError, InvalidArgumentError
from evenergy.webhooks import WebhookError, WebhookReceiver
from tests.webhooks.helpers import NOW, OTHER, SECRET, body_of, receiver, shown, signed

BODY = body_of()
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
SIGNATURES = [text.removeprefix("v1,") for text in signed(BODY, SECRET, OTHER)["svix-signature"].split()]
HIDDEN = [
    *(secret.removeprefix("whsec_") for secret in (SECRET, OTHER)),
    repr(KEY)[2:-1],
    KEY.hex(),
    *SIGNATURES,
    "bm8gYmFzZTY0IQ",
]


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        SECRET.removeprefix("whsec_"),
        f" {SECRET}\n",
        [SECRET],
        (OTHER, SECRET),
        f"{OTHER} {SECRET}",
        f"{SECRET}\n{OTHER}\n",
        [f"{OTHER}\n", f"{SECRET}\n"],
        pytest.param(iter([SECRET]), id="iterator"),
    ],
    ids=repr,
)
def test_one_secret_or_several(secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = WebhookReceiver(secret, clock=lambda: NOW)
    assert reader.read(BODY, signed(BODY)).message_id == "msg_1"
    if isinstance(secret, str):
        monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", secret)
        assert WebhookReceiver(clock=lambda: NOW).read(BODY, signed(BODY)).message_id == "msg_1"


@pytest.mark.parametrize("length", [1, 23, 24, 25, 64, 200])
def test_the_padding_of_a_secret_may_be_missing(length: int) -> None:
    padded = base64.b64encode(bytes(range(length))).decode()
    assert receiver(padded.rstrip("=")).read(BODY, signed(BODY, padded)).message_id == "msg_1"


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", OTHER)
    with pytest.raises(WebhookError):
        WebhookReceiver(SECRET, clock=lambda: NOW).read(BODY, signed(BODY, OTHER))
    assert WebhookReceiver(None, clock=lambda: NOW).read(BODY, signed(BODY, OTHER)).message_id == "msg_1"


def test_without_a_secret_the_error_says_where_to_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENERGY_WEBHOOK_SECRET", raising=False)
    with pytest.raises(InvalidArgumentError, match=r"set EVENERGY_WEBHOOK_SECRET.*webhook_portal"):
        WebhookReceiver()
    monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", " ")
    with pytest.raises(InvalidArgumentError, match="EVENERGY_WEBHOOK_SECRET is set but empty"):
        WebhookReceiver()


BAD: list[tuple[Any, str]] = [
    ("", "secret 1, got an empty string"),
    ([SECRET, ""], "secret 2, got an empty string"),
    ([], "empty list"),
    ("whsec_", "secret 1 as whsec_ and base64"),
    ("whsec_bm8gYmFzZTY0IQ!", "secret 1 as whsec_ and base64"),
    (SECRET[:-1] + "-", "secret 1 as whsec_ and base64"),
    (SECRET[:-3], "secret 1 as whsec_ and base64, got 35 characters"),
    ([OTHER, SECRET + "é"], "secret 2 as whsec_ and base64"),
    (f"{SECRET} whsec_", "secret 1 as whsec_ and base64"),
    (f"{OTHER} {SECRET}!", "secret 1 as whsec_ and base64"),
    (f"{SECRET},{OTHER}", "secret 1 as whsec_ and base64"),
    (SECRET.replace("whsec_", "whpk_"), "secret 1 as whsec_ and base64"),
    (SECRET.encode(), "as text, got bytes"),
    ([SECRET, SECRET.encode()], "secret 2 as text, got bytes"),
    (7, "as text, got int"),
]


@pytest.mark.parametrize(("secret", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_secret_is_in_no_error(secret: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as raised:
        WebhookReceiver(secret)
    assert raised.value.__context__ is None
    check_that_nothing_shows(shown(raised.value) + str(pickle.dumps(raised.value)))


def check_that_nothing_shows(text: str) -> None:
    assert not [hidden for hidden in HIDDEN if hidden in text]


def failures() -> Iterator[tuple[str, Callable[[], object]]]:
    both = receiver(SECRET, OTHER)
    yield "another secret", lambda: receiver(OTHER).read(BODY, signed(BODY))
    yield "another body", lambda: both.read(BODY + b" ", signed(BODY, SECRET, OTHER))
    yield "old", lambda: receiver(now=NOW + 1000).read(BODY, signed(BODY))
    yield "no time", lambda: both.read(BODY, signed(BODY, timestamp=SIGNATURES[0]))
    yield "no id", lambda: both.read(BODY, signed(BODY, id=SIGNATURES[0] + "."))
    yield "no headers", lambda: both.read(BODY, [*signed(BODY).items(), (SIGNATURES[0], "x", "y")])  # type: ignore[list-item]
    yield "text", lambda: both.read(BODY.decode(), signed(BODY))  # type: ignore[arg-type]
    yield "no event", lambda: both.read(b"[]", both.headers(b"[]"))
    yield "tolerance", lambda: WebhookReceiver(SECRET, -1)
    yield "no such id", lambda: both.headers(BODY, message_id="a.b")


@pytest.mark.parametrize("failure", [pytest.param(failure, id=name) for name, failure in failures()])
def test_no_error_shows_a_secret_or_a_signature(
    failure: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(EvEnergyError) as raised:
        failure()
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert type(again) is type(raised.value)
    assert vars(again) == vars(raised.value)
    right = both_signatures(b"[]")
    text = shown(raised.value) + repr(again) + caplog.text
    check_that_nothing_shows(text)
    assert not [each for each in right if each in text]


def both_signatures(body: bytes) -> list[str]:
    return [text.removeprefix("v1,") for text in signed(body, SECRET, OTHER)["svix-signature"].split()]


def test_the_frames_of_errors_are_looked_into() -> None:
    """The check above would find a secret in a frame of the library."""
    with pytest.raises(InvalidArgumentError) as raised:
        receiver().headers(BODY, message_id=f"{SECRET}.")
    with pytest.raises(AssertionError):
        check_that_nothing_shows(shown(raised.value))


def test_a_receiver_shows_no_secret() -> None:
    one = WebhookReceiver([SECRET, OTHER])
    assert repr(one) == "<WebhookReceiver: 2 secret(s)>"
    check_that_nothing_shows("".join(repr(getattr(one, name)) for name in WebhookReceiver.__slots__))
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a secret"):
            leave(one)
