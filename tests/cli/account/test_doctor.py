"""Each finding of the doctor, provoked."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from evenergy.cli.doctor import local
from evenergy.cli.doctor.findings import Finding, Status
from evenergy.cli.help import TOPICS
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import doctor, export, finding, run, sign_in, started
from tests.server import serving

CHECKS = [
    *("variables", "profile", "files", "dns", "tls", "proxy", "clock", "base url", "credentials"),
    *("scopes", "user", "limit", "versions", "extras"),
]


@contextmanager
def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Generator[str]:
    """Serve from a thread, and give the origin."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    origins: list[str] = []

    async def main() -> None:
        async with serving(handler) as server:
            origins.append(server.origin)
            ready.set()
            await ended.wait()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    try:
        yield origins[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def api(status: int = 200, body: object = None, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler that responds as the API, or not quite."""

    async def handler(_: web.Request) -> web.Response:
        given = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "990", "EvEnergy-Version": "2"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({} if body is None else body, status=status, headers={**given, **named})

    return handler


def test_all_is_well(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    done = doctor()
    assert (done.code, done.err) == (0, "")
    assert done.json["can_succeed"] is True
    assert [one["check"] for one in done.json["findings"]] == CHECKS
    assert {one["status"] for one in done.json["findings"]} == {"ok"}
    assert sandbox.requests == 2
    assert "40 scopes" in finding(done, "scopes")["message"]
    assert "998 of 1000" in finding(done, "limit")["message"]


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    done = doctor()
    assert (done.code, sandbox.requests) == (4, 0)
    assert finding(done, "profile")["status"] == "failed"
    assert "evenergy login" in finding(done, "profile")["advice"]
    assert finding(done, "credentials") == {
        "check": "credentials",
        "status": "skipped",
        "message": "there are no credentials",
        "advice": None,
    }


@pytest.mark.parametrize(
    ("variables", "status", "words"),
    [
        ({"EVENERGY_CLIENT_ID": "a"}, "failed", "EVENERGY_CLIENT_ID is set but EVENERGY_CLIENT_SECRET is not"),
        ({"EVENERGY_CLIENT_SECRET": "a"}, "failed", "EVENERGY_CLIENT_SECRET is set but EVENERGY_CLIENT_ID is not"),
        ({"EVENERGY_TOKEN": "Bearer tokentoken"}, "failed", 'EVENERGY_TOKEN begins with "Bearer"'),
        ({"EVENERGY_TOKEN": "'tokentoken'"}, "failed", "begins with a quotation mark"),
        ({"EVENERGY_SECRET": "x"}, "warning", "EVENERGY_SECRET is no variable of evenergy"),
        ({"EVENERGY_USER": " "}, "warning", "EVENERGY_USER is set and empty"),
        ({"EVENERGY_TOKEN": "tokentoken", "EVENERGY_CLIENT_ID": "a"}, "warning", "EVENERGY_TOKEN goes before"),
        ({"EVENERGY_TOKEN": "tokentoken", "EVENERGY_PROFILE": "a"}, "warning", "goes before the profile"),
    ],
)
def test_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], status: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("EVENERGY_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/v2")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = doctor()
    found = finding(done, "variables")
    assert found["status"] == status
    assert words in found["message"]
    assert found["advice"]
    assert "tokentoken" not in done.out
    assert done.code != 0


def test_every_variable_of_the_help_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    names = re.findall(r"EVENERGY_[A-Z_]+", TOPICS["environment"])
    for name in names:
        monkeypatch.setenv(name, "x")
    assert {"EVENERGY_BUDGET", "EVENERGY_PROXY_KEY"} <= {*names}
    assert not [one.message for one in local.variables() if "is no variable" in one.message]


def test_a_broken_profile(config: Path) -> None:
    config.mkdir(mode=0o700)
    (config / "profiles.json").write_text("{")
    (config / "profiles.json").chmod(0o600)
    done = doctor("--base-url", "http://127.0.0.1:1/v2")
    assert done.code == 2
    assert "holds no profiles" in finding(done, "profile")["message"]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
@pytest.mark.parametrize("name", ["profiles.json", "tokens/default.json", "secrets/default"])
def test_modes(sandbox: Sandbox, config: Path, name: str) -> None:
    sign_in(sandbox)
    (config / name).chmod(0o644)
    done = doctor("--base-url", sandbox.base_url)
    found = finding(done, "files")
    assert done.code == 2
    assert found["status"] == "failed"
    assert found["message"] == f"{config / name} can be read by others (mode 644), so it is not used"
    assert found["advice"] == f"chmod 600 {config / name}"


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_a_directory_of_everybody(sandbox: Sandbox, config: Path) -> None:
    sign_in(sandbox)
    config.chmod(0o777)
    done = doctor()
    assert done.code == 0
    assert finding(done, "files")["status"] == "warning"


def test_a_proxy_is_named_without_its_password(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox, HTTP_PROXY="http://me:passwordpassword@127.0.0.1:9")
    done = doctor()
    assert done.code == 3
    assert "requests go through 127.0.0.1:9 (HTTP_PROXY)" in finding(done, "proxy")["message"]
    assert finding(done, "dns")["status"] == finding(done, "tls")["status"] == "skipped"
    assert "passwordpassword" not in done.out + done.err


def test_a_proxy_for_others(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox, HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    done = doctor()
    assert done.code == 0
    assert "HTTP_PROXY set, but not for 127.0.0.1" in finding(done, "proxy")["message"]


def test_a_proxy_that_is_none(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox, HTTP_PROXY="socks5://127.0.0.1:9")
    done = doctor()
    assert done.code == 2
    assert finding(done, "proxy")["status"] == "failed"


@pytest.mark.parametrize(
    ("hours", "status", "words"),
    [
        (-2, "warning", r"2 h( 1 min)? ahead of the server"),
        (3, "warning", "3 h behind the server"),
        (0, "ok", "right to the second"),
    ],
)
def test_the_clock(monkeypatch: pytest.MonkeyPatch, hours: int, status: str, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(api(Date=date)) as origin:
        done = doctor("--base-url", f"{origin}/v2")
    assert done.code == 0
    assert finding(done, "clock")["status"] == status
    assert re.search(words, finding(done, "clock")["message"])


def test_a_date_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(api(Date="yesterday")) as origin:
        assert finding(doctor("--base-url", f"{origin}/v2"), "clock")["status"] == "skipped"


def test_a_base_url_without_v2(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox, EVENERGY_BASE_URL=sandbox.base_url.removesuffix("/v2"))
    done = doctor()
    found = finding(done, "base url")
    assert done.code == 2
    assert found["advice"] == f"set it to {sandbox.base_url}"
    assert finding(done, "credentials")["status"] == "skipped"


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<html>Sign in to the hotel's network</html>", content_type="text/html")


def test_a_page_in_place_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(page) as origin:
        done = doctor("--base-url", f"{origin}/v2")
    assert done.code == 1
    assert "does not respond as the API does" in finding(done, "base url")["message"]


def test_an_api_that_fails(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    sandbox.fail(None, 500)
    done = doctor()
    assert done.code == 1
    assert "the API fails" in finding(done, "credentials")["message"]


@pytest.mark.parametrize("name", ["EVENERGY_CLIENT_SECRET", "EVENERGY_TOKEN"])
def test_credentials_that_are_rejected(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    export(monkeypatch, sandbox, **{name: "wrongwrongwrong"})
    done = doctor()
    found = finding(done, "credentials")
    assert done.code == 1
    assert found["message"].startswith("the environment: rejected (401")
    assert found["advice"].startswith("get a new token" if name == "EVENERGY_TOKEN" else "check the client id")
    assert "wrongwrongwrong" not in done.out + done.err


def test_a_profile_without_its_secret(sandbox: Sandbox, config: Path) -> None:
    sign_in(sandbox)
    (config / "secrets" / "default").unlink()
    done = doctor()
    assert done.code == 4
    assert "no secret in" in finding(done, "credentials")["message"]


def test_scopes_that_are_missing(sandbox: Sandbox) -> None:
    sign_in(sandbox, "--scope", "vehicle:read", "--scope", "evse:read")
    done = doctor()
    found = finding(done, "scopes")
    assert (done.code, found["status"]) == (0, "warning")
    assert found["message"] == "the token lacks charging_session:read (sessions); user:read (users)"


def test_a_token_that_may_not_read_vehicles(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.Response:
        return await api(403 if request.path == "/v2/vehicles" else 200)(request)

    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(handler) as origin:
        done = doctor("--base-url", f"{origin}/v2")
    assert (done.code, finding(done, "scopes")["status"]) == (0, "warning")
    assert "vehicle:read" in finding(done, "scopes")["message"]


def test_a_user_that_is_unknown(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    done = doctor("--user", "user01HN2NJ9NMRZBXT1H6FT9N7735")
    assert (done.code, finding(done, "user")["status"]) == (1, "failed")
    assert "acts as" in finding(doctor("--user", sandbox.user_ids[0]), "user")["message"]


def test_a_user_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.Response:
        return await api(400 if request.path == "/v2/vehicles" else 200)(request)

    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(handler) as origin:
        done = doctor("--base-url", f"{origin}/v2")
    assert (done.code, finding(done, "user")["status"]) == (0, "warning")


def test_the_user_of_a_sign_in_needs_no_other(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cli.account.commands import get  # noqa: PLC0415  only here

    monkeypatch.setattr("webbrowser.open", get)
    export(monkeypatch, sandbox)
    run("login")
    for name in ("EVENERGY_CLIENT_ID", "EVENERGY_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    assert "the token is that of a user" in finding(doctor(), "user")["message"]


@pytest.mark.parametrize(("limit", "code", "status"), [(2, 0, "warning"), (1, 5, "failed"), (100, 0, "ok")])
def test_the_limit(monkeypatch: pytest.MonkeyPatch, limit: int, code: int, status: str) -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=limit) as sandbox:
        export(monkeypatch, sandbox)
        done = doctor()
    assert (done.code, finding(done, "limit")["status"]) == (code, status)


def test_a_limit_that_an_earlier_run_has_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=1) as sandbox:
        export(monkeypatch, sandbox)
        run("vehicles", "--json")
        done = doctor()
        assert sandbox.requests == 1
    assert done.code == 5
    assert finding(done, "credentials")["status"] == "skipped"


def test_a_proxy_that_removes_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"EvEnergy-Version": "2"})

    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    with served(handler) as origin:
        found = finding(doctor("--base-url", f"{origin}/v2"), "limit")
    assert (found["status"], found["message"]) == ("warning", "no response told the rate limit")


def test_extras(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata  # noqa: PLC0415  only here

    version = importlib.metadata.version

    def without_polars(name: str) -> str:
        if name == "polars":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_polars)
    export(monkeypatch, sandbox)
    message = finding(doctor(), "extras")["message"]
    assert "not installed: " in message
    assert "polars" in message.partition("not installed: ")[2]
    assert "evenergy[" in message
    assert "redis" in message


@pytest.mark.parametrize("form", ["--csv", "--jsonl"])
def test_other_formats(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    export(monkeypatch, sandbox)
    done = run("doctor", form)
    assert len(done.out.splitlines()) == len(CHECKS) + (form == "--csv")


def test_words(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox, EVENERGY_CLIENT_SECRET="wrongwrongwrong")
    lines = run("doctor").out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("FAILED  credentials ") for line in lines)
    assert any(line.strip().startswith("→ check the client id") or "-> check the client id" in line for line in lines)


def test_through_a_pipe(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    with started("doctor") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "\x1b" not in out
    assert out.startswith("ok      variables")


def test_a_finding_fails_with_an_exit_code() -> None:
    assert Finding("x", Status.OK, "y").data() == {"check": "x", "status": "ok", "message": "y", "advice": None}
