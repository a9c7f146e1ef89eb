"""Fixtures that the tests of the core share."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator

import pytest

import evenergy
from evenergy._core.loop_thread import LoopThread
from evenergy.sandbox import Sandbox
from tests.core.fans import settle
from tests.core.processes import Silent
from tests.core.twin import Plain, Twin, connect, nothing


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    yield
    gc.collect()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture(params=["eventfd", "call_soon_threadsafe"])
def loop(request: pytest.FixtureRequest) -> Iterator[LoopThread]:
    thread = LoopThread(nothing, "unclosed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "eventfd":
            patch.delattr(os, "eventfd", raising=False)
        elif not hasattr(os, "eventfd"):
            pytest.skip("only Linux has eventfd")
        yield thread
        thread.close()


@pytest.fixture
def plain(loop: LoopThread) -> Plain:
    return Plain(Twin(), loop)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=12, days=1, rate_limit=1_000_000) as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[evenergy.Client]:
    with connect(sandbox) as client:
        yield client


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()
