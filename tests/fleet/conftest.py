"""Fixtures that the tests of fleets share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evenergy import AsyncClient
from tests.fleet.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Return a sandbox that serves."""
    world = World()
    async with world.sandbox:
        yield world


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    """Return a client of the sandbox."""
    async with AsyncClient(world.auth, base_url=world.sandbox.base_url) as client:
        yield client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a database that is not there yet."""
    return tmp_path / "fleet.db"
