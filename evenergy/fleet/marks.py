"""Marks: how far the logs of each vehicle were delivered. Pure, on whole microseconds.

A log's key is its ``sampled_at``, which names it within its vehicle. A mark has one meaning, and every rule below
follows from it:

    Of the wanted range (``since`` and later): everything up to ``anchor`` was delivered, except inside ``gaps`` (open
    intervals, still to be read); above ``anchor`` exactly the keys in ``seen`` were delivered.

One more fact holds at any time: the keys between the anchor and the upper end of the newest gap all lie in gaps. The
next read from the top therefore covers all that is above the anchor and in no gap. Whoever reads a vehicle's older gap
before its newer one, or two of them at once, must first make sure that they lie below the anchor.

The guarantee of a run (`evenergy.fleet.run`) with these marks:

- *Once*: with logs and marks of a page written in one transaction nothing is delivered twice. Logs first, marks after:
  repeats of at most the pages in hand after a crash, which a primary key (vehicle, sampled_at) drops. Marks first: logs
  are lost.
- *None lost*: a log comes out if it was stored at most ``lookback`` after it was sampled, **or** at most ``lookback``
  after the first newer log of its vehicle was stored. It comes with the vehicle's next report at the latest (plus
  ``within``): late logs of a vehicle that stands still wait for that.
- *Fresh*: the newest log of each vehicle comes with the list.

Proof of *None lost*: the anchor comes from a log x with ``x.logged <= stored - lookback``. It is at most ``x.key`` and
at most ``x.logged``. Let a log s below the anchor appear after the read, so after ``stored``. Then s was stored more
than ``lookback`` after x, which is newer than s. And s was sampled before ``x.logged``, so more than ``lookback``
before it was stored. It breaks both promises. A log that keeps either of them lies above the anchor, and is read again.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar
from urllib.parse import unquote

import attrs
import msgspec

from evenergy.errors import InvalidArgumentError

T = TypeVar("T")

HOUR: Final = 3_600_000_000
"""Microseconds."""
END: Final = 1 << 62
"""The upper end of a gap without one: above every key."""
BLIND: Final = HOUR
"""Interval at which a vehicle is read whose newest log lies in the future, so that the list cannot show news."""
ABSENT: Final = 24 * HOUR
"""Time for which a vehicle that was not found is left alone. News is never scheduled further ahead than this."""

_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Return an aware datetime as microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


def moment(key: int) -> datetime:
    """Return microseconds since 1970 as a datetime in UTC."""
    return _EPOCH + key * _MICROSECOND


_FIRST = micros(datetime.min.replace(tzinfo=UTC))
_LAST = micros(datetime.max.replace(tzinfo=UTC))


@attrs.frozen
class Log(Generic[T]):
    """The two times of a log, and the log itself.

    Attributes:
        key: ``sampled_at``.
        logged: ``logged_at``.
        value: The log as the caller holds it. It takes no part in comparisons.
    """

    key: int
    logged: int
    value: T = attrs.field(eq=False, repr=False)


def log_of(value: T, *, sampled_at: datetime | None, logged_at: datetime | None, url: str | None) -> Log[T] | None:
    """Return a log with its times, or None where nothing tells its key: such a log cannot be delivered exactly once.

    Without ``sampled_at`` the key is the last segment of the URL. Without ``logged_at`` it counts as stored when it was
    sampled.
    """
    sampled = sampled_at or _time_in(url)
    if sampled is None:
        return None
    return Log(micros(sampled), micros(logged_at or sampled), value)


def _time_in(url: str | None) -> datetime | None:
    last = unquote((url or "").partition("?")[0].rstrip("/").rpartition("/")[2])
    try:
        time = datetime.fromisoformat(last)
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Gap(NamedTuple):
    """An interval that is still to be read. Both ends are open."""

    low: int
    high: int

    def holds(self, key: int) -> bool:
        """Return True for a key inside."""
        return self.low < key < self.high


@attrs.frozen
class LogPage(Generic[T]):
    """One page of a vehicle's logs, as the response to a read.

    Attributes:
        logs: All logs of the page, also those outside the range requested.
        more: True when the response has a next page.
    """

    logs: Sequence[Log[T]]
    more: bool

    def rest(self, gap: Gap) -> Gap | None:
        """Return what is left to read of a gap, or None when nothing is left.

        It is the whole gap where a page leads nowhere: more is said to follow, and no log of the page is older than the
        gap's upper end.
        """
        if not self.more:
            return None
        oldest = min([gap.high, *(log.key for log in self.logs)])
        return Gap(gap.low, oldest) if oldest - gap.low > 1 else None

    def span(self) -> int:
        """Return the time from the oldest log to the newest."""
        keys = [log.key for log in self.logs]
        return max(keys, default=0) - min(keys, default=0)


@attrs.frozen
class Mark:
    """Mark of one vehicle: how far it was delivered.

    Attributes:
        since: Where the wanted range begins.
        anchor: Everything up to here was delivered, except inside gaps.
        stored: The newest ``logged_at`` in a read from the top; 0 before the first one.
        latest: The key that the list showed last, or None before it showed a wanted one.
        moved: When news was noticed that is not read yet, or None. In the future: not to be read before.
        seen: The delivered keys above the anchor or inside a gap.
        gaps: What is still to be read, the newest first.
    """

    since: int
    anchor: int
    stored: int = 0
    latest: int | None = None
    moved: int | None = None
    seen: frozenset[int] = frozenset()
    gaps: tuple[Gap, ...] = ()

    @classmethod
    def first(cls, newest: Log[T], since: int | None, now: int) -> "tuple[Mark, list[Log[T]]]":
        """Return the mark of a vehicle that is new, and the logs to deliver.

        Args:
            newest: Its newest log, from the list.
            since: Where the wanted range begins; None begins with the newest log.
            now: Decides when the vehicle is read, never which logs are new.
        """
        if since is not None:
            return cls(since, since - 1).notice(newest, now)
        since = min(newest.key, max(now, newest.logged))  # a clock far ahead must not put off everything until then
        moved = None if since == newest.key else now + BLIND
        return cls(since, since - 1, latest=newest.key, moved=moved, seen=frozenset({newest.key})), [newest]

    def earlier(self, since: int) -> "Mark":
        """Return the mark with more history wanted than before; the same mark where ``since`` is not earlier."""
        if since >= self.since:
            return self
        anchor = self.anchor if self.anchor >= self.since else since - 1  # below the old since nothing is settled
        return attrs.evolve(self, since=since, anchor=anchor, gaps=(*self.gaps, Gap(since - 1, self.since)))

    def notice(self, newest: Log[T], now: int) -> "tuple[Mark, list[Log[T]]]":
        """Return the mark after the list showed a newest log, and that log if it is to be delivered.

        Keys are compared for membership, not for order: a clock that ran ahead once, or a deleted log, makes an older
        log the newest.
        """
        key = newest.key
        if key < self.since:
            return self, []
        if key == self.latest or key in self.seen:
            # Also when the clock here was wrong at the last read, so that the key did not seem to lie in the future.
            blind = self.moved is None and key > max(now, newest.logged)
            return attrs.evolve(self, moved=now + BLIND) if blind else self, []
        if key <= self.anchor and not any(gap.holds(key) for gap in self.gaps):
            return attrs.evolve(self, latest=key), []  # delivered before, or later than the lookback
        moved = now if self.moved is None else min(self.moved, now)
        return attrs.evolve(self, latest=key, moved=moved, seen=self.seen | {key}), [newest]

    def due(self, now: int, within: int) -> bool:
        """Return True when news waits that should be read by now.

        No rule puts news off by more than `ABSENT`, so a time beyond that comes from a clock that was wrong.
        """
        return self.moved is not None and (self.moved + within <= now or self.moved > now + ABSENT)

    def top(self) -> Gap:
        """Return the range of a read from the top.

        It begins one below the newest gap's upper end: reading that gap does not cover the end itself.
        """
        return Gap(max([self.anchor, *(gap.high - 1 for gap in self.gaps)]), END)

    def settled(self, gap: Gap) -> bool:
        """Return True for a gap below the anchor: no log that keeps a promise can still appear in it."""
        return gap.high <= self.anchor + 1

    def accept(self, gap: Gap, page: LogPage[T], *, now: int, lookback: int) -> "tuple[Mark, list[Log[T]]]":
        """Return the mark after a page of a gap was read, and the logs of it to deliver."""
        inside = {log.key: log for log in page.logs if gap.holds(log.key)}  # the API's filter may round
        fresh = [log for key, log in inside.items() if key not in self.seen]
        rest = page.rest(gap)
        gaps = [other for other in self.gaps if other != gap] + ([] if rest is None else [rest])
        stored, moved = self.stored, self.moved
        if gap.high == END:
            newest_stored = max((log.logged for log in inside.values()), default=stored)
            ahead = max(inside, default=now) > max(now, newest_stored)
            stored, moved = max(stored, newest_stored), now + BLIND if ahead else None
        # The minimum keeps a log of a clock that runs ahead from dragging the anchor along.
        old = (min(log.key, log.logged) for log in inside.values() if log.logged <= stored - lookback)
        anchor = max([self.anchor, *old])
        seen = frozenset(
            key for key in self.seen.union(inside) if key > anchor or any(other.holds(key) for other in gaps)
        )
        ordered = tuple(sorted(gaps, reverse=True))
        return attrs.evolve(self, anchor=anchor, stored=stored, moved=moved, seen=seen, gaps=ordered), fresh

    def cut(self, gap: Gap) -> "Mark":
        """Return the mark with a gap cut in two, so that both halves can be read at the same time."""
        middle = (gap.low + gap.high) // 2
        halves = [Gap(gap.low, middle), Gap(middle - 1, gap.high)]
        kept = [other for other in self.gaps if other != gap]
        return attrs.evolve(self, gaps=tuple(sorted(kept + halves, reverse=True)))

    def not_found(self, now: int) -> "Mark":
        """Return the mark after a read whose vehicle was not found: news waits for a day."""
        return self if self.moved is None else attrs.evolve(self, moved=now + ABSENT)

    def text(self) -> str:
        """Return the mark as one line for a file, a column or a dictionary."""
        seen = [key - before for before, key in pairwise([self.anchor, *sorted(self.seen)])]  # short numbers
        layout = (_VERSION, self.since, self.anchor, self.stored, self.latest, self.moved, seen, self.gaps)
        return msgspec.json.encode(layout).decode()

    @classmethod
    def parse(cls, vehicle_id: str, text: object) -> "Mark":
        """Return the mark that was written as this text.

        Raises:
            InvalidArgumentError: The text is no mark, or a newer version of the library wrote it.
        """
        origin = f"the mark of vehicle {_short(vehicle_id)}"
        _, since, anchor, stored, latest, moved, steps, gaps = _decoded(_MARK, origin, text)
        seen = frozenset(list(accumulate(steps, initial=anchor))[1:])
        mark = cls(since, anchor, stored, latest, moved, seen, gaps)
        if not mark._plausible():
            raise _unreadable(origin, text)
        return mark

    def _plausible(self) -> bool:
        times = [self.since, self.anchor + 1, self.stored, *self.seen]
        times += [time for time in (self.latest, self.moved) if time is not None]
        times += [time for gap in self.gaps for time in (gap.low + 1, gap.high - 1)]
        return (
            all(_FIRST <= time <= _LAST for time in times)
            and self.since <= self.anchor + 1
            and all(gap.low + 1 < gap.high for gap in self.gaps)
            and list(self.gaps) == sorted(self.gaps, reverse=True)
        )


def continues(old: str, new: str) -> bool:
    """Return False where a mark was made without the old one of its vehicle: its wanted range begins later."""
    before, after = _SINCE.match(old), _SINCE.match(new)
    return before is None or after is None or int(after[1]) <= int(before[1])


def position_text(next_url: str | None) -> str:
    """Return the place where a sweep of the list stopped, as text; None stands for the beginning."""
    return msgspec.json.encode((_VERSION, next_url)).decode()


def parse_position(text: object) -> str | None:
    """Return the URL that the next sweep begins with, or None for the beginning of the list.

    Raises:
        InvalidArgumentError: As for a mark.
    """
    return _decoded(_POSITION, "the place where the last sweep stopped (key '')", text)[1]


_MarkLayout: TypeAlias = tuple[int, int, int, int, int | None, int | None, tuple[int, ...], tuple[Gap, ...]]
_PositionLayout: TypeAlias = tuple[int, str | None]
_Layout = TypeVar("_Layout", _MarkLayout, _PositionLayout)

_MARK: Final[msgspec.json.Decoder[_MarkLayout]] = msgspec.json.Decoder(_MarkLayout)
_POSITION: Final[msgspec.json.Decoder[_PositionLayout]] = msgspec.json.Decoder(_PositionLayout)
_SINCE = re.compile(r"\[[0-9]+,(-?[0-9]+),")
_LAYOUT_VERSION = re.compile(r"\[([1-9][0-9]{0,8})\b")
_LONGEST_TEXT = 100  # of a text in a message


def _decoded(decoder: msgspec.json.Decoder[_Layout], origin: str, text: object) -> _Layout:
    if not isinstance(text, str):
        raise _unreadable(origin, text)
    version = _LAYOUT_VERSION.match(text)
    if version is not None and int(version[1]) > _VERSION:
        raise InvalidArgumentError(
            f"{origin} was written by a newer version of evenergy (format {version[1]}, this version reads up to"
            f" {_VERSION}): upgrade evenergy here"
        )
    try:
        layout = decoder.decode(text)
    except (ValueError, RecursionError):
        raise _unreadable(origin, text) from None
    if layout[0] != _VERSION:
        raise _unreadable(origin, text)
    return layout


def _unreadable(origin: str, text: object) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{origin} cannot be read: expected a text that new_status_logs returned, got {_short(text)};"
        " restore it from a backup, or remove its key to begin anew"
    )


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _LONGEST_TEXT else shown[:_LONGEST_TEXT] + "..."
