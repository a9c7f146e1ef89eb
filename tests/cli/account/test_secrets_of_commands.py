"""No secret or token of the account's commands in an output, a log line, an error, or the list of processes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from evenergy import FileTokenStore
from evenergy.cli import accounts, login
from evenergy.cli.run import run as run_command
from evenergy.errors import EvEnergyError
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import Ended, export, get, redirect, run, sign_in, started
from tests.test_secrets import everything

SECRET = "secretsecretsecret"
COMMANDS = [
    ("whoami",),
    ("whoami", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("doctor", "--fleet", "--debug"),
    ("vehicles", "--debug"),
    ("vehicles", "--user", "user01HN2NJ9NMRZBXT1H6FT9N7735", "--json"),
    ("logout",),
]


def hidden(sandbox: Sandbox, config: Path) -> set[str]:
    """Return all secrets of a test."""
    found = {sandbox.client_secret, SECRET}
    for path in [*(config / "tokens").glob("*.json"), *(config / "memory").glob("*.token.json")]:
        token = FileTokenStore(path).load()
        assert token is not None
        found |= {token.access_token, token.refresh_token or token.access_token}
    return found


def check(done: list[Ended], secrets: set[str], log: str) -> None:
    shown = "\n".join([log, *(one.out + one.err for one in done)])
    assert len(secrets) > 2
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("kind", ["environment", "application", "user"])
def test_no_command_shows_one(
    sandbox: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("webbrowser.open", get)
    export(monkeypatch, sandbox)
    done = [run("login"), run("vehicles")] if kind != "application" else [sign_in(sandbox, "--debug")]
    if kind != "environment":
        for name in ("EVENERGY_CLIENT_ID", "EVENERGY_CLIENT_SECRET"):
            monkeypatch.delenv(name)
    secrets = hidden(sandbox, config)
    done += [run(*arguments) for arguments in COMMANDS]
    assert [one.code for one in done if one.code not in {0, 1}] == []
    check(done, secrets, caplog.text)


@pytest.mark.parametrize("outcome", ["denied", "wrong code"])
def test_no_failed_sign_in_shows_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, outcome: str
) -> None:
    caplog.set_level(logging.DEBUG)
    parameters = {"error": "access_denied"} if outcome == "denied" else {"code": "codecodecodecode"}

    def browse(url: str) -> None:
        get(redirect(url, **parameters))

    monkeypatch.setattr("webbrowser.open", browse)
    export(monkeypatch, sandbox)
    done = run("login")
    assert done.code == 1
    check([done], {sandbox.client_secret, "codecodecodecode", SECRET}, caplog.text)


@pytest.mark.parametrize("arguments", [("--client-id", "sandbox"), ("--client-id", "sandbox", "--keyring")])
def test_no_frame_of_an_error_shows_one(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    export(monkeypatch, sandbox, EVENERGY_CLIENT_SECRET=SECRET)
    errors: list[BaseException] = []

    def note(error: EvEnergyError) -> str:
        errors.append(error)
        return ""

    monkeypatch.setattr("evenergy.cli.run.line", note)
    assert run_command(["login", *arguments]) == 1
    assert run_command(["vehicles"]) == 1
    assert len(errors) == 2
    assert not [error for error in errors if SECRET in everything(error)]


def test_objects_that_are_kept_between_calls_show_no_secret(sandbox: Sandbox) -> None:
    sign_in(sandbox)
    account = accounts.choose()
    assert account is not None
    assert account.vault is not None
    shown = repr([account, account.vault, account.auth(), account.vault.secret(), vars(login)])
    assert sandbox.client_secret not in shown


def test_no_argument_holds_one(sandbox: Sandbox) -> None:
    arguments = ("login", "--client-id", "sandbox", "--client-secret-file", "-", "--base-url", sandbox.base_url)
    with started(*arguments) as process:
        out, err = process.communicate(sandbox.client_secret, timeout=60)
    assert process.returncode == 0, err
    assert sandbox.client_secret not in " ".join(map(str, process.args)) + out + err  # type: ignore[arg-type]
