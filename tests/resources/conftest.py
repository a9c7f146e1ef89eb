"""Recording server, and both clients before it, which the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evenergy import AsyncClient, Client
from tests.operations import USER
from tests.recorder import Perform, Recorder, performing, responding, serving

TOKEN = "a-token"


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with serving(Recorder(responding({}))) as recorder:
        yield recorder


@pytest.fixture
def server(recorder: Recorder) -> Recorder:
    """Give the server without what earlier tests left."""
    recorder.take()
    return recorder


@pytest.fixture(scope="module", params=[AsyncClient, Client])
def perform(request: pytest.FixtureRequest, recorder: Recorder) -> Iterator[Perform]:
    with performing(request.param, recorder.base_url, token=TOKEN, user=USER) as perform:
        yield perform
