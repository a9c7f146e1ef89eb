"""Typed events of webhooks: a module of their own, because their data needs the models of charging."""

from typing import TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import Time
from evenergy.resources.charging import ChargingSubSession

from .receiver import UnknownWebhookEvent


@model
class SubSessionBody:
    """Body of a webhook about a charging sub-session."""

    type: str
    timestamp: Time
    data: ChargingSubSession


@model
class ChargingSubSessionCreated(SubSessionBody):
    """Start of a charging sub-session: a vehicle was plugged in, or the charging mode changed.

    Attributes:
        type: ``charging_sub_session.created``.
        timestamp: The time at which the event occurred.
        data: The sub-session, not expanded, as ``client.charging_sub_sessions.get`` returns it.
        message_id: The header ``svix-id``, the same on every delivery of the message.
    """

    message_id: str


@model
class ChargingSubSessionEnded(SubSessionBody):
    """End of a charging sub-session: a vehicle was unplugged, or the charging mode changed.

    Attributes:
        type: ``charging_sub_session.ended``.
        timestamp: The time at which the event occurred.
        data: The sub-session, not expanded, as ``client.charging_sub_sessions.get`` returns it.
        message_id: The header ``svix-id``, the same on every delivery of the message.
    """

    message_id: str


WebhookEvent: TypeAlias = ChargingSubSessionCreated | ChargingSubSessionEnded | UnknownWebhookEvent
"""Results of `WebhookReceiver.read`."""

CLASSES: dict[str, type[ChargingSubSessionCreated | ChargingSubSessionEnded]] = {
    "charging_sub_session.created": ChargingSubSessionCreated,
    "charging_sub_session.ended": ChargingSubSessionEnded,
}
"""The class of each event, by the ``type`` of its body."""
