"""Random worlds for the rate limiter: a seed makes a server, callers and faults; the laws must hold in each."""

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from unittest.mock import patch

from evenergy._transport.rate_limiter import RateLimiter
from evenergy._transport.rate_window import RateWindow
from evenergy._transport.window import Window
from evenergy.errors import RateLimitError
from tests.transport import laws
from tests.transport.fake_session import FakeSession, Fault, LostError, Record, Session
from tests.transport.virtual_time import WINDOW, Headers, Reply, RetryAfter, Server, VirtualLoop, run

Patience: TypeAlias = list[float | None]

_LONGEST_TRIP = 26.0  # seconds: twice the longest delay, and some
_MOST_REQUESTS = 4000  # of one world


@dataclass
class Figures:
    """The size of a world, for reports."""

    requests: int = 0
    rejected: int = 0
    refusals: int = 0
    lost: int = 0

    def add(self, other: "Figures") -> None:
        self.requests += other.requests
        self.rejected += other.rejected
        self.refusals += other.refusals
        self.lost += other.lost


def figures(record: Record) -> Figures:
    replies = [one.reply for one in record.sent]
    return Figures(
        len(replies),
        sum(reply is not None and reply.status == 429 for reply in replies),
        len(record.rejections),
        replies.count(None),
    )


def delays(rng: random.Random) -> Callable[[], float]:
    """Return a source of one-way delays, some of which let responses overtake each other."""
    kinds: list[Callable[[], float]] = [
        lambda: 0.0,
        lambda: 0.075,
        lambda: rng.uniform(0.01, 1.0),
        lambda: rng.expovariate(5),
        lambda: rng.choice([0.01, 0.05, rng.uniform(0, 12)]),
    ]
    return rng.choice(kinds)


async def cancel_later(work: Coroutine[Any, Any, None], seconds: float) -> None:
    """Run a coroutine, and cancel it after a time."""
    task = asyncio.ensure_future(work)
    handle = asyncio.get_running_loop().call_later(seconds, task.cancel)
    try:
        await asyncio.wait([task])
    finally:
        handle.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    if not task.cancelled():
        task.result()


class World:
    """A server, and callers who share a session with it.

    Args:
        seed: What all is drawn from.
        make_session: Returns the session of a world; the limiter with a fake session where there is none.
    """

    def __init__(self, seed: int, make_session: "Callable[[World], Session] | None" = None) -> None:
        rng = self.rng = random.Random(seed)
        self.limit = rng.choice([1, 2, 3, 5, 10, 30, 100, 300, 1000])
        self.delay = delays(rng)
        self.concurrency = rng.choice([1, 2, 8, 32, 100])
        self.loses = rng.choice([0, 0, 0.05, 0.3])
        self.cancels = rng.choice([0, 0, 0.05, 0.3])
        self.server = Server(limit=self.limit)
        self.skew = 0.0  # of the wall clock
        self.loop = VirtualLoop()
        self.limiter = RateLimiter(RateWindow(random.Random(rng.random())))
        """The limiter that the session uses, whichever session it is."""
        self.session: Session = self._fake_session() if make_session is None else make_session(self)

    def _wall_clock(self) -> float:
        return self.loop.time() + self.skew

    def _fake_session(self) -> Session:
        return FakeSession(self.limiter, self.server, self.rng, self.delay, self.concurrency, self.fault)

    def use(self, window: Window) -> None:
        """Put another window behind the limiter."""
        self.limiter = RateLimiter(window)
        self.session = self._fake_session()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop of this world, and by its wall clock."""
        with patch("time.time", self._wall_clock):
            run(main, self.loop)

    def fault(self) -> Fault | None:
        """Return how the next request fails, if it does."""
        faults: list[Fault] = ["unsent", "never counted", "counted"]
        return self.rng.choice(faults) if self.rng.random() < self.loses else None


class AloneWorld(World):
    """One client on an honest server that nobody else uses."""

    def __init__(self, seed: int, make_session: Callable[[World], Session] | None = None) -> None:
        super().__init__(seed, make_session)
        rng = self.rng
        self.tasks = rng.choice([1, 1, 2, 5, 20, 100, 200])
        self.wanted = rng.randrange(1, min(3 * self.limit + self.tasks + 2, 1500) + 1)
        mixed: Patience = [None, 0, 0.5, 5, 60, 600, 3600, 7200]
        kinds: list[Patience] = [[None], [0], [60], mixed, [0, 1], [3599, 3600, 3601]]
        self.patience = rng.choice(kinds)
        self.idle = rng.choice([0, 0, 0.02, 0.2])

    @property
    def is_calm(self) -> bool:
        """Nothing is lost or cancelled."""
        return not self.loses and not self.cancels

    async def _call(self) -> None:
        """Call, and obey a rejection every other time."""
        max_wait = self.rng.choice(self.patience)
        has_obeyed = False
        while True:
            try:
                await self.session.call(max_wait)
            except LostError:
                return
            except RateLimitError as error:
                rejection = self.session.record.rejections[-1]
                if self.is_calm:
                    assert not laws.is_wrong(rejection, self.server, _LONGEST_TRIP), f"wrongly rejected: {rejection}"
                    assert self.tasks > 1 or not has_obeyed, f"rejected although it obeyed: {rejection}"
                if self.rng.random() < 0.5:
                    return
                has_obeyed = True
                await asyncio.sleep(error.retry_after)
            else:
                return

    async def _work(self) -> None:
        rng = self.rng
        while self.wanted > 0:
            self.wanted -= 1
            if rng.random() < self.idle:
                await asyncio.sleep(rng.uniform(0, 4000))
            if rng.random() < self.cancels:
                await cancel_later(self._call(), rng.choice([0, 0.01, rng.uniform(0, 100), rng.uniform(0, 4000)]))
            else:
                await self._call()

    async def _main(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(self.tasks)))
        await self.session.close()

    def play(self) -> Figures:
        """Run the world, and check the laws."""
        self.run(self._main())
        sent = self.session.record.sent
        responses = [(one.reply.status, one.at, one.landed_at or 0.0) for one in sent if one.reply is not None]
        known_at = -1.0
        if not self.is_calm:  # a lost request may have taken what the next one, sent blindly, does not find
            known_at = min((landed for status, _, landed in responses if status != 429), default=math.inf)
        rejected = [at for status, at, _ in responses if status == 429 and at > known_at]
        assert not rejected, f"429 although alone, to requests sent at {rejected}"
        laws.first_come_first_served(self.session.record)
        laws.rejections_are_told(self.session.record.rejections)
        laws.nothing_stays(self.limiter)
        if self.is_calm:
            laws.one_trial(sent)
        return figures(self.session.record)


class ChaosWorld(World):
    """Anything goes: odd servers and headers, faults, others, clocks that jump. After a healthy hour all is open."""

    def __init__(self, seed: int, make_session: Callable[[World], Session] | None = None) -> None:
        self.is_healthy = False
        super().__init__(seed, make_session)
        rng = self.rng
        self.tasks = rng.choice([1, 2, 5, 20, 100, 300])
        mixed: Patience = [None, 0, 0.5, 5, 60, 600, 3600]
        kinds: list[Patience] = [[None], [0], [60], mixed, [0, 1], [5, 3600]]
        self.patience = rng.choice(kinds)
        self.ends = rng.choice([30, 300, 4000, 9000])
        self.odd = rng.choice([0, 0, 0, 0.02, 0.2])
        self.special = rng.choice([0, 0, 0.02, 0.3])
        self.others = rng.choice([0, 0, 0.3, 1.0, 5.0])  # as a part of what the limit allows
        self.jumps, self.sets_wall, self.changes = (rng.choice([False, False, False, True]) for _ in range(3))
        self.outages = [self._outage() for _ in range(rng.randrange(4))]
        self.server.retry_after, self.server.headers = self._retry_after(), self._headers()
        self.server.counts_rejected = rng.random() < 0.3
        self.server.special, self.server.distort = self._special_reply, self._distort

    # The server

    def _retry_after(self) -> RetryAfter:
        kinds: list[RetryAfter] = ["exact", "exact", "none", "zero", "one", "small", "hour", "month"]
        return self.rng.choice(kinds)

    def _headers(self) -> Headers:
        kinds: list[Headers] = ["both", "both", "both", "both", "both", "limit", "remaining", "none"]
        return self.rng.choice(kinds)

    def _outage(self) -> tuple[float, float, Reply]:
        starts = self.rng.uniform(0, self.ends)
        reply = self.rng.choice([Reply(429, retry_after=1), Reply(429), Reply(500), Reply(502), Reply(503)])
        return starts, starts + self.rng.choice([1, 10, 120, 900]), reply

    def _special_reply(self, now: float) -> Reply | None:
        if self.is_healthy:
            return None
        for starts, ends, reply in self.outages:
            if starts <= now < ends:
                return reply
        if self.rng.random() >= self.special:
            return None
        seconds = self.rng.choice([0, 1, 7, 3600])
        left = max(0, self.limit - self.server.used(now))
        bare = [Reply(502), Reply(503), Reply(404), Reply(200), Reply(429)]
        return self.rng.choice([*bare, Reply(429, self.limit, 0, seconds), Reply(500, self.limit, left)])

    def _distort(self, _: float, reply: Reply) -> Reply:
        if self.is_healthy or self.rng.random() >= self.odd:
            return reply
        numbers = [0, 1, 5, 999, 1000, 1001, 100_000, 10**18, None]
        seconds = self.rng.choice([None, 0, 1, 5, 3600, 604_800, 9_999_999]) if reply.status == 429 else None
        return Reply(reply.status, self.rng.choice(numbers), self.rng.choice(numbers), seconds)

    def fault(self) -> Fault | None:
        return None if self.is_healthy else super().fault()

    # What happens beside

    async def _use_by_others(self) -> None:
        loop = asyncio.get_running_loop()
        while self.others and loop.time() < self.ends:
            await asyncio.sleep(self.rng.expovariate(self.others * self.limit / 600))
            self.server.others(loop.time(), self.rng.choice([1, 1, 1, 5, self.limit // 2]))

    async def _repeat(self, wanted: bool, change: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        while wanted and loop.time() < self.ends:
            await asyncio.sleep(self.rng.uniform(0, self.ends))
            change()

    def _jump(self) -> None:
        self.loop.jump(self.rng.choice([1, 100, 3600, 7200]))

    def _set_wall_clock(self) -> None:
        seconds = self.rng.choice([-(10**6), -3600, 50, 3600, 10**7])
        self.skew += seconds
        if seconds > 0 and self.rng.random() < 0.5:  # the machine was suspended: the server's hour went on
            moved = [at - seconds for at in self.server.log]
            self.server.log.clear()
            self.server.log.extend(moved)

    def _change_server(self) -> None:
        self.server.limit = self.rng.choice([1, 5, 50, self.limit, 2 * self.limit])
        if self.rng.random() < 0.3:
            self.server.log.clear()

    # The callers

    async def _call(self) -> None:
        try:
            await self.session.call(self.rng.choice(self.patience))
        except LostError:
            pass
        except RateLimitError as error:
            await asyncio.sleep(error.retry_after if self.rng.random() < 0.7 else self.rng.uniform(0.5, 100))

    async def _work(self) -> None:
        rng, loop = self.rng, asyncio.get_running_loop()
        while loop.time() < self.ends and len(self.session.record.sent) < _MOST_REQUESTS:
            if rng.random() < 0.05:
                await asyncio.sleep(rng.uniform(0, self.ends))
            if rng.random() < self.cancels:
                await cancel_later(self._call(), rng.choice([0, 0.01, rng.uniform(0, 1), rng.uniform(0, 300)]))
            else:
                await self._call()
            if rng.random() < 0.3:
                await asyncio.sleep(rng.expovariate(1))

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        callers = [asyncio.create_task(self._work()) for _ in range(self.tasks)]
        await asyncio.gather(
            self._use_by_others(),
            self._repeat(self.jumps, self._jump),
            self._repeat(self.sets_wall, self._set_wall_clock),
            self._repeat(self.changes, self._change_server),
            asyncio.sleep(self.ends - loop.time()),
        )
        for caller in callers:
            caller.cancel()
        for outcome in await asyncio.gather(*callers, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), repr(outcome)
        laws.nothing_stays(self.limiter)
        await self._recover()
        await self.session.close()

    async def _recover(self) -> None:
        server = self.server
        self.is_healthy = True
        server.limit, server.retry_after, server.counts_rejected, server.headers = self.limit, "exact", False, "both"
        await asyncio.sleep(WINDOW + 0.1)
        rejected = server.rejected
        calls = (self.session.call(max_wait=0) for _ in range(min(self.limit, 400)))
        failed = [outcome for outcome in await asyncio.gather(*calls, return_exceptions=True) if outcome is not None]
        assert not failed, f"{len(failed)} failed after a healthy hour: {failed[0]!r}"
        assert server.rejected == rejected, "429 after a healthy hour"

    def play(self) -> Figures:
        """Run the world, and check the laws."""
        self.run(self._main())
        record = self.session.record
        laws.first_come_first_served(record)
        laws.rejections_are_told(record.rejections)
        if not self.sets_wall:  # a pause ends early where the clock says that the machine was suspended
            laws.a_pause_is_for_all(record.sent)
        return figures(record)


@dataclass(frozen=True)
class Shared:
    """The outcome of several processes on one bucket: seconds, and how many requests were rejected."""

    seconds: float
    rejected: int


def processes(
    jobs: tuple[int, ...],
    server: Server,
    seed: int,
    *,
    tasks: int = 20,
    round_trip: float = 0.15,
    lost: float = 0.0,
    windows: Callable[[random.Random], Window] = RateWindow,
) -> Shared:
    """Run processes that each want so many requests and have all patience."""
    rng = random.Random(seed)

    async def process(wanted: int) -> None:
        delay = partial(rng.lognormvariate, math.log(round_trip / 2), 0.4)
        limiter = RateLimiter(windows(random.Random(rng.random())), lambda: 0.0)
        session = FakeSession(limiter, server, rng, delay, fault=lambda: "counted" if rng.random() < lost else None)
        numbers = iter(range(wanted))

        async def work() -> None:
            for _ in numbers:
                try:
                    await session.call()
                except LostError:
                    continue

        await asyncio.gather(*(work() for _ in range(tasks)))

    async def main() -> float:
        await asyncio.gather(*(process(wanted) for wanted in jobs))
        return asyncio.get_running_loop().time()

    return Shared(run(main()), server.rejected)


def optimum(wanted: int, server: Server, *, round_trip: float = 0.15, in_flight: int = 20) -> float:
    """Return the earliest end: a slot is free an hour after the request that took it, and tasks have round trips."""
    log, now = list(server.log), 0.0
    for _ in range(wanted):
        now = max(now + round_trip / in_flight, log[-server.limit] + WINDOW if len(log) >= server.limit else 0.0)
        log.append(now)
    return now + round_trip / 2
