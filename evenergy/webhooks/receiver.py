"""Verification of webhooks, and the event in one that is genuine.

The scheme is that of https://www.standardwebhooks.com: HMAC-SHA256 over ``id.timestamp.body``, in base64.
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, cast

from evenergy._codec import validate
from evenergy._codec.decode import decode
from evenergy._codec.model import model
from evenergy._codec.wire_types import Time
from evenergy._lazy import load
from evenergy.errors import DecodeError, EvEnergyError, InvalidArgumentError, reworded

from .delivery import MESSAGE_ID, Delivery, WebhookError, WebhookHeaders, delivery_of, raw_bytes

if TYPE_CHECKING:
    from .events import WebhookEvent

_VARIABLE = "EVENERGY_WEBHOOK_SECRET"


@model
class UnknownWebhookEvent:
    """Event of a type that this version does not know. Respond with a 2xx, or it is sent again for a day.

    Attributes:
        message_id: The header ``svix-id``, the same on every delivery of the message.
        type: The type that the body gives.
        timestamp: The time at which the event occurred.
        data: The ``data`` of the body, as plain JSON data.
    """

    message_id: str
    type: str
    timestamp: Time
    data: dict[str, Any]


@model
class _Envelope:
    """Body of any webhook."""

    type: str
    timestamp: Time
    data: dict[str, Any]


class WebhookReceiver:
    """Verifier and reader of webhooks. It keeps no state and may be shared by threads and tasks.

    Neither a repr nor an attribute shows a secret, and a receiver cannot be pickled.

    Args:
        secret: The endpoint's signing secret, ``whsec_`` and base64 (the prefix may be missing). While it is rotated,
            pass the old and the new: as a list, or as one text with blanks between. None reads
            ``EVENERGY_WEBHOOK_SECRET``, in the same form.
        tolerance: The seconds that a delivery's timestamp may be away from now, in both directions; None for no bound.
        clock: The function that returns the Unix time in seconds; None for the system's clock.

    Raises:
        InvalidArgumentError: There is no secret, or it is not base64; no part of it is in the message.
    """

    __slots__ = ("_clock", "_signers", "_tolerance")

    def __init__(
        self,
        secret: str | Iterable[str] | None = None,
        tolerance: float | None = 300.0,
        *,
        clock: Callable[[], float] | None = None,
    ) -> None:
        keys = _keys(secret)
        del secret  # the frames of an error shall not hold it
        if isinstance(keys, InvalidArgumentError):
            raise keys
        self._signers = tuple(hmac.new(key, digestmod="sha256") for key in keys)
        del keys
        self._tolerance = validate.seconds("tolerance", tolerance, zero=True)
        self._clock = clock

    def read(self, body: bytes | bytearray | memoryview, headers: WebhookHeaders) -> "WebhookEvent":
        """Return the event of a webhook, once its signature and its timestamp are verified.

        Args:
            body: The raw bytes of the request, as they were received.
            headers: The headers of the request, in any case of letters: ``svix-id``, ``svix-timestamp`` and
                ``svix-signature``, or the same with ``webhook-``.

        Raises:
            WebhookError: A check failed; nothing of the body was parsed. Respond with a 400.
            DecodeError: The webhook is genuine, but cannot be decoded. Respond with a 5xx, and it is sent again.
            InvalidArgumentError: ``body`` or ``headers`` is of another type; the message names the right calls.
        """
        verified = self._verify(body, headers)
        del headers  # the frames of an error shall not hold a signature
        if isinstance(verified, EvEnergyError):
            raise verified
        message_id, raw = verified
        try:
            return _event(message_id, raw)
        except DecodeError as error:
            reworded(error, f"could not decode the body of webhook {message_id}: {error}")
            raise

    def headers(
        self, body: bytes | bytearray | memoryview, *, message_id: str | None = None, timestamp: float | None = None
    ) -> dict[str, str]:
        """Return the headers that sign a body with all secrets of this receiver: for tests of your own endpoint.

        Args:
            body: The raw bytes that will be sent.
            message_id: The message's id; None makes a new one.
            timestamp: The Unix time of the delivery, in seconds; None for now.

        Raises:
            InvalidArgumentError: ``body`` is not bytes, or an argument does not fit into its header.
        """
        raw = raw_bytes(body)
        if isinstance(raw, InvalidArgumentError):
            raise raw
        message_id = f"msg_{secrets.token_hex(13)}" if message_id is None else message_id
        if not MESSAGE_ID.fullmatch(validate.header_value("message_id", message_id)):
            raise validate.invalid_argument("message_id of at most 256 characters, none of them a dot", message_id)
        sent_at = validate.seconds("timestamp", timestamp, zero=True)
        seconds = str(int(self._now() if sent_at is None else sent_at))
        signatures = self._signatures(Delivery(message_id, seconds, []), raw)
        return {
            "svix-id": message_id,
            "svix-timestamp": seconds,
            "svix-signature": " ".join(f"v1,{each.decode()}" for each in signatures),
        }

    def _verify(self, body: object, headers: object) -> tuple[str, bytes] | EvEnergyError:
        """Return the message's id and the body when all checks pass, else the error; raise nothing.

        An error raised here would hold this frame, and with it the signatures.
        """
        raw = raw_bytes(body)
        if isinstance(raw, InvalidArgumentError):
            return raw
        delivery = delivery_of(headers)
        if isinstance(delivery, EvEnergyError):
            return delivery
        late = self._now() - int(delivery.timestamp)
        if self._tolerance is not None and abs(late) > self._tolerance:
            when = f"{late:.1f} s old" if late > 0 else f"{-late:.1f} s in the future"
            return WebhookError(
                f"the webhook's timestamp is {when}, the tolerance is {self._tolerance:g} s: somebody sends an old"
                " delivery again, or the clock of this machine is wrong",
                check="timestamp",
            )
        if not self._is_signed(delivery, raw):
            return WebhookError(
                "no v1 signature of the webhook matches: the secret is another endpoint's, the body is not the raw"
                " bytes of the request, or the request does not come from ev.energy"
            )
        return delivery.message_id, raw

    def _is_signed(self, delivery: Delivery, body: bytes) -> bool:
        """Return True when one signature is right under one secret; all are compared, each in constant time."""
        found = False
        for expected in self._signatures(delivery, body):
            for given in delivery.signatures:
                found |= hmac.compare_digest(expected, given)
        return found

    def _signatures(self, delivery: Delivery, body: bytes) -> list[bytes]:
        """Return the right signature under each secret, base64."""
        found: list[bytes] = []
        for signer in self._signers:
            mac = signer.copy()
            mac.update(f"{delivery.message_id}.{delivery.timestamp}.".encode())
            mac.update(body)
            found.append(base64.b64encode(mac.digest()))
        return found

    def _now(self) -> float:
        return time.time() if self._clock is None else self._clock()

    def __repr__(self) -> str:
        signers = getattr(self, "_signers", ())  # a traceback of the constructor shows what is not whole yet
        return f"<WebhookReceiver: {len(signers)} secret(s)>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a WebhookReceiver cannot be pickled or copied: it holds a secret; make one in each process")


def _event(message_id: str, body: bytes) -> "WebhookEvent":
    """Return the event that a verified body holds; its class goes by the body's ``type``."""
    envelope = decode(body, _Envelope)
    if envelope.type.startswith("charging_sub_session."):
        events: Any = load(".webhooks.events")  # with the models of charging
        kind = events.CLASSES.get(envelope.type)
        if kind is not None:
            read: Any = decode(body, events.SubSessionBody)
            event: WebhookEvent = kind(read.type, read.timestamp, read.data, message_id)
            return event
    return UnknownWebhookEvent(message_id, envelope.type, envelope.timestamp, envelope.data)


def _keys(secret: object) -> list[bytes] | InvalidArgumentError:
    """Return the key of each secret, or the error: raised here, it would hold this frame."""
    if secret is None:
        secret = validate.environment_variable(_VARIABLE)
    if secret is None:
        return InvalidArgumentError(
            f"expected a webhook secret: pass it, or set {_VARIABLE}. It is on the page of your endpoint, which"
            " client.webhook_portal() opens"
        )
    if isinstance(secret, bytes | bytearray) or not isinstance(secret, Iterable):
        return InvalidArgumentError(f"expected the webhook secret as text, got {type(secret).__name__}")
    given = [secret] if isinstance(secret, str) else list(cast("Iterable[object]", secret))
    keys: list[bytes] = []
    for number, one in enumerate(given, 1):
        if not isinstance(one, str):
            return InvalidArgumentError(f"expected webhook secret {number} as text, got {type(one).__name__}")
        found = [_key(part) for part in one.split()]
        if not found:
            return InvalidArgumentError(f"expected webhook secret {number}, got an empty string")
        if not all(found):
            return InvalidArgumentError(
                f"expected webhook secret {number} as whsec_ and base64, got {len(one)} characters that are not: copy"
                " it whole from the page of your endpoint"
            )
        keys += found
    return keys or InvalidArgumentError("expected at least one webhook secret, got an empty list")


def _key(secret: str) -> bytes:
    """Return the key in a secret, whose prefix and padding may be missing; empty where it is not base64."""
    text = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # its frames hold the secret, so it is not chained
        return b""
