"""Constants of the integration."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Final

from yarl import URL

DOMAIN: Final = "ev_energy"
SCOPES: Final = ("user:read", "vehicle:read")
UPDATE_INTERVAL: Final = timedelta(minutes=5)
"""The interval between two snapshots: 12 requests an hour for each 100 vehicles."""
MAX_WAIT: Final = 0.0
"""Seconds that a request may wait for the rate limit: the coordinator waits instead, and comes back in time."""
DEADLINE: Final = 30.0
"""Seconds for a whole call, with its retries."""


def base_url() -> str:
    """Return the base URL of the API; a test, or a trial against the sandbox, sets the variable."""
    return os.environ.get("EVENERGY_BASE_URL", "https://api.ev.energy/v2")


def oauth_url(path: str) -> str:
    """Return the URL of an OAuth endpoint, which is on the origin of the API."""
    return str(URL(base_url()).origin() / "o" / path / "")
