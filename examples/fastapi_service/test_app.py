"""The service as a client of it sees it, and behind a real server for the webhooks of the sandbox."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient

from evenergy.sandbox import Sandbox
from evenergy.webhooks import WebhookReceiver
from examples.fastapi_service.app import create_app

BODY = b'{"type": "something.new", "timestamp": "2026-05-01T22:00:03Z", "data": {"id": "x"}}'


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "webhooks.db"
    monkeypatch.setenv("WEBHOOKS_DATABASE", str(path))
    return path


def stored(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        (count,) = database.execute("SELECT count(*) FROM webhook").fetchone()
        return int(count)


@contextmanager
def served() -> Iterator[str]:
    """Serve the app by uvicorn from a thread. A request that comes early waits in the socket's queue."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def test_all_visitors_share_one_request(sandbox: Sandbox) -> None:
    with TestClient(create_app(max_age=3600)) as browser, ThreadPoolExecutor(8) as visitors:
        responses = list(visitors.map(lambda _: browser.get("/vehicles"), range(8)))
        assert browser.get("/budget").json() == {"limit": 1000, "remaining": 999}
    assert {response.status_code for response in responses} == {200}
    vehicles = responses[0].json()
    assert len({vehicle["id"] for vehicle in vehicles}) == 25
    assert any(vehicle["state_of_charge_percentage"] is not None for vehicle in vehicles)
    assert sandbox.requests == 1


def test_a_spent_budget_is_a_503_that_says_when_to_come_again(nearly_spent: Sandbox) -> None:
    with TestClient(create_app(max_age=0)) as browser:
        assert [browser.get("/vehicles").status_code for _ in range(2)] == [200, 200]
        response = browser.get("/vehicles")
    assert response.status_code == 503
    assert 3500 < int(response.headers["Retry-After"]) <= 3601
    assert nearly_spent.requests == 2  # the third was not even sent


def test_an_outage_is_a_502(sandbox: Sandbox) -> None:
    sandbox.fail(times=None, status=501, path="/vehicles*")  # no retry helps against it
    with TestClient(create_app()) as browser:
        assert browser.get("/vehicles").status_code == 502


def test_a_genuine_webhook_is_stored_once_and_makes_the_snapshot_old(sandbox: Sandbox, database: Path) -> None:
    headers = WebhookReceiver(sandbox.webhook_secret).headers(BODY)
    with TestClient(create_app(max_age=3600)) as browser:
        browser.get("/vehicles")
        for _ in range(2):  # the second is a repetition, and costs no snapshot
            assert browser.post("/webhooks/evenergy", content=BODY, headers=headers).status_code == 204
            browser.get("/vehicles")
    assert stored(database) == 1
    assert sandbox.requests == 2


def test_a_forged_webhook_is_rejected(sandbox: Sandbox, database: Path) -> None:
    headers = WebhookReceiver(sandbox.webhook_secret).headers(BODY)
    with TestClient(create_app()) as browser:
        response = browser.post("/webhooks/evenergy", content=BODY + b" ", headers=headers)
    assert response.status_code == 400
    assert not database.exists()


def test_webhooks_of_the_sandbox_arrive_at_a_real_server(sandbox: Sandbox, database: Path) -> None:
    with served() as url:
        sandbox.trigger("charging_sub_session.ended", url=f"{url}/webhooks/evenergy")
    assert [attempt.status for attempt in sandbox.webhook_attempts] == [204]
    assert stored(database) == 1
