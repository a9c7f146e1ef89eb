"""Fixtures of budgets: a server for all tests, and each kind of ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.budgets.ledgers import Ledgers
from tests.budgets.servers import SERVERS, needs_redis, server


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a server that runs for all tests."""
    if not SERVERS:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(params=["local", "sqlite", pytest.param("redis", marks=needs_redis)])
def ledgers(request: Any, tmp_path: Path) -> Iterator[Ledgers]:
    """Give a kind of ledger, the process's own among them."""
    with _ledgers(request, tmp_path) as found:
        yield found


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def shared(request: Any, tmp_path: Path) -> Iterator[Ledgers]:
    """Give a kind of ledger that processes share."""
    with _ledgers(request, tmp_path) as found:
        yield found


def _ledgers(request: Any, directory: Path) -> Ledgers:
    return Ledgers(request.param, directory, request.getfixturevalue("redis_port") if request.param == "redis" else 0)
