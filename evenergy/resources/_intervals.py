"""Intervals: a beginning, and a length in seconds."""

from datetime import datetime, timedelta


def interval_end(started_at: datetime | None, interval_seconds: int | None) -> datetime | None:
    """Return the end of an interval, or None where its beginning or its length is None."""
    if started_at is None or interval_seconds is None:
        return None
    return started_at + timedelta(seconds=interval_seconds)
