"""Many requests to a server that misbehaves: nothing may be lost, doubled, mixed up, leaked or told.

`python -m benchmarks.soak`; the exit code is 1 when a number that must be zero is not.
"""

import argparse
import asyncio
import gc
import io
import json
import logging
import subprocess
import sys
import time
import traceback
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from evenergy import AsyncClient, ClientCredentials, EvEnergyError, Retry

from .faults import ALWAYS, BASIC, CLIENT_ID, CLIENT_SECRET, TIMEOUT, TOKEN
from .process import environment

TASKS = 64
FAILING = 1000  # requests that meet nothing but faults, and are not repeated
ZERO = ("lost", "doubled", "wrong", "leaked tasks", "leaked sockets", "secrets told", "complaints of asyncio")


class Soak:
    """Outcomes of the requests."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._failing = client.with_options(retry=Retry(attempts=1))
        self.came: Counter[str] = Counter()
        self.wrong = 0
        self.errors: Counter[str] = Counter()
        self.told = io.StringIO()  # all that was logged or raised

    async def run(self, identifiers: list[str]) -> None:
        """Ask for each vehicle once, with many tasks at the same time."""
        waiting = iter(identifiers)

        async def work() -> None:
            for identifier in waiting:
                await self._ask(identifier)

        await asyncio.gather(*(work() for _ in range(TASKS)))

    async def _ask(self, identifier: str) -> None:
        client = self._failing if identifier.startswith(ALWAYS) else self._client
        try:
            vehicle = await client.vehicles.get(identifier)
        except EvEnergyError as error:
            self.errors[type(error).__name__] += 1
            self._tell(error)
        else:
            self.came[identifier] += 1
            self.wrong += vehicle.id != identifier

    def _tell(self, error: BaseException) -> None:
        """All that a program could show of an error: its chain and the locals of each frame too."""
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.told.write(f"{error}\n{error!r}\n{vars(error)}\n{''.join(shown.format())}")


@contextmanager
def misbehaving(share: float) -> Generator[str]:
    """The server, in a process of its own; the URL of its origin."""
    command = [sys.executable, "-m", "benchmarks.faults", str(share)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        try:
            yield cast("IO[str]", server.stdout).readline().strip()
        finally:
            server.terminate()


def counts(origin: str) -> dict[str, int]:
    """Return the server's own counts."""
    with urllib.request.urlopen(f"{origin}/counts") as answer:
        return cast("dict[str, int]", json.load(answer))


def sockets() -> int:
    """Return the number that this process has open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return sum(_target(entry).startswith("socket:") for entry in folder.iterdir()) if folder.exists() else 0


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # the listing's own
        return ""


def listen(to: io.StringIO, name: str, level: int) -> None:
    """Keep what a logger says."""
    logging.getLogger(name).addHandler(logging.StreamHandler(to))
    logging.getLogger(name).setLevel(level)


async def soak(origin: str, requests: int) -> dict[str, float]:
    """Run it, and count."""
    before, complaints = sockets(), io.StringIO()
    client = AsyncClient(
        ClientCredentials(CLIENT_ID, CLIENT_SECRET),
        base_url=f"{origin}/v2",
        timeout=TIMEOUT,
        retry=Retry(attempts=8, backoff=0.01, max_backoff=0.2),
        concurrency=TASKS,
    )
    run = Soak(client)
    listen(run.told, "evenergy", logging.DEBUG)
    listen(complaints, "asyncio", logging.WARNING)
    wanted = [f"vhcl{number:026d}" for number in range(requests)]
    start = time.perf_counter()
    await run.run(wanted)
    seconds, done, lost = time.perf_counter() - start, counts(origin), requests - len(run.came)
    attempts = done["requests"]
    print("in the main part:", dict(run.errors) or "no error", "\nthe server:", done)
    await run.run([f"{ALWAYS}{number:025d}" for number in range(FAILING)])
    print(f"{FAILING:,} more, all to faults and never repeated:", dict(run.errors))
    await client.close()
    await asyncio.sleep(0.1)
    gc.collect()
    told = run.told.getvalue()
    return {
        "lost": lost,
        "doubled": sum(count > 1 for count in run.came.values()),
        "wrong": run.wrong,
        "leaked tasks": len(asyncio.all_tasks()) - 1,
        "leaked sockets": sockets() - before,
        "secrets told": sum(map(told.count, (TOKEN, CLIENT_SECRET, BASIC))),
        "complaints of asyncio": len(complaints.getvalue().splitlines()),
        "searched for secrets, MB": round(len(told) / 1e6, 1),
        "token refreshes": done["tokens"] - 1,
        "attempts beyond the first": attempts - requests,
        "attempts for each result": round(attempts / max(1, requests - lost), 4),
        "seconds": round(seconds, 1),
        "results a second": round((requests - lost) / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="default 100,000")
    parser.add_argument("--share", type=float, default=0.05, help="of faults; default 0.05")
    asked = parser.parse_args()
    with misbehaving(asked.share) as origin:
        result = asyncio.run(soak(origin, asked.requests), debug=False)
    print("\n| | |\n|---|--:|")
    for name, number in result.items():
        print(f"| {name}{' (must be 0)' if name in ZERO else ''} | {number:,} |")
    sys.exit(any(result[name] for name in ZERO))


if __name__ == "__main__":
    main()
