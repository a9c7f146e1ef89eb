"""Webhooks are signed, sent while the fleet charges and when a test wants one, and sent again when they fail."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import attrs
import pytest
from aiohttp import web

from evenergy.sandbox import Sandbox
from evenergy.sandbox.webhooks import sign
from tests.sandbox.description import corrected, needs_description
from tests.sandbox.helpers import Clock, serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@attrs.define
class Receiver:
    url: str = ""
    statuses: list[int] = attrs.field(factory=list[int])  # of the next responses; then 204
    received: list[tuple[dict[str, str], bytes]] = attrs.field(factory=list[tuple[dict[str, str], bytes]])

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})

    @property
    def events(self) -> list[Any]:
        return [json.loads(body) for _, body in self.received]


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncGenerator[Receiver]:
    receiver = Receiver(statuses=list(statuses))
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hook"
    yield receiver
    await runner.cleanup()


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """Check a signature as the rules of Svix say, without the code that made it."""
    lowered = {name.lower(): value for name, value in headers.items()}
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = f"{lowered['svix-id']}.{lowered['svix-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert lowered["svix-signature"] == f"v1,{expected}"
    assert abs(time.time() - int(lowered["svix-timestamp"])) < 300
    assert lowered["svix-event-type"] == json.loads(body)["type"]


def test_signs_as_the_published_vector() -> None:
    signature = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_sends_what_the_fleet_does() -> None:
    async with receiving() as receiver, serving(webhook_url=receiver.url) as api:
        start = api.clock.now
        api.sandbox.advance(days=1)
        await api.sandbox.deliver_webhooks()
        await api.renew()
        for headers, body in receiver.received:
            verify(api.sandbox.webhook_secret, headers, body)
        parts = [part for page in [await api.all("/charging_sub_sessions?page_size=100")] for part in page]
        created = [event["data"] for event in receiver.events if event["type"] == "charging_sub_session.created"]
        ended = [event["data"] for event in receiver.events if event["type"] == "charging_sub_session.ended"]
        assert len(created) > 10
        assert {one["id"] for one in created} == {one["id"] for one in parts if instant(one["start"]) >= start}
        assert {one["id"] for one in ended} == {
            one["id"] for one in parts if one["end"] and instant(one["end"]) >= start
        }
        times = [event["timestamp"] for event in receiver.events]
        assert times == sorted(times)
        # An event shows the sub-session as it was then: nothing is delivered yet, or all of it.
        assert {(one["end"], one["energy_delivered_watt_hours"]) for one in created} == {(None, 0)}
        by_id = {part["id"]: part for part in parts}
        assert all(one == by_id[one["id"]] for one in ended)


async def test_tells_of_both_when_the_mode_changes() -> None:
    async with receiving() as receiver, serving(webhook_url=receiver.url) as api:
        api.sandbox.advance(seconds=23 * 3600 - api.clock.now % 86400)
        await api.renew()
        session = next(
            one
            for one in await api.all("/charging_sessions?expand=sub_sessions&page_size=100")
            if one["end"] is None and one["sub_sessions"][0]["mode"] == "SMART"
        )
        await api.sandbox.deliver_webhooks()
        receiver.received.clear()
        assert (await api.send("POST", f"/charging_sessions/{session['id']}/boost_start")).status == 200
        await api.sandbox.deliver_webhooks()
        assert [(event["type"], event["data"]["mode"]) for event in receiver.events] == [
            ("charging_sub_session.ended", "SMART"),
            ("charging_sub_session.created", "BOOST"),
        ]
        await api.sandbox.deliver_webhooks()
        assert len(receiver.received) == 2


async def test_repeats_a_delivery_by_the_clock_of_the_sandbox() -> None:
    async with receiving(500, 302, 200) as receiver, serving() as api:
        message = api.sandbox.trigger("charging_sub_session.ended", url=receiver.url, secret=SECRET)
        await api.sandbox.deliver_webhooks()
        for seconds, count in ((4, 1), (1, 2), (299, 2), (1, 3), (86400, 3)):
            api.sandbox.advance(seconds=seconds)
            await api.sandbox.deliver_webhooks()
            assert len(receiver.received) == count
        for headers, body in receiver.received:
            verify(SECRET, headers, body)
        attempts = api.sandbox.webhook_attempts
        assert [(one.message_id, one.number, one.status, one.delivered) for one in attempts] == [
            (message, 1, 500, False),
            (message, 2, 302, False),
            (message, 3, 200, True),
        ]
        assert len({body for _, body in receiver.received}) == 1


async def test_gives_a_delivery_up_after_eight_attempts() -> None:
    async with serving() as api:
        api.sandbox.trigger(url="http://127.0.0.1:9/nobody")
        for _ in range(12):
            api.sandbox.advance(hours=10)
            await api.sandbox.deliver_webhooks()
        attempts = api.sandbox.webhook_attempts
        assert [one.number for one in attempts] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert all(one.status is None and "127.0.0.1" in str(one.error) for one in attempts)


async def test_sends_the_same_message_twice_and_events_of_ones_own() -> None:
    async with receiving() as receiver, serving(webhook_url=receiver.url) as api:
        message = api.sandbox.trigger("something.new", data={"a": 1})
        assert api.sandbox.trigger("something.new", data={"a": 1}, message_id=message) == message
        await api.sandbox.deliver_webhooks()
        assert [headers["svix-id"] for headers, _ in receiver.received] == [message, message]
        assert receiver.events[0]["data"] == {"a": 1}
        assert message.startswith("msg_")


@needs_description
@pytest.mark.parametrize("name", ["created", "ended"])
async def test_sends_events_as_described(name: str) -> None:
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema_name = f"ChargingSubSession{name.capitalize()}Webhook"
    schema = {"$ref": f"#/components/schemas/{schema_name}", "components": corrected()["components"]}
    async with receiving() as receiver, serving(webhook_url=receiver.url) as api:
        api.sandbox.trigger(f"charging_sub_session.{name}")
        await api.sandbox.deliver_webhooks()
        jsonschema.Draft202012Validator(schema).validate(receiver.events[0])
        assert (receiver.events[0]["data"]["end"] is None) == (name == "created")


async def test_needs_a_url_and_a_server() -> None:
    with pytest.raises(RuntimeError, match="while it serves"):
        Sandbox(vehicles=0, webhook_url="http://127.0.0.1:9").trigger()
    async with serving(vehicles=0) as api:
        with pytest.raises(ValueError, match="webhook_url"):
            api.sandbox.trigger()


async def test_leaves_nothing_running_behind() -> None:
    before = asyncio.all_tasks()
    async with receiving(500) as receiver, serving(webhook_url=receiver.url) as api:
        api.sandbox.trigger()
        await api.sandbox.deliver_webhooks()
    assert asyncio.all_tasks() <= before


@pytest.fixture
def blocking_receiver() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_waits_for_the_first_attempt_in_a_blocking_test(blocking_receiver: tuple[str, list[bytes]]) -> None:
    url, bodies = blocking_receiver
    with Sandbox(vehicles=5, clock=Clock(), webhook_url=url) as sandbox:
        sandbox.trigger("charging_sub_session.created")
        assert [json.loads(body)["type"] for body in bodies] == ["charging_sub_session.created"]
        sandbox.advance(days=2)
        assert len(bodies) > 10


def instant(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
