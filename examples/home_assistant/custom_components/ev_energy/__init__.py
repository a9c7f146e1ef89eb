"""ev.energy: the vehicles of a user, as sensors."""

from __future__ import annotations

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers.config_entry_oauth2_flow import (
    ImplementationUnavailableError,
    OAuth2Session,
    async_get_config_entry_implementation,
)

from .api import HomeAssistantToken, async_new_client
from .coordinator import EvEnergyConfigEntry, FleetCoordinator

PLATFORMS = (Platform.BINARY_SENSOR, Platform.SENSOR)


async def async_setup_entry(hass: HomeAssistant, entry: EvEnergyConfigEntry) -> bool:
    """Set up the vehicles of one user."""
    try:
        implementation = await async_get_config_entry_implementation(hass, entry)
    except ImplementationUnavailableError as error:
        raise ConfigEntryNotReady("The application credentials are not available.") from error
    token = HomeAssistantToken(OAuth2Session(hass, entry, implementation))
    client = await async_new_client(hass, token)
    entry.async_on_unload(client.close)  # Home Assistant's session stays open
    entry.runtime_data = FleetCoordinator(hass, entry, client)
    await entry.runtime_data.async_config_entry_first_refresh()
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: EvEnergyConfigEntry) -> bool:
    """Unload the sensors; then the client is closed."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
