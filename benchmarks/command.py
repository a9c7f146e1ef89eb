"""Speed of the command beside what it cannot do without: `python -m benchmarks.command`.

It ends with 1 when a ratio is missed. All runs take turns, so that a busy machine is busy for both.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from evenergy.sandbox import Sandbox

from .process import environment

BARE = """
import asyncio, os, sys
import aiohttp

async def main():
    url = os.environ["EVENERGY_BASE_URL"] + "/vehicles/" + sys.argv[1] + "/status_logs"
    headers = {"Authorization": "Bearer " + os.environ["EVENERGY_TOKEN"]}
    params = {"page_size": "100", "sampled_at__gte": sys.argv[2]}
    async with aiohttp.ClientSession() as session, session.get(url, params=params, headers=headers) as response:
        for log in await response.json():
            print(log["sampled_at"], log["state_of_charge_percentage"], log["is_charging"], sep="\\t")

asyncio.run(main())
"""


class Race(NamedTuple):
    """Two command lines, and how much longer the first may take."""

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]
    most: float


class Sample(NamedTuple):
    """Seconds of one run."""

    wall: float
    cpu: float


def run(command: Sequence[str], variables: dict[str, str]) -> Sample:
    begun, before = time.perf_counter(), os.times()
    subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - begun, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Sample(wall, used)


def raced(race: Race, rounds: int, variables: dict[str, str]) -> bool:
    """Print the ratios of a race, and return whether the goal was reached, by the fastest runs or the middle ones."""
    ours: list[Sample] = []
    theirs: list[Sample] = []
    for _ in range(rounds):
        ours.append(run(race.ours, variables))
        theirs.append(run(race.theirs, variables))
    fastest = min(one.wall for one in ours) / min(one.wall for one in theirs)
    middle = statistics.median(one.wall for one in ours) / statistics.median(one.wall for one in theirs)
    cpu = min(one.cpu for one in ours) / min(one.cpu for one in theirs)
    reached = min(fastest, middle) <= race.most
    best, other = min(one.wall for one in ours) * 1000, min(one.wall for one in theirs) * 1000
    print(
        f"{race.name:24} {best:6.0f} ms  {other:6.0f} ms  fastest {fastest:4.2f}  median {middle:4.2f}"
        f"  processor {cpu:4.2f}  at most {race.most:4.2f}  {'reached' if reached else 'MISSED'}"
    )
    return reached


def token(sandbox: Sandbox) -> str:
    """Return a token, so that both send one request."""
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    url = sandbox.base_url.removesuffix("/v2") + "/o/token/"
    with urlopen(Request(url, urlencode(form).encode()), timeout=10) as response:
        return str(json.load(response)["access_token"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.command", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="how often each runs (default 25)")
    rounds = parser.parse_args().rounds
    command = str(Path(sys.executable).parent / "evenergy")
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    with Sandbox(rate_limit=1_000_000) as sandbox:
        credentials = {"EVENERGY_BASE_URL": sandbox.base_url, "EVENERGY_TOKEN": token(sandbox)}
        variables = {**environment(), **credentials}
        vehicle = sandbox.vehicle_ids[0]
        races = (
            Race("evenergy --version", [command, "--version"], [sys.executable, "-c", "import click"], 1.3),
            Race(
                "evenergy logs",
                [command, "logs", vehicle, "--since", "1h"],
                [sys.executable, "-c", BARE, vehicle, since],
                1.25,
            ),
        )
        results = [raced(race, rounds, variables) for race in races]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
