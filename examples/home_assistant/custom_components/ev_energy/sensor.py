"""Sensors: state of charge, power, and when the vehicle was last seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfPower
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

import evenergy

from .coordinator import EvEnergyConfigEntry
from .entity import VehicleEntity, async_add_vehicles


@dataclass(frozen=True, kw_only=True)
class VehicleSensorDescription(SensorEntityDescription):
    """Sensor, and the function that takes its value from a status log."""

    value: Callable[[evenergy.VehicleStatusLog], int | datetime | None]


SENSORS = (
    VehicleSensorDescription(
        key="state_of_charge",
        translation_key="state_of_charge",
        device_class=SensorDeviceClass.BATTERY,
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda log: log.state_of_charge_percentage,
    ),
    VehicleSensorDescription(
        key="power",
        translation_key="power",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda log: log.charge_rate_watts,
    ),
    VehicleSensorDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda log: log.sampled_at,
    ),
)


class VehicleSensor(VehicleEntity, SensorEntity):
    """Sensor of one vehicle."""

    entity_description: VehicleSensorDescription

    @property
    @override
    def native_value(self) -> int | datetime | None:
        """Return the value, or None when the vehicle did not report it."""
        return self.entity_description.value(self.log) if self.log else None


async def async_setup_entry(
    _hass: HomeAssistant, entry: EvEnergyConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of all vehicles."""
    async_add_vehicles(
        entry, async_add_entities, lambda vehicle: [VehicleSensor(entry.runtime_data, vehicle, one) for one in SENSORS]
    )
