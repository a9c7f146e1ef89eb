"""Config flow: the user logs in with ev.energy, at first and when the login has ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigFlowResult
from homeassistant.const import CONF_TOKEN
from homeassistant.helpers.config_entry_oauth2_flow import AbstractOAuth2FlowHandler

import evenergy

from .api import async_new_client
from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)


class EvEnergyFlowHandler(AbstractOAuth2FlowHandler, domain=DOMAIN):
    """Config flow by OAuth."""

    DOMAIN = DOMAIN

    @property
    @override
    def logger(self) -> logging.Logger:
        """Return the logger of the flow."""
        return _LOGGER

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin anew after the API rejected the token."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask the user to log in again."""
        if user_input is None:
            return self.async_show_form(step_id="reauth_confirm")
        return await self.async_step_user()

    @override
    async def async_oauth_create_entry(self, data: dict[str, Any]) -> ConfigFlowResult:
        """Create the entry of the user who logged in, or renew it. It costs one request."""
        client = await async_new_client(self.hass, data[CONF_TOKEN]["access_token"])
        try:
            users = await client.users.list().collect(1)
        except evenergy.EvEnergyError as error:
            _LOGGER.warning("The user who logged in could not be read: %s", error)
            return self.async_abort(reason="cannot_connect")
        finally:
            await client.close()
        if not users:
            return self.async_abort(reason="no_user")
        await self.async_set_unique_id(users[0].id)
        if self.source == SOURCE_REAUTH:
            self._abort_if_unique_id_mismatch(reason="wrong_account")
            return self.async_update_reload_and_abort(self._get_reauth_entry(), data=data)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title="ev.energy", data=data)
