"""What a request carries, and what the headers of an answer say of the rate limit; rubbish in them says nothing."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from multidict import CIMultiDict, istr

from . import checks
from .auth import Secret
from .calls import SAFE, Call

LIMIT, REMAINING = istr("X-RateLimit-Limit"), istr("X-RateLimit-Remaining")
"""The headers that each answer has."""

_TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS.value
_LONGEST = 9_999_999  # seconds; more make no sensible wait
_DIGITS = len(str(_LONGEST))


class RequestHeaders:
    """The headers of all requests of a client, merged once for each token."""

    def __init__(self, base_url: str, user: str | None, api_version: str) -> None:
        self._own = {
            "Accept": "application/json, application/problem+json",
            "EvEnergy-Version": api_version,
        }
        if user is not None:
            self._own["EvEnergy-User"] = f"{base_url}/users/{user}"
        self._token: Secret | None = None
        self._plain = self._with_body = CIMultiDict[str]()
        self._merge(None)

    def of(self, call: Call[Any], token: Secret | None) -> CIMultiDict[str]:
        """What a request carries; never bound to a name on its way, so that no traceback can show it."""
        if token is not self._token:
            self._merge(token)
        # Where there is none, aiohttp would name a type of its own.
        headers = self._plain if call.body is None and call.method in SAFE else self._with_body
        return CIMultiDict(headers, **call.headers) if call.headers else headers

    def _merge(self, token: Secret | None) -> None:
        plain = CIMultiDict(self._own)
        if token is not None:
            plain["Authorization"] = f"Bearer {checks.secret('the access token', token.reveal())}"
        self._token, self._plain = token, plain
        self._with_body = CIMultiDict(plain, **{"Content-Type": "application/json"})


def form_headers(basic: Secret | None) -> CIMultiDict[str]:
    """What a form for an OAuth endpoint carries."""
    headers = CIMultiDict({"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"})
    if basic is not None:
        headers["Authorization"] = basic.reveal()
    return headers


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
