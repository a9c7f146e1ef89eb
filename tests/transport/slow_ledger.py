"""A window whose numbers are elsewhere: it shows that a ledger which several processes share fits behind `Window`."""

import asyncio
import math
from collections.abc import Callable

from evenergy._transport.rate_window import RateWindow
from evenergy._transport.window import LimitReading, Permit, State


class SlowLedger:
    """The window of one process in front of a store that answers after a while, as a database does."""

    def __init__(self, store: RateWindow, delay: Callable[[], float], poll: float = 5.0) -> None:
        self._store = store
        self._delay = delay
        self._poll = poll  # seconds until the store is asked again: other processes do not tell what they change
        self._wake: Callable[[], None] = lambda: None
        self._ready: list[Permit] = []  # granted by the store, and not handed out yet
        self._granted: dict[Permit, Permit] = {}  # to the store's own permit
        self._is_asking = False
        self._ask_at = 0.0
        self._epoch = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def reading(self) -> LimitReading | None:
        return self._store.reading

    def start(self, now: float, wake: Callable[[], None]) -> None:
        self._wake, self._is_asking, self._ask_at = wake, False, now
        for permit in [*self._ready, *self._granted.values()]:
            self._store.lost(permit, now)
        self._ready.clear()
        self._granted.clear()

    def take(self, now: float, ticket: int, waited: float = 0.0, *, hurry: bool = False) -> Permit | None:
        if self._ready:
            permit = Permit(self._epoch, now, ticket, waited)
            self._granted[permit] = self._ready.pop(0)
            return permit
        if not self._is_asking and (hurry or now >= self._ask_at):
            self._is_asking = True
            self._begin(self._ask(ticket, self._epoch, hurry=hurry))
        return None

    async def _ask(self, ticket: int, epoch: int, *, hurry: bool) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._delay())
        permit = self._store.take(loop.time(), ticket, hurry=hurry)
        self._ask_at = min(self._store.next_change(loop.time()), loop.time() + self._poll) if permit is None else 0.0
        await asyncio.sleep(self._delay())
        self._is_asking = False
        if permit is not None and epoch == self._epoch:
            self._ready.append(permit)
        elif permit is not None:  # a 429 came meanwhile
            self._store.give_back(permit, loop.time())
        self._wake()
        while self._ready:
            self._store.give_back(self._ready.pop(), loop.time())

    def holds(self, permit: Permit) -> bool:
        return permit.epoch == self._epoch and permit in self._granted and self._store.holds(self._granted[permit])

    def sent(self, permit: Permit, now: float) -> None:
        permit.depart(now, 0, 0)
        self._store.sent(self._granted[permit], now)

    def responded(
        self,
        permit: Permit,
        now: float,
        wall: float,
        status: int,
        limit: int | None,
        remaining: int | None,
        retry_after: float | None,
    ) -> None:
        if status == 429:  # at once for this process
            self._epoch += 1
            while self._ready:
                self._store.give_back(self._ready.pop(), now)
        self._settle(
            permit,
            lambda inner, later: self._store.responded(inner, later, wall, status, limit, remaining, retry_after),
        )

    def lost(self, permit: Permit, now: float) -> None:  # the store has a clock
        self._settle(permit, self._store.lost)

    def give_back(self, permit: Permit, now: float) -> None:
        self._settle(permit, self._store.give_back)

    def _settle(self, permit: Permit, apply: Callable[[Permit, float], None]) -> None:
        inner = self._granted.pop(permit, None)
        if inner is not None:
            self._begin(self._settle_later(inner, apply))

    async def _settle_later(self, inner: Permit, apply: Callable[[Permit, float], None]) -> None:
        await asyncio.sleep(self._delay())
        apply(inner, asyncio.get_running_loop().time())
        self._ask_at = 0.0
        self._wake()

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def distrust(self, now: float) -> None:
        self._store.distrust(now)
        self._ask_at = now

    def earliest(self, now: float, place: int) -> float:
        return -math.inf if self._tasks else self._store.earliest(now, place)

    def expected(self, now: float, place: int) -> float:
        return self._store.expected(now, place)

    def next_change(self, now: float) -> float:
        return self._ask_at if self._ask_at > now else self._store.next_change(now)

    def state(self, now: float) -> State:
        return self._store.state(now)
