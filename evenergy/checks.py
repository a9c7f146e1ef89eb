"""What a caller passes, checked before anything is sent, and written as the API wants it."""

import functools
import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import TypeAlias, cast
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

from .codec import time_text
from .errors import InvalidArgumentError, printable

PROVIDER = "https://api.ev.energy"
"""The origin that the provider's own URLs name."""

Scalar: TypeAlias = str | int | float | datetime
LARGEST_PAGE = 100
"""Items: the most that the API gives for one request."""

Query: TypeAlias = tuple[tuple[str, str], ...]
"""The parameters of a query, in order; a name may repeat."""

_KEY = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)", re.ASCII)
_ULID = re.compile("[A-Z0-9]{26}")
_LANGUAGES = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*,;=. -]*", re.ASCII)
_FIELD = re.compile(r"[a-z_]+(\.[a-z_]+)*", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_ENCODABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")


def refused(expected: str, came: object) -> InvalidArgumentError:
    """The error for an argument that was not what was expected."""
    return InvalidArgumentError(f"expected {expected}, got {printable(repr(came))}")


def identifier(value: object, prefix: str) -> str:
    """An id of the given four-letter prefix, taken as it is or from the end of the resource's URL."""
    if isinstance(value, str):
        last = _last_segment(value)
        if last.startswith(prefix) and _ULID.fullmatch(last, len(prefix)):
            return last
    expected = f"an id such as {prefix}01HRFF3SEVSCRAV9B3CHVDFN0H, or the resource's URL"
    if hasattr(value, "id"):
        raise InvalidArgumentError(f"expected {expected}, got a {type(value).__name__}: pass its id")
    raise refused(expected, value)


def word(name: str, value: object) -> str:
    """Text that names something in a path."""
    if isinstance(value, str) and value:
        return value
    raise refused(f"{name} as text", value)


def log_key(value: object) -> str:
    """The time that names a log: a datetime in UTC with all its digits, a string (or the end of its URL) as it is."""
    if isinstance(value, datetime):
        return aware(value)
    if isinstance(value, str):
        last = unquote(_last_segment(value))
        if _KEY.fullmatch(last):
            return last
    raise refused("an aware datetime, or a time such as 2024-01-01T11:11:11.1111Z from the end of a log's url", value)


def between(since: datetime | None, until: datetime | None) -> tuple[str | None, str | None]:
    """The two ends of a time, each as the API writes it."""
    low, high = (None if end is None else aware(end) for end in (since, until))
    if since is not None and until is not None and since > until:
        raise InvalidArgumentError(f"expected since to be no later than until, got {since} and {until}")
    return low, high


def aware(value: object) -> str:
    """An aware datetime as the API writes it."""
    if not isinstance(value, datetime):
        raise refused("an aware datetime", value)
    if value.utcoffset() is None:
        raise InvalidArgumentError(
            f"expected an aware datetime, got the naive {value.isoformat()}: without a zone it names no instant;"
            " use datetime.now(timezone.utc), or replace(tzinfo=...)"
        )
    try:
        return time_text(value)
    except OverflowError:
        raise refused("a datetime between the years 1 and 9999 in UTC", value) from None


def query(**parameters: Scalar | Iterable[Scalar] | None) -> Query:
    """Parameters as the API spells them: None is left out, a list repeats its name."""
    return tuple(pairs(parameters))


def pairs(parameters: Mapping[str, Scalar | Iterable[Scalar] | None]) -> Iterable[tuple[str, str]]:
    """The same for names that are no Python identifiers."""
    for name, value in parameters.items():
        _text(name)
        if value is None:
            continue
        for item in (value,) if _is_one(value) else cast("Iterable[object]", value):
            yield name, _spelled(item)


def encoded(query: Iterable[tuple[str, str]]) -> str:
    """A query as it stands in a URL."""
    return "&".join([f"{_quoted_text(name)}={_quoted_text(value)}" for name, value in query])


_quoted_text = functools.lru_cache(maxsize=1024)(quote_plus)  # names, page sizes and filters come again and again


def _is_one(value: object) -> bool:
    return isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable)


def expansion(expand: object) -> tuple[str, ...]:
    """The references to be answered with the resource itself."""
    if isinstance(expand, str):
        raise InvalidArgumentError(f"expected expand as a list such as [{expand!r}], got the bare string {expand!r}")
    if not isinstance(expand, Iterable):
        raise refused("expand as a list of fields, such as ['user']", expand)
    fields: list[str] = []
    for field in cast("Iterable[object]", expand):
        if not (isinstance(field, str) and _FIELD.fullmatch(field)):
            raise refused("a field to expand, such as 'trim.model.make'", field)
        fields.append(field)
    return tuple(fields)


def page_size(value: object) -> int | None:
    """How many items a page has, or None for the most."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_PAGE):
        return value
    raise refused("a page_size from 1 to 100", value)


def seconds(name: str, value: object, *, zero: bool = False) -> float | None:
    """A duration, or None for no bound."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # a whole number that no float can hold
            number = math.inf
        if math.isfinite(number) and (number > 0 or (zero and number == 0)):
            return number
    raise refused(f"{name} in seconds, {'0 or more' if zero else 'more than 0'}, or None", value)


def whole(name: str, value: object) -> int:
    """A count of at least one."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise refused(f"{name} as a whole number of at least 1", value)


def secret(name: str, value: object, *, encoded: bool = False) -> str:
    """A token, fit for a header, or what is form-encoded before it is sent; what came is never in the message."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"expected {name} as text, got {type(value).__name__}")
    if not value:
        raise InvalidArgumentError(f"expected {name}, got an empty string")
    if not (_ENCODABLE if encoded else _VISIBLE).fullmatch(value):
        length, is_header = len(value), value[:7].lower() == "bearer "
        del value  # no traceback shall show it
        if is_header:
            raise InvalidArgumentError(f"expected {name} without 'Bearer ' before it, which is added when it is sent")
        wanted, bad = ("text", "") if encoded else ("visible ASCII characters", "a blank, ")
        raise InvalidArgumentError(
            f"expected {name} of {wanted}, got {length} characters with {bad}a line end or another character that"
            " cannot be sent among them"
        )
    return value


def header(name: str, value: object) -> str:
    """Visible ASCII, fit for a header."""
    if isinstance(value, str) and _VISIBLE.fullmatch(value):
        return value
    raise refused(f"{name} of visible ASCII characters", value)


def language(value: object) -> str:
    """What fits into ``Accept-Language``, such as ``de, en;q=0.5``."""
    if isinstance(value, str) and _LANGUAGES.fullmatch(value):
        return value
    raise refused("a language such as 'en-GB'", value)


def base_url(value: object) -> str:
    """The root of the API without a slash at its end: https, or http on the loopback."""
    expected = f"base_url as an absolute URL such as {PROVIDER}/v2"
    if isinstance(value, str) and "@" in value:
        raise InvalidArgumentError("expected base_url without a user and password in it; pass credentials as auth")
    if not isinstance(value, str) or not _VISIBLE.fullmatch(value) or "\\" in value:
        raise refused(expected, value)
    parts = _split(value, expected)
    if parts.scheme not in ("http", "https") or not parts.hostname or "?" in value or "#" in value:
        raise refused(expected, value)
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidArgumentError(
            f"expected base_url with https, got http for {parts.hostname}: a token would travel in the clear"
        )
    return value.rstrip("/")


def endpoint_url(value: object) -> str:
    """The full URL of a token endpoint, whose last slash counts."""
    base_url(value)
    return str(value)


def origin(url: str) -> str:
    """Scheme, host and port of an absolute URL, in one spelling."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def placed(path_or_url: object, base: str) -> tuple[str, Query]:
    """The quoted path below the base URL, and the query, of a path or of a URL that the API gave.

    Raises:
        InvalidArgumentError: The URL is of another origin than the base's and the provider's, or the path climbs.
    """
    expected = "a path such as /vehicles, or a URL of the API"
    if not isinstance(path_or_url, str) or not re.fullmatch(r"[^\x00-\x20\\#\x7f]+", path_or_url):
        raise refused(expected, path_or_url)
    parts = _split(path_or_url, expected)
    if parts.scheme or parts.netloc:
        if "@" in parts.netloc or origin(path_or_url) not in (origin(base), origin(PROVIDER)):
            host = parts.netloc.rpartition("@")[2]
            raise refused(f"a path, or a URL of {base} or {PROVIDER}", f"{parts.scheme}://{host}{parts.path}")
        path = _below(parts.path, urlsplit(base).path)
    else:
        path = parts.path
    return _quoted(path), tuple(parse_qsl(_text(parts.query), keep_blank_values=True))


def segments(*parts: str) -> str:
    """A path of the given segments, each quoted, so that none can be more than one."""
    path = ""
    for part in parts:
        path += "/"
        if part.isidentifier() and part.isascii():  # most need nothing, and soon
            path += part
        elif part in ("", ".", ".."):
            raise refused("path segments that are not empty, '.' or '..'", parts)
        else:
            path += quote(_text(part), safe=":")
    return path or "/"


def _quoted(path: str) -> str:
    names = [unquote(part) for part in path.removeprefix("/").removesuffix("/").split("/")]
    if names == [""]:
        return segments()
    return segments(*names) + ("/" if path.endswith("/") else "")


def _below(path: str, base_path: str) -> str:
    for prefix in (base_path.rstrip("/"), "/v2"):
        if prefix and (path + "/").startswith(prefix + "/"):
            return path[len(prefix) :] or "/"
    return path or "/"


def _last_segment(value: str) -> str:
    return value.partition("?")[0].rstrip("/").rpartition("/")[2] if "://" in value else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refused("text", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused("text without lone surrogates", value) from None
    return value


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return aware(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise refused("text, a number or a time", value)


def _split(value: str, expected: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port out of range is told only when it is read
    except ValueError:
        raise refused(expected, value) from None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def method(value: object) -> str:
    """An HTTP method in capitals."""
    if isinstance(value, str) and re.fullmatch("[A-Za-z]+", value, re.ASCII):
        return value.upper()
    raise refused("an HTTP method such as GET", value)


def environment(name: str) -> str | None:
    """A variable of the environment, or None when it is not set; an empty one is a mistake."""
    value = os.environ.get(name)
    if value is not None and not value.strip():
        raise InvalidArgumentError(f"the environment variable {name} is set but empty: give it a value, or unset it")
    return value
