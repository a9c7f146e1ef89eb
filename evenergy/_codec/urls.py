"""URLs: paths, queries and origins, checked and quoted so that no argument leaves its own place."""

import functools
import math
import re
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import TypeAlias, cast
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

from evenergy.errors import InvalidArgumentError

from .validate import VISIBLE, aware, invalid_argument, plain_text

PROVIDER = "https://api.ev.energy"
"""Origin that the provider's own URLs name."""

Scalar: TypeAlias = str | int | float | datetime
"""Values that a query parameter may have."""

Parameter: TypeAlias = Scalar | Iterable[Scalar] | None
"""Parameters of a query: None is left out, a list repeats its name, a datetime is written in UTC."""

Query: TypeAlias = tuple[tuple[str, str], ...]
"""Parameters of a query, in order; a name may repeat."""


def query_items(parameters: Mapping[str, Parameter]) -> Iterable[tuple[str, str]]:
    """Return parameters as the API spells them: None is left out, a list repeats its name."""
    for name, value in parameters.items():
        plain_text(name)
        if value is None:
            continue
        for item in (value,) if _is_one(value) else cast("Iterable[object]", value):
            yield name, _spelled(item)


def comma_list(name: str, values: Iterable[Scalar] | None) -> str | None:
    """Return the values of a ``…__in`` filter as one parameter with commas; None for no filter.

    Raises:
        InvalidArgumentError: It is no list, it is empty, or a value is empty or holds a comma itself.
    """
    if values is None:
        return None
    if _is_one(values):
        raise invalid_argument(f"{name} as a list of values", values)
    texts = [_spelled(value) for value in values]
    if not texts:
        raise InvalidArgumentError(f"expected {name} with at least one value, got none; leave it out for no filter")
    for text in texts:
        if not text or "," in text:
            raise invalid_argument(f"{name} of values that are not empty and hold no comma", text)
    return ",".join(texts)


def encoded(query: Iterable[tuple[str, str]]) -> str:
    """Return a query as it stands in a URL."""
    return "&".join([f"{_quoted_text(name)}={_quoted_text(value)}" for name, value in query])


_quoted_text = functools.lru_cache(maxsize=1024)(quote_plus)  # names, page sizes and filters come again and again


def _is_one(value: object) -> bool:
    return isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable)


def base_url(value: object, allow_http: Container[str] = ()) -> str:
    """Return the root of the API without a slash at its end: https, or http on the loopback."""
    expected = f"base_url as an absolute URL such as {PROVIDER}/v2"
    if isinstance(value, str) and "@" in value:
        raise InvalidArgumentError("expected base_url without a user and password in it; pass credentials as auth")
    if not isinstance(value, str) or not VISIBLE.fullmatch(value) or "\\" in value:
        raise invalid_argument(expected, value)
    parts = _split(value, expected)
    if parts.scheme not in ("http", "https") or not parts.hostname or "?" in value or "#" in value:
        raise invalid_argument(expected, value)
    if parts.scheme == "http" and not (_is_loopback(parts.hostname) or parts.hostname.lower() in allow_http):
        raise InvalidArgumentError(
            f"expected base_url with https, got http for {parts.hostname}: a token would travel in the clear;"
            " for a host of a private network, pass allow_http=[its name]"
        )
    return value.rstrip("/")


def endpoint_url(value: object) -> str:
    """Return the full URL of a token endpoint, whose last slash counts."""
    base_url(value)
    return str(value)


def origin(url: str) -> str:
    """Return scheme, host and port of an absolute URL, in one spelling."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def resolve_url(path_or_url: object, base: str) -> tuple[str, Query]:
    """Return the quoted path below the base URL, and the query, of a path or of a URL that the API gave.

    Raises:
        InvalidArgumentError: The URL is of another origin than the base's and the provider's, or the path climbs.
    """
    expected = "a path such as /vehicles, or a URL of the API"
    if not isinstance(path_or_url, str) or not re.fullmatch(r"[^\x00-\x20\\#\x7f]+", path_or_url):
        raise invalid_argument(expected, path_or_url)
    parts = _split(path_or_url, expected)
    if parts.scheme or parts.netloc:
        if "@" in parts.netloc or origin(path_or_url) not in (origin(base), origin(PROVIDER)):
            host = parts.netloc.rpartition("@")[2]
            raise invalid_argument(f"a path, or a URL of {base} or {PROVIDER}", f"{parts.scheme}://{host}{parts.path}")
        path = _below(parts.path, urlsplit(base).path)
    else:
        path = parts.path
    return _quoted(path), tuple(parse_qsl(plain_text(parts.query), keep_blank_values=True))


def segments(*parts: str) -> str:
    """Return a path of the given segments, each quoted, so that none can be more than one."""
    path = ""
    for part in parts:
        path += "/"
        if part.isidentifier() and part.isascii():  # most need nothing, and soon
            path += part
        elif part in ("", ".", ".."):
            raise invalid_argument("path segments that are not empty, '.' or '..'", parts)
        else:
            path += quote(plain_text(part), safe=":")
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


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return aware(value)
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise invalid_argument("text, a number or a time", value)


def _split(value: str, expected: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port out of range raises only when it is read
    except ValueError:
        raise invalid_argument(expected, value) from None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
