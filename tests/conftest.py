"""Fixtures and settings that the tests share."""

from collections.abc import Iterator
from typing import Any, Protocol, cast
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import aioresponses
from hypothesis import HealthCheck, settings

# No test depends on a quiet machine.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


class Answers(Protocol):
    """Part of aioresponses that the tests use; its own types are not complete."""

    def get(self, url: str, **kwargs: Any) -> None:
        """Answer a GET."""

    def patch(self, url: str, **kwargs: Any) -> None:
        """Answer a PATCH."""


class _Response(aiohttp.ClientResponse):
    """Response with an argument that those of aioresponses 0.7.9 lack (pnuckowski/aioresponses#289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Answers without a server, as many programs that use the library are tested."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", _Response)
    with aioresponses() as answers:
        yield cast("Answers", answers)
