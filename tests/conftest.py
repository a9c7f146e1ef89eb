"""What tests share."""

from collections.abc import Iterator
from typing import Any, Protocol, cast
from unittest.mock import Mock

import aiohttp
import hypothesis
import pytest
from aioresponses import aioresponses
from hypothesis import HealthCheck, settings

# No test depends on a quiet machine.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one fails no test
hypothesis.settings.load_profile("any machine")


class Answers(Protocol):
    """What the tests use of aioresponses, whose own types are not complete."""

    def get(self, url: str, **kwargs: Any) -> None:
        """Answer a GET."""

    def patch(self, url: str, **kwargs: Any) -> None:
        """Answer a PATCH."""


class _Response(aiohttp.ClientResponse):
    """What aioresponses 0.7.9 makes lacks an argument that aiohttp 3.14 asks for (pnuckowski/aioresponses#289)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """Answers without a server, as many programs that use the library are tested."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", _Response)
    with aioresponses() as answers:
        yield cast("Answers", answers)
