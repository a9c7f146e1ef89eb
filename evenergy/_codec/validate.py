"""Checks of arguments before anything is sent, and their spelling for the API."""

import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast
from urllib.parse import unquote

from evenergy.errors import InvalidArgumentError, printable

from .wire_types import time_text

LARGEST_PAGE = 100
"""Most items that the API gives for one request."""

_KEY = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
_ULID = re.compile("[A-Z0-9]{26}")
_LANGUAGES = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*,;=. -]*", re.ASCII)
_WORD = re.compile(r"[\w~-][\w.~-]*", re.ASCII)
_FIELD = re.compile(r"[a-z_]+(\.[a-z_]+)*", re.ASCII)
VISIBLE = re.compile(r"[\x21-\x7e]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # a token of RFC 9110, section 5.6.2
_HEADER_TEXT = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_OUR_HEADERS = {
    "authorization": "pass auth=",
    "evenergy-user": "pass user=",
    "evenergy-version": "pass api_version=",
    "user-agent": "pass user_agent=",
    "proxy-authorization": "put the user and the password into proxy=",
    "accept-language": "pass language= to the operations that take it",
    **dict.fromkeys(("accept", "content-type"), "the API speaks JSON"),
    **dict.fromkeys(
        (
            "accept-encoding",
            "connection",
            "content-encoding",
            "content-length",
            "expect",
            "host",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ),
        "it belongs to the connection",
    ),
}
"""Headers that a caller cannot replace, each with its reason."""
_ENCODABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")


def invalid_argument(expected: str, value: object) -> InvalidArgumentError:
    """Return the error for an argument: what was expected, and what was passed."""
    return InvalidArgumentError(f"expected {expected}, got {printable(repr(value))}")


def identifier(value: object, prefix: str) -> str:
    """Return an id of the given four-letter prefix, taken as it is or from the end of the resource's URL."""
    if isinstance(value, str):
        last = _last_segment(value)
        if last.startswith(prefix) and _ULID.fullmatch(last, len(prefix)):
            return last
    expected = f"an id such as {prefix}01HRFF3SEVSCRAV9B3CHVDFN0H, or the resource's URL"
    if hasattr(value, "id"):
        raise InvalidArgumentError(f"expected {expected}, got a {type(value).__name__}: pass its id")
    raise invalid_argument(expected, value)


def word_id(name: str, value: object) -> str:
    """Return an id without a prefix, such as a dispatch coordinator's: a word, or the end of the resource's URL."""
    if isinstance(value, str):
        last = _last_segment(value)
        if _WORD.fullmatch(last):
            return last
    raise invalid_argument(f"{name} as a word such as dc000000, or the resource's URL", value)


def path_text(name: str, value: object) -> str:
    """Return text that names something in a path."""
    if isinstance(value, str) and value:
        return value
    raise invalid_argument(f"{name} as text", value)


def log_key(value: object) -> str:
    """Return the time that names a log: a datetime in UTC with all its digits, a string, or the end of a URL, as is."""
    if isinstance(value, datetime):
        return aware(value)
    if isinstance(value, str):
        last = unquote(_last_segment(value))
        if _KEY.fullmatch(last):
            return last
    raise invalid_argument(
        "an aware datetime, or a time such as 2024-01-01T11:11:11.1111Z from the end of a log's url", value
    )


def time_range(since: datetime | None, until: datetime | None) -> tuple[str | None, str | None]:
    """Return the two ends of a range of time, each as the API writes it.

    Raises:
        InvalidArgumentError: One of them is no aware datetime, or ``since`` is a later instant than ``until``. Clocks
            do not count: 01:45 before they go back is earlier than 01:15 after.
    """
    if since is None and until is None:
        return None, None
    low, high = (None if end is None else instant(end) for end in (since, until))
    if low is not None and high is not None and low > high:
        raise InvalidArgumentError(f"expected since to be no later than until, got {since} and {until}")
    return None if low is None else time_text(low), None if high is None else time_text(high)


def span(start: object, end: object) -> tuple[datetime, datetime]:
    """Return the two ends of a span of time in their own zones, as plain datetimes.

    Raises:
        InvalidArgumentError: One of them is no aware datetime, or ``end`` is not a later instant than ``start``.
    """
    if instant(start) >= instant(end):
        raise InvalidArgumentError(f"expected end to be later than start, got {start} and {end}")
    return _plain_datetime(cast("datetime", start)), _plain_datetime(cast("datetime", end))


def aware(value: object) -> str:
    """Return an aware datetime as the API writes it."""
    return time_text(instant(value))


def instant(value: object) -> datetime:
    """Return an aware datetime, of any class and zone, as a plain one in UTC.

    Raises:
        InvalidArgumentError: It is no datetime, or has no zone.
    """
    if not isinstance(value, datetime):
        raise invalid_argument("an aware datetime", value)
    try:
        time = value if type(value) is datetime else _plain_datetime(value)
        if time.utcoffset() is not None:
            return time.astimezone(UTC)
    except OverflowError:
        raise invalid_argument("a datetime between the years 1 and 9999 in UTC", value) from None
    except (AttributeError, TypeError, ValueError):  # pandas' NaT, or a zone that knows no offset
        raise invalid_argument("an aware datetime", value) from None
    raise InvalidArgumentError(
        f"expected an aware datetime, got the naive {time.isoformat()}: without a zone it names no instant;"
        " use datetime.now(timezone.utc), or replace(tzinfo=...)"
    )


def _plain_datetime(value: datetime) -> datetime:
    """Return a datetime of another library as a plain one, whose methods nobody has overridden."""
    digits = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return datetime(*digits, tzinfo=value.tzinfo, fold=value.fold)


def latitude_longitude(name: str, place: object) -> str | None:
    """Return a place as ``latitude,longitude`` in plain digits, such as ``51.5,-0.00001``; None for none.

    Args:
        name: The name of the argument.
        place: A `LatLong`, or a mapping of the same fields, in degrees.
    """
    if place is None:
        return None
    latitude = _degrees(_field(place, "latitude"), 90)
    longitude = _degrees(_field(place, "longitude"), 180)
    if latitude is None or longitude is None:
        expected = f"{name} as a LatLong with a latitude from -90 to 90 and a longitude from -180 to 180"
        raise invalid_argument(expected, place)
    return f"{latitude},{longitude}"


def _field(place: object, name: str) -> object:
    return cast("Mapping[str, object]", place).get(name) if isinstance(place, Mapping) else getattr(place, name, None)


def _degrees(value: object, most: int) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not -most <= value <= most:
        return None
    return f"{Decimal(repr(value + 0.0)):f}".removesuffix(".0")


def expansion(expand: object) -> tuple[str, ...]:
    """Return the references that the response shall hold as resources."""
    if isinstance(expand, str):
        raise InvalidArgumentError(f"expected expand as a list such as [{expand!r}], got the bare string {expand!r}")
    if not isinstance(expand, Iterable):
        raise invalid_argument("expand as a list of fields, such as ['user']", expand)
    fields: list[str] = []
    for field in cast("Iterable[object]", expand):
        if not (isinstance(field, str) and _FIELD.fullmatch(field)):
            raise invalid_argument("a field to expand, such as 'trim.model.make'", field)
        fields.append(field)
    return tuple(fields)


def page_size(value: object) -> int | None:
    """Return the items of a page, or None for the most."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_PAGE):
        return value
    raise invalid_argument("a page_size from 1 to 100", value)


def seconds(name: str, value: object, *, zero: bool = False) -> float | None:
    """Return a duration in seconds, or None for no bound."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # a whole number that no float can hold
            number = math.inf
        if math.isfinite(number) and (number > 0 or (zero and number == 0)):
            return number
    raise invalid_argument(f"{name} in seconds, {'0 or more' if zero else 'more than 0'}, or None", value)


def duration(name: str, value: object, *, zero: bool = False) -> timedelta:
    """Return a timedelta above zero, or of zero too."""
    if isinstance(value, timedelta) and (value > timedelta(0) or (zero and not value)):
        return value
    least = "of zero or more" if zero else "above zero"
    raise invalid_argument(f"{name} as a timedelta {least}, such as timedelta(hours=6)", value)


def positive_int(name: str, value: object) -> int:
    """Return a count of at least one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise invalid_argument(f"{name} as a whole number of at least 1", value)


def secret(name: str, value: object, *, encoded: bool = False) -> str:
    """Return a secret that fits into a header, or into a form where ``encoded``; no message shows it."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"expected {name} as text, got {type(value).__name__}")
    if not value:
        raise InvalidArgumentError(f"expected {name}, got an empty string")
    if not (_ENCODABLE if encoded else VISIBLE).fullmatch(value):
        length, is_header = len(value), value[:7].lower() == "bearer "
        del value  # so that no traceback shows it
        if is_header:
            raise InvalidArgumentError(f"expected {name} without 'Bearer ' before it, which is added when it is sent")
        wanted, bad = ("text", "") if encoded else ("visible ASCII characters", "a blank, ")
        raise InvalidArgumentError(
            f"expected {name} of {wanted}, got {length} characters with {bad}a line end or another character that"
            " cannot be sent among them"
        )
    return value


def header_value(name: str, value: object) -> str:
    """Return visible ASCII that fits into a header."""
    if isinstance(value, str) and VISIBLE.fullmatch(value):
        return value
    raise invalid_argument(f"{name} of visible ASCII characters", value)


def language(value: object) -> str:
    """Return a value for ``Accept-Language``, such as ``de, en;q=0.5``."""
    if isinstance(value, str) and _LANGUAGES.fullmatch(value):
        return value
    raise invalid_argument("a language such as 'en-GB'", value)


def _last_segment(value: str) -> str:
    _, scheme_end, rest = value.partition("://")
    return rest.partition("?")[0].rstrip("/").partition("/")[2].rpartition("/")[2] if scheme_end else value


def plain_text(value: object) -> str:
    """Return text that can be encoded."""
    if not isinstance(value, str):
        raise invalid_argument("text", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid_argument("text without lone surrogates", value) from None
    return value


def http_method(value: object) -> str:
    """Return an HTTP method in capitals."""
    if isinstance(value, str) and re.fullmatch("[A-Za-z]+", value, re.ASCII):
        return value.upper()
    raise invalid_argument("an HTTP method such as GET", value)


def environment_variable(name: str) -> str | None:
    """Return a variable of the environment, or None when it is not set; an empty one is an error."""
    value = os.environ.get(name)
    if value is not None and not value.strip():
        raise InvalidArgumentError(f"the environment variable {name} is set but empty: give it a value, or unset it")
    return value


def header_text(name: str, value: object) -> str:
    """Return printable ASCII for a header, blanks included but for those at the ends."""
    if isinstance(value, str) and _HEADER_TEXT.fullmatch(value):
        return value
    raise invalid_argument(f"{name} of printable ASCII characters", value)


def extra_headers(value: Mapping[str, str] | None) -> dict[str, str]:
    """Return headers of the caller's for all requests; their values may be secret, and are in no message.

    Raises:
        InvalidArgumentError: One is no header, or belongs to this library or to HTTP.
    """
    headers: dict[str, str] = {}
    given: Mapping[str, str] = value or {}
    for name, text in given.items():
        if not (isinstance(cast("object", name), str) and _HEADER_NAME.fullmatch(name)):
            raise invalid_argument("headers with names such as X-Request-Source", name)
        if name.lower() in _OUR_HEADERS:
            raise InvalidArgumentError(
                f"expected headers beside those of this library, got {name}: {_OUR_HEADERS[name.lower()]}"
            )
        if not (isinstance(cast("object", text), str) and _HEADER_TEXT.fullmatch(text)):
            raise InvalidArgumentError(f"expected the header {name} as printable ASCII text")
        headers[name] = text
    return headers


def host_names(value: object) -> frozenset[str]:
    """Return host names in small letters."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise invalid_argument("allow_http as a list of host names, such as ['gateway']", value)
    names = list(cast("Iterable[object]", value))
    for name in names:
        if not (isinstance(name, str) and VISIBLE.fullmatch(name)) or "/" in name:
            raise invalid_argument("a host name in allow_http, without http:// before it", name)
    return frozenset(str(name).lower() for name in names)
