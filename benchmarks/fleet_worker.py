"""One way of reading a fleet, in a process of its own: `python -m benchmarks.fleet_worker CASE URL ARGUMENTS`.

It prints a reading as JSON: requests by the server's count, logs, how many of them were lost or came twice, seconds
and the most memory that this process had.
"""

import asyncio
import json
import sqlite3
import sys
import time
import urllib.request
from array import array
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs

from evenergy import AsyncClient, Client, FleetDatabase, VehicleStatusLog, export_parquet, to_arrow
from evenergy.fleet import clock

from .fleet_server import BEGIN
from .process import Reading, peak_mib

DAY = 86_400
TOKEN = "token"


class World:
    """The server's time, which is the library's too, and what it knows of the logs."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.now = BEGIN
        self.set(BEGIN)
        clock.utc_now = lambda: datetime.fromtimestamp(self.now, UTC)

    def set(self, now: int, **numbers: int) -> None:
        self.now = now
        self.ask("set", now=now, **numbers)

    def ask(self, what: str, **numbers: int) -> int:
        url = f"{self.base.removesuffix('/v2')}/control/{what}?{urlencode(numbers)}"
        with urllib.request.urlopen(url) as response:
            return json.load(response) or 0


class Delivered:
    """The logs that came, each as a number of 64 bits."""

    def __init__(self) -> None:
        self._keys = array("q")

    def add(self, logs: list[VehicleStatusLog]) -> None:
        self._keys.extend(hash((log.vehicle_id, log.sampled_at)) for log in logs)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def distinct(self) -> int:
        return len(set(self._keys))


Way = Callable[[], Awaitable[None]]


@attrs.define
class Ours:
    """`new_status_logs`."""

    client: AsyncClient
    within: timedelta
    delivered: Delivered = attrs.Factory(Delivered)
    marks: dict[str, str] = attrs.Factory(dict[str, str])

    async def __call__(self) -> None:
        async for page in self.client.fleet.new_status_logs(self.marks, within=self.within):
            if page.error is not None:
                raise page.error
            self.delivered.add(page.logs)
            self.marks.update(page.marks)


@attrs.define
class Naive:
    """A loop by hand: the list, then each vehicle from its last log on, or each whose newest log is another one."""

    client: AsyncClient
    page_size: int
    moved_only: bool
    delivered: Delivered = attrs.Factory(Delivered)
    last: dict[str, datetime] = attrs.Factory(dict[str, datetime])

    async def __call__(self) -> None:
        if not self.moved_only:
            wanted = [one.id async for one in self.client.vehicles.list(page_size=self.page_size)]
        else:
            wanted = [one.id async for one in self.client.fleet.snapshot() if self._has_moved(one.latest_status_log)]
        async for outcome in self.client.fan_out(self._read, wanted, concurrency=32):
            self.delivered.add(outcome.unwrap())

    def _has_moved(self, log: VehicleStatusLog | None) -> bool:
        return log is not None and log.sampled_at != self.last.get(log.vehicle_id or "")

    async def _read(self, vehicle_id: str) -> list[VehicleStatusLog]:
        last, logs = self.last.get(vehicle_id), self.client.vehicles.status_logs
        if last is None:
            found = await logs.list(vehicle_id, page_size=1).collect(limit=1)
        else:
            found = await logs.list(vehicle_id, since=last + timedelta(microseconds=1)).collect()
        times = [log.sampled_at for log in found if log.sampled_at]
        if times:
            self.last[vehicle_id] = max(times)
        return found


def _way(name: str, client: AsyncClient, within: timedelta) -> Ours | Naive:
    if name == "ours":
        return Ours(client, within)
    return Naive(client, int(name.removeprefix("moved ")), moved_only=name.startswith("moved"))


async def snapshot(world: World, *, ours: bool) -> Reading:
    """The newest log of each vehicle."""
    async with AsyncClient(TOKEN, base_url=world.base) as client:
        begun, before = time.perf_counter(), world.ask("count")
        if ours:
            found = [one.latest_status_log async for one in client.fleet.snapshot()]
        else:
            ids = [one.id async for one in client.vehicles.list(page_size=25)]
            logs = client.vehicles.status_logs
            outcomes = client.fan_out(lambda one: logs.list(one, page_size=1).collect(limit=1), ids)
            found = [next(iter(outcome.unwrap()), None) async for outcome in outcomes]
        seconds = time.perf_counter() - begun
        requests = world.ask("count") - before
        return {"requests": requests, "logs": len(found), "seconds": seconds, "peak": peak_mib()}


async def runs(world: World, *, way: str, steps: list[int], counted: int, within: int = 0, news: int = -1) -> Reading:
    """Runs at these times, in seconds from the beginning; the requests of the last ones, so many, count."""
    async with AsyncClient(TOKEN, base_url=world.base) as client:
        one = _way(way, client, timedelta(seconds=within))
        begun = before = logs = 0.0
        for number, step in enumerate(steps):
            world.set(BEGIN + step, **({"news": news} if number and news >= 0 else {}))
            if number == len(steps) - counted:
                begun, before, logs = time.perf_counter(), world.ask("count"), len(one.delivered)
            await one()
        reading = {"requests": world.ask("count") - before, "seconds": time.perf_counter() - begun, "peak": peak_mib()}
        if isinstance(one, Ours):
            sizes = [len(text) for text in one.marks.values()]
            reading |= {"mark": sum(sizes) / len(sizes), "longest mark": max(sizes)}
            one.within = timedelta(0)
            await one()
        distinct = one.delivered.distinct
        return {
            **reading,
            "logs": len(one.delivered) - logs,
            "lost": world.ask("expected", first=BEGIN + steps[0]) - distinct,
            "twice": len(one.delivered) - distinct,
        }


def history(world: World, *, folder: str, days: int, ours: bool) -> Reading:
    """The whole history into a database, and from there into Parquet; or into a list, and from there into Parquet."""
    begun, before = time.perf_counter(), world.ask("count")
    since = datetime.fromtimestamp(BEGIN - days * DAY, UTC)
    with Client(TOKEN, base_url=world.base) as client:
        if ours:
            path = Path(folder, "fleet.db")
            with FleetDatabase(path) as database:
                logs = sum(database.save(page) for page in client.fleet.new_status_logs(database.marks, since=since))
            export_parquet(path, Path(folder, "parquet"))
        else:
            everything = _everything(client, since)
            logs = len(everything)
            _write(to_arrow(everything), Path(folder, "all.parquet"))
    seconds, requests = time.perf_counter() - begun, world.ask("count") - before
    lost = world.ask("total", since=BEGIN - days * DAY) - logs
    return {"requests": requests, "logs": logs, "lost": lost, "seconds": seconds, "peak": peak_mib()}


def _everything(client: Client, since: datetime) -> list[VehicleStatusLog]:
    ids = [one.id for one in client.vehicles.list(page_size=25)]
    outcomes = client.fan_out(client.vehicles.status_logs.list, ids, since=since, concurrency=32)
    return [log for outcome in outcomes for log in outcome.unwrap()]


def _write(table: Any, path: Path) -> None:
    parquet: Any = import_module("pyarrow.parquet")  # only here, so that it counts in no other case
    parquet.write_table(table, path)


def sync_worlds(_: World, *, worlds: int) -> Reading:
    """The simulation of runs; it raises where a promise is broken."""
    from tests.fleet.simulation import simulate

    begun, totals = time.perf_counter(), [simulate(seed) for seed in range(worlds)]
    logs = sum(total["logs"] for total in totals)
    requests = sum(total["requests"] for total in totals)
    seconds = time.perf_counter() - begun
    return {"requests": requests, "logs": logs, "lost": 0, "twice": 0, "seconds": seconds, "peak": peak_mib()}


def watch_worlds(_: World, *, worlds: int) -> Reading:
    """The simulation of watches; it raises where a promise is broken."""
    from tests.fleet.watched import simulate

    begun, totals = time.perf_counter(), [simulate(seed) for seed in range(worlds)]
    requests = sum(total["requests"] for total in totals)
    return {"requests": requests, "twice": 0, "seconds": time.perf_counter() - begun, "peak": peak_mib()}


def counted(world: World, *, folder: str = "", **_: int) -> Reading:
    """The requests so far, and the logs of a database."""
    reading: Reading = {"requests": world.ask("count")}
    if folder:
        connection = sqlite3.connect(Path(folder, "fleet.db"))
        reading["logs"] = connection.execute("SELECT count(*) FROM vehicle_status_logs").fetchone()[0]
        connection.close()
    return reading


CASES: dict[str, Callable[..., Any]] = {
    one.__name__: one for one in (snapshot, runs, history, counted, sync_worlds, watch_worlds)
}


def main() -> None:
    case, base, arguments = sys.argv[1:]
    reading = CASES[case](World(base), **json.loads(arguments))
    print(json.dumps(asyncio.run(reading) if asyncio.iscoroutine(reading) else reading))


if __name__ == "__main__":
    main()
