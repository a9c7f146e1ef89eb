"""Headers of requests, and what those of responses say of the rate limit; rubbish in them says nothing."""

import functools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from multidict import CIMultiDict, istr

from evenergy._codec import validate
from evenergy._codec.secret import Secret

from .request import IDEMPOTENT, Request

if TYPE_CHECKING:
    from .window import LimitReading

LIMIT, REMAINING = istr("X-RateLimit-Limit"), istr("X-RateLimit-Remaining")
"""The headers that each response has."""

_TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS.value
_LONGEST = 3600.0  # seconds: nothing lasts longer in a rolling hour
_DIGITS = 7  # of a number of seconds; more make no sensible wait


class RequestHeaders:
    """Headers of all requests of a client, merged once for each token."""

    def __init__(
        self,
        base_url: str,
        user: str | None,
        api_version: str,
        *,
        extra: Mapping[str, str] = MappingProxyType({}),
        user_agent: str | None = None,
    ) -> None:
        self._own = {
            **extra,
            "Accept": "application/json, application/problem+json",
            "EvEnergy-Version": api_version,
        }
        if user_agent is not None:
            self._own["User-Agent"] = user_agent
        if user is not None:
            self._own["EvEnergy-User"] = f"{base_url}/users/{user}"
        self._token: Secret | None = None
        self._plain = self._with_body = CIMultiDict[str]()
        self._merge(None)

    def of(self, request: Request[Any], token: Secret | None) -> CIMultiDict[str]:
        """Return the headers of a request; never bound to a name on the way, so that no traceback can show them."""
        if token is not self._token:
            self._merge(token)
        # Where there is none, aiohttp would name a type of its own.
        headers = self._plain if request.body is None and request.method in IDEMPOTENT else self._with_body
        return CIMultiDict(headers, **request.headers) if request.headers else headers

    def authorization(self, token: Secret | None) -> Secret | None:
        """Return the value of the Authorization header, or None for none."""
        return None if token is None else Secret(f"Bearer {validate.secret('the access token', token.reveal())}")

    def _merge(self, token: Secret | None) -> None:
        plain = CIMultiDict(self._own)
        authorization = self.authorization(token)
        if authorization is not None:
            plain["Authorization"] = authorization.reveal()
        self._token, self._plain = token, plain
        self._with_body = CIMultiDict(plain, **{"Content-Type": "application/json"})


def int_header(headers: Mapping[str, str], name: str) -> int | None:
    """The number in a rate-limit header; anything but ASCII digits is ignored."""
    value = headers.get(name)
    return None if value is None else _number(value)


def reading(headers: Mapping[str, str]) -> "LimitReading | None":
    """Return the rate limit of a response, read now; None when its headers say nothing of it."""
    limit, remaining = int_header(headers, LIMIT), int_header(headers, REMAINING)
    return None if limit is None or remaining is None else (limit, remaining, time.time())


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
        return min(float(value), _LONGEST)
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
