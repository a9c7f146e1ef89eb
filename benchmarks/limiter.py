"""What the rate gate costs against a rolling hour, in virtual time: `python -m benchmarks.limiter`.

The gate is the library's own. The server keeps a log of what it counted, as the API's rolling window suggests.
"""

import argparse
import asyncio
import math
import random
import selectors
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from evenergy._transport.rate_limiter import WINDOW, Gate

T = TypeVar("T")

LIMIT = 1000
ROUND_TRIP = 0.15  # seconds, the median of a log-normal
TASKS = 20  # of each process


class _Jump(selectors.DefaultSelector):
    """Does not wait: the clock jumps to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for another")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in which an hour takes no time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


@dataclass
class Bucket:
    """What the server counts, and how it tells.

    `retry_after` is what a 429 carries: "exact" for whole seconds until a slot frees, "none", or "hour" for 3600.
    """

    retry_after: str = "exact"
    counts_refused: bool = False
    tells: bool = True  # the two headers
    log: deque[float] = field(default_factory=deque[float])  # times of what was counted
    refused: int = 0

    def answer(self, now: float) -> tuple[int, int | None, int | None, float | None]:
        """Status, limit, remaining and Retry-After."""
        while self.log and self.log[0] <= now - WINDOW:
            self.log.popleft()
        limit = LIMIT if self.tells else None
        if len(self.log) < LIMIT:
            self.log.append(now)
            return 200, limit, LIMIT - len(self.log) if self.tells else None, None
        self.refused += 1
        if self.counts_refused:
            self.log.append(now)
        exact = max(1, math.ceil(self.log[len(self.log) - LIMIT] + WINDOW - now))
        asked = {"exact": float(exact), "none": None, "hour": WINDOW}[self.retry_after]
        return 429, limit, 0 if self.tells else None, asked


@dataclass(frozen=True)
class Scenario:
    """A simulation: who wants how many, from what kind of server."""

    title: str
    jobs: tuple[int, ...]
    bucket: Callable[[], Bucket]
    lost: float = 0.0  # the share of answers that never arrive
    used: tuple[float, ...] = ()  # when a process that is gone had sent
    over: float | None = None  # the aim: time to optimum
    refused: int | None = None  # the aim: 429s


def optimum(scenario: Scenario) -> float:
    """The earliest end: a slot frees an hour after the request that took it, and tasks have their round trips."""
    pace = ROUND_TRIP / TASKS / len(scenario.jobs)
    log, now = list(scenario.used), 0.0
    for _ in range(math.ceil(sum(scenario.jobs))):
        now = max(now + pace, log[-LIMIT] + WINDOW if len(log) >= LIMIT else 0.0)
        log.append(now)
    return now + ROUND_TRIP / 2


class Process:
    """A process: tasks that share a gate."""

    def __init__(self, gate: Gate, bucket: Bucket, lost: float, rng: random.Random) -> None:
        self._gate, self._bucket, self._lost, self._rng = gate, bucket, lost, rng

    async def run(self, wanted: int) -> None:
        waiting = iter(range(wanted))

        async def work() -> None:
            for _ in waiting:
                while not await self._is_served():
                    pass

        await asyncio.gather(*(work() for _ in range(TASKS)))

    async def _is_served(self) -> bool:
        """One request; an answer that is lost counts at the server, and is not asked for again."""
        clock = asyncio.get_running_loop().time
        slot = await self._gate.slot(None)
        slot.sent = clock()
        await self._travel()
        status, limit, remaining, retry_after = self._bucket.answer(clock())
        await self._travel()
        if self._rng.random() < self._lost:
            self._gate.lost(slot)
            return status != 429
        self._gate.answered(slot, status, limit, remaining, retry_after)
        return status != 429

    async def _travel(self) -> None:
        await asyncio.sleep(self._rng.lognormvariate(math.log(ROUND_TRIP / 2), 0.4))


def simulate(scenario: Scenario, seed: int) -> tuple[float, int]:
    """When all were served, and how many 429s were met."""

    async def run() -> float:
        rng, bucket = random.Random(seed), scenario.bucket()
        bucket.log.extend(scenario.used)
        gates = [Gate(random.Random(rng.random())) for _ in scenario.jobs]
        processes = [Process(gate, bucket, scenario.lost, rng) for gate in gates]
        await asyncio.gather(*(one.run(wanted) for one, wanted in zip(processes, scenario.jobs, strict=True)))
        refused.append(bucket.refused)
        return asyncio.get_running_loop().time()

    refused: list[int] = []
    return virtually(run()), refused[0]


def virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


def scenarios(wanted: int) -> list[Scenario]:
    one, four = (wanted,), (wanted // 4,) * 4
    none, hour = (lambda: Bucket("none")), (lambda: Bucket("hour"))
    emptied = tuple(-600 + 0.0075 * number for number in range(LIMIT))
    return [
        Scenario("one process", one, Bucket, over=1.001, refused=0),
        Scenario("four processes", four, Bucket, over=1.002, refused=99),
        Scenario("one, 429 without Retry-After", one, none),
        Scenario("four, 429 without Retry-After", four, none),
        Scenario("one, Retry-After always 3600", one, hour),
        Scenario("four, Retry-After always 3600", four, hour),
        Scenario("one, refused requests count too", one, lambda: Bucket(counts_refused=True)),
        Scenario("four, refused requests count too", four, lambda: Bucket(counts_refused=True)),
        Scenario("one, bucket emptied by a process that is gone", (LIMIT,), Bucket, used=emptied),
        Scenario("one, the same without Retry-After", (LIMIT,), none, used=emptied),
        Scenario("one, headers missing", one, lambda: Bucket(tells=False)),
        Scenario("one, 5 % of answers lost", one, Bucket, lost=0.05),
        Scenario("four, 5 % of answers lost", four, Bucket, lost=0.05),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limiter", description="The rate gate, in virtual time.")
    parser.add_argument("--requests", type=int, default=5000, help="how many are wanted (default 5000)")
    parser.add_argument("--seeds", type=int, default=5, help="how many runs of each; the worst is told (default 5)")
    asked = parser.parse_args()
    print(f"{asked.requests:,} requests at {LIMIT:,} a rolling hour; the worst of {asked.seeds} runs\n")
    print("| | optimum, s | over, s | to the optimum | 429s | aims reached |\n|---|--:|--:|--:|--:|---|")
    missed = False
    for scenario in scenarios(asked.requests):
        best = optimum(scenario)
        runs = [simulate(scenario, seed) for seed in range(asked.seeds)]
        end, refused = max(end for end, _ in runs), max(count for _, count in runs)
        verdict = ""
        if scenario.over is not None and scenario.refused is not None:
            reached = end / best <= scenario.over and refused <= scenario.refused
            missed, verdict = missed or not reached, "yes" if reached else "no"
        cells = f"{best:,.0f} | {end - best:+,.1f} | {end / best:.4f} | {refused:,}"
        print(f"| {scenario.title} | {cells} | {verdict} |", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
