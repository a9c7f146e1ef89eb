"""The rate gate, on a clock that jumps, against a bucket that rolls."""

import asyncio
import logging
import math
import random
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

import evenergy
from evenergy import AsyncClient, ClientCredentials
from evenergy.headers import retry_after, told
from evenergy.limits import WINDOW, Gate
from evenergy.sandbox import Sandbox
from tests.server import run_jumping


class Bucket:
    """A bucket that rolls, as the API has it."""

    def __init__(self, limit: int, *, says: str = "seconds", counts_refusals: bool = False) -> None:
        self.limit = limit
        self.says = says
        self.counts_refusals = counts_refusals
        self.taken: deque[float] = deque()
        self.all: list[float] = []
        self.refused = 0

    def ask(self, now: float) -> tuple[int, int, int, float | None]:
        """Status, limit, remaining, and what Retry-After says."""
        while self.taken and self.taken[0] <= now - WINDOW:
            self.taken.popleft()
        if len(self.taken) < self.limit:
            self.taken.append(now)
            self.all.append(now)
            return 200, self.limit, self.limit - len(self.taken), None
        self.refused += 1
        if self.counts_refusals:
            self.taken.append(now)
        wait = math.ceil(self.taken[len(self.taken) - self.limit] + WINDOW - now)
        return 429, self.limit, 0, {"seconds": float(max(wait, 1)), "hour": WINDOW, "nothing": None}[self.says]


async def send(gate: Gate, bucket: Bucket, trip: float, max_wait: float | None = None) -> float:
    """Ask until there is an answer; the loop's time of it."""
    loop = asyncio.get_running_loop()
    while True:
        slot = await gate.slot(max_wait)
        slot.sent = loop.time()
        try:
            await asyncio.sleep(trip)
            answer = bucket.ask(loop.time())
            await asyncio.sleep(trip)
        except asyncio.CancelledError:
            gate.lost(slot)
            raise
        gate.answered(slot, *answer)
        if answer[0] == 200:
            return loop.time()


@pytest.mark.parametrize("says", ["seconds", "hour", "nothing"])
def test_a_burst_beyond_the_limit_is_spread_over_the_hours_without_a_429(says: str) -> None:
    async def main() -> tuple[float, Bucket]:
        gate, bucket = Gate(random.Random(1)), Bucket(100, says=says)
        await asyncio.gather(*(send(gate, bucket, 0.1) for _ in range(350)))
        return asyncio.get_running_loop().time(), bucket

    end, bucket = run_jumping(main())
    assert bucket.refused == 0
    assert end <= 3 * WINDOW + 10


def test_first_come_first_served() -> None:
    async def main() -> list[int]:
        gate, bucket, order = Gate(random.Random(1)), Bucket(10), list[int]()

        async def one(number: int) -> None:
            slot = await gate.slot(None)
            order.append(number)
            slot.sent = asyncio.get_running_loop().time()
            await asyncio.sleep(0.01)
            gate.answered(slot, *bucket.ask(slot.sent))

        await asyncio.gather(*(one(number) for number in range(35)))
        return order

    assert run_jumping(main()) == list(range(35))


def test_the_first_request_goes_alone_and_the_others_wait_for_what_it_learns() -> None:
    async def main() -> tuple[int, float]:
        gate, bucket = Gate(random.Random(1)), Bucket(5)
        for _ in range(5):
            bucket.ask(0.0)  # somebody else emptied it
        await asyncio.gather(*(send(gate, bucket, 0.1) for _ in range(5)))
        return bucket.refused, asyncio.get_running_loop().time()

    refused, end = run_jumping(main())
    assert refused == 1
    assert end == pytest.approx(WINDOW, abs=5)


def test_a_429_pauses_everyone_at_once() -> None:
    async def main() -> int:
        gate, bucket = Gate(random.Random(1)), Bucket(50)
        await send(gate, bucket, 0.1)
        for _ in range(49):
            bucket.ask(asyncio.get_running_loop().time())  # others took the rest unseen
        await asyncio.gather(*(send(gate, bucket, 0.1) for _ in range(40)))
        return bucket.refused

    assert run_jumping(main()) <= 49  # what was on its way already, and one probe


def test_a_wait_beyond_max_wait_is_refused_at_once_and_says_how_long() -> None:
    async def main() -> None:
        gate, bucket, loop = Gate(random.Random(1)), Bucket(3), asyncio.get_running_loop()
        for _ in range(3):
            await send(gate, bucket, 0.0)
        started = loop.time()
        with pytest.raises(evenergy.RateLimitError) as raised:
            await gate.slot(60)
        assert loop.time() == started
        assert raised.value.retry_after == pytest.approx(WINDOW, abs=1)
        assert raised.value.retry_at > datetime.now(UTC) + timedelta(minutes=59)
        assert not raised.value.headers
        assert "Not sent" in raised.value.title
        await asyncio.sleep(raised.value.retry_after)
        await send(gate, bucket, 0.0, max_wait=0)
        assert bucket.refused == 0

    run_jumping(main())


def test_those_in_line_are_refused_as_soon_as_it_is_known_that_they_wait_in_vain() -> None:
    async def main() -> None:
        gate, bucket, loop = Gate(random.Random(1)), Bucket(20), asyncio.get_running_loop()
        await send(gate, bucket, 0.1)
        for _ in range(15):
            bucket.ask(loop.time())  # others take most of it, unseen
        calls = (send(gate, bucket, 0.1, max_wait=60) for _ in range(40))
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(one) for one in found} == {float, evenergy.RateLimitError}
        assert loop.time() < 30

    run_jumping(main())


@pytest.mark.parametrize("used", [300, 600, 800])
def test_who_cannot_wait_is_not_refused_while_requests_are_left(used: int) -> None:
    """What others have used makes the gate careful, but that alone is no reason to refuse."""

    async def main() -> None:
        gate, bucket, loop = Gate(random.Random(1)), Bucket(1000), asyncio.get_running_loop()
        for _ in range(used):
            bucket.ask(loop.time())
        await send(gate, bucket, 0.1, max_wait=0)
        crew, rng = asyncio.Semaphore(32), random.Random(3)

        async def one() -> None:
            async with crew:
                await send(gate, bucket, rng.uniform(0.05, 0.15), max_wait=0)

        await asyncio.gather(*(one() for _ in range(150)))
        assert bucket.refused == 0

    run_jumping(main())


def test_what_was_waited_in_line_is_counted_also_when_it_ends_with_a_slot_left_to_others() -> None:
    async def main() -> None:
        gate, loop = Gate(random.Random(1)), asyncio.get_running_loop()
        slot = await gate.slot(0)
        slot.sent = loop.time()
        gate.answered(slot, 200, 100, 2, None)  # others use it too, so not all that is left is for us
        held = await gate.slot(0)
        started = loop.time()
        late = await gate.slot(1)
        assert late.waited == loop.time() - started
        gate.lost(held)

    run_jumping(main())


def test_max_wait_none_waits_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        gate, bucket = Gate(random.Random(1)), Bucket(2)
        for _ in range(6):
            await send(gate, bucket, 0.0)

    with caplog.at_level(logging.WARNING, "evenergy"):
        run_jumping(main())
    assert [record.message for record in caplog.records if "used up" in record.message] == [caplog.messages[0]]


def test_waiters_that_are_cancelled_take_nothing_with_them() -> None:
    async def main() -> Bucket:
        rng = random.Random(7)
        gate, bucket = Gate(rng), Bucket(20)
        tasks = [asyncio.create_task(send(gate, bucket, 0.05)) for _ in range(200)]
        for task in rng.sample(tasks, 120):
            asyncio.get_running_loop().call_later(rng.uniform(0, 2 * WINDOW), task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        await send(gate, bucket, 0.05)
        return bucket

    bucket = run_jumping(main())
    assert bucket.refused == 0
    assert len(bucket.all) >= 81


def test_a_slot_that_was_not_used_goes_back() -> None:
    async def main() -> None:
        gate, bucket = Gate(random.Random(1)), Bucket(2)
        await send(gate, bucket, 0.0)
        gate.lost(await gate.slot(0))  # cancelled before it was sent
        await send(gate, bucket, 0.0, max_wait=0)
        assert bucket.refused == 0

    run_jumping(main())


def test_without_headers_nothing_is_held_back_until_a_429() -> None:
    async def main() -> None:
        gate = Gate(random.Random(1))
        for _ in range(3000):
            slot = await gate.slot(0)
            slot.sent = 0.0
            gate.answered(slot, 200, None, None, None)
        slot = await gate.slot(0)
        gate.answered(slot, 429, None, None, 30.0)
        with pytest.raises(evenergy.RateLimitError) as raised:
            await gate.slot(10)
        assert 30 <= raised.value.retry_after <= 32
        await gate.slot(40)

    run_jumping(main())


def test_headers_beat_what_was_counted() -> None:
    """A server (a mock) that says the same for ever is believed, although an hour's worth was sent."""

    async def main() -> None:
        gate = Gate(random.Random(1))
        for _ in range(3000):
            slot = await gate.slot(0)
            slot.sent = 0.0
            gate.answered(slot, 200, 1000, 999, None)
        assert gate.rate_limit is not None
        assert (gate.rate_limit.limit, gate.rate_limit.remaining) == (1000, 999)

    run_jumping(main())


def test_a_gate_serves_several_loops_one_after_another() -> None:
    gate = Gate(random.Random(1))

    async def abandon() -> None:
        bucket = Bucket(2)
        tasks = [asyncio.create_task(send(gate, bucket, 0.1)) for _ in range(5)]
        await asyncio.sleep(1)
        assert not tasks[-1].done()

    async def work() -> None:
        await send(gate, Bucket(100), 0.1)

    run_jumping(abandon())
    run_jumping(work())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    limit=st.integers(1, 40),
    tasks=st.integers(1, 80),
    trip=st.floats(0, 2),
    says=st.sampled_from(["seconds", "hour", "nothing"]),
    counts=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_alone_no_request_is_ever_refused(
    limit: int, tasks: int, trip: float, says: str, counts: bool, seed: int
) -> None:
    async def main() -> Bucket:
        rng = random.Random(seed)
        gate, bucket = Gate(rng), Bucket(limit, says=says, counts_refusals=counts)

        async def one() -> None:
            await asyncio.sleep(rng.choice([0, rng.uniform(0, 2 * WINDOW)]))
            await send(gate, bucket, trip * rng.random())

        await asyncio.gather(*(one() for _ in range(tasks)))
        return bucket

    bucket = run_jumping(main())
    assert bucket.refused == 0
    assert len(bucket.all) == tasks
    for index, time in enumerate(bucket.all[limit:]):
        assert time - bucket.all[index] >= WINDOW


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(limit=st.integers(2, 30), says=st.sampled_from(["seconds", "hour", "nothing"]), seed=st.integers(0, 2**16))
def test_beside_others_everything_is_done_in_the_end(limit: int, says: str, seed: int) -> None:
    async def main() -> Bucket:
        rng = random.Random(seed)
        bucket = Bucket(limit, says=says)
        gates = [Gate(random.Random(rng.random())) for _ in range(3)]
        await asyncio.gather(*(send(rng.choice(gates), bucket, rng.random()) for _ in range(2 * limit + 5)))
        return bucket

    bucket = run_jumping(main())
    assert len(bucket.all) == 2 * limit + 5


def test_a_client_and_the_sandbox_over_an_hour_that_rolls() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Sandbox(vehicles=2, rate_limit=5, clock=lambda: 1_700_000_000 + loop.time()) as sandbox:
            auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
            async with AsyncClient(auth, base_url=sandbox.base_url) as client:
                for _ in range(5):
                    await client.vehicle_makes.list(page_size=1).collect(limit=1)
                assert client.rate_limit is not None
                assert client.rate_limit.remaining == 0
                with pytest.raises(evenergy.RateLimitError, match="Not sent"):
                    await client.root()
                assert sandbox.requests == 5
                patient = client.with_options(max_wait=None)
                started = loop.time()
                await patient.vehicles.list().collect()
                assert loop.time() - started == pytest.approx(WINDOW, abs=10)
                assert sandbox.requests == 6

    run_jumping(main())


def test_with_nothing_told_a_429_of_another_process_is_waited_for() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Sandbox(vehicles=1, rate_limit=3, clock=lambda: 1_700_000_000 + loop.time()) as sandbox:
            auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
            async with (
                AsyncClient(auth, base_url=sandbox.base_url) as one,
                AsyncClient(auth, base_url=sandbox.base_url, max_wait=2 * WINDOW) as other,
            ):
                for _ in range(3):
                    await one.root()
                for _ in range(3):
                    await other.root()
                with pytest.raises(evenergy.RateLimitError) as raised:
                    await one.with_options(max_wait=5).root()
                assert 5 < raised.value.retry_after <= WINDOW
                assert raised.value.headers["X-RateLimit-Remaining"] == "0"

    run_jumping(main())


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("9999999", 9999999),
        ("12345678", None),
        ("-1", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("3, 4", None),
        ("٣", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 27:28:00 GMT", None),
        ("Mon, 01 Jan 999999 00:00:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(CIMultiDict({"Retry-After": value}), 429) == seconds


def test_a_date_counts_from_the_date_of_the_answer() -> None:
    headers = CIMultiDict({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert retry_after(headers, 503) == 30


def test_the_other_spelling_counts_on_a_429_only() -> None:
    headers = CIMultiDict({"RetryAfter": "42"})
    assert retry_after(headers, 429) == 42
    assert retry_after(headers, 503) is None


@given(st.text())
def test_rubbish_in_headers_is_ignored(text: str) -> None:
    headers = {"Retry-After": text, "X-RateLimit-Limit": text, "Date": text}
    assert retry_after(headers, 429) is None or text.strip()
    assert told(headers, "X-RateLimit-Limit") is None or text.isascii()
