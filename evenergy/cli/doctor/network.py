"""Checks of the way to the API: names, proxies and TLS."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import attrs

from evenergy._transport import proxies
from evenergy.cli.errors import Exit
from evenergy.errors import InvalidArgumentError

from .certificate import issuer
from .findings import Finding, failed, ok, skipped, warning

_PATIENCE: Final = 10.0  # seconds to connect
_MOST: Final = 3  # addresses to show


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system finds them.

    Raises:
        OSError: There are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


@attrs.frozen
class Route:
    """Way to the API.

    Attributes:
        host: The host of the base URL.
        port: Its port.
        is_secure: Whether it takes TLS.
        proxy: The host and port of the proxy in between, or None.
    """

    host: str
    port: int
    is_secure: bool
    proxy: str | None = None


def route(base_url: str) -> tuple[Route, Finding]:
    """Return the way to the base URL, and the finding about proxies."""
    parts = urlsplit(base_url)
    secure = parts.scheme == "https"
    found = Route(parts.hostname or "", parts.port or (443 if secure else 80), secure)
    names = [name for name in os.environ if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}]
    names = [name for name in sorted(names) if os.environ[name].strip()]
    try:
        proxy = proxies.from_environment(base_url)
    except InvalidArgumentError as error:
        return found, failed("proxy", str(error), "correct the variable, or unset it", Exit.USAGE)
    if proxy is not None:
        through = f"{proxy.url.host}:{proxy.url.port}"
        return attrs.evolve(found, proxy=through), ok("proxy", f"requests go through {through} ({', '.join(names)})")
    if names:
        return found, ok("proxy", f"{', '.join(names)} set, but not for {found.host} (NO_PROXY, or another scheme)")
    return found, ok("proxy", "none")


def names(route: Route, resolver: Callable[[str, int], Sequence[str]]) -> Finding:
    """Return whether the name of the API leads to an address."""
    if route.proxy is not None:
        return skipped("dns", f"the proxy looks up {route.host}")
    try:
        addresses = resolver(route.host, route.port)
    except OSError as error:
        return failed(
            "dns",
            f"there is no address for {route.host} ({error.strerror or error})",
            "check the spelling of the base URL, the network, and the VPN",
            Exit.UNREACHABLE,
        )
    private = [address for address in addresses if _is_private(address)]
    if private and not _is_local(route.host):
        return warning(
            "dns",
            f"{route.host} leads to {private[0]}, which is an address of a private network",
            "look for it in the hosts file, and ask whoever runs the network's DNS",
        )
    return ok("dns", f"{route.host} leads to {', '.join(addresses[:_MOST])}")


def tls(route: Route, context: ssl.SSLContext | None = None) -> Finding:
    """Return whether a connection comes about, and whose certificate the server has."""
    if route.proxy is not None:
        return skipped("tls", "the proxy is in between; the request below shows whether TLS works")
    try:
        with socket.create_connection((route.host, route.port), _PATIENCE) as plain:
            if not route.is_secure:
                return ok("tls", f"connected to {route.host}:{route.port}; plain http, which is for loopback only")
            with (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=route.host) as secure:
                whose = issuer(secure.getpeercert(binary_form=True) or b"")
                return ok("tls", f"{secure.version()}, the certificate is by {whose}")
    except ssl.SSLCertVerificationError as error:
        return _untrusted(route, error)
    except ssl.SSLError as error:
        advice = "a firewall or proxy may be in between: check the port and the scheme of the base URL"
        return failed("tls", f"TLS failed: {error.reason or error}", advice, Exit.UNREACHABLE)
    except OSError as error:
        return failed(
            "tls",
            f"no connection to {route.host}:{route.port}: {error.strerror or error}",
            "check the network, the firewall, and whether a proxy is needed (HTTPS_PROXY)",
            Exit.UNREACHABLE,
        )


def _untrusted(route: Route, error: ssl.SSLCertVerificationError) -> Finding:
    """Return whose certificate it is; it is read without trust, and nothing is sent."""
    whose = "an unknown issuer"
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((route.host, route.port), _PATIENCE) as plain,
            lax.wrap_socket(plain, server_hostname=route.host) as secure,
        ):
            whose = issuer(secure.getpeercert(binary_form=True) or b"")
    except OSError:
        pass
    return failed(
        "tls",
        f"the certificate of {route.host} is not trusted ({error.verify_message}); it is by {whose}",
        "if that is your company, set SSL_CERT_FILE to a file with its certificate; else somebody is in between",
        Exit.UNREACHABLE,
    )


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_private
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or "." not in host or _is_private(host)
