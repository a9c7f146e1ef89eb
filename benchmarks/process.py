"""The processes of a run: which core they have, what they use, and the server beside them."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

CLIENT_CORE, SERVER_CORE = 0, 1


def pin(core: int) -> None:
    """Keep this process to one core, where the system can and has two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def environment(*paths: str) -> dict[str, str]:
    """Equal for all contenders; no credentials or proxies of whoever runs this, and with compiled modules kept."""
    left_out = "EVENERGY|_proxy|PYTHONDONTWRITEBYTECODE"
    kept = {name: value for name, value in os.environ.items() if not re.search(left_out, name, re.IGNORECASE)}
    path = os.pathsep.join(filter(None, (*paths, kept.get("PYTHONPATH", ""))))
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONPATH": path}


def peak_mib() -> float:
    """The most memory this process had so far. (`ru_maxrss` would begin at the parent's.)"""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


@contextmanager
def serving(*latencies: float) -> Generator[list[str]]:
    """A server in a process of its own: one base URL for each latency in seconds."""
    command = [sys.executable, "-m", "benchmarks.server", *map(str, latencies)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            yield cast("IO[str]", server.stdout).readline().split()
        finally:
            server.terminate()
