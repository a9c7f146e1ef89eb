"""One run over a fleet: a sweep of the list, then reads of single vehicles. It decides everything, and sends nothing.

    run = SyncRun(marks, options)
    while run.next_page():
        ...  # request the page of the list at run.next_url
        changes = run.take_page(newest_log_of_each_vehicle, next_url)
    while True:
        while has_capacity and (read := run.next_read()) is not None:
            ...  # request the logs of read.vehicle_id from read.since until read.until, in the background
        ...  # wait for one of them
        changes = run.take_logs(read, page)

The caller hands out the changes of each call before it makes the next call: marks are handed out in the order in which
they change. `evenergy.fleet.marks` has the rules for a vehicle, and the guarantee.
"""

import heapq
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar, cast

import attrs

from evenergy._codec import validate
from evenergy.errors import DecodeError, EvEnergyError, InvalidArgumentError

from .marks import END, Gap, Log, LogPage, Mark, micros, moment, parse_position, position_text

T = TypeVar("T")

POSITION: Final = ""
"""The key, among the marks, of the place where a sweep was cut short."""
SHARE: Final = 4
"""Every fourth read goes to history, so that it moves on under constant load."""
PAGES: Final = 32
"""A gap that seems to hold as many pages is cut in two when nothing else is left to start."""
LEAST_BUDGET: Final = 2

_MICROSECOND = timedelta(microseconds=1)
_UNLIMITED = 1 << 62  # requests


@attrs.frozen
class Options:
    """The wishes of a run. All times are whole microseconds.

    Attributes:
        now: When the run begins. News of this run is dated with it, and reads that are due later wait for the next run.
        since: Where the wanted range begins; None begins with the newest log of a vehicle that is new.
        within: How long a read may wait for more news of its vehicle.
        lookback: How late a log may be stored and still be found.
        budget: How many requests the run may spend; None sets no bound.
    """

    now: int
    since: int | None
    within: int
    lookback: int
    budget: int | None

    @classmethod
    def of(
        cls,
        *,
        now: datetime,
        since: datetime | None = None,
        within: timedelta = timedelta(0),
        lookback: timedelta = timedelta(hours=6),
        budget: int | None = None,
    ) -> "Options":
        """Return the options for these arguments of the caller.

        Raises:
            InvalidArgumentError: A time without a zone or in the future, a negative duration, a budget below 2.
        """
        start = None if since is None else validate.instant(since)
        if start is not None and start > now:
            raise InvalidArgumentError(f"expected since to be in the past, got {start.isoformat()}")
        if budget is not None and (type(budget) is not int or budget < LEAST_BUDGET):
            raise InvalidArgumentError(f"expected a budget of {LEAST_BUDGET} requests or more, or None, got {budget!r}")
        return cls(
            now=micros(now),
            since=None if start is None else micros(start),
            within=validate.duration("within", within, zero=True) // _MICROSECOND,
            lookback=validate.duration("lookback", lookback, zero=True) // _MICROSECOND,
            budget=budget,
        )


@attrs.frozen
class Read:
    """One request for logs of a vehicle, newest first and 100 a page.

    The gap that is left afterwards says where to go on, so no cursor is kept.
    """

    vehicle_id: str
    gap: Gap

    @property
    def since(self) -> datetime:
        """The filter ``sampled_at__gte``, which includes its bound."""
        return moment(self.gap.low + 1)

    @property
    def until(self) -> datetime | None:
        """The filter ``sampled_at__lte``, which includes its bound; None for a read from the top."""
        return None if self.gap.high == END else moment(self.gap.high - 1)


@attrs.frozen
class Changes(Generic[T]):
    """The outcome of one response.

    Attributes:
        logs: Logs that were never delivered.
        marks: The marks that changed, to be stored once the logs are safe.
        error: Why the vehicle could not be read, or None.
    """

    logs: list[T] = attrs.Factory(list[T])
    marks: dict[str, str] = attrs.Factory(dict[str, str])
    error: EvEnergyError | None = None


class SyncRun(Generic[T]):
    """The decisions of one run, in the order of its responses.

    Attributes:
        requests: The requests spent so far: attempts that took a permit, retries too.
        next_url: The URL of the next page of the list; None stands for the beginning.

    Raises:
        InvalidArgumentError: The marks are no mapping, or one cannot be read.
    """

    def __init__(self, marks: Mapping[str, str], options: Options) -> None:
        if not isinstance(cast("object", marks), Mapping):
            raise validate.invalid_argument("marks as a mapping of ids to texts, {} the first time", marks)
        self._options = options
        self._position = parse_position(marks[POSITION]) if POSITION in marks else None
        self._marks = {vehicle_id: Mark.parse(vehicle_id, marks[vehicle_id]) for vehicle_id in marks if vehicle_id}
        self._due = sum(self._is_due(mark) for mark in self._marks.values())
        self._gaps = 0  # of the vehicles that were listed
        self._budget = _UNLIMITED if options.budget is None else options.budget
        reads_wait = self._due or any(mark.gaps for mark in self._marks.values())
        self._sweep_budget = max(1, self._budget // 2) if reads_wait else self._budget
        self._listed: set[str] = set()
        self._swept = self._rejected = self._idle = False
        self._news: list[tuple[int, str]] = []
        self._old: list[tuple[int, str, Gap]] = []
        # Not 0: runs of fewer reads than SHARE come round to history too.
        self._turn = random.Random(options.now).randrange(SHARE)
        self._in_flight: dict[Read, bool] = {}  # and True for reads that no other of their vehicle may run beside
        self._exclusive: set[str] = set()
        self._failed: set[str] = set()
        self.requests: int = 0
        self.next_url = self._position

    @property
    def left(self) -> int:
        """The number of reads that are known to wait: news that is due, and gaps of vehicles that were listed."""
        return self._due + self._gaps - len(self._in_flight)

    # The sweep

    def next_page(self) -> bool:
        """Return True and spend a request if another page of the list is to be requested."""
        if self._swept or self._rejected or self.requests >= self._sweep_budget:
            return False
        self.requests += 1
        return True

    def take_page(self, vehicles: Iterable[tuple[str, Log[T] | None]], next_url: str | None) -> Changes[T]:
        """Return the changes after a page of the list: each vehicle's id and newest log, None where it has none."""
        changes: Changes[T] = Changes()
        for vehicle_id, newest in vehicles:
            mark = self._marks.get(vehicle_id)
            if vehicle_id not in self._listed:
                self._listed.add(vehicle_id)
                self._gaps += 0 if mark is None else len(mark.gaps)
            if newest is not None:
                self._replace(vehicle_id, *self._noticed(mark, newest), changes)
        self.next_url = next_url
        if next_url is None or self.requests >= self._sweep_budget:
            self._end_sweep(changes)
        return changes

    def page_rejected(self) -> Changes[T]:
        """Return the changes after the rate limiter rejected a page before it was sent: the run ends."""
        changes: Changes[T] = Changes()
        self.requests -= 1
        self._rejected = True
        self._end_sweep(changes)
        return changes

    def restart(self) -> Changes[T] | None:
        """Return the changes if the sweep begins anew, after the API rejected the place where the last one stopped.

        None: the failing page is another one, and beginning anew does not help.
        """
        if self._listed or self.next_url is None:
            return None
        self.next_url = self._position = None
        return Changes(marks={POSITION: position_text(None)})

    def _noticed(self, mark: Mark | None, newest: Log[T]) -> tuple[Mark, list[Log[T]]]:
        since, now = self._options.since, self._options.now
        if mark is None:
            return Mark.first(newest, since, now)
        return (mark if since is None else mark.earlier(since)).notice(newest, now)

    def _end_sweep(self, changes: Changes[T]) -> None:
        self._swept = True
        for vehicle_id in self._marks:
            self._enqueue(vehicle_id)
        if self.next_url != self._position:
            changes.marks[POSITION] = position_text(self.next_url)

    # Reads

    def next_read(self) -> Read | None:
        """Return the next read and spend a request, or None when there is nothing to start now.

        After None, another read may come up when one that is in flight has ended.
        """
        if self._rejected or self.requests >= self._budget:
            return None
        read = self._pop()
        self._idle = read is None
        if read is None:
            return None
        self.requests += 1
        self._turn += 1
        exclusive = self._exclusive_read(read)
        self._in_flight[read] = exclusive
        if exclusive:
            self._exclusive.add(read.vehicle_id)
        return read

    def spend_retry(self) -> bool:
        """Return True and spend a request if an attempt may be repeated."""
        if self.requests >= self._budget:
            return False
        self.requests += 1
        return True

    def take_logs(self, read: Read, page: LogPage[T]) -> Changes[T]:
        """Return the changes after the response to a read."""
        rest = page.rest(read.gap)
        if rest == read.gap:
            self.read_failed(read)
            return Changes(error=_stuck(read))
        self._finish(read)
        options, old = self._options, self._marks[read.vehicle_id]
        mark, fresh = old.accept(read.gap, page, now=options.now, lookback=options.lookback)
        if (
            rest is not None
            and self._idle
            and mark.settled(rest)
            and rest.high - rest.low > PAGES * max(1, page.span())
        ):
            mark = mark.cut(rest)
        changes: Changes[T] = Changes()
        self._replace(read.vehicle_id, mark, fresh, changes)
        self._enqueue(read.vehicle_id)
        return changes

    def vehicle_not_found(self, read: Read) -> Changes[T]:
        """Return the changes after a read whose vehicle the API does not know: it is not read again in this run."""
        self.read_failed(read)
        changes: Changes[T] = Changes()
        mark = self._marks[read.vehicle_id].not_found(self._options.now)
        self._replace(read.vehicle_id, mark, [], changes)
        return changes

    def read_failed(self, read: Read) -> None:
        """Record that a read failed: the mark stays, and the vehicle is read again by the next run."""
        self._finish(read)
        self._failed.add(read.vehicle_id)

    def read_rejected(self, read: Read) -> None:
        """Record that the rate limiter rejected a read before it was sent: no further read is started."""
        self._finish(read)
        self.requests -= 1
        self._rejected = True

    def _finish(self, read: Read) -> None:
        if self._in_flight.pop(read):
            self._exclusive.discard(read.vehicle_id)

    def _exclusive_read(self, read: Read) -> bool:
        """Return True for a read above the anchor: logs may still appear there, so such reads take turns."""
        return not self._marks[read.vehicle_id].settled(read.gap)

    def _pop(self) -> Read | None:
        history_first = self._turn % SHARE == SHARE - 1
        return (self._pop_gap() or self._pop_news()) if history_first else (self._pop_news() or self._pop_gap())

    def _pop_news(self) -> Read | None:
        """Return a read from the top of the vehicle whose news was noticed first."""
        while self._news:
            _, vehicle_id = heapq.heappop(self._news)
            mark = self._marks[vehicle_id]
            if self._is_due(mark) and vehicle_id not in self._exclusive and vehicle_id not in self._failed:
                return Read(vehicle_id, mark.top())
        return None

    def _pop_gap(self) -> Read | None:
        """Return a read of the newest gap of all."""
        while self._old:
            _, vehicle_id, gap = heapq.heappop(self._old)
            read, mark = Read(vehicle_id, gap), self._marks[vehicle_id]
            if vehicle_id in self._failed or read in self._in_flight or gap not in mark.gaps:
                continue
            if mark.settled(gap) or (gap == mark.gaps[0] and vehicle_id not in self._exclusive):
                return read
        return None

    def _enqueue(self, vehicle_id: str) -> None:
        """Queue all reads of a vehicle.

        A read that cannot start when its turn comes is dropped. It is queued again when the read before it has ended.
        """
        mark = self._marks[vehicle_id]
        if mark.moved is not None and self._is_due(mark):
            heapq.heappush(self._news, (mark.moved, vehicle_id))
        if vehicle_id in self._listed:  # history of a vehicle that has vanished would cost a request each run
            for gap in mark.gaps:
                heapq.heappush(self._old, (-gap.high, vehicle_id, gap))

    # The marks

    def _is_due(self, mark: Mark) -> bool:
        return mark.due(self._options.now, self._options.within)

    def _replace(self, vehicle_id: str, mark: Mark, fresh: list[Log[T]], changes: Changes[T]) -> None:
        """Put a mark in the place of the one before, and write it down if it changed."""
        old = self._marks.get(vehicle_id)
        if mark == old:
            return
        self._marks[vehicle_id] = mark
        self._due += self._is_due(mark) - (old is not None and self._is_due(old))
        if vehicle_id in self._listed:
            self._gaps += len(mark.gaps) - (0 if old is None else len(old.gaps))
        changes.marks[vehicle_id] = mark.text()
        changes.logs.extend(log.value for log in fresh)


def _stuck(read: Read) -> DecodeError:
    return DecodeError(
        f"the status logs of {read.vehicle_id} cannot be read any further: a page from {read.since} until"
        f" {read.until or 'now'} has a next page, and no log older than its upper bound"
    )
