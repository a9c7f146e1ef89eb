"""Sandbox that the tests of the command share, and the environment that leads to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenergy.sandbox import Sandbox
from tests.cli.shell import of


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a directory of its own for profiles and memory, and no credentials."""
    for name in list(os.environ):
        if name.startswith("EVENERGY_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    directory = tmp_path / "config"
    monkeypatch.setenv("EVENERGY_CONFIG_DIR", str(directory))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))  # for processes without the other
    return directory


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    """Serve a fleet of five vehicles that nobody changes."""
    with Sandbox(5, days=3, rate_limit=100_000) as served:
        yield served


@pytest.fixture
def signed_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Let commands in this process talk to the sandbox."""
    alone(monkeypatch)
    for name, value in of(sandbox).items():
        monkeypatch.setenv(name, value)
    return sandbox


@pytest.fixture
def signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give commands in this process no credentials."""
    alone(monkeypatch)


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("EVENERGY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
