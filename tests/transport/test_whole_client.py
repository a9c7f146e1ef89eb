"""The laws of the rate limit through the whole client, in virtual time."""

import asyncio
import random
from typing import Any, cast
from unittest.mock import Mock

import attrs
import pytest

import evenergy
from tests.transport import laws
from tests.transport.virtual_time import WINDOW, Reply, Server, run
from tests.transport.whole_client import WholeSession, Wire, call, client
from tests.transport.worlds import AloneWorld, ChaosWorld, World, delays, optimum


async def fan_out(one: evenergy.AsyncClient, count: int, tasks: int) -> list[evenergy.EvEnergyError]:
    """Make so many calls in tasks, and return the errors."""
    errors = list[evenergy.EvEnergyError]()
    numbers = iter(range(count))

    async def work() -> None:
        for _ in numbers:
            try:
                await call(one)
            except evenergy.EvEnergyError as error:
                errors.append(error)

    await asyncio.gather(*(work() for _ in range(tasks)))
    return errors


def one_second_of_429(server: Server, after: int) -> None:
    served: list[float] = []

    def special(now: float) -> Reply | None:
        if len(served) >= after and now < served[after - 1] + 1:
            return Reply(429, 1000, 0, 1)
        served.append(now)
        return None

    server.special = special


@pytest.mark.parametrize("concurrency", [1, 8, 32])
@pytest.mark.parametrize("max_wait", [5.0, 60.0, None])
def test_500_tasks_and_a_second_of_429(concurrency: int, max_wait: float | None) -> None:
    server = Server()
    one_second_of_429(server, after=4)
    wire = Wire(server)

    async def main() -> None:
        async with client(wire, concurrency=concurrency, max_wait=max_wait) as one:
            assert not await fan_out(one, 500, tasks=500)

    run(main())
    statuses = [sent.reply.status for sent in wire.sent if sent.reply is not None]
    assert statuses.count(200) == 500
    assert statuses.count(429) <= concurrency
    laws.a_pause_is_for_all(wire.sent)
    laws.one_trial(wire.sent)


def whole(world: World) -> WholeSession:
    wire = Wire(world.server, world.delay, world.fault)
    return WholeSession(wire, world.limiter, concurrency=world.concurrency, timeout=60)


class SuspendedWorld(ChaosWorld):
    """Machine that is suspended over and over, and whose wall clock is set: by either clock, and by both."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, whole)
        self.jumps = self.sets_wall = True
        self.noticed = Mock(wraps=self.limiter._window.distrust)
        cast("Any", self.limiter._window).distrust = self.noticed


@pytest.mark.parametrize("first", range(100, 124, 8))
def test_the_laws_hold_on_a_machine_whose_clocks_jump(first: int) -> None:
    noticed = 0
    for seed in range(first, first + 8):
        world = SuspendedWorld(seed)
        world.play()
        assert world.limiter is world.session.limiter
        noticed += world.noticed.call_count
    assert noticed, "no client has noticed that its machine was suspended"


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_alone_no_429_and_no_wrong_refusal(first: int) -> None:
    for seed in range(first, first + 20):
        AloneWorld(seed, whole).play()


@pytest.mark.parametrize("first", range(0, 24, 8))
def test_whatever_happens_the_laws_hold_and_a_healthy_hour_opens_it(first: int) -> None:
    for seed in range(first, first + 8):
        ChaosWorld(seed, whole).play()


def test_alone_within_a_thousandth_of_the_optimum() -> None:
    wire = Wire(Server())

    async def main() -> float:
        async with client(wire, max_wait=None) as one:
            assert not await fan_out(one, 2500, tasks=20)
        return asyncio.get_running_loop().time()

    assert run(main()) <= 1.001 * optimum(2500, Server())
    assert wire.server.rejected == 0


def test_four_clients_within_a_hundredth_and_at_most_a_hundredth_rejected() -> None:
    server = Server()

    async def main() -> float:
        async def process() -> None:
            wire = Wire(server, delays(random.Random(1)))
            async with client(wire, max_wait=None) as one:
                assert not await fan_out(one, 600, tasks=20)

        await asyncio.gather(*(process() for _ in range(4)))
        return asyncio.get_running_loop().time()

    assert run(main()) <= 1.01 * optimum(2400, Server(), in_flight=80)
    assert server.rejected <= 24


@pytest.mark.parametrize("max_wait", [0.0, 1.0, 60.0])
def test_a_caller_who_obeys_a_rejection_is_served(max_wait: float) -> None:
    wire = Wire(Server(limit=5))

    async def main() -> None:
        async with client(wire, max_wait=max_wait) as one:
            errors = await fan_out(one, 10, tasks=10)
            assert len(errors) == 5

            async def obey(error: evenergy.EvEnergyError) -> None:
                assert isinstance(error, evenergy.RateLimitError)
                await asyncio.sleep(error.retry_after)
                await call(one)

            await asyncio.gather(*map(obey, errors))

    run(main())
    assert wire.server.rejected == 0


@pytest.mark.parametrize("patience", [[None], [None, 9000.0, 30_000.0]])
def test_callers_are_served_in_the_order_in_which_they_came(patience: list[float | None]) -> None:
    wire, served = Wire(Server(limit=2)), list[int]()

    async def main() -> None:
        async with client(wire) as one:
            views = [one.with_options(max_wait=seconds) for seconds in patience]

            async def work(number: int) -> None:
                await call(views[number % len(views)])
                served.append(number)

            await asyncio.gather(*map(work, range(6 if len(patience) > 1 else 20)))
            laws.nothing_stays(one._session.credentials.limiter)

    run(main())
    assert served == sorted(served)


@pytest.mark.parametrize("kind", ["lost", "without headers"])
def test_requests_that_taught_nothing_let_twice_as_many_go(kind: str) -> None:
    server = Server(headers="none" if kind == "without headers" else "both")
    wire = Wire(server, fault=lambda: "never counted" if kind == "lost" else None)

    async def main() -> None:
        async with client(wire, concurrency=100, max_wait=None, retry=evenergy.Retry(attempts=1)) as one:
            await fan_out(one, 31, tasks=31)

    run(main())
    moments = sorted([(one.landed_at or 0.0, 0) for one in wire.sent] + [(one.at, 1) for one in wire.sent])
    in_flight = ended = 0
    for _, is_start in moments:
        in_flight += 1 if is_start else -1
        ended += not is_start
        assert in_flight <= 2**ended, "more in flight than the requests before them allow"


def test_a_caller_who_is_cancelled_leaves_the_trial_to_the_next() -> None:
    wire = Wire(Server())

    async def main() -> None:
        async with client(wire, max_wait=None) as one:
            first = asyncio.create_task(call(one))
            others = [asyncio.create_task(call(one)) for _ in range(20)]
            await asyncio.sleep(0.05)
            assert len(wire.sent) == 1
            first.cancel()
            await asyncio.sleep(0.01)
            assert len(wire.sent) <= 3
            await asyncio.gather(*others)
            laws.nothing_stays(one._session.credentials.limiter)

    run(main())


def test_callers_who_wait_hold_no_connection_that_other_credentials_could_use() -> None:
    wire = Wire(Server(limit=1), check_token=lambda token: Reply(200, 1000, 900) if token == "other" else None)

    async def main() -> None:
        async with client(wire, concurrency=1, max_wait=None) as one:
            await call(one)
            waiting = [asyncio.create_task(call(one)) for _ in range(5)]
            await asyncio.sleep(1)
            began = asyncio.get_running_loop().time()
            await call(one.with_options(auth="other"))
            assert asyncio.get_running_loop().time() - began < 1
            await asyncio.gather(*waiting)

    run(main())


def test_an_observer_is_given_the_time_for_which_a_call_waited() -> None:
    wire, seen = Wire(Server(limit=1)), list[evenergy.Attempt]()

    async def main() -> None:
        async with client(wire, max_wait=None, on_attempt=seen.append) as one:
            await call(one)
            await call(one)

    run(main())
    assert seen[0].waited == 0
    assert seen[1].waited == pytest.approx(WINDOW, abs=5)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        seen[0].waited = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("deadline", [5.0, 50.0])
def test_a_deadline_is_a_part_of_patience(deadline: float) -> None:
    wire = Wire(Server(limit=1))

    async def main() -> None:
        async with client(wire, max_wait=None, deadline=deadline) as one:
            await call(one)
            with pytest.raises(evenergy.RateLimitError) as raised:
                await call(one)
            assert raised.value.retry_after > 3500
        assert asyncio.get_running_loop().time() < 1

    run(main())


@pytest.mark.parametrize("deadline", [5.0, 50.0])
def test_a_deadline_that_runs_out_is_a_timeout(deadline: float) -> None:
    wire = Wire(Server(), delay=lambda: 100.0)

    async def main() -> None:
        async with client(wire, max_wait=60, deadline=deadline, timeout=None) as one:
            errors = await fan_out(one, 20, tasks=20)
        assert [type(error) for error in errors] == [evenergy.RequestTimeoutError] * 20

    run(main())


def test_an_outage_of_the_api_does_not_use_the_bucket_up() -> None:
    server = Server(limit=50)
    server.special = lambda now: Reply(502) if 1 < now < 600 else None
    wire = Wire(server)

    async def main() -> None:
        async with client(wire, max_wait=60) as one:
            await call(one)
            await asyncio.sleep(2)
            await fan_out(one, 40, tasks=10)
            await asyncio.sleep(700)
            assert not await fan_out(one, 40, tasks=10)

    run(main())


def test_a_request_that_never_left_uses_up_nothing() -> None:
    wire = Wire(Server(limit=5))

    async def main() -> None:
        async with client(wire, max_wait=0, retry=evenergy.Retry(attempts=1)) as one:
            await call(one)
            wire.fault = lambda: "unsent"
            for _ in range(8):
                with pytest.raises(evenergy.TransportError):
                    await call(one)
            wire.fault = lambda: None
            for _ in range(4):
                await call(one)
            with pytest.raises(evenergy.RateLimitError):
                await call(one)

    run(main())
    assert wire.server.rejected == 0


def test_a_rejected_token_is_not_sent_by_all_who_wait() -> None:
    class Source:
        def __init__(self) -> None:
            self.number = 1

        async def access_token(self) -> str:
            await asyncio.sleep(0.2)
            return f"token-{self.number}"

        def invalidate(self, token: str) -> None:
            if token == f"token-{self.number}":
                self.number += 1

    rejected: list[str] = []

    def check_token(token: str) -> Reply | None:
        if token == "token-1":
            rejected.append(token)
            return Reply(401)
        return None

    wire = Wire(Server(), check_token=check_token)

    async def main() -> None:
        async with client(wire, auth=Source()) as one:
            assert not await fan_out(one, 500, tasks=500)

    run(main())
    assert 1 <= len(rejected) <= 32


@pytest.mark.parametrize("headers", ["both", "limit", "remaining", "none"])
@pytest.mark.parametrize("retry_after", ["exact", "none", "zero", "one", "small", "hour", "month"])
def test_whatever_the_server_says_it_goes_on(headers: Any, retry_after: Any) -> None:
    server = Server(limit=20, retry_after=retry_after, headers=headers, counts_rejected=True)
    server.others(0.0, 15)
    wire = Wire(server)

    async def main() -> float:
        async with client(wire, max_wait=None) as one:
            assert not await fan_out(one, 30, tasks=30)
        return asyncio.get_running_loop().time()

    assert run(main()) <= 5 * WINDOW
    laws.a_pause_is_for_all(wire.sent)
