"""The queue for permits on other event loops and clocks, and its lines in the log."""

import asyncio
import logging
import math

import pytest

from evenergy._transport.usage import WINDOW
from evenergy._transport.window import Permit
from evenergy.errors import ClosedError
from tests.transport import laws
from tests.transport.limiter_client import acquire, fill, limiter, outcome, send, session
from tests.transport.virtual_time import Server, VirtualLoop, run

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
