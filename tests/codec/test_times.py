from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, strategies as st

from evenergy import InvalidArgumentError
from evenergy._codec import urls, validate
from tests.codec.rejections import rejected

VEHICLE = "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H"
ARABIC_DIGITS = "٠١٢٣٤٥٦٧٨٩"


class Nowhere(tzinfo):
    """Zone without an offset, so that its times are naive."""

    def utcoffset(self, dt: datetime | None, /) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2024, 1, 1, 11, 11, 11, 111100, tzinfo=UTC), "2024-01-01T11:11:11.111100Z"),
        (datetime(2024, 1, 1, 11, 11, 11, tzinfo=UTC), "2024-01-01T11:11:11Z"),
        (datetime(2024, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2023-12-31T23:30:00Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        ("2024-01-01T11:11:11.1111Z", "2024-01-01T11:11:11.1111Z"),
        ("2019-08-24T14:15:22Z", "2019-08-24T14:15:22Z"),
        ("2019-08-24t14:15:22z", "2019-08-24t14:15:22z"),
        ("2019-08-24T14:15:22.123456789Z", "2019-08-24T14:15:22.123456789Z"),
        ("2019-08-24T14:15:22+00:00", "2019-08-24T14:15:22+00:00"),
        (f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs/2019-08-24T14:15:22.1Z", "2019-08-24T14:15:22.1Z"),
        (f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs/2019-08-24T14%3A15%3A22Z/", "2019-08-24T14:15:22Z"),
    ],
)
def test_a_log_key_keeps_its_digits(value: object, expected: str) -> None:
    assert validate.log_key(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "latest",
        "2019-08-24",
        "2019-08-24T14:15:22",
        "2019-08-24T14:15Z",
        "2019-08-24 14:15:22Z",
        "2019-08-24T14:15:22Z\n",
        "2019-08-24T14:15:22Z/..",
        "2019-08-24T14:15:22Z?expand=vehicle",
        "2019-08-24T14:15:2" + ARABIC_DIGITS[2] + "Z",
        "2019-08-24T14:15:22.1234567890Z",
        f"https://api.ev.energy/v2/vehicles/{VEHICLE}/status_logs",
        1_566_656_122,
        None,
        b"2019-08-24T14:15:22Z",
    ],
)
def test_a_value_that_is_no_log_key_is_rejected(value: object) -> None:
    assert "expected an aware datetime, or a time" in rejected(validate.log_key, value)


def _as_parameter(value: Any) -> object:
    return tuple(urls.query_items({"since": value}))


@pytest.mark.parametrize("check", [validate.aware, validate.log_key, _as_parameter])
@pytest.mark.parametrize("zone", [None, Nowhere()])
def test_a_naive_time_is_rejected_with_the_reason_and_the_remedy(
    check: Callable[[object], object], zone: tzinfo | None
) -> None:
    message = rejected(check, datetime(2024, 1, 1, 11, 11, tzinfo=zone))
    assert "naive 2024-01-01T11:11:00" in message
    assert "without a zone it names no instant" in message
    assert "timezone.utc" in message


@pytest.mark.parametrize(
    "value", ["2024-01-01T00:00:00Z", 0, None, timedelta(1), datetime(2024, 1, 1, tzinfo=UTC).date()]
)
def test_a_value_that_is_no_datetime_is_rejected(value: object) -> None:
    assert "expected an aware datetime" in rejected(validate.aware, value)


@pytest.mark.parametrize(
    "value",
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_a_time_that_utc_cannot_hold_is_rejected(value: datetime) -> None:
    assert "years 1 and 9999" in rejected(validate.aware, value)


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_written_as_the_same_instant_in_utc(time: datetime) -> None:
    try:
        written = validate.aware(time)
    except InvalidArgumentError:
        assume(condition=False)
        raise
    assert written.endswith("Z")
    assert datetime.fromisoformat(written) == time.astimezone(UTC)


def test_a_time_that_ends_before_it_begins_is_rejected() -> None:
    late, early = datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    assert validate.time_range(early, late) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert validate.time_range(late, late) == ("2024-01-02T00:00:00Z",) * 2
    assert validate.time_range(None, early) == (None, "2024-01-01T00:00:00Z")
    assert "since to be no later than until" in rejected(validate.time_range, late, early)


LONDON = ZoneInfo("Europe/London")
BEFORE = datetime(2024, 10, 27, 1, 45, tzinfo=LONDON)  # 00:45 UTC
AFTER = datetime(2024, 10, 27, 1, 15, tzinfo=LONDON, fold=1)  # the clocks went back: 01:15 UTC


def test_the_ends_of_a_range_are_compared_as_instants() -> None:
    assert validate.time_range(BEFORE, AFTER) == ("2024-10-27T00:45:00Z", "2024-10-27T01:15:00Z")
    assert "since to be no later than until" in rejected(validate.time_range, AFTER, BEFORE)
    assert validate.time_range(BEFORE, BEFORE.replace(fold=1))[1] == "2024-10-27T01:45:00Z"
    east = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert validate.time_range(east, datetime(2024, 1, 1, tzinfo=UTC)) == ("2024-01-01T00:00:00Z",) * 2


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_a_range_is_valid_when_its_instants_are_in_order(since: datetime, until: datetime) -> None:
    try:
        in_order = since.astimezone(UTC) <= until.astimezone(UTC)
    except OverflowError:
        assume(condition=False)
        raise
    try:
        validate.time_range(since, until)
    except InvalidArgumentError:
        assert not in_order
    else:
        assert in_order


class Timestamp(datetime):
    """Datetime of another library, with methods of its own."""

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        raise AssertionError(sep, timespec)

    def astimezone(self, tz: tzinfo | None = None) -> Any:
        raise AssertionError(tz)


class NaT(datetime):
    """Datetime that is none, as pandas has it."""

    year: Any = math.nan

    def utcoffset(self) -> timedelta | None:
        raise ValueError("NaTType does not support utcoffset")

    def __repr__(self) -> str:
        return "NaT"


class Broken(tzinfo):
    """Zone that fails."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        raise ValueError(dt)

    def dst(self, dt: datetime | None, /) -> timedelta | None:
        raise ValueError(dt)

    def tzname(self, dt: datetime | None, /) -> str | None:
        raise ValueError(dt)


def test_a_datetime_of_another_library_is_taken() -> None:
    assert validate.aware(Timestamp(2024, 10, 27, 1, 15, tzinfo=LONDON, fold=1)) == "2024-10-27T01:15:00Z"
    assert validate.log_key(Timestamp(2024, 1, 1, 0, 0, 0, 5, tzinfo=UTC)) == "2024-01-01T00:00:00.000005Z"


@pytest.mark.parametrize("value", [NaT(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=Broken())])
def test_a_datetime_that_is_no_time_is_rejected(value: datetime) -> None:
    for check in (validate.aware, validate.log_key, _as_parameter):
        assert "expected an aware datetime" in rejected(check, value)
    assert "expected an aware datetime" in rejected(validate.time_range, value, None)
