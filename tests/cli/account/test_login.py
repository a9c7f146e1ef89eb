from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evenergy import FileTokenStore
from evenergy.cli.loopback import listening
from evenergy.errors import RequestTimeoutError
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import Ended, export, get, redirect, run, sign_in, started
from tests.server import run_jumping

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# An application


def test_an_application_signs_in_and_out(sandbox: Sandbox, config: Path, token_requests: list[str]) -> None:
    done = sign_in(sandbox)
    assert (done.code, done.out) == (0, "")
    assert "signed in as application of sandbox" in done.err
    assert (token_requests, sandbox.requests) == (["client_credentials"], 1)
    assert {path.name for path in config.iterdir() if path.is_dir()} == {"tokens", "secrets", "memory"}
    assert all(mode(path) == (0o700 if path.is_dir() else 0o600) for path in (config, *config.rglob("*")))
    assert run("vehicles", "--json").code == 0
    assert token_requests == ["client_credentials"]
    token = FileTokenStore(config / "tokens" / "default.json").load()
    assert token is not None
    assert run("logout").err == "default: revoked and deleted\n"
    assert sandbox._middleware is not None
    assert sandbox._middleware._oauth_server.grant_of(token.access_token) is None
    left = {path.name for path in config.rglob("*") if path.is_file() and not path.name.endswith(".lock")}
    assert left == {"profiles.json", "key"}
    assert run("vehicles").code == 4


def test_the_secret_comes_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    done = run("login", "--client-id", sandbox.client_id)
    assert done.code == 0
    assert "EVENERGY_CLIENT_ID is set, and goes before the profile" in done.err


def test_the_secret_comes_from_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{sandbox.client_secret}\n")
    given = ("--client-id", sandbox.client_id, "--client-secret-file", str(tmp_path / "secret"))
    assert run("login", *given, "--base-url", sandbox.base_url, "--profile", "work").code == 0
    assert run("whoami", "--profile", "work", "--json").json["profile"] == "work"


@on_unix
def test_the_secret_is_typed_and_not_shown(sandbox: Sandbox) -> None:
    import pty  # noqa: PLC0415  there is none on Windows

    near, far = pty.openpty()
    arguments = ("login", "--client-id", sandbox.client_id, "--base-url", sandbox.base_url)
    with started(*arguments, stdin=far, stdout=far, stderr=far, start_new_session=True) as process:
        os.close(far)
        shown = b""
        while b"Client secret" not in shown:
            shown += os.read(near, 1000)
        os.write(near, f"{sandbox.client_secret}\n".encode())
        shown += rest(near)
    os.close(near)
    assert process.returncode == 0
    assert b"signed in as application" in shown
    assert sandbox.client_secret.encode() not in shown


def rest(terminal: int) -> bytes:
    found = b""
    while True:
        try:
            found += os.read(terminal, 65_536)
        except OSError:  # what Linux says when the other side was closed
            return found


def test_wrong_credentials_are_not_stored(sandbox: Sandbox, config: Path) -> None:
    given = ("--client-id", "sandbox", "--client-secret-file", "-", "--base-url", sandbox.base_url)
    done = run("login", *given, typed="wrongwrongwrong\n")
    assert done.code == 1
    assert "invalid_client" in done.err
    assert not (config / "profiles.json").exists()
    assert not (config / "secrets").exists()


def test_an_api_that_is_away_stores_nothing(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    given = ("--client-id", "a", "--client-secret-file", "-", "--base-url", f"http://127.0.0.1:{port}/v2")
    assert run("login", *given, typed="secretsecret").code == 3
    assert not (config / "profiles.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--client-id", "a"), "--client-secret-file, or EVENERGY_CLIENT_SECRET"),
        ((), "--client-id, or EVENERGY_CLIENT_ID"),
        (("--client-id", "a", "--client-secret-file", "-"), "--client-secret-file is empty"),
        (("--profile", "../x"), "cannot be the name of a profile"),
        (("--sandbox",), "--sandbox ends with its command"),
        (("--client-id", "a", "--base-url", "http://example.com"), "https"),
    ],
)
def test_a_missing_argument_is_named(arguments: tuple[str, ...], words: str) -> None:
    done = run("login", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err


def test_an_argument_takes_no_secret() -> None:
    assert run("login", "--client-secret", "x").code == 2


# A user


def sign_in_as_user(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, browse: Callable[[str], object], *more: str
) -> Ended:
    monkeypatch.setattr("webbrowser.open", browse)
    export(monkeypatch, sandbox)
    done = run("login", *more)
    for name in ("EVENERGY_CLIENT_ID", "EVENERGY_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    return done


def test_a_user_signs_in_with_the_browser(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token_requests: list[str]
) -> None:
    pages: list[tuple[int, str]] = []
    done = sign_in_as_user(monkeypatch, sandbox, lambda url: pages.append(get(url)))
    assert done.code == 0, done.err
    assert pages[0][0] == 200
    assert "Go back to the terminal" in pages[0][1]
    assert token_requests == ["authorization_code"]
    assert run("whoami", "--json").json["kind"] == "user"
    assert run("vehicles", "--json").code == 0
    assert token_requests == ["authorization_code"]
    sandbox.advance(hours=11)
    store = FileTokenStore(Path(os.environ["EVENERGY_CONFIG_DIR"]) / "tokens" / "default.json")
    before = store.load()
    assert run("vehicles", "--json").code == 0  # the token has expired, and is refreshed
    assert token_requests[1:] == ["refresh_token"]
    assert store.load() != before
    assert run("logout").code == 0


def test_profiles_of_users_have_buckets_of_their_own_in_a_budget(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert sign_in_as_user(monkeypatch, sandbox, get, "--profile", name).code == 0
    monkeypatch.setenv("EVENERGY_BUDGET", str(tmp_path / "budget.db"))
    for name in ("one", "one", "two"):
        assert run("vehicles", "--profile", name).code == 0
    assert sorted(use["used"] for use in run("budget", "--json").json) == [1, 2]


def test_access_denied_is_said(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    done = sign_in_as_user(monkeypatch, sandbox, lambda url: get(redirect(url, error="access_denied")))
    assert (done.code, done.err.splitlines()[-1]) == (1, "evenergy: not signed in: access was denied in the browser")
    assert not (config / "profiles.json").exists()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"error": "server_error", "error_description": "Down\x1b[2J"},
            "the provider said server_error (Down\\x1b[2J)",
        ),
        ({"error": "invalid_scope"}, "try without --scope"),
        ({}, "neither a code nor an error"),
    ],
)
def test_other_errors_of_the_redirect(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], words: str
) -> None:
    done = sign_in_as_user(monkeypatch, sandbox, lambda url: get(redirect(url, **parameters)))
    assert done.code == 1
    assert words in done.err


def test_a_redirect_of_somebody_else_is_ignored(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token_requests: list[str]
) -> None:
    statuses: list[int] = []

    def browse(url: str) -> None:
        statuses.append(get(redirect(url, code="evil", state="other"))[0])
        statuses.append(get(redirect(url, code="evil", state=""))[0])
        statuses.append(get(redirect(url).replace("/callback", "/favicon.ico"))[0])
        statuses.append(get(url)[0])

    done = sign_in_as_user(monkeypatch, sandbox, browse)
    assert (done.code, statuses) == (0, [400, 400, 404, 200])
    assert token_requests == ["authorization_code"]


def test_one_redirect_is_served() -> None:
    async def main() -> list[int]:
        async with listening(0) as served:
            served.expect("s")
            paths = ("/callback?state=s&code=first", "/callback?state=s&code=second")
            pages = [served._response(f"GET {path} HTTP/1.1") for path in paths]
            assert (await served.code(1)).reveal() == "first"
            return [int(page.split()[1]) for page in pages]

    assert run_jumping(main()) == [200, 410]


def test_nobody_signs_in() -> None:
    async def main() -> str:
        async with listening(0) as served:
            served._response("GET /callback?state=x&code=y HTTP/1.1")
            with pytest.raises(RequestTimeoutError) as raised:
                await served.code(300)
            return str(raised.value)

    message = run_jumping(main())
    assert "nobody signed in within 300 s; a redirect with another state came" in message


@pytest.mark.parametrize("line", ["", "GET", "POST /callback HTTP/1.1", "GET http://[ HTTP/1.1", "\x16\x03\x01"])
def test_a_request_that_is_no_redirect_is_rejected(line: str) -> None:
    async def main() -> bytes:
        async with listening(0) as served:
            return served._response(line)

    assert run_jumping(main()).split()[1] in {b"400", b"404"}


def test_port_in_use(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = sign_in_as_user(monkeypatch, sandbox, get, "--port", str(taken.getsockname()[1]))
    assert done.code == 1
    assert "choose another --port" in done.err


def test_the_url_is_printed_for_another_browser(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, sandbox)
    with started("login", "--no-browser", "--profile", "me") as process:
        assert process.stdout is not None
        assert get(process.stdout.readline().strip())[0] == 200
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert "me: signed in as user of sandbox" in err


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_real_browser(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --dump-dom"
    export(monkeypatch, sandbox, BROWSER=f"{CHROMIUM} {flags} --user-data-dir={tmp_path / 'chromium'} %s")
    with started("login") as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "signed in as user of sandbox" in err


# Sign-out


def test_sign_out_without_a_network_deletes_nothing(sandbox: Sandbox, config: Path) -> None:
    sign_in(sandbox)
    sandbox.fail(None, 503, path="/o/revoke_token/")
    done = run("logout")
    assert done.code == 1
    assert "nothing is deleted; --local deletes without" in done.err
    assert (config / "tokens" / "default.json").exists()
    assert run("logout", "--local").code == 0
    assert not (config / "tokens" / "default.json").exists()


def test_sign_out_of_nothing() -> None:
    done = run("logout", "--profile", "nobody")
    assert done.code == 4
    assert "there is no profile nobody" in done.err


def test_a_second_sign_in_replaces_the_first(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(sandbox)
    assert sign_in_as_user(monkeypatch, sandbox, get).code == 0
    assert run("whoami", "--json").json["kind"] == "user"
