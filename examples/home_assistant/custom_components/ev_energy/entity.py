"""Base of the entities: a vehicle is a device, and a value of it an entity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

import evenergy

from .const import DOMAIN
from .coordinator import EvEnergyConfigEntry, FleetCoordinator


class VehicleEntity(CoordinatorEntity[FleetCoordinator]):
    """Value of one vehicle."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: FleetCoordinator, vehicle_id: str, description: EntityDescription) -> None:
        """Name the entity after its vehicle and its value."""
        super().__init__(coordinator)
        self.entity_description = description
        self._vehicle_id = vehicle_id
        self._attr_unique_id = f"{vehicle_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, vehicle_id)}, name=coordinator.data[vehicle_id].description or vehicle_id
        )

    @property
    @override
    def available(self) -> bool:
        """Return False when the last update failed, or the vehicle is gone."""
        return super().available and self._vehicle_id in self.coordinator.data

    @property
    def log(self) -> evenergy.VehicleStatusLog | None:
        """Return the newest status log, or None when the vehicle never reported or is gone."""
        vehicle = self.coordinator.data.get(self._vehicle_id)
        return vehicle.latest_status_log if vehicle else None


@callback
def async_add_vehicles(
    entry: EvEnergyConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    entities_of: Callable[[str], Iterable[Entity]],
) -> None:
    """Add the entities of all vehicles, and later those of new ones."""
    known: set[str] = set()

    @callback
    def add_new() -> None:
        new = entry.runtime_data.data.keys() - known
        known.update(new)
        async_add_entities(entity for vehicle_id in sorted(new) for entity in entities_of(vehicle_id))

    add_new()
    entry.async_on_unload(entry.runtime_data.async_add_listener(add_new))
