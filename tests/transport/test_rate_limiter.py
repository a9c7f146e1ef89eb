"""The queue for permits, in virtual time, against a server with an exact rolling window."""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.rate_window import RateWindow
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import Permit
from evenergy.errors import ClosedError, RateLimitError
from tests.transport import laws
from tests.transport.fake_session import FakeSession
from tests.transport.slow_ledger import SlowLedger
from tests.transport.virtual_time import Reply, Server, VirtualLoop, run
from tests.transport.worlds import AloneWorld, ChaosWorld, optimum, processes


def limiter(wall_clock: Callable[[], float] = lambda: 0.0) -> RateLimiter:
    return RateLimiter(RateWindow(random.Random(1)), wall_clock)


def session(server: Server, *, delay: float = 0.1, concurrency: int = 32) -> FakeSession:
    return FakeSession(limiter(), server, random.Random(2), lambda: delay / 2, concurrency)


async def acquire(one: RateLimiter, max_wait: float = math.inf, ticket: int | None = None) -> Permit:
    return await one.acquire(ends=asyncio.get_running_loop().time() + max_wait, ticket=ticket)


def send(one: RateLimiter) -> Permit:
    """Take a permit that is free, and send."""
    loop = asyncio.get_running_loop()
    permit = one.take(loop)
    assert permit is not None
    one.sent(permit, loop.time())
    return permit


def fill(one: RateLimiter, limit: int) -> None:
    """Use up a bucket of which nothing is known yet."""
    for remaining in reversed(range(limit)):
        one.responded(send(one), 200, limit, remaining, None)


async def outcome(work: Coroutine[Any, Any, Permit]) -> RateLimitError:
    with pytest.raises(RateLimitError) as raised:
        await work
    return raised.value


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


def test_a_trial_that_is_cancelled_is_replaced() -> None:
    async def main() -> None:
        one = limiter()
        one.responded(send(one), 429, 10, 0, 5)
        first = asyncio.create_task(acquire(one))
        second = asyncio.create_task(acquire(one))
        permit = await first
        await asyncio.sleep(1)
        assert not second.done()
        one.give_back(permit)
        assert one.holds(await second)

    run(main())


def test_a_void_permit_keeps_its_place_in_the_queue() -> None:
    async def main() -> list[str]:
        one, order, loop = limiter(), list[str](), asyncio.get_running_loop()
        fill_one = send(one)
        one.responded(fill_one, 200, 100, 99, None)
        old, rejected = one.take(loop), send(one)
        assert old is not None

        async def waiter(name: str, ticket: int | None) -> None:
            permit = await acquire(one, ticket=ticket)
            order.append(name)
            one.sent(permit, loop.time())
            one.responded(permit, 200, 100, 90, None)

        one.responded(rejected, 429, 100, 0, 5)
        assert not one.holds(old)
        young = asyncio.create_task(waiter("young", None))
        await asyncio.sleep(1)
        one.give_back(old)
        await asyncio.gather(young, waiter("old", old.ticket))
        return order

    assert run(main()) == ["old", "young"]


# First come, first served


def test_callers_are_served_in_order_whatever_their_patience() -> None:
    async def main() -> list[int]:
        one, order = session(Server(limit=10)), list[int]()

        await asyncio.gather(*(one.call([None, 7300.0, 8000.0][number % 3]) for number in range(25)))
        order += [sent.ticket for sent in one.record.sent]
        return order

    tickets = run(main())
    assert len(tickets) == 25
    assert tickets == sorted(tickets)


def test_nobody_takes_a_permit_past_those_who_wait_or_were_just_served() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        first = send(one)
        waiting = [asyncio.create_task(acquire(one)) for _ in range(2)]
        await asyncio.sleep(1)
        assert one.queued == 2
        one.responded(first, 200, 100, 99, None)
        assert one.queued == 0
        assert one.take(loop) is None  # they have not gone on yet
        await asyncio.gather(*waiting)
        assert one.take(loop) is not None

    run(main())


def test_who_can_wait_no_longer_is_served_after_those_before_it() -> None:
    """What courtesy left to others goes to the head of the queue first."""

    async def main() -> list[str]:
        one, order = limiter(), list[str]()
        one.responded(send(one), 200, 100, 3, None)  # others used 96
        held = [await acquire(one)]

        async def wait(name: str, max_wait: float) -> None:
            await acquire(one, max_wait)
            order.append(name)

        await asyncio.gather(wait("patient", 1000), wait("impatient", 2))
        assert asyncio.get_running_loop().time() < 3
        one.give_back(held[0])
        return order

    assert run(main()) == ["patient", "impatient"]


# Patience


def test_who_would_wait_in_vain_is_told_at_once_and_served_when_it_obeys() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        fill(one, 3)
        error = await outcome(acquire(one, 60))
        assert loop.time() == 0
        assert 3600 >= error.retry_after > 3599
        assert error.status == 429
        assert "Not sent: rate limit exhausted" in error.title
        assert "the hour's requests are used up; retry in 3600.0 s" in str(error)
        assert "60.0 s" in str(error)
        await asyncio.sleep(error.retry_after)
        await acquire(one, 0)

    run(main())


def test_callers_that_are_rejected_together_get_a_time_each() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        for remaining in reversed(range(5)):
            one.responded(send(one), 200, 5, remaining, None)
            await asyncio.sleep(10)
        errors = await asyncio.gather(*(outcome(acquire(one, 1)) for _ in range(5)))
        times = [error.retry_after for error in errors]
        assert times == pytest.approx([3550 + 10 * place for place in range(5)], abs=0.1)

        async def obey(seconds: float) -> None:
            await asyncio.sleep(seconds)
            one.sent(await acquire(one, 0), loop.time())

        await asyncio.gather(*(obey(seconds) for seconds in times))

    run(main())


def test_those_without_patience_wait_for_what_is_in_flight_and_are_served_when_they_obey() -> None:
    async def main() -> None:
        one, loop = session(Server(limit=5)), asyncio.get_running_loop()
        outcomes = await asyncio.gather(*(one.call(0) for _ in range(10)), return_exceptions=True)
        errors = [error for error in outcomes if isinstance(error, RateLimitError)]
        assert len(errors) == 5
        assert loop.time() < 0.3

        async def obey(error: RateLimitError) -> None:
            await asyncio.sleep(error.retry_after)
            await one.call(0)

        await asyncio.gather(*map(obey, errors))
        assert one.server.rejected == 0

    run(main())


def test_only_those_before_it_who_can_wait_are_in_the_way_of_a_caller() -> None:
    async def main() -> None:
        one = limiter()
        for remaining in reversed(range(2)):
            one.responded(send(one), 200, 2, remaining, None)
            await asyncio.sleep(100)
        hasty = [asyncio.create_task(outcome(acquire(one, 1))) for _ in range(5)]
        await asyncio.gather(acquire(one, 3500), *hasty)

    run(main())


def test_a_pause_turns_away_those_in_the_queue_who_cannot_wait_for_its_end() -> None:
    async def main() -> None:
        one = limiter()
        first = send(one)
        hasty, patient = asyncio.create_task(outcome(acquire(one, 5))), asyncio.create_task(acquire(one, 100))
        await asyncio.sleep(1)
        one.responded(first, 429, 10, 0, 60)
        assert 60 <= (await hasty).retry_after <= 63
        assert not patient.done()
        await patient

    run(main())


@pytest.mark.parametrize("max_wait", [0, 0.05, 1])
def test_who_cannot_wait_waits_for_a_response_that_will_tell(max_wait: float) -> None:
    async def main() -> None:
        one = session(Server(), delay=4)
        await asyncio.gather(*(one.call(max_wait) for _ in range(30)))
        assert not one.record.rejections

    run(main())


def test_but_not_for_ever() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        hung = send(one)
        second, third = asyncio.create_task(acquire(one, 5)), asyncio.create_task(outcome(acquire(one, 5)))
        permit = await second
        assert loop.time() == pytest.approx(30)  # a trial that takes so long holds up the next no more
        one.sent(permit, loop.time())
        assert (await third).retry_after > 0
        assert loop.time() == pytest.approx(35)
        one.lost(hung)

    run(main())


def test_a_response_that_closes_ends_the_grace() -> None:
    async def main() -> None:
        one = limiter()
        first = send(one)
        late = asyncio.create_task(outcome(acquire(one, 0)))
        await asyncio.sleep(1)
        one.responded(first, 429, 10, 0, 2)
        assert (await late).retry_after == pytest.approx(2, abs=0.2)
        assert asyncio.get_running_loop().time() == 1

    run(main())


def test_a_deadline_counts_as_patience_where_a_wait_is_known_to_be_longer_but_does_not_end_it() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        first = send(one)
        waiting = asyncio.create_task(one.acquire(deadline=5))
        await asyncio.sleep(6)  # the caller's own timeout would have cancelled it
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        one.responded(first, 200, 1, 0, None)
        await outcome(one.acquire(deadline=loop.time() + 60))

    run(main())


def test_who_cannot_wait_is_not_refused_while_requests_are_left() -> None:
    async def main() -> None:
        for used in (300, 600, 800):
            server = Server()
            one = session(server)
            server.others(asyncio.get_running_loop().time(), used)
            await one.call(0)
            await asyncio.gather(*(one.call(0) for _ in range(150)))
            assert server.rejected == 0

    run(main())


def test_the_estimate_for_a_429_of_the_server_is_more_than_nothing() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        assert one.wait_estimate(loop.time()) > 0
        one.responded(send(one), 429, None, None, None)
        assert 1 <= one.wait_estimate(loop.time()) <= 300

    run(main())


# Cancellation


@pytest.mark.parametrize("seed", range(10))
def test_waiters_that_are_cancelled_take_nothing_with_them(seed: int) -> None:
    async def main() -> None:
        rng, server = random.Random(seed), Server(limit=20)
        one = session(server)
        tasks = [asyncio.create_task(one.call()) for _ in range(200)]
        for task in rng.sample(tasks, 120):
            asyncio.get_running_loop().call_later(rng.choice([0, 0.1, rng.uniform(0, 2 * WINDOW)]), task.cancel)
        await asyncio.wait(tasks)
        await one.call(0)
        laws.nothing_stays(one.limiter)
        assert server.rejected == 0

    run(main())


def test_a_permit_granted_in_the_moment_of_a_cancellation_goes_to_the_next() -> None:
    async def main() -> None:
        one = limiter()
        first = send(one)
        two = [asyncio.create_task(acquire(one)) for _ in range(2)]
        await asyncio.sleep(0.1)
        one.responded(first, 200, 2, 1, None)
        two[0].cancel()
        await asyncio.wait(two)
        assert two[0].cancelled()
        assert one.holds(two[1].result())
        laws_hold = one._window._in_flight  # type: ignore[attr-defined]
        assert laws_hold == {two[1].result()}

    run(main())


def test_a_refusal_in_the_moment_of_a_cancellation_is_no_lost_exception() -> None:
    async def main() -> None:
        one = limiter()
        first = send(one)
        waiting = asyncio.create_task(acquire(one, 5))
        await asyncio.sleep(0.1)
        one.responded(first, 429, 2, 0, 60)
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await asyncio.sleep(0)
        await asyncio.wait([waiting])
        laws.nothing_stays(one)

    run(main())


def test_many_cancelled_waiters_behind_a_patient_one_are_not_kept() -> None:
    async def main() -> None:
        one = limiter()
        fill(one, 1)
        head = asyncio.create_task(acquire(one))
        for _ in range(100):
            other = asyncio.create_task(acquire(one, 5000))
            await asyncio.sleep(1)
            other.cancel()
            await asyncio.wait([other])
        assert one.queued == 1
        assert len(one._queue) <= 3
        assert len(one._patience) <= 3
        await head

    run(main())


# Event loops and clocks


def test_waiters_of_a_loop_that_is_gone_leave_nothing() -> None:
    one = limiter()

    async def first() -> None:
        fill(one, 2)
        for _ in range(5):
            asyncio.ensure_future(acquire(one)).add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(1)

    async def second() -> None:
        assert one.take(asyncio.get_running_loop()) is None
        assert one.queued == 0
        assert (await acquire(one)).waited == pytest.approx(WINDOW, abs=2)

    run(first())
    run(second())


def test_waiters_of_a_loop_that_runs_again_are_told() -> None:
    one, old = limiter(), VirtualLoop()

    async def start() -> None:
        fill(one, 1)
        waiting.append(asyncio.ensure_future(acquire(one)))
        await asyncio.sleep(1)

    async def elsewhere() -> None:
        one.take(asyncio.get_running_loop())

    async def again() -> None:
        other = asyncio.create_task(acquire(one))
        with pytest.raises(ClosedError, match="another event loop"):
            await waiting[0]
        assert one.queued == one._inside == 1
        await other
        laws.nothing_stays(one, held=1)

    waiting: list[asyncio.Future[Permit]] = []
    old.run_until_complete(start())
    run(elsewhere())
    old.run_until_complete(again())
    old.close()


@pytest.mark.parametrize("max_wait", [math.inf, 30.0])
def test_after_a_suspended_machine_one_trial_finds_the_bucket_open(max_wait: float) -> None:
    wall = [0.0]

    async def main() -> None:
        loop, one = asyncio.get_running_loop(), limiter(lambda: wall[0] + loop.time())
        fill(one, 100)
        waiting = asyncio.create_task(acquire(one))
        await asyncio.sleep(10)
        if max_wait < math.inf:
            waiting.cancel()
        wall[0] += 2 * WINDOW  # while the loop's clock stood still
        permit = await (waiting if max_wait == math.inf else acquire(one, max_wait))
        assert loop.time() <= 75
        one.sent(permit, loop.time())
        one.responded(permit, 200, 100, 99, None)
        await asyncio.gather(*(acquire(one, 1) for _ in range(90)))

    run(main())


@pytest.mark.parametrize("seconds", [-1e6, 20.0])
def test_a_wall_clock_that_is_set_back_or_a_little_changes_nothing(seconds: float) -> None:
    wall = [0.0]

    async def main() -> None:
        loop, one = asyncio.get_running_loop(), limiter(lambda: wall[0] + loop.time())
        fill(one, 1)
        wall[0] += seconds
        await outcome(acquire(one, 60))

    run(main())


def test_a_loop_clock_that_jumps_lets_the_hour_pass() -> None:
    async def main() -> None:
        one, loop = limiter(), asyncio.get_running_loop()
        fill(one, 2)
        waiting = asyncio.create_task(acquire(one))
        await asyncio.sleep(1)
        assert isinstance(loop, VirtualLoop)
        loop.jump(2 * WINDOW)
        await waiting
        assert loop.time() <= 2 * WINDOW + 62

    run(main())


def test_no_timer_is_left_when_nobody_waits() -> None:
    async def main() -> None:
        one = session(Server(limit=5))
        await asyncio.gather(*(one.call(60) for _ in range(20)), return_exceptions=True)
        loop = asyncio.get_running_loop()
        assert not [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]

    run(main())


# Words


def test_a_wait_above_a_second_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        one = session(Server(limit=10))
        await asyncio.gather(*(one.call() for _ in range(25)))

    with caplog.at_level(logging.INFO, "evenergy"):
        run(main())
    assert caplog.messages == [
        "waiting 3600 s for the rate limit, 15 queued: the hour's requests are used up",
        "waiting 3600 s for the rate limit, 5 queued: the hour's requests are used up",
    ]


def test_a_pause_above_a_second_is_one_line_and_a_short_one_none(caplog: pytest.LogCaptureFixture) -> None:
    async def pause(seconds: float) -> None:
        one = limiter()
        one.responded(send(one), 429, 10, 0, seconds)
        waiting = [asyncio.create_task(acquire(one)) for _ in range(3)]
        one.give_back(await waiting[0])
        one.give_back(await waiting[1])
        await waiting[2]

    with caplog.at_level(logging.INFO, "evenergy"):
        run(pause(0.5))
        run(pause(30))
    pauses = [message for message in caplog.messages if not message.startswith("waiting 1 s")]
    assert pauses == ["waiting 30 s for the rate limit, 3 queued: the API rejected a request (429)"]


def test_slots_that_come_one_by_one_are_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        one = limiter()
        for remaining in reversed(range(100)):
            one.responded(send(one), 200, 100, remaining, None)
            await asyncio.sleep(5)
        for _ in range(60):
            permit = await acquire(one)
            one.sent(permit, asyncio.get_running_loop().time())
            one.responded(permit, 200, 100, 0, None)

    with caplog.at_level(logging.INFO, "evenergy"):
        run(main())
    assert 4 <= len(caplog.messages) <= 7


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
