"""The queue for permits, in virtual time: order, patience, cancellation."""

import asyncio
import random

import pytest

from evenergy._transport.usage import WINDOW
from evenergy.errors import RateLimitError
from tests.transport import laws
from tests.transport.limiter_client import acquire, fill, limiter, outcome, send, session
from tests.transport.virtual_time import Server, run

# A pause is for all, and one trial ends it


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


def test_a_caller_who_can_wait_no_longer_is_served_after_those_before_it() -> None:
    """Permits that courtesy left to others go to the head of the queue first."""

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


def test_a_caller_who_would_wait_in_vain_is_rejected_at_once_and_served_when_it_obeys() -> None:
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
def test_a_caller_without_patience_waits_for_a_response_that_will_tell(max_wait: float) -> None:
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


def test_a_caller_without_patience_is_not_rejected_while_requests_are_left() -> None:
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
