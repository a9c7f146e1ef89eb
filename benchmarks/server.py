"""Server of all contenders: responses made once, a core of its own. `python -m benchmarks.server 0 0.05` runs it."""

import asyncio
import functools
import json
import re
import socket
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from .process import SERVER_CORE, pin

PAGE = 100
HISTORY_PAGES = 200
MAKE = "vmak01HRFHBCM7VBSWRPVYFBQMH2BR"
HISTORY = "vhcl" + 26 * "H"  # the vehicle that has more than one page

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FRACTIONS = ("", ".1111", ".123456")
MEASURED: dict[str, object] = {
    "state_of_charge_percentage": 70,
    "is_charging": True,
    "is_plugged_in": True,
    "charge_rate_watts": 7200,
    "estimated_charge_rate_watts": 7150,
    "charge_level_watt_hours": 52500,
    "target_charge_level_percentage": 80,
    "target_charge_level_watt_hours": 60000,
    "charge_energy_added_watt_hours": 12250,
    "minutes_to_full_charge": 95,
    "current_type": "AC - Typically home chargers",
    "is_complete": False,
    "odometer_meters": 18250300,
    "data_source": "enode",
    "state": "PLUGGED_IN_CHARGING",
}


def vehicles(count: int) -> list[str]:
    return [f"vhcl{number:026d}" for number in range(count)]


def _time(number: int, fraction: str) -> str:
    return f"{_START - timedelta(minutes=15 * number):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _log(number: int) -> dict[str, object]:
    """A status log with all its 19 properties, a fifth of the measurements null."""
    vehicle = f"https://api.ev.energy/v2/vehicles/{HISTORY}"
    sampled = _time(number, _FRACTIONS[number % 3])
    measured = {name: value if (number + place) % 5 else None for place, (name, value) in enumerate(MEASURED.items())}
    return {
        "url": f"{vehicle}/status_logs/{sampled}/",
        "logged_at": _time(number, _FRACTIONS[(number + 1) % 3]),
        "sampled_at": sampled,
        "vehicle": vehicle,
        **measured,
    }


def page() -> bytes:
    """The body of a page of logs."""
    return json.dumps([_log(number) for number in range(PAGE)], separators=(",", ":")).encode()


def make() -> bytes:
    """The body of a make."""
    url = "https://api.ev.energy/v2"
    return json.dumps(
        {
            "id": MAKE,
            "url": f"{url}/vehicle_makes/{MAKE}",
            "name": "Volvo",
            "icon": "https://cdn.example.com/volvo.png",
            "onboarding_url": f"{url}/vehicle_onboarding/?make_id={MAKE}",
            "models": f"{url}/vehicle_models?make_id={MAKE}",
            "subscription_name": None,
            "subscription_package": None,
        }
    ).encode()


def response(body: bytes, following: str | None = None) -> bytes:
    """The bytes of a response, with a link to the next page."""
    link = "" if following is None else f'Link: <{following}>; rel="next"\r\n'
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nEvEnergy-Version: 2\r\n"
        "X-RateLimit-Limit: 1000000000\r\nX-RateLimit-Remaining: 999999999\r\n"
        f"{link}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Answers:
    """All that the server can say."""

    def __init__(self, base: str) -> None:
        logs, cursors = page(), [_time(100 * number, "") for number in range(1, HISTORY_PAGES)]
        next_page = [f"{base}/vehicles/{HISTORY}/status_logs?page_size=100&page_after={cursor}" for cursor in cursors]
        self._make = response(make())
        self._newest = response(logs)
        answers = [response(logs, following) for following in (*next_page, None)]
        self._history = dict(zip([b"", *map(str.encode, cursors)], answers, strict=True))

    def to(self, head: bytes) -> bytes:
        """The answer to a request."""
        target = head.split(b" ", 2)[1]
        if b"/vehicle_makes/" in target:
            return self._make
        if HISTORY.encode() not in target:
            return self._newest
        cursor = re.search(rb"page_after=([^&]+)", target)
        return self._history[cursor[1].replace(b"%3A", b":") if cursor else b""]


class Connection(asyncio.Protocol):
    """One connection of a client: the head of a request leads to the bytes of its response, after a latency."""

    def __init__(self, respond: Callable[[bytes], bytes], latency: float = 0.0) -> None:
        self._respond = respond
        self._latency = latency
        self._unread = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *heads, self._unread = (self._unread + data).split(b"\r\n\r\n")
        for head in heads:
            if self._latency:
                loop = asyncio.get_running_loop()
                loop.call_later(self._latency, self._transport.write, self._respond(head))
            else:
                self._transport.write(self._respond(head))


async def serve(latencies: list[float]) -> None:
    """Serve until the process is ended: one port for each latency."""
    bases: list[str] = []
    for latency in latencies:
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        bases.append(f"http://127.0.0.1:{listening.getsockname()[1]}/v2")
        made = functools.partial(Connection, Answers(bases[-1]).to, latency)
        await asyncio.get_running_loop().create_server(made, sock=listening)
    print(*bases, flush=True)
    await asyncio.Event().wait()


def run(serving: Coroutine[object, object, None]) -> None:
    """Run a server, on uvloop where there is one."""
    runner = import_module("uvloop").run if find_spec("uvloop") else asyncio.run
    runner(serving)


def main() -> None:
    pin(SERVER_CORE)
    run(serve([float(latency) for latency in sys.argv[1:]]))


if __name__ == "__main__":
    main()
