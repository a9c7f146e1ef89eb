"""Values of `client.fleet`: devices with their newest status log, new logs, and changes."""

from __future__ import annotations

from collections.abc import Sized
from datetime import datetime
from typing import Final, Generic, Literal, TypeAlias, TypeVar

import attrs

from evenergy._codec.model import model
from evenergy.errors import EvEnergyError
from evenergy.resources.batteries import HomeBattery, HomeBatteryStatusLog
from evenergy.resources.evses import EVSE, EVSEStatusLog
from evenergy.resources.meters import BoundaryMeter, BoundaryMeterStatusLog
from evenergy.resources.vehicles import Vehicle, VehicleStatusLog

__all__ = [
    "WATCHED",
    "BoundaryMeterNow",
    "Change",
    "EVSENow",
    "HomeBatteryNow",
    "NewLogs",
    "VehicleNow",
    "WatchField",
]

L = TypeVar("L")

WatchField: TypeAlias = Literal[
    "is_plugged_in",
    "is_charging",
    "is_complete",
    "state_of_charge_percentage",
    "target_charge_level_percentage",
    "charge_rate_watts",
    "state",
    "integrated",
    "smart_charging_enabled",
    "disabled",
]
"""Fields that can be watched: those of the newest status log, and the last three of the vehicle."""

WATCHED: Final[tuple[WatchField, ...]] = ("is_plugged_in", "is_charging", "state_of_charge_percentage", "integrated")
"""Fields that are watched unless others are given."""

OF_VEHICLES: Final[frozenset[WatchField]] = frozenset({"integrated", "smart_charging_enabled", "disabled"})
"""Fields of the vehicle itself; all others are those of its newest status log."""


@model
class VehicleNow(Vehicle):
    """Vehicle with its newest status log.

    Attributes:
        latest_status_log: None when the vehicle never reported.
    """

    latest_status_log: VehicleStatusLog | None = None


@model
class EVSENow(EVSE):
    """Charger with its newest status log.

    Attributes:
        latest_status_log: None when the charger never reported.
    """

    latest_status_log: EVSEStatusLog | None = None


@model
class HomeBatteryNow(HomeBattery):
    """Home battery with its newest status log.

    Attributes:
        latest_status_log: None when the battery never reported.
    """

    latest_status_log: HomeBatteryStatusLog | None = None


@model
class BoundaryMeterNow(BoundaryMeter):
    """Boundary meter with its newest status log.

    Attributes:
        latest_status_log: None when the meter never reported.
    """

    latest_status_log: BoundaryMeterStatusLog | None = None


def watched_value(vehicle: VehicleNow | None, name: WatchField) -> object:
    """Return a watched field of a vehicle; None where it was not reported, or where there is no vehicle."""
    found: object = getattr(vehicle if name in OF_VEHICLES else getattr(vehicle, "latest_status_log", None), name, None)
    return found


def _count(values: Sized) -> str:
    return f"<{len(values)}>"


@attrs.frozen
class NewLogs(Generic[L]):
    """Logs that were never delivered before, and the marks to store once they are safe: the outcome of one request.

    Attributes:
        logs: The logs; each names its device.
        marks: The marks that changed. Store the logs first, then these, or both in one transaction.
        vehicle_id: The device that was read; None for a page of the list, and for an item of it without an id.
        error: Why the device could not be read, in which case its mark stays and the next run reads it again; or the
            `DecodeError` of one log, which is not delivered. None when nothing went wrong.
        requests: Requests that the run has spent so far, retries included.
        left: Reads that are known to wait.
    """

    logs: list[L] = attrs.field(repr=_count)
    marks: dict[str, str] = attrs.field(repr=_count)
    vehicle_id: str | None
    error: EvEnergyError | None
    requests: int
    left: int


@attrs.frozen
class Change:
    """Change of one vehicle between two looks at the fleet.

    A field that a vehicle no longer reports keeps its last value, in ``after`` too.

    Attributes:
        vehicle_id: The id of the vehicle.
        fields: The watched fields that changed; of a vehicle that appeared, those that it reports; empty for one that
            is gone.
        before: The vehicle as it was last handed out, or None when it appeared.
        after: The vehicle now, or None when it is gone.
        observed_at: The time at which the page with it arrived, by the clock of this machine.
    """

    vehicle_id: str
    fields: frozenset[WatchField]
    before: VehicleNow | None
    after: VehicleNow | None
    observed_at: datetime
