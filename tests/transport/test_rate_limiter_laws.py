"""The laws of the rate limiter, in virtual time, against a server with an exact rolling window."""

import asyncio
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from evenergy._transport.rate_window import RateWindow
from evenergy._transport.usage import WINDOW
from tests.transport import laws
from tests.transport.fake_session import FakeSession
from tests.transport.limiter_client import session
from tests.transport.slow_ledger import SlowLedger
from tests.transport.virtual_time import Reply, Server, run
from tests.transport.worlds import AloneWorld, ChaosWorld, optimum, processes

# The laws, in random worlds


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_alone_no_429_no_wrong_refusal_first_come_first_served(first: int) -> None:
    for seed in range(first, first + 20):
        AloneWorld(seed).play()


@pytest.mark.parametrize("first", range(0, 24, 8))
def test_whatever_happens_the_laws_hold_and_a_healthy_hour_opens_it(first: int) -> None:
    for seed in range(first, first + 8):
        ChaosWorld(seed).play()


@pytest.mark.parametrize("retry_after", ["exact", "none", "hour", "zero"])
def test_alone_it_is_within_a_thousandth_of_the_optimum_without_a_429(retry_after: Any) -> None:
    best = optimum(2500, Server())
    shared = processes((2500,), Server(retry_after=retry_after), seed=1)
    assert shared.rejected == 0
    assert shared.seconds <= 1.001 * best


@pytest.mark.parametrize("tasks", [1, 20, 100])
def test_four_processes_are_within_a_hundredth_and_at_most_a_hundredth_is_rejected(tasks: int) -> None:
    best = optimum(2400, Server(), in_flight=4 * tasks)
    shared = processes((600,) * 4, Server(), seed=1, tasks=tasks)
    assert shared.rejected <= 24
    assert shared.seconds <= 1.01 * best


@pytest.mark.parametrize("retry_after", ["exact", "none", "one"])
def test_rejected_requests_that_count_do_not_keep_four_processes_busy_for_ever(retry_after: Any) -> None:
    server = Server(limit=100, retry_after=retry_after, counts_rejected=True)
    shared = processes((75,) * 4, server, seed=1)
    assert shared.seconds <= 8 * WINDOW


def test_lost_responses_cost_no_429_and_no_time() -> None:
    best = optimum(2500, Server())
    shared = processes((2500,), Server(), seed=1, lost=0.05)
    assert shared.rejected == 0
    assert shared.seconds <= 1.001 * best


# A pause is for all, and one trial ends it


@pytest.mark.parametrize("concurrency", [1, 8, 32])
def test_500_tasks_and_a_second_of_429_fail_in_nothing_and_send_no_more_than_was_on_the_wire(concurrency: int) -> None:
    server = Server()
    served: list[float] = []

    def special(now: float) -> Reply | None:
        if len(served) >= 4 and now < served[3] + 1:
            return Reply(429, 1000, 0, 1)
        served.append(now)
        return None

    server.special = special

    async def main() -> FakeSession:
        one = session(server, concurrency=concurrency)
        await asyncio.gather(*(one.call(60) for _ in range(500)))
        laws.nothing_stays(one.limiter)
        return one

    record = run(main()).record
    replies = [one.reply.status for one in record.sent if one.reply is not None]
    assert replies.count(200) == 500
    assert replies.count(429) <= concurrency
    assert not record.rejections
    laws.a_pause_is_for_all(record.sent)
    laws.one_trial(record.sent)


# A ledger behind the same protocol


def ledgers(store: RateWindow) -> Callable[[random.Random], SlowLedger]:
    return lambda rng: SlowLedger(store, lambda: rng.uniform(0, 0.002))


def test_four_processes_on_one_slow_ledger_meet_no_429() -> None:
    best = optimum(1200, Server(), in_flight=80)
    shared = processes((300,) * 4, Server(), seed=1, windows=ledgers(RateWindow(random.Random(1))))
    assert shared.rejected == 0
    assert shared.seconds <= 1.01 * best


def test_the_laws_hold_with_a_slow_ledger() -> None:
    for seed in range(10):
        world = AloneWorld(seed)
        world.use(SlowLedger(RateWindow(random.Random(seed)), lambda: 0.001, poll=math.inf))
        world.play()
