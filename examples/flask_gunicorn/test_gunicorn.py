"""The app under a real gunicorn with two forked workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import attrs
import pytest

from evenergy.sandbox import Sandbox

HERE = Path(__file__).parent
LIMIT = 60.0  # seconds: what takes longer hangs
UNKNOWN = "vhcl00000000000000000000000000"


@attrs.frozen
class Gunicorn:
    """A gunicorn that serves from a socket of the test. A request that comes early waits in the socket's queue."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> tuple[HTTPResponse, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response, json.loads(response.read())
        finally:
            connection.close()

    def workers(self) -> set[int]:
        """Return the processes that respond to two requests at once; one that is busy takes no other."""
        with ThreadPoolExecutor(2) as visitors:
            responses = visitors.map(self.get, ["/vehicles"] * 2)
            return {int(response.headers["X-Worker"]) for response, _ in responses if response.status == 200}

    def both_workers(self) -> set[int]:
        """Return the processes that respond, when there are two; one may still be starting at first."""
        seen: set[int] = set()
        for _ in range(30):
            seen |= self.workers()
            if len(seen) == 2:
                return seen
        pytest.fail(f"only {seen} responded")

    def stop(self) -> str:
        """End it as a service manager does, and return its log."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=LIMIT)
        return log


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def start(listener: socket.socket) -> Gunicorn:
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"fd://{listener.fileno()}"]
    process = subprocess.Popen(command, cwd=HERE, pass_fds=[listener.fileno()], stderr=subprocess.PIPE, text=True)
    return Gunicorn(process, listener.getsockname()[1])


@pytest.fixture
def gunicorn(sandbox: Sandbox, listener: socket.socket) -> Iterator[Gunicorn]:
    running = start(listener)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def test_both_workers_use_the_client_that_was_made_before_the_fork(sandbox: Sandbox, gunicorn: Gunicorn) -> None:
    sandbox.slow(0.2, path="/vehicles*")
    workers = gunicorn.both_workers()
    assert gunicorn.process.pid not in workers
    _, vehicles = gunicorn.get("/vehicles")
    assert len(vehicles) == 25
    response, (log,) = gunicorn.get(f"/vehicles/{sandbox.vehicle_ids[0]}/newest")
    assert response.status == 200
    assert log["state_of_charge_percentage"] == vehicles[sandbox.vehicle_ids[0]]
    assert gunicorn.get(f"/vehicles/{UNKNOWN}/newest")[0].status == 404
    log = gunicorn.stop()
    assert gunicorn.process.returncode == 0
    assert "Traceback" not in log


def test_a_worker_that_is_killed_is_replaced(sandbox: Sandbox, gunicorn: Gunicorn) -> None:
    sandbox.slow(0.2, path="/vehicles*")
    killed = gunicorn.both_workers().pop()
    os.kill(killed, signal.SIGKILL)
    assert killed not in gunicorn.both_workers()


def test_a_spent_budget_is_a_503(nearly_spent: Sandbox, listener: socket.socket) -> None:
    gunicorn = start(listener)
    try:
        responses = [gunicorn.get("/vehicles")[0] for _ in range(3)]
    finally:
        gunicorn.stop()
    assert [response.status for response in responses] == [200, 503, 503]  # the check at the start was the first
    assert 3500 < int(responses[-1].headers["Retry-After"]) <= 3601


def test_wrong_credentials_stop_the_service(
    sandbox: Sandbox, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENERGY_CLIENT_SECRET", "a-wrong-secret")
    process = start(listener).process
    _, log = process.communicate(timeout=LIMIT)
    assert process.returncode != 0
    assert "AuthenticationError" in log
    assert "a-wrong-secret" not in log
