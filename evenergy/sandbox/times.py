"""Instants: whole microseconds since 1970, and their text."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


def instant(seconds: float) -> int:
    """Turn POSIX seconds into microseconds."""
    return round(seconds * SECOND)


def text(moment: int) -> str:
    """Write an instant in UTC, without the trailing zeros of its fraction."""
    written = (_EPOCH + timedelta(microseconds=moment)).isoformat()[:-6]
    return (written.rstrip("0") if "." in written else written) + "Z"


def parse(written: str) -> int | None:
    """Read an RFC 3339 time; None when it is not one, or has no offset."""
    if not _SHAPE.fullmatch(written):
        return None
    try:
        return (datetime.fromisoformat(written) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def now_text(clock: Callable[[], float]) -> str:
    """Return the time of a clock as it is written."""
    return text(instant(clock()))
