"""Sandbox of each test of the account's commands, whose requests are counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evenergy.sandbox import Sandbox
from evenergy.sandbox.oauth import OAuthServer


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
