"""Fixtures of the command's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenergy.sandbox import Sandbox
from evenergy.sandbox.oauth import OAuthServer


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


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=3, days=1) as served:
        yield served


@pytest.fixture
def token_requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the grant types of the token requests that sandboxes of this process get."""
    seen: list[str] = []
    granted = OAuthServer._granted

    def count(self: OAuthServer, form: dict[str, str]) -> dict[str, object]:
        seen.append(form["grant_type"])
        return granted(self, form)

    monkeypatch.setattr(OAuthServer, "_granted", count)
    return seen
