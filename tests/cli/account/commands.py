"""Runs of the account's commands, in this process and in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

import pytest

from evenergy.cli.run import run as run_command
from evenergy.sandbox import Sandbox


class Ended(NamedTuple):
    """End of a command, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, typed: str = "") -> Ended:
    """Run a command in this process, with a pipe at each end."""
    out, err, given = io.StringIO(), io.StringIO(), io.TextIOWrapper(io.BytesIO(typed.encode()))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdin", given)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_command(list(arguments))
    return Ended(int(code), out.getvalue(), err.getvalue())


def finding(done: Ended, check: str) -> dict[str, Any]:
    """Return the one finding of a check."""
    found: list[dict[str, Any]] = [one for one in done.json["findings"] if one["check"] == check]
    assert len(found) == 1
    return found[0]


def doctor(*arguments: str) -> Ended:
    """Run the doctor, with its findings in JSON."""
    return run("doctor", "--json", *arguments)


def export(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, **more: str) -> None:
    """Set the variables that `evenergy sandbox` prints."""
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("EVENERGY_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("EVENERGY_CLIENT_SECRET", sandbox.client_secret)
    for name, value in more.items():
        monkeypatch.setenv(name, value)


def sign_in(sandbox: Sandbox, *more: str) -> Ended:
    """Sign in as the sandbox's application."""
    given = ("--client-id", sandbox.client_id, "--client-secret-file", "-", "--base-url", sandbox.base_url)
    return run("login", *given, *more, typed=f"{sandbox.client_secret}\n")


def started(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own, with the environment of the test."""
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    options |= {"env": {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"}, "encoding": "utf-8"}
    options |= more
    return subprocess.Popen([sys.executable, "-m", "evenergy", *arguments], **options)


def get(url: str) -> tuple[int, str]:
    """Return the status and the text of a page; redirects are followed."""
    try:
        with urlopen(url, timeout=20) as page:  # noqa: S310  the scheme is the sandbox's
            return page.status, page.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def redirect(url: str, **parameters: str) -> str:
    """Return the redirect of an authorization URL, with parameters in place of the code."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return f"{query['redirect_uri']}?{urlencode({'state': query['state'], **parameters})}"
