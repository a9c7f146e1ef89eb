"""The commands `evenergy webhooks listen` and `trigger`, with each other."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from evenergy.webhooks import WebhookReceiver
from tests.cli.shell import ended, piped, started, variables

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_webhook_that_is_triggered_arrives(signed_out: None, capsys: pytest.CaptureFixture[str]) -> None:
    with started("webhooks", "listen", "--port", "0", "--jsonl", "--count", "2", env=variables(None)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        assert ended(capsys, "webhooks", "trigger", "--url", url).code == 0
        other = ended(capsys, "webhooks", "trigger", "something.new", "--url", f"{url}/hooks", "--jsonl")
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        assert process.wait(30) == 0
    assert first["type"] == "charging_sub_session.ended"
    assert first["data"]["id"].startswith("csub")
    assert second["type"] == "something.new"
    assert json.loads(other.out)["message_id"] == second["message_id"]
    assert json.loads(other.out)["status"] == 204


def test_a_webhook_that_is_not_signed_is_rejected(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    arguments = ("webhooks", "listen", "--port", "0", "--count", "1", "--secret-file", str(secret))
    body = b'{"type": "x", "timestamp": "2024-05-01T22:00:03Z", "data": {"id": "thing"}}'
    headers = WebhookReceiver(SECRET).headers(body)
    with started(*arguments, env=variables(None)) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        url = process.stderr.readline().split()[2]
        with pytest.raises(HTTPError) as rejected:
            urlopen(Request(url, body, {**headers, "svix-id": "another"}), timeout=10)  # noqa: S310  loopback
        rejected.value.close()
        with urlopen(Request(url, body, headers), timeout=10) as response:  # noqa: S310  loopback
            assert response.status == 204
        assert process.wait(30) == 0
        assert process.stdout.read().split("\t")[:3] == ["2024-05-01T22:00:03Z", "x", "thing"]
        assert process.stderr.read().startswith("evenergy: rejected a request from 127.0.0.1: ")
    assert rejected.value.code == 400


def test_a_receiver_that_fails(signed_out: None, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = ended(capsys, "webhooks", "trigger", "--url", f"http://127.0.0.1:{port}/")
    assert done.code == 1
    assert "did not accept it" in done.err


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = piped(variables(None), "webhooks", "listen", "--port", port)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"evenergy: cannot listen on port {port}: ")


@pytest.mark.skipif(sys.platform == "win32", reason="needs the signals of Unix")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_listening(number: signal.Signals, code: int) -> None:
    with started("webhooks", "listen", "--port", "0", env=variables(None)) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(number)
        assert process.wait(30) == code


@pytest.mark.skipif(sys.platform == "win32", reason="needs the pipes of Unix")
def test_listening_ends_when_its_reader_goes_away(signed_out: None, capsys: pytest.CaptureFixture[str]) -> None:
    with started("webhooks", "listen", "--port", "0", "--jsonl", env=variables(None)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        process.stdout.close()
        done = ended(capsys, "webhooks", "trigger", "--url", url)
        assert process.wait(30) == 141
        assert process.stderr.read() == ""
    assert done.code == 1  # so that it is sent again
    assert "500" in done.err
