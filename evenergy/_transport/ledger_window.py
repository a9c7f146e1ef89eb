"""Windows over a ledger that processes share: what `RateLimiter` asks at once, and a `Budget` knows after a while."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from evenergy.errors import BudgetError

from .budget import Budget, Settlement, Slot, Wait
from .shares import LocalBudget, LocalShares, reserve_of
from .window import SHORTEST_PAUSE, LimitReading, Permit, State, Window

_TOO_MANY = 429
_TRY_AGAIN = 30.0  # seconds until a ledger that cannot be reached is tried again
_LONGEST_PAUSE = 3600.0
_DRAIN = 2.0  # seconds in which the last settlements may reach the ledger when a client closes

_log = logging.getLogger(__name__)


class SharedLedger:
    """One bucket of a budget, as a client uses it: its windows, a share each, and the state that they have in common.

    While the ledger cannot be reached, the process counts for itself, with one warning.
    """

    def __init__(self, budget: Budget, bucket: str, reserve: Mapping[str, float]) -> None:
        self.budget: Budget = budget
        self.bucket: str = bucket
        self.reading: LimitReading | None = None
        self.epoch: int = 0
        """The number of 429 responses that this process received."""
        self.paused_until: float = -math.inf
        """The loop's time before which nothing is sent, as far as this process knows by itself."""
        self.telling: int = 0
        """429s that the ledger has not heard of yet."""
        self.is_down: bool = False
        self.retry_at: float = -math.inf
        """The loop's time at which a ledger that cannot be reached is tried again."""
        self.error: BudgetError | None = None
        """The error of all who wait now, where the ledger is required."""
        self._local = LocalShares(reserve)
        self._windows: dict[str, LedgerWindow] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def view(self, share: str) -> Window:
        """Return the window as a share has it."""
        return self._windows.setdefault(share, LedgerWindow(self, share, self._local.view(share)))

    def start(self) -> None:
        """Begin on a new event loop, once for all shares."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self.paused_until, self.retry_at, self.telling = loop, -math.inf, -math.inf, 0
            self._tasks = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to ask or to tell the ledger something."""
        if self._is_closed:  # what is in flight is left to expire
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def reject(self, now: float, retry_after: float | None, *, is_told: bool) -> None:
        """Stop all shares at once, after a 429; ``is_told`` says that the ledger will hear of it."""
        self.telling += is_told
        self.epoch += 1
        pause = min(max(SHORTEST_PAUSE, retry_after or 0.0), _LONGEST_PAUSE)
        self.paused_until = max(self.paused_until, now + pause)
        for window in self._windows.values():
            window.withdraw()

    async def settle(self, slot: Slot, settlement: Settlement) -> None:
        """Tell the ledger the end of a slot; if it cannot be reached, its own count shows it as somebody else's."""
        try:
            await self.budget.settle(slot, settlement)
        except Exception as error:  # noqa: BLE001  a budget of the caller's may raise anything
            self.failed(error)
            self.clear()  # the calls that wait will meet it themselves
        finally:
            if settlement.status == _TOO_MANY:
                self.telling = max(0, self.telling - 1)
        self.wake()

    def wake(self) -> None:
        """Let all shares ask the ledger again."""
        for window in self._windows.values():
            window.ask_again()

    def failed(self, error: Exception) -> None:
        """Go on without the ledger, and say so once."""
        self.retry_at = asyncio.get_running_loop().time() + _TRY_AGAIN
        if self.budget.required:
            self.retry_at, self.error = -math.inf, _unreachable(error)  # each call tries it
            return
        if not self.is_down:
            self.is_down = True
            _log.warning(
                "the budget cannot be reached, this process counts for itself and tries again every %.0f s: %s",
                _TRY_AGAIN,
                error,
            )

    def note(self, reading: LimitReading) -> None:
        """Note what a response said of the rate limit."""
        self.reading = reading

    def clear(self) -> None:
        """Let the next call try the ledger again, after all who waited have the error."""
        self.error = None

    def reached(self) -> None:
        """Use the ledger again."""
        if self.is_down:
            self.is_down = False
            _log.info("the budget is reached again")

    async def close(self) -> None:
        """Let the last settlements reach the ledger, and close what is open on this loop."""
        tasks = [task for task in self._tasks if task.get_loop() is asyncio.get_running_loop()]
        if tasks:
            await asyncio.wait(tasks, timeout=_DRAIN)
        self._is_closed = True
        await self.budget.close()


class LedgerWindow:
    """Window of one share over a ledger. It implements `Window`; that protocol says how."""

    def __init__(self, ledger: SharedLedger, share: str, local: Window) -> None:
        self._ledger = ledger
        self._share = share
        self._local = local  # for the time in which the ledger cannot be reached
        self._wake: Callable[[], None] = _nothing
        self._ready: Slot | None = None  # granted by the ledger, and not handed out yet
        self._slots: dict[Permit, Slot] = {}
        self._local_epochs: dict[Permit, int] = {}  # of the permits that the process granted itself
        self._is_asking = False
        self._has_hurried = False  # the last request to the ledger was for a caller who would fail
        self._ask_at = -math.inf
        self._wait = Wait(0.0, State.UNKNOWN)
        self._heard_at = -math.inf  # when the ledger said so
        self._run = object()  # another one on each event loop

    @property
    def reading(self) -> LimitReading | None:
        """The last limit and remaining count that a response had, or None."""
        return self._ledger.reading

    def start(self, now: float, wake: Callable[[], None]) -> None:
        """Begin on a new event loop: what was in flight on the one before is lost, or was not sent."""
        self._ledger.start()
        self._local.start(now, wake)
        self._run, self._wake, self._is_asking, self._ask_at = object(), wake, False, -math.inf
        self._wait, self._heard_at = Wait(0.0, State.UNKNOWN), -math.inf
        self.withdraw()
        slots, self._slots = self._slots, {}
        for permit, slot in slots.items():
            self._settle(slot, Settlement("unsent" if permit.sent_at is None else "lost"))

    def take(self, now: float, ticket: int, waited: float = 0.0, *, hurry: bool = False) -> Permit | None:
        """Return a permit that the ledger has granted, or begin to ask for one.

        Raises:
            BudgetError: The ledger cannot be reached, and is required.
        """
        ledger, slot = self._ledger, self._ready
        if ledger.error is not None:
            raise ledger.error
        if slot is not None:
            self._ready = None
            granted = Permit(ledger.epoch, now, ticket, waited)
            self._slots[granted] = slot
            return granted
        is_due = now >= self._ask_at or (hurry and not self._has_hurried)
        if is_due and not self._is_asking and not ledger.telling and now >= ledger.retry_at:
            self._is_asking = True
            ledger.begin(self._ask(self._run, hurry=hurry))
        if not ledger.is_down or now < ledger.paused_until:
            return None
        permit = self._local.take(now, ticket, waited, hurry=hurry)
        if permit is not None:
            self._local_epochs[permit] = ledger.epoch
        return permit

    def holds(self, permit: Permit) -> bool:
        """Return whether a permit is still good: no 429 came since, as far as this process knows."""
        slot = self._slots.get(permit)
        if slot is None:
            return self._local_epochs.get(permit) == self._ledger.epoch and self._local.holds(permit)
        return permit.epoch == self._ledger.epoch and self._ledger.budget.holds(slot)

    def sent(self, permit: Permit, now: float) -> None:
        """Record that the request was sent."""
        if permit in self._slots:
            permit.depart(now, 0, 0)
        else:
            self._local.sent(permit, now)

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
        """Record a response, here at once, and begin to tell the ledger."""
        if limit is not None and remaining is not None:
            self._ledger.note((limit, remaining, wall))
        slot = self._slots.pop(permit, None)
        if status == _TOO_MANY:
            self._ledger.reject(now, retry_after, is_told=slot is not None)
        if slot is None:
            self._local_epochs.pop(permit, None)
            self._local.responded(permit, now, wall, status, limit, remaining, retry_after)
            return
        self._settle(slot, Settlement("response", status, limit, remaining, retry_after))

    def lost(self, permit: Permit, now: float) -> None:
        """Record that a request ended without a response that says anything."""
        self._end(permit, "unsent" if permit.sent_at is None else "lost", self._local.lost, now)

    def give_back(self, permit: Permit, now: float) -> None:
        """Record that a request was not sent, or surely did not reach the API."""
        self._end(permit, "unsent", self._local.give_back, now)

    def withdraw(self) -> None:
        """Give a slot back that nobody has taken yet."""
        slot, self._ready = self._ready, None
        if slot is not None:
            self._settle(slot, Settlement("unsent"))

    def ask_again(self) -> None:
        """Let the queue ask the ledger again."""
        self._ask_at, self._has_hurried = -math.inf, False
        self._wake()

    # What can be expected

    def distrust(self, now: float) -> None:
        """Ask the ledger again: its clock went on."""
        self._ask_at = min(self._ask_at, now)
        self._local.distrust(now)

    def earliest(self, now: float, place: int) -> float:
        """Return the time before which the waiter at a place of the queue surely gets no permit, or ``-inf``."""
        ledger = self._ledger
        if ledger.is_down:
            earliest = self._local.earliest(now, place)
            return max(ledger.paused_until, earliest) if now < ledger.paused_until else earliest
        if self._is_asking or self._ready or ledger.telling or self._heard_at == -math.inf or now >= self._ask_at:
            return -math.inf
        earliest = self._heard_at + self._wait.earliest(place)
        return earliest if earliest > now else -math.inf

    def expected(self, now: float, place: int) -> float:
        """Return the time at which the waiter at a place of the queue probably gets a permit."""
        ledger = self._ledger
        if ledger.is_down:
            return max(ledger.paused_until, self._local.expected(now, place))
        paused_until = ledger.paused_until if ledger.telling else now
        return max(now, paused_until, self._heard_at + self._wait.expected(place))

    def next_change(self, now: float) -> float:
        """Return the next time at which ``take`` may succeed because time has passed, or ``inf``."""
        ledger = self._ledger
        if ledger.is_down:
            times = (ledger.retry_at, ledger.paused_until, self._local.next_change(now))
            return min((time for time in times if time > now), default=math.inf)
        return self._ask_at if self._ask_at > now else math.inf

    def state(self, now: float) -> State:
        """Return the state, for messages."""
        if now < self._ledger.paused_until and (self._ledger.is_down or self._ledger.telling):
            return State.CLOSED
        return self._local.state(now) if self._ledger.is_down else self._wait.state

    # The ledger

    async def _ask(self, run: object, *, hurry: bool) -> None:
        ledger, loop = self._ledger, asyncio.get_running_loop()
        epoch, found = ledger.epoch, None
        try:
            found = await ledger.budget.take(ledger.bucket, self._share, hurry=hurry)
        except Exception as error:  # noqa: BLE001  a budget of the caller's may raise anything
            ledger.failed(error)
        finally:
            self._is_asking = run is not self._run and self._is_asking
        if found is not None:
            ledger.reached()
        if isinstance(found, Slot):
            self._hand_out(found, is_current=run is self._run and epoch == ledger.epoch)
            return
        if found is not None:
            self._wait, self._heard_at = found, loop.time()
            self._ask_at, self._has_hurried = self._heard_at + max(found.seconds, 0.001), hurry
        self._wake()
        ledger.clear()

    def _hand_out(self, slot: Slot, *, is_current: bool) -> None:
        """Offer a slot to the queue; what nobody takes goes back to the ledger."""
        if not is_current or not self._ledger.budget.holds(slot):
            self._settle(slot, Settlement("unsent"))
            return
        self._ready, self._ask_at = slot, -math.inf
        self._wake()
        self.withdraw()

    def _end(self, permit: Permit, kind: str, otherwise: Callable[[Permit, float], None], now: float) -> None:
        slot = self._slots.pop(permit, None)
        if slot is None:
            self._local_epochs.pop(permit, None)
            otherwise(permit, now)
        else:
            self._settle(slot, Settlement(kind))

    def _settle(self, slot: Slot, settlement: Settlement) -> None:
        self._ledger.begin(self._ledger.settle(slot, settlement))


def shares_of(
    budget: Budget | LocalBudget, bucket: str
) -> tuple[LocalShares | SharedLedger | None, SharedLedger | None]:
    """Return the shares of a bucket, None where nothing is kept for any, and the ledger, None for none."""
    if isinstance(budget, LocalBudget):
        return LocalShares(budget.reserve) if budget.reserve else None, None
    ledger = SharedLedger(budget, bucket, reserve_of(getattr(budget, "reserve", None)))
    return ledger, ledger


def _unreachable(error: Exception) -> BudgetError:
    if isinstance(error, BudgetError):
        return error
    failed = BudgetError(f"the budget cannot be reached: {type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed


def _nothing() -> None:
    """Do nothing."""
