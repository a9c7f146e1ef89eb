"""A recording server, and both clients before it, which the tests of a module share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from evenergy import AsyncClient, Client
from tests.operations import USER
from tests.recorder import Recorder, responding, serving

Perform: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Makes a call with a client, and returns its result; of a listing all items."""

TOKEN = "a-token"


@pytest.fixture(scope="module")
def server() -> Iterator[Recorder]:
    with serving(Recorder(responding({}))) as recorder:
        yield recorder


@pytest.fixture(scope="module", params=[AsyncClient, Client])
def perform(request: pytest.FixtureRequest, server: Recorder) -> Iterator[Perform]:
    if request.param is Client:
        with Client(TOKEN, user=USER, base_url=server.base_url) as client:
            yield lambda call: _collected(call(client))
        return
    with asyncio.Runner() as runner:
        awaiting = AsyncClient(TOKEN, user=USER, base_url=server.base_url)

        async def awaited(call: Callable[[AsyncClient], Any]) -> Any:
            return await _collected(call(awaiting))

        yield lambda call: runner.run(awaited(call))
        runner.run(awaiting.close())


def _collected(result: Any) -> Any:
    return result.collect() if hasattr(result, "collect") else result
