"""Issuer of a certificate that the system does not trust, which `ssl` does not decode (X.690, RFC 5280 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE, _SET, _EXPLICIT_VERSION = 0x30, 0x31, 0xA0
_COMMON_NAME, _ORGANIZATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_LONG = 0x80  # of a length: the number of bytes that hold it follows


def issuer(certificate: bytes) -> str:
    """Return the issuer's organization and name, or "an unknown issuer" when it cannot be read."""
    try:
        fields = [(tag, body) for tag, body in _values(_inner(_inner(certificate))) if tag != _EXPLICIT_VERSION]
        names = dict(_names(fields[2][1]))  # behind the serial number and the algorithm
    except (IndexError, ValueError):
        names = {}
    texts = [names[kind] for kind in (_ORGANIZATION, _COMMON_NAME) if kind in names]
    return ", ".join(dict.fromkeys(texts)) or "an unknown issuer"


def _names(body: bytes) -> Iterator[tuple[bytes, str]]:
    for tag, relative in _values(body):
        if tag == _SET:
            (_, kind), (_, text) = _values(_inner(relative))
            yield kind, "".join(letter for letter in text.decode("utf-8", "replace") if letter.isprintable())


def _inner(content: bytes) -> bytes:
    """Return the content of the first value, which is a sequence."""
    for tag, body in _values(content):
        if tag == _SEQUENCE:
            return body
        break
    raise ValueError("no sequence")


def _values(content: bytes) -> Iterator[tuple[int, bytes]]:
    while content:
        tag, length, start = content[0], content[1], 2
        if length >= _LONG:
            start += length - _LONG
            length = int.from_bytes(content[2:start], "big")
        yield tag, content[start : start + length]
        content = content[start + length :]
