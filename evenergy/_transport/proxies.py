"""Proxies: the caller's, or those of the environment; their passwords are shown nowhere."""

import functools
import os
import urllib.request
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from yarl import URL

from evenergy._codec.secret import unframed
from evenergy._codec.validate import VISIBLE
from evenergy.errors import InvalidArgumentError


class Proxy:
    """Proxy of a request; its URL may hold a password."""

    def __init__(self, url: URL) -> None:
        self.url: URL = url


Proxies: TypeAlias = Callable[[str], Proxy | None]
"""Function from the URL of a request to its proxy, or None for none."""


def no_proxy(_: str) -> None:
    """Return None: requests go straight to their servers."""


def fixed(value: object) -> Proxies:
    """Return the proxies of a client that was given one.

    Raises:
        InvalidArgumentError: It is no URL of a proxy.
    """
    found = _proxy(value, "proxy")
    return lambda _: found


def of_environment() -> Proxies:
    """Return the proxies that the environment names, looked up once for each origin."""
    of_origin = functools.lru_cache(from_environment)
    return lambda url: of_origin("/".join(url.split("/", 3)[:3]))


@unframed
def from_environment(url: str) -> Proxy | None:
    """Return the proxy that the environment names for a URL, or None.

    Unlike aiohttp's own ``trust_env`` this reads no .netrc, whose passwords would go out beside the token.

    Raises:
        InvalidArgumentError: The variable holds no URL of a proxy.
    """
    parts = urlsplit(url)
    given = urllib.request.getproxies().get(parts.scheme)
    if not given or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return _proxy(given, f"the environment variable {_variable(parts.scheme)}")


def unused_hint(url: str) -> str:
    """Return a hint for a failed connection, when the environment names a proxy that this client does not use."""
    parts = urlsplit(url)
    if not urllib.request.getproxies().get(parts.scheme) or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    return f"; {_variable(parts.scheme)} is set, but not used: pass trust_env=True, or proxy="


def _variable(scheme: str) -> str:
    """Return the name of the variable as it is spelled in the environment; the small letters win, as elsewhere."""
    name = f"{scheme}_proxy"
    return name if name in os.environ else name.upper()


def _proxy(value: object, name: str) -> Proxy:
    """Return a proxy; the message of an invalid one does not show it, since it may hold a password."""
    if isinstance(value, str) and VISIBLE.fullmatch(value):
        try:
            url = URL(value)
        except ValueError:
            url = URL()
        if url.scheme in ("http", "https") and url.host:
            return Proxy(url)
    raise InvalidArgumentError(
        f"expected {name} as a URL such as http://proxy.example:3128, with http:// before the host"
    )
