"""Coordinator: one snapshot of all vehicles for all entities."""

from __future__ import annotations

import logging
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

import evenergy

from .const import DOMAIN, UPDATE_INTERVAL

_LOGGER = logging.getLogger(__name__)

type EvEnergyConfigEntry = ConfigEntry[FleetCoordinator]


class FleetCoordinator(DataUpdateCoordinator[dict[str, evenergy.VehicleNow]]):
    """Vehicles by id, each with its newest status log. An update costs one request for each 100."""

    config_entry: EvEnergyConfigEntry

    def __init__(self, hass: HomeAssistant, entry: EvEnergyConfigEntry, client: evenergy.AsyncClient) -> None:
        """Prepare the updates; the first one is the caller's."""
        super().__init__(
            hass, _LOGGER, config_entry=entry, name=DOMAIN, update_interval=UPDATE_INTERVAL, always_update=False
        )
        self.client = client

    @override
    async def _async_update_data(self) -> dict[str, evenergy.VehicleNow]:
        try:
            return {vehicle.id: vehicle async for vehicle in self.client.fleet.snapshot()}
        except evenergy.AuthenticationError as error:
            raise ConfigEntryAuthFailed(str(error)) from error
        except evenergy.RateLimitError as error:
            raise UpdateFailed(str(error), retry_after=error.retry_after) from error
        except evenergy.EvEnergyError as error:
            raise UpdateFailed(str(error)) from error
