"""What the headers of an answer say of the rate limit; rubbish in them says nothing."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from multidict import istr

LIMIT, REMAINING = istr("X-RateLimit-Limit"), istr("X-RateLimit-Remaining")
"""The headers that each answer has."""

_TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS.value
_LONGEST = 9_999_999  # seconds; more make no sensible wait
_DIGITS = len(str(_LONGEST))


def told(headers: Mapping[str, str], name: str) -> int | None:
    """The number in a rate-limit header; anything but ASCII digits is ignored."""
    value = headers.get(name)
    return None if value is None else _number(value)


def retry_after(headers: Mapping[str, str], status: int) -> float | None:
    """The seconds that ``Retry-After`` asks for, from a number or a date; None when it says nothing sensible.

    The provider's description spells it ``RetryAfter``, which is accepted on a 429 (RFC 9110, section 10.2.3).
    """
    value = headers.get("Retry-After")
    if value is None and status == _TOO_MANY:
        value = headers.get("RetryAfter")
    if value is None:
        return None
    value = value.strip()
    if _is_number(value):
        return float(value)
    then, now = _date(value), _date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max(0.0, (then - now).total_seconds()), _LONGEST) if then else None


@functools.lru_cache(maxsize=4096)
def _number(value: str) -> int | None:
    return int(value) if _is_number(value, 2 * _DIGITS) else None


def _is_number(value: str, digits: int = _DIGITS) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= digits


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
