"""The laws of the rate limiter over the three ledgers: the process's own window, SQLite and Redis."""

import asyncio
import random

import pytest

from evenergy._transport.rate_limiter import RateLimiter
from tests.budgets.ledgers import Ledgers
from tests.transport import laws
from tests.transport.fake_session import FakeSession
from tests.transport.virtual_time import WINDOW, Reply, Server, run
from tests.transport.worlds import AloneWorld, ChaosWorld, World, optimum, processes


def use(world: World, ledgers: Ledgers, seed: int) -> None:
    world.use(ledgers.window(clock=world._wall_clock, rng=random.Random(seed)))


def test_alone_no_429_no_wrong_refusal_first_come_first_served(ledgers: Ledgers) -> None:
    for seed in range(4):
        world = AloneWorld(seed)
        use(world, ledgers, seed)
        world.play()


def test_whatever_happens_the_laws_hold_and_a_healthy_hour_opens_it(ledgers: Ledgers) -> None:
    for seed in (0, 1, 3, 8):
        world = ChaosWorld(seed)
        use(world, ledgers, seed)
        world.play()


def test_alone_it_is_within_a_thousandth_of_the_optimum_without_a_429(ledgers: Ledgers) -> None:
    best = optimum(1100, Server())
    shared = processes((1100,), Server(), seed=1, windows=lambda rng: ledgers.window("alone", rng=rng))
    assert shared.rejected == 0
    assert shared.seconds <= 1.001 * best


def test_lost_responses_cost_no_429_and_no_time(ledgers: Ledgers) -> None:
    best = optimum(1100, Server())
    shared = processes((1100,), Server(), seed=1, lost=0.05, windows=lambda rng: ledgers.window("lost", rng=rng))
    assert shared.rejected == 0
    assert shared.seconds <= 1.001 * best


def test_four_processes_meet_no_429_and_waste_nothing(shared: Ledgers) -> None:
    best = optimum(1200, Server(), in_flight=80)
    figures = processes((300,) * 4, Server(), seed=1, windows=lambda rng: shared.window("four", rng=rng))
    assert figures.rejected == 0
    assert figures.seconds <= 1.001 * best


def test_four_processes_that_begin_at_once_send_one_trial(shared: Ledgers) -> None:
    server = Server(limit=3)
    figures = processes((1,) * 4, server, seed=1, tasks=1, windows=lambda rng: shared.window("limit", rng=rng))
    assert figures.rejected == 0
    assert figures.seconds == pytest.approx(WINDOW, rel=0.001)


def test_200_tasks_and_a_second_of_429_send_no_more_than_was_on_the_wire(ledgers: Ledgers) -> None:
    server, served = Server(), list[float]()

    def special(now: float) -> Reply | None:
        if len(served) >= 4 and now < served[3] + 1:
            return Reply(429, 1000, 0, 1)
        served.append(now)
        return None

    server.special = special

    async def main() -> FakeSession:
        limiter = RateLimiter(ledgers.window(), lambda: 0.0)
        one = FakeSession(limiter, server, random.Random(2), lambda: 0.05, 8)
        await asyncio.gather(*(one.call(60) for _ in range(200)))
        await asyncio.sleep(0)
        laws.nothing_stays(one.limiter)
        return one

    record = run(main()).record
    replies = [one.reply.status for one in record.sent if one.reply is not None]
    assert replies.count(200) == 200
    assert replies.count(429) <= 8
    assert not record.rejections
    laws.a_pause_is_for_all(record.sent)
    laws.one_trial(record.sent)


def test_a_429_of_one_process_is_a_pause_for_all(shared: Ledgers) -> None:
    """Requests on the wire may meet it too; nothing goes before its time."""
    server, ends = Server(), 30.0
    server.special = lambda now: Reply(429, 1000, 0, ends - now) if 10 <= now < ends else None
    rng = random.Random(3)

    async def process() -> FakeSession:
        session = FakeSession(RateLimiter(shared.window("pause"), lambda: 0.0), server, rng, lambda: 0.05, 4)
        await asyncio.gather(*(work(session) for _ in range(4)))
        return session

    async def work(session: FakeSession) -> None:
        while asyncio.get_running_loop().time() < 40:
            await session.call()
            await asyncio.sleep(rng.uniform(0.2, 0.6))

    async def main() -> list[FakeSession]:
        return list(await asyncio.gather(*(process() for _ in range(4))))

    sessions = run(main())
    late = [one.at for session in sessions for one in session.record.sent if 10.2 < one.at < ends]
    assert not late
    assert server.rejected <= 16
    assert all(session.record.sent[-1].at > ends for session in sessions)
