"""A server of bare sockets that misbehaves: `python -m benchmarks.faults SHARE`. GET /counts tells what it did."""

import asyncio
import base64
import gzip
import json
import random
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable
from typing import cast

CLIENT_ID, CLIENT_SECRET = "soak-client", "soak-client-secret"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
TOKEN = "soak-access-token-"  # each ends in a number

TIMEOUT = 0.5  # seconds that the client gives an attempt
LIMIT = 1_000_000
TOKEN_LIFE = 10_000  # requests
ALWAYS = "vhclF"  # ids that begin so are answered with a fault, whatever the share, and never with 429


class State:
    """State that all connections share."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.rng = random.Random(0)
        self.counts: Counter[str] = Counter()
        self.token = 0

    def draw(self, identifier: str) -> str | None:
        """The fault for a request, or None."""
        is_always = identifier.startswith(ALWAYS)
        if not is_always and self.rng.random() >= self.share:
            return None
        # After a 429 a client tries one request a second until one succeeds, and of these none does.
        names = [name for name in FAULTS if not (is_always and name.startswith("429"))]
        return self.rng.choices(names, [FAULTS[name][0] for name in names])[0]


class Connection(asyncio.Protocol):
    """One connection of the client."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.authorization = ""
        self._unread = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, end, rest = self._unread.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and len(rest) >= int(length[1] if length else 0):
            self._unread = b""
            self._answer(head.decode())

    def send(self, status: str, body: bytes, *headers: str, length: int | None = None) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer(status, body, *headers, length=length))

    def good(self, identifier: str) -> None:
        left = LIMIT - self.state.counts["requests"]
        self.send("200 OK", vehicle(identifier), f"X-RateLimit-Limit: {LIMIT}", f"X-RateLimit-Remaining: {left}")

    def _answer(self, head: str) -> None:
        state, target = self.state, head.split(" ", 2)[1]
        found = re.search(r"(?im)^authorization: (.*?)\r?$", head)
        self.authorization = found[1] if found else ""
        if target == "/counts":
            self.send("200 OK", json.dumps(state.counts).encode())
        elif target == "/o/token/":
            self._issue()
        else:
            self._vehicle(target.rpartition("/")[2])

    def _issue(self) -> None:
        if self.authorization != f"Basic {BASIC}":
            self.send("401 Unauthorized", b'{"error": "invalid_client"}')
            return
        self.state.counts["tokens"] += 1
        self.state.token += 1
        body = {"access_token": f"{TOKEN}{self.state.token}", "expires_in": 36000, "token_type": "Bearer"}
        self.send("200 OK", json.dumps(body).encode())

    def _vehicle(self, identifier: str) -> None:
        state = self.state
        state.counts["requests"] += 1
        if state.counts["requests"] % TOKEN_LIFE == 0:
            state.token += 1  # what was issued is good no more
        if self.authorization != f"Bearer {TOKEN}{state.token}":
            state.counts["expired token"] += 1
            self.send("401 Unauthorized", b'{"title": "expired"}')
            return
        fault = state.draw(identifier)
        if fault is None:
            self.good(identifier)
        else:
            state.counts[fault] += 1
            FAULTS[fault][1](self, identifier)


def vehicle(identifier: str) -> bytes:
    return json.dumps({"id": identifier, "description": 40 * "a vehicle "}).encode()


def answer(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """The bytes of an answer; `length` is what is announced, when that is not the truth."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _reset(connection: Connection, _: str) -> None:
    connection.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    connection.transport.abort()


def _cut(connection: Connection, data: bytes) -> None:
    connection.transport.write(data)
    connection.transport.close()


def _cut_length(connection: Connection, identifier: str) -> None:
    body = vehicle(identifier)
    _cut(connection, answer("200 OK", body[:200], length=len(body)))


def _cut_chunked(connection: Connection, identifier: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    _cut(connection, head + b"%x\r\n%b\r\n" % (200, vehicle(identifier)[:200]))


def _cut_gzip(connection: Connection, identifier: str) -> None:
    connection.send("200 OK", gzip.compress(vehicle(identifier))[:60], "Content-Encoding: gzip")


def _half_json(connection: Connection, identifier: str) -> None:
    connection.send("200 OK", vehicle(identifier)[:200])


def _too_many(connection: Connection, seconds: int) -> None:
    connection.send("429 Too Many Requests", b'{"title": "too many"}', f"Retry-After: {seconds}")


def _bad_gateway(connection: Connection, _: str) -> None:
    connection.send("502 Bad Gateway", f"<html>{connection.authorization}</html>".encode(), "Content-Type: text/html")


def _unavailable(connection: Connection, _: str) -> None:
    connection.send("503 Service Unavailable", b"", "Retry-After: 0")


def _slow(connection: Connection, identifier: str) -> None:
    asyncio.get_running_loop().call_later(2 * TIMEOUT, connection.good, identifier)


def _twice(connection: Connection, identifier: str) -> None:
    connection.transport.write(answer("200 OK", vehicle(identifier)) + answer("200 OK", vehicle("vhcl" + 26 * "X")))


FAULTS: dict[str, tuple[float, Callable[[Connection, str], None]]] = {
    "reset": (10, _reset),
    "hung up": (10, lambda connection, _: connection.transport.close()),
    "half a head": (10, lambda connection, _: _cut(connection, b"HTTP/1.1 200 OK\r\nContent-Ty")),
    "cut by length": (10, _cut_length),
    "cut chunk": (10, _cut_chunked),
    "cut gzip": (10, _cut_gzip),
    "half a document": (10, _half_json),
    "429, again at once": (2, lambda connection, _: _too_many(connection, 0)),
    "429, again in 1 s": (0.1, lambda connection, _: _too_many(connection, 1)),
    "502 that echoes": (10, _bad_gateway),
    "503": (10, _unavailable),
    "too slow": (10, _slow),
    "answered twice": (10, _twice),
}
"""Weight, and what is done instead of a good answer."""


async def serve(share: float) -> None:
    state = State(share)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(state), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
