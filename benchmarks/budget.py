"""Processes that share a rate limit through a budget: `python -m benchmarks.budget`.

Eight processes of four tasks, 200 requests in a rolling 10 s, responses take up to 60 ms, 43 s: 1,000 are possible.
The exit code is 1 when fewer were admitted, when the API rejected one, or when a permit costs too much.
`--quick` is for CI: a smaller world, and no aims for the cost, which depends on the machine.
"""

import argparse
import asyncio
import importlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from evenergy import AsyncClient, EvEnergyError, RedisBudget, Slot, SQLiteBudget, preload
from evenergy._transport.budget import Settlement

from .server import MAKE

FLIGHT = 1.0  # seconds: an attempt's timeout here
LATENCY = 0.06  # seconds: the longest
AIMS = {"redis": 0.6, "sqlite": 0.4}  # milliseconds of a permit


@dataclass(frozen=True)
class World:
    """The size of a run."""

    processes: int = 8
    tasks: int = 4
    limit: int = 200
    window: float = 10.0
    seconds: float = 43.0

    @property
    def possible(self) -> int:
        return self.limit * (1 + int(self.seconds // self.window))


@dataclass(frozen=True)
class Scenario:
    """One cell of the table.

    Attributes:
        short: How many fewer requests than possible are within the aim; None for no aim.
    """

    title: str
    skew: float = 0.0
    kills: bool = False
    wipes: bool = False
    outsider: float = 0.0  # requests a second of somebody without the budget
    only: str = ""
    short: int | None = 0


SCENARIOS = (
    Scenario("alone"),
    Scenario("clocks 4 s apart", skew=4.0),
    Scenario("holders killed", kills=True),
    Scenario("the store wiped in mid-burst", wipes=True, only="redis", short=None),
    Scenario("an outsider asks 10 a second", outsider=10.0, short=None),
)


@dataclass
class Api:
    """A server with a rolling window."""

    world: World
    counted: deque[float] = field(default_factory=deque[float])
    admitted: int = 0
    rejected: int = 0

    def count(self) -> bool:
        now = time.monotonic()
        while self.counted and self.counted[0] <= now - self.world.window:
            self.counted.popleft()
        if len(self.counted) >= self.world.limit:
            return False
        self.counted.append(now)
        return True

    async def respond(self, _: web.Request) -> web.Response:
        await asyncio.sleep(random.uniform(0, LATENCY / 2))
        is_admitted = self.count()
        self.admitted, self.rejected = self.admitted + is_admitted, self.rejected + (not is_admitted)
        left = self.world.limit - len(self.counted)
        headers = {"X-RateLimit-Limit": str(self.world.limit), "X-RateLimit-Remaining": str(left)}
        await asyncio.sleep(random.uniform(0, LATENCY / 2))
        if is_admitted:
            return web.json_response({"id": MAKE, "name": "Volvo"}, headers=headers)
        return web.json_response({"title": "too many"}, status=429, headers={**headers, "Retry-After": "1"})


def budget_of(kind: str, place: str, window: float) -> RedisBudget | SQLiteBudget:
    if kind == "redis":
        return RedisBudget(place, window=window, flight=FLIGHT, required=True)
    return SQLiteBudget(place, window=window, flight=FLIGHT, required=True)


async def work(url: str, kind: str, place: str, world: World, skew: float) -> None:
    """Call until somebody ends this process."""
    wall = time.time
    time.time = lambda: wall() + skew if kind == "redis" else wall()  # SQLite is for one host
    budget = budget_of(kind, place, world.window)
    async with AsyncClient("a-token", base_url=url, budget=budget, max_wait=None, timeout=FLIGHT) as client:

        async def task() -> None:
            while True:
                with suppress(EvEnergyError):
                    await client.vehicle_makes.get(MAKE)

        preload()
        await budget.uses()  # connected: what is measured is no start of a process
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(task() for _ in range(world.tasks)))


class Crew:
    """The processes of a run."""

    def __init__(self, url: str, kind: str, place: str, world: World, skew: float) -> None:
        self._arguments = (url, kind, place, str(world.window), str(world.tasks))
        self._skew = skew
        self.running: list[subprocess.Popen[str]] = []

    def start(self, number: int) -> None:
        """Start so many processes, and let them go when all are ready."""
        new: list[subprocess.Popen[str]] = []
        for place in range(number):
            skew = str(self._skew * (place / max(1, number - 1) - 0.5))
            command = [sys.executable, "-m", "benchmarks.budget", "--work", *self._arguments, skew]
            new.append(subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        for process in new:
            assert process.stdout is not None
            process.stdout.readline()
        for process in new:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        self.running += new

    def kill(self, number: int) -> None:
        for process in self.running[:number]:
            process.kill()
            process.communicate()
        del self.running[:number]


async def run(world: World, scenario: Scenario, kind: str, place: str) -> tuple[int, int]:
    """Return how many requests were admitted, and how many were rejected."""
    api = Api(world)
    app = web.Application()
    app.router.add_get("/v2/vehicle_makes/{id}", api.respond)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2"
    crew = Crew(url, kind, place, world, scenario.skew)
    try:
        await asyncio.to_thread(crew.start, world.processes)
        ends = time.monotonic() + world.seconds
        disturbing = asyncio.create_task(disturb(world, scenario, api, crew, place))
        await asyncio.sleep(ends - time.monotonic())
        result = api.admitted, api.rejected
        disturbing.cancel()
    finally:
        crew.kill(len(crew.running))
        await runner.cleanup()
    return result


async def disturb(world: World, scenario: Scenario, api: Api, crew: Crew, place: str) -> None:
    """Do what a scenario does beside the processes."""
    while scenario.outsider:
        await asyncio.sleep(random.expovariate(scenario.outsider))
        api.admitted += api.count()
    if scenario.wipes:
        await asyncio.sleep(world.window + 0.1)
        redis: Any = importlib.import_module("redis")  # an extra
        redis.Redis.from_url(place).flushall()
    if scenario.kills:
        dying = world.processes * 3 // 8
        for _ in range(dying):  # in the burst
            await asyncio.sleep(0.1)
            crew.kill(1)
        await asyncio.to_thread(crew.start, dying)


async def cost(kind: str, place: str) -> tuple[float, float]:
    """Return the milliseconds of a permit, and of telling its end: of the best of some batches."""
    budget = budget_of(kind, place, 3600.0)
    takes, settles, left = list[float](), list[float](), 100_000
    for _ in range(20):
        taken = settled = 0.0
        for _ in range(50):
            began = time.perf_counter()
            slot = await budget.take("cost", "")
            got = time.perf_counter()
            assert isinstance(slot, Slot)
            left -= 1
            await budget.settle(slot, Settlement("response", 200, 100_000, left))
            taken, settled = taken + got - began, settled + time.perf_counter() - got
        takes.append(taken / 50)
        settles.append(settled / 50)
    await budget.close()
    return 1000 * min(takes), 1000 * min(settles)


def redis_server(stack: ExitStack) -> str | None:
    """Start a server, and return its URL, or None where none is installed."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        return None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [found, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    stack.callback(server.kill)
    for _ in range(500):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return f"redis://127.0.0.1:{port}"
        time.sleep(0.01)
    return None


def table(world: World, kinds: dict[str, str], scenarios: tuple[Scenario, ...], folder: Path) -> bool:
    """Print admitted and rejected requests, and return whether all aims are reached."""
    print(f"{world.processes} processes, {world.limit} requests in {world.window:g} s, {world.seconds:g} s: ", end="")
    print(f"{world.possible:,} are possible. Admitted / rejected\n")
    print(f"| | {' | '.join(one.title for one in scenarios)} |\n|---|{'---|' * len(scenarios)}")
    reached = True
    for kind, url in kinds.items():
        print(f"| {kind} |", end="", flush=True)
        for number, scenario in enumerate(scenarios):
            if scenario.only not in {"", kind}:
                print(" - |", end="", flush=True)
                continue
            place = f"{url}/{number}" if kind == "redis" else str(folder / f"{number}.db")
            admitted, rejected = asyncio.run(run(world, scenario, kind, place))
            is_good = scenario.short is None or (admitted >= world.possible - scenario.short and not rejected)
            reached = reached and is_good
            print(f" {admitted:,} / {rejected}{'' if is_good else ' MISSED'} |", end="", flush=True)
        print()
    return reached


def main() -> None:
    """Run the benchmark, or one of its processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budget", description="Budgets that processes share.")
    parser.add_argument("--quick", action="store_true", help="a small world, for CI")
    parser.add_argument("--ledger", choices=("sqlite", "redis"), help="one alone")
    parser.add_argument("--work", nargs=6, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        url, kind, place, window, tasks, skew = asked.work
        asyncio.run(work(url, kind, place, World(window=float(window), tasks=int(tasks)), float(skew)))
        return
    # In CI: other machines are slower, and their cores are taken.
    world = World(processes=3, limit=60, window=4.0, seconds=7.0) if asked.quick else World()
    scenarios = SCENARIOS[:3] if asked.quick else SCENARIOS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kinds, url = {"sqlite": ""}, redis_server(stack)
        if url is None:
            print("redis-server is not installed: only SQLite is measured")
        else:
            kinds["redis"] = url
        kinds = {kind: place for kind, place in kinds.items() if asked.ledger in {None, kind}}
        reached = table(world, kinds, scenarios, folder)
        print("\n| ledger | a permit, ms | aim | its settlement, ms |\n|---|--:|--:|--:|")
        for kind in kinds:
            permit, settlement = asyncio.run(cost(kind, f"{url}/15" if kind == "redis" else str(folder / "cost.db")))
            reached = reached and (asked.quick or permit <= AIMS[kind])
            print(f"| {kind} | {permit:.3f} | {AIMS[kind]} | {settlement:.3f} |", flush=True)
    sys.exit(not reached)


if __name__ == "__main__":
    main()
