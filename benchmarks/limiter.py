"""Distance of the rate limiter from the best possible, in virtual time: `python -m benchmarks.limiter`.

The limiter is the library's own. The session, the server and the loop, whose clock jumps from timer to timer, are
those of the tests.
"""

import argparse
import asyncio
import math
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.rate_window import RateWindow
from evenergy._transport.usage import WINDOW
from tests.transport.fake_session import FakeSession, Fault, LostError
from tests.transport.virtual_time import Server, run

LIMIT = 1000
ROUND_TRIP = 0.15  # seconds, the median of a log-normal
TASKS = 20  # of each process


@dataclass(frozen=True)
class Scenario:
    """A simulation: how many requests, from which processes, to what kind of server."""

    title: str
    jobs: tuple[int, ...]  # the requests of each process
    server: Callable[[], Server]
    lost: float = 0.0  # the share of responses that never arrive
    used: tuple[float, ...] = ()  # when a process that is gone had sent
    over: float | None = None  # the aim: time to optimum
    rejected: int | None = None  # the aim: 429s


def optimum(scenario: Scenario) -> float:
    """The earliest end: a request leaves the window after an hour, and tasks have their round trips."""
    pace = ROUND_TRIP / TASKS / len(scenario.jobs)
    log, now = list(scenario.used), 0.0
    for _ in range(sum(scenario.jobs)):
        now = max(now + pace, log[-LIMIT] + WINDOW if len(log) >= LIMIT else 0.0)
        log.append(now)
    return now + ROUND_TRIP / 2


def process(scenario: Scenario, server: Server, rng: random.Random) -> FakeSession:
    """A process: a session with a rate limiter of its own, in virtual time."""
    clock = asyncio.get_running_loop().time

    def delay() -> float:
        return rng.lognormvariate(math.log(ROUND_TRIP / 2), 0.4)

    def fault() -> Fault | None:
        return "counted" if rng.random() < scenario.lost else None

    limiter = RateLimiter(RateWindow(random.Random(rng.random())), wall_clock=clock)
    return FakeSession(limiter, server, rng, delay, concurrency=TASKS, fault=fault)


async def work(session: FakeSession, wanted: int) -> None:
    """Make the calls of a process; one whose response is lost is not made again, for the server counted it."""
    waiting = iter(range(wanted))

    async def task() -> None:
        for _ in waiting:
            try:
                await session.call()
            except LostError:
                continue

    await asyncio.gather(*(task() for _ in range(TASKS)))


def simulate(scenario: Scenario, seed: int) -> tuple[float, int]:
    """Return the time at which all were served, and the number of 429s."""
    rng, server = random.Random(seed), scenario.server()
    server.log.extend(scenario.used)

    async def processes() -> float:
        sessions = [process(scenario, server, rng) for _ in scenario.jobs]
        await asyncio.gather(*map(work, sessions, scenario.jobs))
        return asyncio.get_running_loop().time()

    return run(processes()), server.rejected


def scenarios(wanted: int) -> list[Scenario]:
    one, four = (wanted,), (wanted // 4,) * 4
    emptied = tuple(-600 + 0.0075 * number for number in range(LIMIT))

    def silent() -> Server:
        return Server(LIMIT, retry_after="none")

    def hour() -> Server:
        return Server(LIMIT, retry_after="hour")

    def strict() -> Server:
        return Server(LIMIT, counts_rejected=True)

    return [
        Scenario("one process", one, Server, over=1.001, rejected=0),
        Scenario("four processes", four, Server, over=1.002, rejected=50),
        Scenario("one, 429 without Retry-After", one, silent),
        Scenario("four, 429 without Retry-After", four, silent),
        Scenario("one, Retry-After always 3600", one, hour),
        Scenario("four, Retry-After always 3600", four, hour),
        Scenario("one, rejected requests count too", one, strict),
        Scenario("four, rejected requests count too", four, strict),
        Scenario("one, window filled by a process that is gone", (LIMIT,), Server, used=emptied),
        Scenario("one, the same without Retry-After", (LIMIT,), silent, used=emptied),
        Scenario("one, headers missing", one, lambda: Server(LIMIT, headers="none")),
        Scenario("one, 5 % of responses lost", one, Server, lost=0.05),
        Scenario("four, 5 % of responses lost", four, Server, lost=0.05),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limiter", description="The rate limiter, simulated.")
    parser.add_argument("--requests", type=int, default=5000, help="how many are wanted (default 5000)")
    parser.add_argument("--seeds", type=int, default=5, help="how many runs of each; the worst is shown (default 5)")
    asked = parser.parse_args()
    print(f"{asked.requests:,} requests at {LIMIT:,} a rolling hour; the worst of {asked.seeds} runs\n")
    print("| | optimum, s | over, s | to the optimum | 429s | aims reached |\n|---|--:|--:|--:|--:|---|")
    missed = False
    for scenario in scenarios(asked.requests):
        best = optimum(scenario)
        runs = [simulate(scenario, seed) for seed in range(asked.seeds)]
        end, rejected = max(end for end, _ in runs), max(count for _, count in runs)
        verdict = ""
        if scenario.over is not None and scenario.rejected is not None:
            reached = end / best <= scenario.over and rejected <= scenario.rejected
            missed, verdict = missed or not reached, "yes" if reached else "no"
        cells = f"{best:,.0f} | {end - best:+,.1f} | {end / best:.4f} | {rejected:,}"
        print(f"| {scenario.title} | {cells} | {verdict} |", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
