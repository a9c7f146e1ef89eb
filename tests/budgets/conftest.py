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
def ledgers(request: Any, tmp_path: Path) -> Ledgers:
    """Give a kind of ledger, the process's own among them."""
    return Ledgers(request.param, tmp_path, request.getfixturevalue("redis_port") if request.param == "redis" else 0)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def shared(request: Any, tmp_path: Path) -> Ledgers:
    """Give a kind of ledger that processes share."""
    return Ledgers(request.param, tmp_path, request.getfixturevalue("redis_port") if request.param == "redis" else 0)
