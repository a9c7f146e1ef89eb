"""Events of webhooks: their classes, their data, bodies that do not fit, and what is imported when."""

from __future__ import annotations  # the events are imported late

import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import pytest

import evenergy
from evenergy import webhooks
from evenergy.errors import DecodeError
from evenergy.resources.charging import ChargingMode, ChargingSubSession
from evenergy.webhooks import UnknownWebhookEvent, WebhookError
from tests.webhooks.helpers import OTHER, SUB_SESSION, body_of, receiver, signed

UNKNOWN = b'{"type": "tariff.changed", "timestamp": "2024-05-01T22:00:03Z", "data": {"id": "x", "list": [1, null]}}'


def read(body: bytes) -> webhooks.WebhookEvent:
    return receiver().read(body, signed(body))


@pytest.mark.parametrize(
    ("kind", "name"), [("created", "ChargingSubSessionCreated"), ("ended", "ChargingSubSessionEnded")]
)
def test_each_event_has_its_class(kind: str, name: str) -> None:
    event = read(body_of(f"charging_sub_session.{kind}"))
    assert type(event) is getattr(webhooks, name)
    assert event.message_id == "msg_1"
    assert event.type == f"charging_sub_session.{kind}"
    assert event.timestamp == datetime(2024, 5, 1, 22, 0, 3, 500_000, UTC)


def test_the_data_of_an_event_is_a_sub_session() -> None:
    event = read(body_of())
    assert isinstance(event, webhooks.ChargingSubSessionCreated)
    data = event.data
    assert type(data) is ChargingSubSession
    assert data.mode is ChargingMode.SMART
    assert data.id == SUB_SESSION["id"]
    assert data.start == datetime(2024, 5, 1, 22, tzinfo=UTC)
    assert data.end is None
    assert data.energy_delivered_watt_hours == 2300


def test_a_time_with_an_offset_and_a_new_field_do_no_harm() -> None:
    event: Any = read(body_of(data={**SUB_SESSION, "start": "2024-05-02T00:00:00+02:00", "news": 1}, news=[1]))
    assert event.data.start == datetime(2024, 5, 1, 22, tzinfo=UTC)


def test_events_can_be_matched() -> None:
    def text(body: bytes) -> str:
        match read(body):
            case webhooks.ChargingSubSessionCreated():
                return "created"
            case webhooks.ChargingSubSessionEnded(data=data):
                return f"ended {data.id}"
            case UnknownWebhookEvent(type=kind, data=data):
                return f"{kind} {data['id']}"

    assert text(body_of()) == "created"
    assert text(body_of("charging_sub_session.ended")) == f"ended {SUB_SESSION['id']}"
    assert text(UNKNOWN) == "tariff.changed x"


def test_an_unknown_type_is_an_event_too() -> None:
    at = datetime(2024, 5, 1, 22, 0, 3, tzinfo=UTC)
    assert read(UNKNOWN) == UnknownWebhookEvent("msg_1", "tariff.changed", at, {"id": "x", "list": [1, None]})
    assert isinstance(read(body_of("charging_sub_session.paused")), UnknownWebhookEvent)


def test_the_type_of_the_body_decides_and_not_the_header() -> None:
    headers = signed(UNKNOWN) | {"svix-event-type": "charging_sub_session.ended"}
    assert isinstance(receiver().read(UNKNOWN, headers), UnknownWebhookEvent)


def test_events_are_values_as_all_others() -> None:
    event = read(body_of())
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301
    assert hash(event) == hash(attrs.evolve(event))
    assert [field.name for field in attrs.fields(type(event))] == ["type", "timestamp", "data", "message_id"]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        cast("Any", event).message_id = "x"
    plain: Any = evenergy.to_dict(event)
    assert plain["message_id"] == "msg_1"
    assert plain["timestamp"] == "2024-05-01T22:00:03.500000Z"
    assert plain["data"]["id"] == SUB_SESSION["id"]
    assert evenergy.to_dict(read(UNKNOWN))["data"] == json.loads(UNKNOWN)["data"]


BODIES = {
    "no JSON": (b"<html>", "$"),
    "half a document": (body_of()[:-1], "$"),
    "no UTF-8": (b'{"type": "\xff"}', "$"),
    "a list": (b"[]", "$"),
    "deep": (b"[" * 100_000, "$"),
    "no type": (b'{"timestamp": "2024-05-01T22:00:03Z", "data": {}}', "$.type"),
    "no data": (b'{"type": "x", "timestamp": "2024-05-01T22:00:03Z"}', "$.data"),
    "no time": (body_of(timestamp="yesterday"), "$.timestamp"),
    "an unknown event without an object": (b'{"type": "x", "timestamp": "2024-05-01T22:00:03Z", "data": 1}', "$.data"),
    "a sub-session without id": (body_of(data={"start": None}), "$.data.id"),
    "an odd field": (body_of(data={**SUB_SESSION, "start": 7}), "$.data.start"),
}


@pytest.mark.parametrize(("body", "where"), BODIES.values(), ids=BODIES.keys())
def test_a_genuine_body_that_does_not_fit_is_a_decode_error(body: bytes, where: str) -> None:
    with pytest.raises(DecodeError, match=r"^could not decode the body of webhook msg_1: ") as raised:
        read(body)
    assert raised.value.where == where


@pytest.mark.parametrize(("body", "where"), BODIES.values(), ids=BODIES.keys())
def test_nothing_is_parsed_before_it_is_verified(body: bytes, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        pytest.fail("parsed")

    monkeypatch.setattr("evenergy.webhooks.receiver.decode", decode)
    for headers in ({}, signed(body, OTHER), signed(body, timestamp="0"), signed(body, id="msg_2")):
        with pytest.raises(WebhookError):
            receiver().read(body, headers)


def test_the_names_of_the_module() -> None:
    assert set(webhooks.__all__) <= set(dir(webhooks))
    for name in webhooks.__all__:
        assert getattr(webhooks, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cast("Any", webhooks).Nothing  # noqa: B018


def test_a_receiver_needs_no_framework_and_no_client() -> None:
    code = f"""
import sys
from evenergy.webhooks import Deduplicator, WebhookReceiver
receiver = WebhookReceiver("bmV3LW5ldy1uZXc=")
receiver.read({UNKNOWN!r}, receiver.headers({UNKNOWN!r}))
print(*sorted(sys.modules))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"aiohttp", "asyncio", "cattrs", "tenacity", "fastapi", "flask"}
    assert not [name for name in done.stdout.split() if name.startswith(("evenergy.resources", "evenergy._transport"))]
