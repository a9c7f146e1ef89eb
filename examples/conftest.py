"""Fixtures that the tests of the examples share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evenergy.sandbox import Sandbox


def point_at(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that a client reads, so that an example finds the sandbox as it would find the API."""
    for name in ("EVENERGY_TOKEN", "EVENERGY_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    monkeypatch.setenv("EVENERGY_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("EVENERGY_CLIENT_SECRET", sandbox.client_secret)
    monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", sandbox.webhook_secret)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a fleet of 25 vehicles, and point the environment at it."""
    with Sandbox() as serving:
        point_at(serving, monkeypatch)
        yield serving


@pytest.fixture
def nearly_spent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve the same fleet with an hour of two requests."""
    with Sandbox(rate_limit=2) as serving:
        point_at(serving, monkeypatch)
        yield serving
