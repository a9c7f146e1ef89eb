"""Diagnostics for a bug report: no token, and nothing that names a person, a vehicle or a place."""

from __future__ import annotations

from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.core import HomeAssistant

import evenergy

from .coordinator import EvEnergyConfigEntry

TO_REDACT = {"charging_sub_sessions", "description", "id", "token", "trim", "url", "user", "vehicle"}


async def async_get_config_entry_diagnostics(_hass: HomeAssistant, entry: EvEnergyConfigEntry) -> dict[str, Any]:
    """Return the entry, the rate limit and the vehicles, redacted. It costs no request."""
    coordinator = entry.runtime_data
    limit = coordinator.client.rate_limit
    return {
        "entry": async_redact_data(dict(entry.data), TO_REDACT),
        "rate_limit": {"limit": limit.limit, "remaining": limit.remaining} if limit else None,
        "vehicles": [async_redact_data(evenergy.to_dict(one), TO_REDACT) for one in coordinator.data.values()],
    }
