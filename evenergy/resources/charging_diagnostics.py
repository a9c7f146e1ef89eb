"""Diagnostics of charging: why it began and ended, how its energy was calculated, and how well it went."""

from __future__ import annotations

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum

__all__ = [
    "AssessmentRating",
    "ChargingSessionFlag",
    "ChargingSubSessionAssessmentMetrics",
    "EnergyUsageCalculationMethod",
    "EnergyUsageInterpolationMethod",
    "SolarIntegrationType",
    "SubSessionFinishReason",
    "SubSessionStartReason",
]


class SubSessionStartReason(OpenEnum):
    """Reason why a charging sub-session began."""

    BOOST_START = Member("BOOST_START")
    SMART_CHARGE_ENABLED = Member("SMART_CHARGE_ENABLED")
    SMART_CHARGE_DISABLED = Member("SMART_CHARGE_DISABLED")
    SOLAR_SETTINGS = Member("SOLAR_SETTINGS")
    ADMIN_CREATE_FAKE = Member("ADMIN_CREATE_FAKE")
    ADMIN_IMPORT_CSV = Member("ADMIN_IMPORT_CSV")
    REPROCESS_VEHICLEDATALOGS_CMD = Member("REPROCESS_VEHICLEDATALOGS_CMD")
    SFTP_IMPORTER = Member("SFTP_IMPORTER")
    EVSE_CONNECT = Member("EVSE_CONNECT")
    CP_EVSE_CONNECT = Member("CP_EVSE_CONNECT")
    VEHICLE_LOG_CONNECT = Member("VEHICLE_LOG_CONNECT")
    USER_SETTINGS = Member("USER_SETTINGS")


class SubSessionFinishReason(OpenEnum):
    """Reason why a charging sub-session ended."""

    BOOST_START = Member("BOOST_START")
    SMART_CHARGE_ENABLED = Member("SMART_CHARGE_ENABLED")
    SMART_CHARGE_DISABLED = Member("SMART_CHARGE_DISABLED")
    SOLAR_SETTINGS = Member("SOLAR_SETTINGS")
    ADMIN_ACTION = Member("ADMIN_ACTION")
    FAKE_CURRENT_CHARGING_CMD = Member("FAKE_CURRENT_CHARGING_CMD")
    REPROCESS_VEHICLEDATALOGS_CMD = Member("REPROCESS_VEHICLEDATALOGS_CMD")
    SFTP_IMPORTER = Member("SFTP_IMPORTER")
    INVALIDATE_ACCOUNT = Member("INVALIDATE_ACCOUNT")
    REMOVE_INTEGRATION = Member("REMOVE_INTEGRATION")
    EVSE_UNPAIR = Member("EVSE_UNPAIR")
    EVSE_DISCONNECT = Member("EVSE_DISCONNECT")


class EnergyUsageCalculationMethod(OpenEnum):
    """Way in which the energy of a sub-session was calculated."""

    ESTIMATED_CHARGE_ENERGY_ADDED = Member("ESTIMATED_CHARGE_ENERGY_ADDED")
    ESTIMATED_CHARGE_LEVEL = Member("ESTIMATED_CHARGE_LEVEL")
    ESTIMATED_CHARGE_RATE = Member("ESTIMATED_CHARGE_RATE")
    METERED = Member("METERED")
    METERED_CHARGE_RATE = Member("METERED_CHARGE_RATE")
    BETA_ESTIMATED_CHARGE_ENERGY_ADDED = Member("BETA_ESTIMATED_CHARGE_ENERGY_ADDED")
    ESTIMATED_CHARGE_LEVEL_WITH_INFERENCE = Member("ESTIMATED_CHARGE_LEVEL_WITH_INFERENCE")
    MANUAL_ENTRY = Member("MANUAL_ENTRY")


class EnergyUsageInterpolationMethod(OpenEnum):
    """Way in which the energy between two readings was calculated."""

    LINEAR = Member("LINEAR")
    LINEAR_WITH_CHARGE_STEP = Member("LINEAR_WITH_CHARGE_STEP")


class SolarIntegrationType(OpenEnum):
    """Way in which a charger charges from the sun."""

    UNAVAILABLE = Member("UNAVAILABLE")
    HARDWARE = Member("HARDWARE")
    SOFTWARE = Member("SOFTWARE")
    SOFTWARE_BETA = Member("SOFTWARE_BETA")
    HARDWARE_PASSTHROUGH = Member("HARDWARE_PASSTHROUGH")


class AssessmentRating(OpenEnum):
    """Rating of one metric, in the colours of a traffic light."""

    RED = Member("RED")
    AMBER = Member("AMBER")
    GREEN = Member("GREEN")
    NOT_APPLICABLE = Member("NOT_APPLICABLE")


@model
class ChargingSessionFlag:
    """Issue of a charging sub-session, as text such as ``ENERGY_OVER_DELIVERY``; the API adds to both lists.

    Attributes:
        name: The kind of the issue.
        root_cause: The kind of its cause.
    """

    name: str | None = None
    root_cause: str | None = None


@model
class ChargingSubSessionAssessmentMetrics:
    """Metrics of a charging sub-session. Each is None when it is not known.

    Uptimes, rates, adherences, and all that is below a threshold or outside of the schedule are percentages, 0 to 100.

    Attributes:
        vehicle_data_uptime: The time during which the vehicle reported.
        vehicle_location_uptime: The time during which its place was known.
        vehicle_command_adherence: The commands that the vehicle obeyed.
        evse_data_uptime: The time during which the charger reported.
        evse_command_adherence: The commands that the charger obeyed.
        schedule_quality: The time that was scheduled for charging, and in which no charging happened.
        charge_outside_of_schedule: The energy that was delivered outside of the schedule.
        session_duration: Seconds, by the API's example.
        energy_delivered_vs_required: The energy delivered, as a percentage of what was needed.
        savings_attainment_rate: The savings, as a percentage of the greatest possible.
        session_savings_range: The difference between the highest and the lowest possible cost, in units of the
            currency; the API does not say which.
        charge_energy_added_meter_reset: Whether the vehicle's count of energy began anew.
        charge_energy_added_oscillation_count: The times that this count went up and down.
        charge_level_oscillation_count: The times that the charge level went up and down.
        charge_location_data_at_session_start_minutes: The age of the known place at the start.
        last_location_update_implied_velocity_kmh: The speed that the last change of place would have needed.
        missing_location: Whether the place is not known.
        vehicle_data_frequency_below_threshold: The time during which the vehicle reported too seldom.
        evse_data_frequency_below_threshold: The time during which the charger reported too seldom.
        charge_rate_max_mad_score: The greatest deviation of the power, in median absolute deviations.
        charge_rate_max_median_ratio: The greatest power, as a percentage of the median; it may be above 100.
    """

    vehicle_data_uptime: int | None = None
    vehicle_location_uptime: int | None = None
    vehicle_error_rate: int | None = None
    vehicle_command_adherence: int | None = None
    evse_data_uptime: int | None = None
    evse_command_adherence: int | None = None
    schedule_quality: int | None = None
    charge_outside_of_schedule: int | None = None
    session_duration: int | None = None
    energy_delivered_vs_required: int | None = None
    savings_attainment_rate: int | None = None
    session_savings_range: int | None = None
    charge_energy_added_meter_reset: bool | None = None
    charge_energy_added_oscillation_count: int | None = None
    charge_level_oscillation_count: int | None = None
    charge_location_data_at_session_start_minutes: int | None = None
    last_location_update_implied_velocity_kmh: int | None = None
    distance_from_home_meters: int | None = None
    missing_location: bool | None = None
    vehicle_median_data_gap_duration_minutes: int | None = None
    vehicle_max_data_gap_duration_minutes: int | None = None
    vehicle_data_frequency_below_threshold: int | None = None
    evse_median_data_gap_duration_minutes: int | None = None
    evse_max_data_gap_duration_minutes: int | None = None
    evse_data_frequency_below_threshold: int | None = None
    charge_rate_max_mad_score: int | None = None
    charge_rate_max_median_ratio: int | None = None
