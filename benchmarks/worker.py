"""A workload for a contender in a process of its own: `python -m benchmarks.worker CONTENDER WORKLOAD URL COUNT`.

A line on the standard input asks for a reading of so many calls, which is printed as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from importlib import import_module
from itertools import repeat
from typing import Any

from .contenders import CONCURRENCY, MAKERS, TOKEN, imports, sync_make
from .process import CLIENT_CORE, Reading, answer_turns, environment, peak_mib, pin
from .server import HISTORY, HISTORY_PAGES, MAKE, PAGE, page, vehicles


class Watch:
    """CPU and wall time since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def read(self, count: int) -> Reading:
        """Microseconds for each of so many."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"cpu": 1e6 * cpu / count, "wall": 1e6 * wall / count}


async def w1(name: str, base: str, count: int) -> AsyncGenerator[Reading]:
    """Single GETs of a make, one after another."""
    async with MAKERS[name](base) as contender:
        for _ in range(50):
            await contender.make()
        while True:
            watch = Watch()
            for _ in range(count):
                await contender.make()
            yield watch.read(count)


async def w2(name: str, base: str, count: int) -> AsyncGenerator[Reading]:
    """All logs of a vehicle, page after page, so many times."""
    async with MAKERS[name](base) as contender:
        await contender.make()
        while True:
            watch = Watch()
            for _ in range(count):
                _expect(await contender.history(), HISTORY_PAGES * PAGE)
            yield {**watch.read(count * HISTORY_PAGES * PAGE), "peak": peak_mib()}


async def w3(name: str, base: str, count: int) -> AsyncGenerator[Reading]:
    """The newest logs of many vehicles, 32 at once."""
    async with MAKERS[name](base) as contender:
        await contender.newest(vehicles(2 * CONCURRENCY))
        while True:
            watch = Watch()
            _expect(await contender.newest(vehicles(count)), count * PAGE)
            yield watch.read(count)


async def w4(name: str, base: str, count: int) -> AsyncGenerator[Reading]:
    """The same from a server that takes 50 ms."""
    async for reading in w3(name, base, count):
        yield {"wall": reading["wall"], "ideal": reading["wall"] / (50_000 / CONCURRENCY)}


def w5(name: str, _base: str, count: int) -> Generator[Reading]:
    """From the bytes of a page to values."""
    decode, body = _decoder(name), page()
    for _ in range(50):
        _expect(len(decode(body)), PAGE)
    while True:
        watch = Watch()
        for _ in range(count):
            decode(body)
        yield {"cpu": watch.read(count * PAGE)["cpu"]}


def w6(name: str, _base: str, count: int) -> Generator[Reading]:
    """Import it in a fresh interpreter, with the clients of this library, which `import evenergy` leaves out."""
    lines = [f"import {module}" for module in (("aiohttp",) if name == "aiohttp + orjson" else imports(name))]
    lines += ["evenergy.AsyncClient, evenergy.Client"] if name == "evenergy" else []
    code = f"import time; t = time.perf_counter(); {'; '.join(lines)}; print(time.perf_counter() - t)"
    while True:
        times: list[float] = []
        for _ in range(count):
            run = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
            times.append(1000 * float(run.stdout))
        yield {"wall": min(times)}


def w7(name: str, base: str, count: int) -> Generator[Reading]:
    """Blocking GETs, one after another."""
    for get in sync_make(name, base):
        for _ in range(50):
            get()
        bridge = _bridge(base, count) if name == "evenergy" else repeat(Reading())
        for extra in bridge:
            watch = Watch()
            for _ in range(count):
                get()
            yield {**watch.read(count), **extra}


def _bridge(base: str, count: int) -> Generator[Reading]:
    """Measure what blocking adds to the same calls awaited."""
    from evenergy import AsyncClient, Client

    async def awaited() -> None:
        for _ in range(count):
            await async_client.vehicle_makes.get(MAKE)

    async def walked() -> None:
        async for _ in async_client.vehicles.status_logs.list(HISTORY):
            pass

    async_client = AsyncClient(TOKEN, base_url=base)
    with asyncio.Runner() as runner, Client(TOKEN, base_url=base) as client:
        try:
            while True:
                calls = _seconds(lambda: [client.vehicle_makes.get(MAKE) for _ in range(count)])
                extra = calls - _seconds(lambda: runner.run(awaited()))
                walk = _seconds(lambda: [None for _ in client.vehicles.status_logs.list(HISTORY)])
                yield {"bridge": 1e6 * extra / count, "iteration": walk / _seconds(lambda: runner.run(walked()))}
        finally:
            runner.run(async_client.close())


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _decoder(name: str) -> Callable[[bytes], Any]:
    if name == "evenergy":
        from evenergy import VehicleStatusLog
        from evenergy._codec.decode import decode

        return lambda body: decode(body, list[VehicleStatusLog])
    if name == "generated":
        log: Any = import_module("generated.models.vehicle_status_log").VehicleStatusLog
        return lambda body: [log.from_dict(item) for item in json.loads(body)]
    loads: Callable[[bytes], Any] = import_module("orjson" if name == "aiohttp + orjson" else "json").loads
    return loads


def _expect(came: int, wanted: int) -> None:
    if came != wanted:
        raise AssertionError(f"{wanted} logs were wanted, {came} came")


WORKLOADS: dict[str, Callable[[str, str, int], AsyncGenerator[Reading] | Generator[Reading]]] = {
    "W1": w1,
    "W2": w2,
    "W3": w3,
    "W4": w4,
    "W5": w5,
    "W6": w6,
    "W7": w7,
}


def main() -> None:
    name, workload, base, count = sys.argv[1:]
    pin(CLIENT_CORE)
    readings = WORKLOADS[workload](name, base, int(count))
    answer_turns(readings)


if __name__ == "__main__":
    main()
