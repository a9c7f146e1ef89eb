"""Exit codes, and the one line that says what went wrong and what to do."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from evenergy.sandbox import Sandbox
from tests.cli.shell import chunk, ended, of, on_terminal, piped, started, variables

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals and terminals of Unix")


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch, signed_out: None) -> Iterator[Sandbox]:
    """Let commands in this process talk to a sandbox of their own, with three requests an hour."""
    with Sandbox(3, days=1, rate_limit=3) as served:
        for name, value in of(served).items():
            monkeypatch.setenv(name, value)
        yield served


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_the_api_says_no(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    done = ended(capsys, "vehicles", "show", "vhcl00000000000000000000000000")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("evenergy: there is no vehicle vhcl")
    assert done.err.count("\n") == 1


def test_the_api_fails(troubled: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    troubled.fail(None, 501)
    done = ended(capsys, "users", "--json")
    assert done.code == 1
    assert json.loads(done.out)["error"]["status"] == 501


def test_rejected_credentials(
    troubled: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "not-a-token-any-more")
    done = ended(capsys, "fleet")
    assert (done.code, done.out) == (1, "")
    assert "the credentials were rejected" in done.err
    assert "not-a-token" not in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fleet", "--fields", "nonsense"), "there is no nonsense; there are id, trim_id"),
        (("fleet", "--json", "--csv"), "--json and --csv exclude each other"),
        (("logs",), "Missing argument"),
        (("logs", "VEHICLE", "--since", "soon"), "expected a time such as 2h, yesterday"),
        (("sync", "--every", "often"), "expected a duration such as 90s"),
        (("sync", "--every", "0s"), "must be above zero"),
        (("watch", "--changes", "weather"), "there is no weather"),
        (("plan", "--vehicles", "10", "--changed", "11"), "from 0 to 10"),
        (("plan", "--vehicles", "10", "--changed", "some"), "expected a number of vehicles"),
        (("request", "POST", "/vehicles", "--paginate"), "--paginate is for GET"),
        (("request", "GET", "/vehicles", "--param", "page_size"), "expected name=value"),
        (("request", "GET", "/vehicles", "--csv"), "request prints JSON"),
        (("logs", "V", "--plot", "x.gif"), "ends in .png or .svg"),
        (("sandbox", "--fail", "503"), "as in 5:503"),
        (("vehicles", "update", "V", "--yes"), "nothing to change"),
        (("help", "nonsense"), "there is no topic"),
        (("record", "missing", "--check"), "holds no recording"),
        (("record", "missing", "--check", "--requests", "5"), "it takes no --requests"),
        (("webhooks", "trigger", "--url", "x"), "expected a URL"),
    ],
)
def test_usage(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    before = signed_in.requests
    done = ended(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert signed_in.requests == before


def test_not_reachable(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "t")
    monkeypatch.setattr("evenergy._transport.retry.Retry.attempts", 1, raising=False)
    done = ended(capsys, "fleet", "--base-url", f"http://127.0.0.1:{closed_port()}/v2", "--jsonl")
    assert done.code == 3
    assert "evenergy doctor" in done.err
    assert json.loads(done.out)["error"]["exit_code"] == 3


@pytest.mark.parametrize("command", ["fleet", "vehicles", "sync", "budget", "request GET /vehicles"])
def test_without_credentials_nothing_is_sent(
    sandbox: Sandbox,
    signed_out: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    tmp_path: object,
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    before = sandbox.requests
    done = ended(capsys, *command.split(), "--json")
    assert done.code == 4
    assert "evenergy login" in done.err
    assert json.loads(done.out) == {"error": {"message": done.err.removeprefix("evenergy: ").strip(), "exit_code": 4}}
    assert sandbox.requests == before
    assert os.listdir(str(tmp_path)) == []  # noqa: PTH208  a list is compared


def test_the_catalogue_needs_none(
    sandbox: Sandbox, signed_out: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    assert ended(capsys, "makes").code == 0
    assert ended(capsys, "models").code == 0


def test_rate_limited(troubled: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [ended(capsys, "users", "-q").code for _ in range(3)]
    done = ended(capsys, "users", "--json")
    error = json.loads(done.out)["error"]
    assert (codes, done.code, error["exit_code"], error["status"]) == ([0, 0, 0], 5, 5, 429)
    assert 3000 < error["retry_after"] <= 3600
    assert error["retry_at"].endswith("Z")
    assert done.err.startswith("evenergy: rate limited: the next request may be sent in 1 h; ")
    assert "--max-wait forever" in done.err


def test_items_that_came_before_the_limit_are_there(troubled: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    ended(capsys, "budget")
    done = ended(capsys, "logs", *troubled.vehicle_ids, "--json", "--since", "1h")
    document = json.loads(done.out)
    assert done.code == 5
    assert document["error"]["retry_after"] > 60
    assert {log["vehicle"].rpartition("/")[2] for log in document["items"]} < set(troubled.vehicle_ids)
    assert document["items"]


def test_one_vehicle_that_fails_loses_no_other(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    unknown = "vhcl00000000000000000000000000"
    done = ended(capsys, "logs", signed_in.vehicle_ids[0], unknown, "--jsonl", "--since", "6h")
    *logs, last = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1
    assert logs
    assert last["error"]["status"] == 404
    assert done.err.count(f"evenergy: there is no vehicle {unknown}") == 1


def test_debug_shows_the_attempts(troubled: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    troubled.fail(1, 503, retry_after=0)
    done = ended(capsys, "users", "--debug", "--fields", "id")
    first, second = [line for line in done.err.splitlines() if line.startswith("attempt")]
    assert done.code == 0
    assert first.startswith(f"attempt 1: GET {troubled.base_url}/users")
    assert "→ 503 in" in first
    assert second.startswith("attempt 2: GET")
    assert "2 of 3 left" in second
    assert troubled.client_secret not in done.err


@on_unix
def test_a_reader_that_leaves(sandbox: Sandbox) -> None:
    with started("vehicles", "--csv", env=variables(sandbox)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert not process.stderr.read()
    assert process.returncode == 141


@on_unix
def test_ctrl_c_ends_a_wait_for_the_rate_limit_at_once() -> None:
    with Sandbox(3, days=1, rate_limit=2) as served:
        process, near = on_terminal(variables(served), "logs", *served.vehicle_ids, "--max-wait", "forever", width=80)
        seen = b""
        while b"vehicles done" not in seen:
            read = chunk(near)
            assert read, seen
            seen += read
        assert b"waiting 1 h for the rate limit, 2 of 3 vehicles done" in seen
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        while chunk(near):
            pass
        os.close(near)
        assert process.wait(30) == 130
        assert time.monotonic() - began < 20


@on_unix
def test_ctrl_c_ends_a_name_look_up_that_hangs() -> None:
    hangs = (
        "import socket, threading, sys;"
        "say = lambda: print('looking', file=sys.stderr, flush=True);"
        "socket.getaddrinfo = lambda *a, **k: (say(), threading.Event().wait());"
    )
    environment = variables(None, EVENERGY_TOKEN="t", EVENERGY_BASE_URL="https://api.example.com/v2")
    with started("fleet", env=environment, before=hangs) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "looking\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_no_colour_and_quiet(sandbox: Sandbox) -> None:
    done = piped(variables(sandbox, NO_COLOR="1", FORCE_COLOR="1"), "fleet", "--quiet")
    assert "\x1b" not in done.out + done.err
