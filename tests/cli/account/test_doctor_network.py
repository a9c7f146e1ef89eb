"""Findings of the doctor about the way to the server: name, network, TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import trustme

from evenergy.cli.doctor import certificate, network
from evenergy.cli.doctor.findings import Status
from evenergy.cli.doctor.network import Route
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import doctor, finding


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_address(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, f"Name or service not known: {host}:{port}")

    monkeypatch.setattr(network, "resolve", no_address)
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    done = doctor()
    assert done.code == 3
    assert "there is no address for api.ev.energy" in finding(done, "dns")["message"]
    assert {finding(done, check)["status"] for check in ("tls", "clock", "credentials", "limit")} == {"skipped"}


@pytest.mark.parametrize(
    ("host", "address", "status"),
    [
        ("api.ev.energy", "10.0.0.7", Status.WARNING),
        ("api.ev.energy", "93.184.215.14", Status.OK),
        ("localhost", "127.0.0.1", Status.OK),
        ("gateway", "10.0.0.7", Status.OK),
    ],
)
def test_a_private_address(host: str, address: str, status: Status) -> None:
    found = network.names(Route(host, 443, is_secure=True), lambda _host, _port: [address])
    assert found.status is status


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v2"
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    done = doctor("--base-url", url)
    assert done.code == 3
    assert "no connection to 127.0.0.1" in finding(done, "tls")["message"]


@contextmanager
def tls_server(authority: trustme.CA, name: str) -> Generator[Route]:
    context: Any = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate: Any = authority.issue_cert(name)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection, suppress(OSError):  # a client that trusts nobody
                context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield Route("localhost", listener.getsockname()[1], is_secure=True)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def trusting(authority: Any) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_certificate_that_is_trusted() -> None:
    authority = trustme.CA(organization_name="Example Trust")
    context = trusting(authority)
    with tls_server(authority, "localhost") as route:
        found = network.tls(route, context)
    assert found.status is Status.OK
    assert "the certificate is by Example Trust" in found.message


def test_a_certificate_of_somebody_in_between() -> None:
    with tls_server(trustme.CA(organization_name="Company Firewall"), "localhost") as route:
        found = network.tls(route)
    assert (found.status, found.exit_code) == (Status.FAILED, 3)
    assert "is not trusted" in found.message
    assert "it is by Company Firewall" in found.message
    assert "SSL_CERT_FILE" in (found.advice or "")


def test_a_certificate_of_another_host() -> None:
    authority = trustme.CA()
    context = trusting(authority)
    with tls_server(authority, "other.example") as route:
        found = network.tls(route, context)
    assert found.status is Status.FAILED
    assert "Hostname mismatch" in found.message


def test_a_server_without_tls(sandbox: Sandbox) -> None:
    port = int(sandbox.base_url.split(":")[2].split("/")[0])
    found = network.tls(Route("127.0.0.1", port, is_secure=True))
    assert found.status is Status.FAILED
    assert "TLS failed" in found.message


@pytest.mark.parametrize("content", [b"", b"\x30", b"\x30\x03\x30\x01\x02", b"\x02\x01\x00", b"\xff" * 40])
def test_a_certificate_that_cannot_be_read(content: bytes) -> None:
    assert certificate.issuer(content) == "an unknown issuer"
