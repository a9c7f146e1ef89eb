"""One delivery of a webhook, as a request brings it: its body and its three headers, checked for their form alone.

Functions here return errors and raise none: a raised error would hold their frames, and with them signatures.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias, cast

from evenergy.errors import EvEnergyError, InvalidArgumentError

_PARTS = ("id", "timestamp", "signature")
_NAMES = {f"{prefix}-{part}" for prefix in ("svix", "webhook") for part in _PARTS}

# Without a dot in the id and with digits alone in the timestamp, what is signed can be split in one way only.
MESSAGE_ID = re.compile(r"[!-\-/-~]{1,256}")
_SECONDS = re.compile("[0-9]{1,12}")

WebhookHeaders: TypeAlias = Mapping[str, object] | Iterable[tuple[str | bytes, str | bytes]]
"""Headers of a request: any mapping (also a WSGI environ), or name and value pairs, text or bytes as in ASGI."""


class WebhookError(EvEnergyError):
    """A request that is no valid webhook: respond with a 400.

    Neither the message nor any attribute holds a secret or a signature.

    Attributes:
        check: The check that failed: ``headers`` (one is missing or malformed), ``timestamp`` (too far from now), or
            ``signature`` (none matches).
    """

    def __init__(self, message: str, *, check: Literal["headers", "timestamp", "signature"] = "signature") -> None:
        super().__init__(message)
        self.check = check


class Delivery(NamedTuple):
    """Headers of one delivery, well-formed but not verified."""

    message_id: str
    timestamp: str
    signatures: list[bytes]


def raw_bytes(body: object) -> bytes | InvalidArgumentError:
    """Return the body of a request as bytes, or the error that names each framework's way to them."""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(cast("bytes", body))  # itself, where it is bytes
    return InvalidArgumentError(
        f"expected body as the raw bytes of the request, got {type(body).__name__}: the signature covers bytes, which"
        " decoded text or parsed JSON no longer has. aiohttp: await request.read(); FastAPI and Starlette:"
        " await request.body(); Flask: request.get_data(); Django: request.body"
    )


def delivery_of(headers: object) -> Delivery | EvEnergyError:
    """Return the three headers of a delivery, or the error: raised here, it would hold the signatures."""
    values = _values(headers)
    if isinstance(values, InvalidArgumentError):
        return values
    ids, timestamps, signatures = (values.get(f"svix-{part}") or values.get(f"webhook-{part}", []) for part in _PARTS)
    missing = [f"svix-{part}" for part, found in zip(_PARTS, (ids, timestamps, signatures), strict=True) if not found]
    if missing:
        return _malformed(f"{', '.join(missing)} missing")
    if len({*ids}) > 1 or not MESSAGE_ID.fullmatch(ids[0]):
        return _malformed("svix-id is not one id of visible ASCII characters without a dot")
    if len({*timestamps}) > 1 or not _SECONDS.fullmatch(timestamps[0]):
        return WebhookError("the webhook's svix-timestamp is not one whole number of seconds", check="timestamp")
    versioned = [each.partition(b",") for each in " ".join(signatures).encode("ascii", "replace").split()]
    return Delivery(ids[0], timestamps[0], [text for version, _, text in versioned if version == b"v1"])


def _values(headers: object) -> dict[str, list[str]] | InvalidArgumentError:
    """Return the values of the headers that matter, by their names in small letters."""
    items = getattr(headers, "items", None)
    pairs: object = items() if callable(items) else headers
    found: dict[str, list[str]] = {}
    if not isinstance(pairs, Iterable) or isinstance(pairs, str | bytes):
        return _no_headers(headers)
    for pair in cast("Iterable[object]", pairs):
        match pair:
            case [object() as raw_name, object() as raw_value]:
                name, value = _name(raw_name), _text(raw_value)
            case _:
                return _no_headers(headers)
        if name not in _NAMES:
            continue
        if value is None:
            return InvalidArgumentError(f"expected the header {name} as text or bytes")
        found.setdefault(name, []).append(value)
    return found


def _name(name: object) -> str:
    """Return the name of a header in small letters, also for a WSGI environ's ``HTTP_SVIX_ID`` (PEP 3333)."""
    text = (_text(name) or "").lower()
    return text.removeprefix("http_").replace("_", "-") if text.startswith("http_") else text


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _malformed(why: str) -> WebhookError:
    return WebhookError(
        f"the request is no webhook of ev.energy, or a proxy changed its headers: {why}", check="headers"
    )


def _no_headers(headers: object) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"expected headers as a mapping or as pairs of a name and a value, got {type(headers).__name__}"
    )
