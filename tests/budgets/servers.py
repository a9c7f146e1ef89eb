"""Redis servers of the tests: started on loopback, with their own directory, and ended with the test."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

SERVERS = [name for name in ("redis-server", "valkey-server") if shutil.which(name)]

needs_redis = pytest.mark.skipif(not SERVERS, reason="redis-server is not installed: apt-get install redis-server")


def free_port() -> int:
    """Return a free port; the nodes of a cluster talk on one that is 10,000 higher."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@contextmanager
def server(directory: Path, *arguments: str, port: int | None = None, name: str = "") -> Generator[int]:
    """Run a server, and give its port."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port() if port is None else port
    command = [name or SERVERS[0], "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
    try:
        _await_ready(int(arguments[arguments.index("--tls-port") + 1]) if "--tls-port" in arguments else port)
        yield port
    finally:
        process.kill()
        process.wait()


def _await_ready(port: int) -> None:
    ends = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            assert time.monotonic() < ends, "the server does not start"
            time.sleep(0.01)
        else:
            return


@contextmanager
def cluster(directory: Path) -> Generator[int]:
    """Run a cluster of two nodes that share the slots, and give the port of one."""
    options = ("--cluster-enabled", "yes", "--appendonly", "no", "--cluster-node-timeout", "2000")
    with server(directory / "a", *options) as one, server(directory / "b", *options) as two:
        first: Any = redis.Redis(port=one)  # its commands have no types
        second: Any = redis.Redis(port=two)
        with first, second:
            first.execute_command("CLUSTER ADDSLOTSRANGE 0 8191")
            second.execute_command("CLUSTER ADDSLOTSRANGE 8192 16383")
            first.execute_command(f"CLUSTER MEET 127.0.0.1 {two}")
            ends = time.monotonic() + 20
            while any(node.execute_command("CLUSTER INFO")["cluster_state"] != "ok" for node in (first, second)):
                assert time.monotonic() < ends, "the cluster does not form"
                time.sleep(0.05)
        yield one
