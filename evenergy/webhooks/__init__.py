"""Webhooks of ev.energy: verification, typed events, de-duplication. No web framework is needed, and none is imported.

    receiver = evenergy.WebhookReceiver()     # reads EVENERGY_WEBHOOK_SECRET
    event = receiver.read(body, headers)      # the raw bytes of the request, and its headers
    match event:
        case evenergy.ChargingSubSessionEnded(data=sub_session): ...

No order is promised: an end may arrive before its beginning, so compare ``data.start`` and ``data.end``. Delivery is
not guaranteed either: whoever needs every sub-session also lists them.
"""

import typing

from evenergy._lazy import load

from .deduplicator import Deduplicator
from .delivery import WebhookError, WebhookHeaders
from .receiver import UnknownWebhookEvent, WebhookReceiver

if typing.TYPE_CHECKING:
    from .events import ChargingSubSessionCreated, ChargingSubSessionEnded, WebhookEvent

__all__ = [
    "ChargingSubSessionCreated",
    "ChargingSubSessionEnded",
    "Deduplicator",
    "UnknownWebhookEvent",
    "WebhookError",
    "WebhookEvent",
    "WebhookHeaders",
    "WebhookReceiver",
]

if not typing.TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import the typed events at their first use: they need the models of charging."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return getattr(load(".webhooks.events"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
