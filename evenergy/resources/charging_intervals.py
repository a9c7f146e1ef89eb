"""Intervals of charging: the energy that was delivered, and the current that was scheduled."""

from __future__ import annotations

from datetime import datetime

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time

from ._intervals import interval_end

__all__ = [
    "EnergyDeliveredByPrice",
    "ScheduleInterval",
    "ScheduleType",
    "UsageInterval",
]


class ScheduleType(OpenEnum):
    """Origin of a schedule. ``LEGACY`` stands for all schedules that are older than this distinction."""

    INITIAL_CHARGE_TIME = Member("INITIAL_CHARGE_TIME")
    BATTERY_WARMING = Member("BATTERY_WARMING")
    SMART = Member("SMART")
    BOOST = Member("BOOST")
    SOLAR_ONLY = Member("SOLAR_ONLY")
    SOLAR_SMART = Member("SOLAR_SMART")
    V2G_DISCHARGE = Member("V2G_DISCHARGE")
    V2G_CHARGEBACK = Member("V2G_CHARGEBACK")
    LEGACY = Member("LEGACY")


@model
class EnergyDeliveredByPrice:
    """Energy that was delivered at one price.

    Attributes:
        price: Decimal text in minor units of the currency, such as ``21.3`` pence.
    """

    price: str | None = None
    energy_delivered_watt_hours: int | None = None


@model
class UsageInterval:
    """Energy that was delivered in one interval; zero where the vehicle did not charge.

    Attributes:
        interval_seconds: The length of the interval.
        started_at: The beginning of the interval.
        total_energy_delivered_watt_hours: The energy that the vehicle received.
        meter_usage_watt_hours: The estimated energy at the property's meter, with the losses on the way; None when it
            is not known.
        alt_usage_watt_hours: The estimated energy, had the vehicle charged at once and unmanaged; None when it is not
            known.
        percentage_import: The share of the energy that came from the grid, 0 to 100; None when it is not known.
        electricity_cost_sub_unit: The price of a kilowatt hour as decimal text in minor units of the currency; the sum
            of the prices where intervals were merged. None when it is not known.
        energy_delivered_by_price: The energy at each price; one object or a list, as the API gives it.
    """

    interval_seconds: int | None = None
    started_at: Time | None = None
    total_energy_delivered_watt_hours: int | None = None
    meter_usage_watt_hours: int | None = None
    alt_usage_watt_hours: int | None = None
    percentage_import: int | None = None
    electricity_cost_sub_unit: str | None = None
    energy_delivered_by_price: EnergyDeliveredByPrice | list[EnergyDeliveredByPrice] | None = None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval, or None where its beginning or its length is None."""
        return interval_end(self.started_at, self.interval_seconds)


@model
class ScheduleInterval:
    """Current that a vehicle shall charge with in one interval.

    Attributes:
        started_at: The beginning of the interval, at a full or half hour.
        interval_seconds: The length of the interval, half an hour; None for a boost, which has no end.
        current_milliamps: The current; 0 for no charging.
        dispatched_at: The time at which it was last sent to the device; None when it was not sent yet.
        created_at: The time at which it was made.
    """

    started_at: Time | None = None
    interval_seconds: int | None = None
    current_milliamps: int | None = None
    schedule_type: ScheduleType | None = None
    dispatched_at: Time | None = None
    created_at: Time | None = None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval; None for a boost, which has no end."""
        return interval_end(self.started_at, self.interval_seconds)
