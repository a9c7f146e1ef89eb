"""Evidence of ``evenergy doctor --fleet``, and what follows from it for the fleet's marks: no I/O."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any, Final, Self, cast

import attrs

from evenergy.cli.times import in_words

from .findings import Finding, ok, skipped, warning

LOOKBACK: Final = timedelta(hours=6)
"""Default of ``lookback`` in `evenergy sync`: the time in which a late log is still found."""
MICROSECOND: Final = timedelta(microseconds=1)
_MEANWHILE: Final = timedelta(seconds=2)  # a log that was stored meanwhile proves nothing
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, of a ULID
_OF_TIME: Final = 10  # letters of a ULID that hold its time in milliseconds
_ULID: Final = 26


@attrs.frozen
class Log:
    """Two times of a log.

    Attributes:
        sampled_at: The time at which it was measured.
        logged_at: The time at which it was stored.
    """

    sampled_at: datetime
    logged_at: datetime

    @property
    def delay(self) -> timedelta:
        """Return the time from measuring to storing."""
        return self.logged_at - self.sampled_at

    @classmethod
    def of(cls, data: object) -> Self | None:
        """Return the times of a log in JSON, or None when one is missing."""
        if not isinstance(data, dict):
            return None
        times = cast("dict[str, object]", data)
        sampled, logged = time(times.get("sampled_at")), time(times.get("logged_at"))
        return None if sampled is None or logged is None else cls(sampled, logged)


@attrs.frozen
class Looked:
    """Logs of one vehicle, beside the newest one that the list of vehicles had.

    Attributes:
        listed: The log of the list.
        logs: The logs in the order of the API.
    """

    listed: Log
    logs: Sequence[Log]


def time(text: object) -> datetime | None:
    """Return a time of the API (UTC), or None."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def created(identifier: str) -> datetime | None:
    """Return the time in the ULID of an id, or None when it has none."""
    letters = identifier[-_ULID:][:_OF_TIME]
    if len(identifier) < _ULID or any(letter not in _LETTERS for letter in letters):
        return None
    milliseconds = 0
    for letter in letters:
        milliseconds = milliseconds * len(_LETTERS) + _LETTERS.index(letter)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def newest_log(looked: Iterable[Looked], listed_at: datetime) -> Finding:
    """Return which log the list of vehicles calls the latest."""
    check, sampled, logged = "latest log", 0, 0
    for one in looked:
        logs = [log for log in one.logs if log.logged_at <= listed_at + _MEANWHILE]
        if not logs:
            continue
        by_sample, by_log = max(log.sampled_at for log in logs), max(logs, key=lambda log: log.logged_at).sampled_at
        if by_sample != by_log:
            sampled += one.listed.sampled_at == by_sample
            logged += one.listed.sampled_at == by_log
    if sampled and not logged:
        return ok(
            check, "latest_status_log follows sampled_at: late logs come with a vehicle's next report, as assumed"
        )
    if logged and not sampled:
        return ok(
            check, "latest_status_log follows logged_at: the list shows late logs too, which marks notice by their key"
        )
    if sampled and logged:
        return warning(
            check,
            "latest_status_log follows neither sampled_at nor logged_at alone",
            "marks compare keys for equality only, so nothing is lost; tell the library's authors",
        )
    return skipped(check, "no vehicle has a late log that tells sampled_at from logged_at: run it again another day")


def bounds(edge: Log, at_edge: Sequence[Log] | None, between: Sequence[Log] | None) -> Finding:
    """Return whether bounds of a time are inclusive, and whether a microsecond beside a log excludes it.

    Args:
        edge: A log.
        at_edge: The logs from its time to its time; None when they were not requested.
        between: Those from a microsecond after it to a microsecond before the next; None likewise.
    """
    check = "bounds"
    if at_edge is None or between is None:
        return skipped(check, "no vehicle has two logs to look between")
    if all(log.sampled_at != edge.sampled_at for log in at_edge):
        return warning(
            check,
            "sampled_at__gte and __lte exclude their ends: a log exactly at an end of a gap would be lost",
            "do not rely on `evenergy sync` before the library's authors know it",
        )
    if between:
        return ok(
            check,
            "bounds are inclusive and rounded: a microsecond does not exclude a log, so reads of gaps bring repeats,"
            " which marks drop",
        )
    return ok(check, "bounds are inclusive, and a microsecond beside a log excludes it, as marks assume")


def silence(vehicles: Sequence[Mapping[str, Any]]) -> Finding:
    """Return what the list has for a vehicle that never reported."""
    check = "silent vehicle"
    absent = sum("latest_status_log" not in vehicle for vehicle in vehicles)
    null = sum("latest_status_log" in vehicle and vehicle["latest_status_log"] is None for vehicle in vehicles)
    if absent and null:
        return ok(
            check, f"latest_status_log is null for {null} vehicles and absent for {absent}: both are read as None"
        )
    if absent or null:
        return ok(
            check, f"latest_status_log is {'absent' if absent else 'null'}, which is read as None: no log, no mark"
        )
    return skipped(check, f"each of {len(vehicles)} vehicles has reported, so it is not known; None is expected")


def order(check: str, identifiers: Sequence[str], noun: str) -> Finding:
    """Return the order of a listing by its ids, which sort by creation."""
    pairs = list(itertools.pairwise(identifiers))
    if not pairs:
        return skipped(check, f"there are not two {noun} to order")
    if all(one < two for one, two in pairs):
        return ok(check, f"{noun} come oldest first: new ones come at the end of a sweep that goes on")
    if all(one > two for one, two in pairs):
        return ok(check, f"{noun} come newest first: new ones wait for the next sweep")
    return ok(check, f"{noun} come in no order of creation: a sweep that goes on may miss new ones until the next")


def delays(logs: Sequence[Log]) -> Finding:
    """Return the delays from measuring to storing."""
    check = "delays"
    if len(logs) <= 1:  # quantiles need two
        return skipped(check, "there are not two logs")
    seconds = sorted(log.delay.total_seconds() for log in logs)
    cuts = quantiles(seconds, n=100, method="inclusive")
    ahead = sum(second < 0 for second in seconds)
    late = sum(second > LOOKBACK.total_seconds() for second in seconds)
    message = (
        f"{len(logs)} logs were stored {_words(cuts[49])} after they were sampled at the median, {_words(cuts[94])} at"
        f" 95 %, {_words(seconds[-1])} at the most"
        + (f"; {ahead} before they were sampled (a clock is ahead)" if ahead else "")
    )
    if late:
        return warning(
            check, f"{message}; {late} later than the lookback of 6 h", "sync with --lookback above the longest delay"
        )
    return ok(check, f"{message}: the lookback of 6 h finds all")


def sessions(found: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return what ``charging_sub_sessions`` holds: of which vehicles, in which order, entered how late."""
    vehicles = {str(vehicle) for one in found if (vehicle := one.get("vehicle")) is not None}
    spans = (
        ok("sessions span", f"{len(found)} sub-sessions are of {len(vehicles)} vehicles: one listing watches the fleet")
        if len(vehicles) > 1
        else skipped("sessions span", f"{len(found)} sub-sessions of {len(vehicles)} vehicle say nothing of the others")
    )
    starts = [start for one in found if (start := time(one.get("start"))) is not None]
    return [spans, _start_order(starts), _entered(found)]


def _start_order(starts: Sequence[datetime]) -> Finding:
    check, pairs = "sessions order", list(itertools.pairwise(starts))
    if not pairs:
        return skipped(check, "there are not two sub-sessions to order")
    if all(one >= two for one, two in pairs):
        return ok(check, "sub-sessions come with the newest start first: a watch can end at the first known one")
    if all(one <= two for one, two in pairs):
        return ok(check, "sub-sessions come with the oldest start first: a watch asks with start__gt")
    return ok(check, "sub-sessions do not come in the order of their start: a watch asks with start__gt and reads all")


def _entered(found: Iterable[Mapping[str, Any]]) -> Finding:
    check, late = "sessions late", list[float]()
    for one in found:
        start, entered = time(one.get("start")), created(str(one.get("id", "")))
        if start is not None and entered is not None:
            late.append((entered - start).total_seconds())
    if not late:
        return skipped(check, "no sub-session tells when it was entered")
    late.sort()
    return ok(
        check,
        f"sub-sessions were entered {_words(late[len(late) // 2])} after their start at the median, {_words(late[-1])}"
        " at the most, by the time in their ids: a watch has to look back so far",
    )


def _words(seconds: float) -> str:
    return f"{in_words(abs(seconds))}{' early' if round(seconds) < 0 else ''}"
