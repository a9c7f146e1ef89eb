"""Charging sub-sessions, with their energy, schedules, flags, debug metadata and assessment.

They refer to each other, and so they stand in one module: a sub-session holds its schedules, which name their
sub-session. What refers to none of them is in `charging_intervals` and `charging_diagnostics`.
"""

from __future__ import annotations

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id

from .charging_diagnostics import (
    AssessmentRating,
    ChargingSessionFlag,
    ChargingSubSessionAssessmentMetrics,
    EnergyUsageCalculationMethod,
    EnergyUsageInterpolationMethod,
    SolarIntegrationType,
    SubSessionFinishReason,
    SubSessionStartReason,
)
from .charging_intervals import ScheduleInterval, UsageInterval
from .evses import EVSE
from .feeds import CarbonFeed, GridFeed
from .tariffs import Tariff
from .users import LatLong
from .vehicles import Vehicle

__all__ = [
    "CO2IntensityClassification",
    "ChargingLocation",
    "ChargingMode",
    "ChargingSubSession",
    "ChargingSubSessionAssessment",
    "ChargingSubSessionDebugMetadata",
    "ChargingSubSessionFlags",
    "EnergyUsage",
    "Schedules",
    "SolarMode",
    "SubSessionLabel",
]


class ChargingMode(OpenEnum):
    """Decision on when to charge: ev.energy's (smart, managed), at once (boost), or nobody's (unmanaged).

    ``OTG`` is on the go, at a public charger.
    """

    SMART = Member("SMART")
    BOOST = Member("BOOST")
    UNMANAGED_HOME = Member("UNMANAGED_HOME")
    UNMANAGED_OTG = Member("UNMANAGED_OTG")
    MANAGED_OTG = Member("MANAGED_OTG")


class CO2IntensityClassification(OpenEnum):
    """Carbon intensity in words. The texts are the API's own."""

    VERY_LOW = Member("very low")
    LOW = Member("low")
    MODERATE = Member("moderate")
    HIGH = Member("high")
    VERY_HIGH = Member("very high")


class SubSessionLabel(OpenEnum):
    """Label of a sub-session, such as a utility's area or a time of its prices."""

    OUTSIDE = Member("OUTSIDE")
    OFF_PEAK = Member("OFF_PEAK")
    SUMMER_PEAK = Member("SUMMER_PEAK")
    MIXED = Member("MIXED")
    OTHER = Member("OTHER")
    PRIMARY = Member("PRIMARY")
    AWAY = Member("AWAY")
    CONED = Member("CONED")
    ORU = Member("ORU")


class SolarMode(OpenEnum):
    """Charging from the sun, as its user set it."""

    OFF = Member("OFF")
    SOLAR_ONLY = Member("SOLAR_ONLY")
    SOLAR_AND_GRID = Member("SOLAR_AND_GRID")
    SOLAR_SMART = Member("SOLAR_SMART")


@model
class ChargingLocation:
    """Place of charging. Each field is None when it is not known.

    Attributes:
        name: The name for people, such as ``Home``.
        timezone: The IANA name of its time zone.
    """

    name: str | None = None
    coordinates: LatLong | None = None
    postal_code: str | None = None
    address_1: str | None = None
    timezone: str | None = None


@model
class EnergyUsage:
    """Energy of a sub-session over time: it says when the vehicle really charged.

    Attributes:
        currency: ISO 4217, three letters; prices are in its minor units.
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        intervals: The intervals, those without energy too; `delivered` has the others.
        last_updated_at: The time at which they were last calculated.
    """

    url: str | None = None
    currency: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    intervals: list[UsageInterval] | None = None
    last_updated_at: Time | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)

    @property
    def delivered(self) -> list[UsageInterval]:
        """Return the intervals with energy in them; an empty list where none are known."""
        return [interval for interval in self.intervals or () if (interval.total_energy_delivered_watt_hours or 0) > 0]


@model
class Schedules:
    """Schedules of a sub-session: the currents that its device was to charge with.

    Attributes:
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        schedules: The intervals; some may overlap, unless only those that were made last were requested.
    """

    url: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    schedules: list[ScheduleInterval] | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


@model
class ChargingSubSessionFlags:
    """Issues of a sub-session.

    Attributes:
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        flags: The issues; empty for none.
    """

    url: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    flags: list[ChargingSessionFlag] | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


@model
class ChargingSubSessionDebugMetadata:
    """Metadata of a sub-session for whoever looks for a fault.

    Attributes:
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        start_reason: None when it is not known.
        finish_reason: None when it is not known, or the sub-session is not over.
        is_energy_delivered_capped: Whether the energy was cut to what the battery can take.
        uncapped_energy_delivered_watt_hours: The energy without that cut; None when nothing was cut, or when it cannot
            be calculated.
        energy_usage_calculation_method: The way in which the energy was calculated.
        energy_usage_interpolation_method: The way in which the energy between two readings was calculated.
        solar_integration_type: That of the charger; None when no charger is known.
    """

    url: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    start_reason: SubSessionStartReason | None = None
    finish_reason: SubSessionFinishReason | None = None
    is_energy_delivered_capped: bool | None = None
    uncapped_energy_delivered_watt_hours: int | None = None
    energy_usage_calculation_method: EnergyUsageCalculationMethod | None = None
    energy_usage_interpolation_method: EnergyUsageInterpolationMethod | None = None
    solar_integration_type: SolarIntegrationType | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


@model
class ChargingSubSessionAssessment:
    """Assessment of a sub-session that is over. Each figure is None when it is not known.

    Attributes:
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
        energy_delivered_to_capacity_percentage: Of the battery; above 100 where more was delivered than it holds.
        energy_delivery_percentage: Of the energy that was needed.
        ratings: The rating of each metric by its name, and ``overall``; the API may add to them.
        updated_at: The time at which it was last made.
    """

    url: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    energy_delivered_to_capacity_percentage: int | None = None
    energy_delivery_percentage: int | None = None
    average_charge_rate_watts: int | None = None
    max_charge_rate_watts: int | None = None
    metrics: ChargingSubSessionAssessmentMetrics | None = None
    ratings: dict[str, AssessmentRating] | None = None
    updated_at: Time | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


@model
class ChargingSubSession:
    """Part of a charging session (from plug in to unplug) with one charging mode.

    Its ``start`` and ``end`` are those of the mode, and not of the flow of energy, which `EnergyUsage` has. Money is in
    minor units of ``currency``, such as pence.

    Attributes:
        start: The time at which the vehicle was plugged in, or the mode changed.
        end: The time at which it was unplugged, or the mode changed again; None while the sub-session goes on.
        mode: The decision on when to charge.
        vehicle: The URL of the vehicle, or the vehicle when it was expanded; None when it is not known.
        evse: The URL of the charger, or the charger when it was expanded; None when it is not known.
        energy_delivered_watt_hours: The energy that the vehicle received, less what it gave back.
        cost: The cost of the energy; the API does not say the unit. None when it is not known.
        percentage_added: The gain of the state of charge, in points; None when it is not known.
        currency: ISO 4217, three letters.
        savings_cost: The money saved; None when it is not known.
        savings_co2_grams: The carbon dioxide saved; None when it is not known.
        incentive_earned: The incentive earned; None when there is none.
        total_co2_grams: The estimated carbon dioxide; None when it is not known.
        co2_intensity_grams_per_kilowatt_hour: The estimate for each kilowatt hour; None when it is not known.
        co2_intensity_classification: The same in words; None when it is not known.
        cost_per_kilowatt_hour: The mean cost, in the unit of ``cost``; None when it is not known.
        total_points: The points earned by smart charging.
        total_points_missed: The points that only smart charging would have earned; None when it is not known.
        duration_minutes: The time during which the vehicle received energy, often less than from start to end.
        grid_energy_delivered_watt_hours: The energy from the grid; None when it is not known.
        solar_energy_delivered_watt_hours: The energy from the sun; None when it is not known.
        labels: None when it has none.
        energy_usage: The URL of its energy over time, or that when it was expanded.
        schedules: The URL of its schedules, or these when they were expanded.
        assessment: The URL of its assessment, or that when it was expanded, for which the scope ``debug:read`` is
            needed.
        flags: The URL of its issues, or these when they were expanded.
        debug_metadata: The URL of its metadata, or that when it was expanded, for which the scope ``debug:read`` is
            needed.
        tariff: The URL of the tariff, or the tariff when it was expanded (``tariff:read``); None when there is none.
        carbon_feed: The URL of the feed behind the carbon figures, or the feed when it was expanded (``carbon:read``);
            None when there is none.
        grid_feeds: The URLs of the feeds that steered it, or the feeds when they were expanded (``grid:read``).
        solar_mode_type: None when charging from the sun is not set up.
    """

    id: str
    url: str | None = None
    start: Time | None = None
    end: Time | None = None
    mode: ChargingMode | None = None
    vehicle: str | Vehicle | None = None
    evse: str | EVSE | None = None
    energy_delivered_watt_hours: int | None = None
    cost: int | None = None
    location: ChargingLocation | None = None
    percentage_added: float | None = None
    currency: str | None = None
    savings_cost: int | None = None
    savings_co2_grams: int | None = None
    incentive_earned: int | None = None
    total_co2_grams: int | None = None
    co2_intensity_grams_per_kilowatt_hour: int | None = None
    co2_intensity_classification: CO2IntensityClassification | None = None
    cost_per_kilowatt_hour: int | None = None
    total_points: int | None = None
    total_points_missed: int | None = None
    duration_minutes: int | None = None
    grid_energy_delivered_watt_hours: int | None = None
    solar_energy_delivered_watt_hours: int | None = None
    labels: list[SubSessionLabel] | None = None
    energy_usage: str | EnergyUsage | None = None
    schedules: str | Schedules | None = None
    assessment: str | ChargingSubSessionAssessment | None = None
    flags: str | ChargingSubSessionFlags | None = None
    debug_metadata: str | ChargingSubSessionDebugMetadata | None = None
    tariff: str | Tariff | None = None
    carbon_feed: str | CarbonFeed | None = None
    grid_feeds: list[str | GridFeed] | None = None
    solar_mode_type: SolarMode | None = None

    @property
    def vehicle_id(self) -> str | None:
        """Return the id of the vehicle, whether it was expanded or not."""
        return reference_id(self.vehicle)

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)

    @property
    def tariff_id(self) -> str | None:
        """Return the id of the tariff, whether it was expanded or not."""
        return reference_id(self.tariff)

    @property
    def carbon_feed_id(self) -> str | None:
        """Return the id of the carbon feed, whether it was expanded or not."""
        return reference_id(self.carbon_feed)
