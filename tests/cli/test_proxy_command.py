"""Commands of shared budgets: the gateway in a process, and what a budget says of it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from evenergy.sandbox import Sandbox
from tests.budgets.servers import needs_redis, server
from tests.cli.shell import Ended, ended, piped, started, variables

KEY = "k" * 24
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals of Unix")


@contextmanager
def gateway(environment: dict[str, str], *arguments: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run a gateway on a free port, and give its process and its base URL."""
    with started("proxy", "--port", "0", *arguments, env=environment) as process:
        try:
            assert process.stdout is not None
            name, _, url = process.stdout.readline().strip().partition("=")
            assert name == "export EVENERGY_BASE_URL"
            yield process, url
        finally:
            if process.poll() is None:
                process.kill()


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> Ended:
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return Ended(process.returncode, out, err)


def status(url: str, method: str = "GET", token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urlopen(Request(url, None, headers, method=method), timeout=30) as response:  # noqa: S310  on loopback
            return int(response.status)
    except HTTPError as error:
        with error:
            return error.code


@on_unix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_programs_fetch_through_the_gateway_until_a_signal(sandbox: Sandbox, number: signal.Signals, code: int) -> None:
    before = sandbox.requests
    with gateway(variables(sandbox), "--read-only") as (process, url):
        assert process.stdout is not None
        token = process.stdout.readline().strip().removeprefix("export EVENERGY_TOKEN=")
        through = variables(None, EVENERGY_BASE_URL=url, EVENERGY_TOKEN=token)
        listed = piped(through, "vehicles", "--json", "--fields", "id")
        assert {row["id"] for row in json.loads(listed.out)} == set(sandbox.vehicle_ids)
        assert status(f"{url}/vehicles/{sandbox.vehicle_ids[0]}", "PATCH") == 405
        done = end(process, number)
    assert (done.code, done.out, done.err.strip()) == (code, "", f"Serving {url} until Ctrl-C.")
    assert sandbox.requests == before + 1


@on_unix
def test_callers_send_the_key_of_the_file_or_the_variable(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    for environment, arguments in (
        (variables(sandbox, EVENERGY_PROXY_KEY=KEY), ()),
        (variables(sandbox, EVENERGY_PROXY_KEY="o" * 24), ("--key-file", str(file))),
    ):
        with gateway(environment, *arguments) as (process, url):
            assert [status(f"{url}/vehicles", token=one) for one in ("", "o" * 24, KEY)] == [401, 401, 200]
            done = end(process)
        assert (done.code, done.out) == (0, "")
        assert "callers send the key" in done.err
        assert KEY not in done.err


@on_unix
def test_a_socket_can_be_used_again(sandbox: Sandbox, tmp_path: Path) -> None:
    path = str(tmp_path / "gateway.sock")
    for _ in range(2):
        with started("proxy", "--socket", path, env=variables(sandbox)) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == f"Serving http://localhost/v2 on {path} until Ctrl-C.\n"
            taken = piped(variables(sandbox), "proxy", "--socket", path)
            assert end(process) == Ended(0, "", "")
        assert taken.code == 1
        assert taken.err.startswith(f"evenergy: cannot listen on {path}: ")


def test_a_port_in_use_is_one_line(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = piped(variables(sandbox), "proxy", "--port", port)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(f"evenergy: cannot listen on port {port} of 127.0.0.1: ")


def test_without_credentials_no_gateway_starts() -> None:
    done = piped(variables(None), "proxy", "--port", "0")
    assert (done.code, done.out, done.err.count("\n")) == (4, "", 1)


@on_unix
def test_the_gateway_and_commands_draw_on_one_budget(sandbox: Sandbox, tmp_path: Path) -> None:
    place = str(tmp_path / "budget.db")
    with gateway(variables(sandbox), "--budget", place) as (process, url):
        assert status(f"{url}/vehicles") == 200
        assert piped(variables(sandbox, EVENERGY_BUDGET=place), "chargers").code == 0
        before = sandbox.requests
        [use] = json.loads(piped(variables(None, EVENERGY_BUDGET=place), "budget", "--json").out)
        assert end(process).code == 0
    assert sandbox.requests == before
    assert (use["state"], use["limit"], use["used"]) == ("open", 100_000, 2)
    assert [holding["completed"] for holding in use["holdings"]] == [1, 1]


@needs_redis
def test_a_password_of_redis_comes_from_the_environment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with server(tmp_path, "--requirepass", KEY) as port:
        url = f"redis://:{KEY}@127.0.0.1:{port}"
        assert piped(variables(sandbox, EVENERGY_BUDGET=url), "makes").code == 0
        monkeypatch.setenv("EVENERGY_BUDGET", url)
        done = ended(capsys, "budget", "--json", "--fields", "used")
        assert (json.loads(done.out), done.code) == ([{"used": 1}], 0)
    gone = ended(capsys, "budget")
    assert (gone.code, gone.err.count("\n")) == (1, 1)
    for argument in (url, f"redis://127.0.0.1?password={KEY}", f"redis://:{KEY}@127.0.0.1:99999"):
        rejected = ended(capsys, "budget", "--budget", argument)
        assert rejected.code == 2
        assert KEY not in gone.err + rejected.out + rejected.err


@pytest.mark.parametrize("place", ["http://127.0.0.1", "redis://[::1", "redis://127.0.0.1:99999"])
def test_an_invalid_url_is_an_error_of_usage(
    place: str, signed_in: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signed_in.requests
    monkeypatch.setenv("EVENERGY_BUDGET", place)
    for command in ("budget", "vehicles"):
        done = ended(capsys, command)
        assert (done.code, done.err.count("\n")) == (2, 1)
    assert signed_in.requests == before
