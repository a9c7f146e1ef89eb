"""Cost of a fleet in requests, beside the naive ways: `python -m benchmarks.fleet --help`."""

import argparse
import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from evenergy import AsyncClient, ClientCredentials
from evenergy.fleet import clock
from evenergy.sandbox import Sandbox

Key = tuple[str | None, datetime | None]

DAY = 86_400
LIMIT = 1_000_000_000  # the figures are requests that a program wants, whatever the API lets it have


class World:
    """A sandbox and the library on one clock, which the benchmark sets."""

    def __init__(self, vehicles: int, days: int) -> None:
        self.now = 1_760_000_000.0
        self.sandbox = Sandbox(vehicles=vehicles, days=days, rate_limit=LIMIT, clock=lambda: self.now)

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


class Row(NamedTuple):
    name: str
    requests: float
    goal: str
    logs: int
    doubled: int
    seconds: float


@asynccontextmanager
async def serving(vehicles: int) -> AsyncGenerator[tuple[World, AsyncClient]]:
    world = World(vehicles, 2)
    clock.utc_now = world.moment
    with world.sandbox as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AsyncClient(auth, base_url=sandbox.base_url) as client:
            yield world, client


async def run(
    client: AsyncClient, marks: dict[str, str], delivered: Counter[Key], within: timedelta = timedelta(0)
) -> int:
    """Do one run, and return its requests."""
    new = client.fleet.new_status_logs(marks, within=within)
    async for page in new:
        delivered.update((log.vehicle_id, log.sampled_at) for log in page.logs)
        marks.update(page.marks)
        if page.error is not None:
            raise page.error
    return new.requests


async def snapshots(vehicles: int) -> list[Row]:
    """The list, the first run, a run without news, and one after an hour; and the naive ways of the same."""
    rows: list[Row] = []
    sweep = -(-vehicles // 100)
    async with serving(vehicles) as (world, client):
        marks: dict[str, str] = {}
        delivered: Counter[Key] = Counter()

        each = -(-vehicles // 25) + vehicles
        rows.append(Row("newest logs: list by 25, then each vehicle", each, "", 0, 0, 0.0))

        begun, before = time.perf_counter(), world.sandbox.requests
        now = {one.id: one.latest_status_log async for one in client.fleet.snapshot()}
        spent = world.sandbox.requests - before
        rows.append(Row("snapshot()", spent, f"{sweep}", len(now), 0, time.perf_counter() - begun))

        for name in ("first run", "run without news"):
            begun, logs = time.perf_counter(), delivered.total()
            spent = await run(client, marks, delivered)
            rows.append(Row(name, spent, f"{sweep}", delivered.total() - logs, 0, time.perf_counter() - begun))

        world.now += 3600
        moved = sum([now[one.id] != one.latest_status_log async for one in client.fleet.snapshot()])
        begun, logs = time.perf_counter(), delivered.total()
        spent = await run(client, marks, delivered)
        doubled = delivered.total() - len(delivered)
        name = f"run after an hour, {moved} vehicles with news"
        goal = f"{sweep + moved}"
        rows.append(Row(name, spent, goal, delivered.total() - logs, doubled, time.perf_counter() - begun))
        rows.append(Row("  the same: list by 100, then each vehicle", sweep + vehicles, "", 0, 0, 0.0))
    return rows


async def second_day(vehicles: int, every: timedelta, within: timedelta, goal: str) -> Row:
    """The requests an hour of runs at an interval, on the second day."""
    async with serving(vehicles) as (world, client):
        marks: dict[str, str] = {}
        delivered: Counter[Key] = Counter()
        begun, spent = time.perf_counter(), 0
        step = every.total_seconds()
        for turn in range(round(2 * DAY / step)):
            requests = await run(client, marks, delivered, within=within)
            spent += requests if turn * step >= DAY else 0
            world.now += step
        hours = within.total_seconds() / 3600
        name = f"every {every.total_seconds() / 60:g} min, within {hours:g} h: requests an hour"
        doubled = delivered.total() - len(delivered)
        return Row(name, spent / 24, goal, delivered.total(), doubled, time.perf_counter() - begun)


def naive(vehicles: int, every: timedelta, page: int) -> Row:
    an_hour = (-(-vehicles // page) + vehicles) * 3600 / every.total_seconds()
    return Row(f"  the same: list by {page}, then each vehicle", an_hour, "", 0, 0, 0.0)


def table(rows: list[Row]) -> None:
    print(f"| {'':58} | requests | to reach | logs | twice | seconds |")
    print(f"|{'-' * 60}|---:|---:|---:|---:|---:|")
    for row in rows:
        logs = row.logs or ""
        seconds = f"{row.seconds:.1f}" if row.seconds else ""
        print(
            f"| {row.name:58} | {row.requests:,.0f} | {row.goal} | {logs} | {row.doubled if logs else ''} | {seconds} |"
        )
    print(f"peak memory, sandbox and client together: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description="Requests that a fleet costs.")
    parser.add_argument("--vehicles", type=int, default=300, help="the size of the fleet (default 300)")
    parser.add_argument("--days", action="store_true", help="two simulated days of runs too, which takes minutes")
    return parser.parse_args()


async def main() -> None:
    given = options()
    vehicles: int = given.vehicles
    rows = await snapshots(vehicles)
    if given.days:
        often = vehicles <= 1000
        every, within = (
            (timedelta(minutes=5), timedelta(hours=6)) if often else (timedelta(minutes=15), timedelta(days=1))
        )
        goal = f"{0.3 * vehicles:,.0f}" if often else f"{0.085 * vehicles:,.0f}"
        rows.append(await second_day(vehicles, every, within, goal))
        rows += [naive(vehicles, every, 25), naive(vehicles, every, 100)]
    table(rows)


if __name__ == "__main__":
    asyncio.run(main())
