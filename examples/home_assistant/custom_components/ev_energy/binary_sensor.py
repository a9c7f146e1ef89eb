"""Binary sensors: plugged in, and charging."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

import evenergy

from .coordinator import EvEnergyConfigEntry
from .entity import VehicleEntity, async_add_vehicles


@dataclass(frozen=True, kw_only=True)
class VehicleBinarySensorDescription(BinarySensorEntityDescription):
    """Binary sensor, and the function that takes its value from a status log."""

    value: Callable[[evenergy.VehicleStatusLog], bool | None]


SENSORS = (
    VehicleBinarySensorDescription(
        key="plugged_in",
        translation_key="plugged_in",
        device_class=BinarySensorDeviceClass.PLUG,
        value=lambda log: log.is_plugged_in,
    ),
    VehicleBinarySensorDescription(
        key="charging",
        translation_key="charging",
        device_class=BinarySensorDeviceClass.BATTERY_CHARGING,
        value=lambda log: log.is_charging,
    ),
)


class VehicleBinarySensor(VehicleEntity, BinarySensorEntity):
    """Binary sensor of one vehicle."""

    entity_description: VehicleBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the value, or None when the vehicle did not report it."""
        return self.entity_description.value(self.log) if self.log else None


async def async_setup_entry(
    _hass: HomeAssistant, entry: EvEnergyConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the binary sensors of all vehicles."""
    async_add_vehicles(
        entry,
        async_add_entities,
        lambda vehicle: [VehicleBinarySensor(entry.runtime_data, vehicle, one) for one in SENSORS],
    )
