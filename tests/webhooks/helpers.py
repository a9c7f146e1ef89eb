"""Shared parts of the tests of webhooks."""

import json
import traceback
from typing import Any

from hypothesis import HealthCheck, settings

from evenergy.webhooks import WebhookReceiver

ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # also a busy one

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3"
NOW = 1_614_265_330

SUB_SESSION: dict[str, Any] = {
    "id": "csub01HSH04KDEWF6Z4DB2J77J74K5",
    "url": "https://api.ev.energy/v2/charging_sub_sessions/csub01HSH04KDEWF6Z4DB2J77J74K5",
    "start": "2024-05-01T22:00:00Z",
    "end": None,
    "mode": "SMART",
    "energy_delivered_watt_hours": 2300,
    "currency": "GBP",
    "location": {"name": "Zuhause, Köln"},
}


def receiver(*secrets: str, now: float = NOW, tolerance: float | None = 300.0) -> WebhookReceiver:
    """Return a receiver whose clock stands still."""
    return WebhookReceiver(secrets or SECRET, tolerance, clock=lambda: now)


def body_of(kind: str = "charging_sub_session.created", **changes: object) -> bytes:
    """Return the body of a webhook."""
    document = {"type": kind, "timestamp": "2024-05-01T22:00:03.5Z", "data": SUB_SESSION, **changes}
    return json.dumps(document, ensure_ascii=False).encode()


def signed(body: bytes, *secrets: str, **changes: str) -> dict[str, str]:
    """Return the headers of a delivery, some of them changed after it was signed."""
    headers = receiver(*secrets).headers(body, message_id="msg_1")
    return {**headers, **{f"svix-{name}": value for name, value in changes.items()}}


def shown(error: BaseException) -> str:
    """Return all that a careless reporter could show of an error, with the locals of each frame but the tests' own."""
    chain: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and one not in chain:
            chain.append(one)
            left += [one.__cause__, one.__context__]
    texts: list[str] = []
    for one in chain:
        texts += [repr(one), str(one), repr(vars(one)), *traceback.format_exception(one)]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_globals["__name__"].startswith("tests"):
                texts += [repr(value) + repr(getattr(value, "__dict__", None)) for value in frame.f_locals.values()]
    return "\n".join(texts)
