"""Clients of the API on Home Assistant's own session."""

from __future__ import annotations

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.config_entry_oauth2_flow import OAuth2Session

import evenergy

from .const import DEADLINE, MAX_WAIT, base_url


class HomeAssistantToken:
    """Token source of a config entry: Home Assistant refreshes the token and stores it."""

    def __init__(self, session: OAuth2Session) -> None:
        self.session = session

    async def access_token(self) -> str:
        """Return a token that is valid now."""
        await self.session.async_ensure_token_valid()
        return str(self.session.token["access_token"])


async def async_new_client(hass: HomeAssistant, auth: str | HomeAssistantToken) -> evenergy.AsyncClient:
    """Return a client. All imports are done first, in the executor: later none holds up the event loop."""
    await hass.async_add_executor_job(evenergy.preload)
    return evenergy.AsyncClient(
        auth,
        session=async_get_clientsession(hass),
        base_url=base_url(),
        max_wait=MAX_WAIT,
        deadline=DEADLINE,
        user_agent="home-assistant-ev-energy",
    )
