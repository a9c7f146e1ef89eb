"""Times and durations as people type them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from evenergy.cli import times

NOW = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)


@pytest.fixture
def in_london(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this process into London, whose clocks changed at 01:00 UTC on 29 March 2026."""
    if not hasattr(time, "tzset"):
        pytest.skip("Windows takes its time zone from elsewhere")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/London")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("90s", 90), ("5m", 300), ("5min", 300), ("24h", 86_400), ("1h30m", 5400), ("7d", 604_800)],
        *[("2w", 1_209_600), ("1.5h", 5400), (" 2H ", 7200), ("0s", 0)],
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert times.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "h", "5", "-5m", "5 parsecs", "1h and 5m", "9" * 400 + "w"])
def test_no_durations(text: str) -> None:
    assert times.duration(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("2h ago", NOW - timedelta(hours=2)),
        ("now", NOW),
        ("today", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 3, 28, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    assert times.moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "9999999w", "12:00 o'clock"])
def test_no_moments(text: str) -> None:
    assert times.moment(text, NOW) is None


def test_days_begin_at_local_midnight_across_a_change_of_the_clocks(in_london: None) -> None:
    now = NOW.astimezone()
    assert times.moment("today", now) == datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert times.moment("2026-03-30", now) == datetime(2026, 3, 29, 23, tzinfo=UTC)
    assert times.moment("yesterday", now + timedelta(days=2)) == datetime(2026, 3, 29, 23, tzinfo=UTC)


@given(st.text(max_size=30))
def test_no_text_is_too_odd(text: str) -> None:
    found = times.moment(text, NOW)
    assert found is None or found.tzinfo is not None
    assert times.duration(text) is None or text.strip()


@given(st.floats(0, 1e9))
def test_a_wait_in_words_is_never_too_short(seconds: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    words = times.in_words(seconds).split()
    told = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert told >= seconds - 1
    assert told <= seconds + 60


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (121, "3 min"), (720, "12 min"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_waits(seconds: float, text: str) -> None:
    assert times.in_words(seconds) == text
