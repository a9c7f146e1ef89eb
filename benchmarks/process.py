"""The processes of a run: which core they have, what they use, and the server beside them."""

import asyncio
import gc
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self, cast

CLIENT_CORE, SERVER_CORE = 0, 1
GC_THRESHOLD = "BENCHMARKS_GC"
ROOT = Path(__file__).parents[1]

Reading = dict[str, float]
"""Measure to number; times are microseconds for one call, log or vehicle."""


def pin(core: int) -> None:
    """Keep this process to one core, where the system can and has two."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def environment(*paths: str) -> dict[str, str]:
    """Equal for all contenders; no credentials or proxies of whoever runs this, and with compiled modules kept."""
    left_out = "EVENERGY|_proxy|PYTHONDONTWRITEBYTECODE"
    kept = {name: value for name, value in os.environ.items() if not re.search(left_out, name, re.IGNORECASE)}
    path = os.pathsep.join(filter(None, (*paths, str(ROOT), kept.get("PYTHONPATH", ""))))
    # The paths are where modules come from, before the working directory.
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


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


class Worker:
    """A module of these benchmarks in a process of its own, which waits for its turn."""

    def __init__(self, module: str, *arguments: object, folder: str | None = None) -> None:
        self._name = " ".join(map(str, arguments))
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
            env=environment(*filter(None, [folder])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._asks = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._asks.close()
        self._answers.close()
        self._process.wait()

    def turn(self) -> Reading:
        """One more reading."""
        print(file=self._asks, flush=True)
        answer = self._answers.readline()
        if not answer:
            raise SystemExit(f"{self._name} broke; its traceback is above")
        return cast("Reading", json.loads(answer))


def answer_turns(readings: AsyncGenerator[Reading] | Generator[Reading]) -> None:
    """The other end: each line on the standard input asks for a reading, which is printed as JSON."""
    if GC_THRESHOLD in os.environ:
        gc.set_threshold(int(os.environ[GC_THRESHOLD]))
    with asyncio.Runner() as runner:
        for _ in sys.stdin:
            reading = runner.run(_next(readings)) if isinstance(readings, AsyncGenerator) else next(readings)
            print(json.dumps(reading), flush=True)
        if isinstance(readings, AsyncGenerator):
            runner.run(readings.aclose())
        else:
            readings.close()


async def _next(readings: AsyncGenerator[Reading]) -> Reading:
    return await anext(readings)
