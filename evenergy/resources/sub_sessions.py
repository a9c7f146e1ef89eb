"""Collection of charging sub-sessions, and the plans behind their schedules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.validate import time_range
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._kinds import CHARGING_SUB_SESSION, EVSE, USER, VEHICLE, Kind
from .charging import (
    ChargingMode,
    ChargingSubSession,
    ChargingSubSessionAssessment,
    ChargingSubSessionDebugMetadata,
    ChargingSubSessionFlags,
    EnergyUsage,
    Schedules,
)
from .tariffs import Price

__all__ = [
    "ChargeRateSource",
    "ChargingSubSessionExpand",
    "EnergyRecalculation",
    "EnergyRecalculationStatus",
    "SchedulePlan",
    "SchedulePlans",
    "SchedulePlansExpand",
    "SubSessionDetailExpand",
]

SCHEDULE_PLAN = Kind("scpl", "schedule_plans")  # filters alone: a plan has no path

ChargingSubSessionExpand: TypeAlias = Literal[
    "evse",
    "evse.latest_status_log",
    "evse.model",
    "evse.model.make",
    "evse.user",
    "vehicle",
    "vehicle.latest_status_log",
    "vehicle.trim",
    "vehicle.trim.model",
    "vehicle.trim.model.make",
    "vehicle.user",
    "energy_usage",
    "schedules",
    "assessment",
    "flags",
    "debug_metadata",
    "tariff",
    "tariff.supplier",
    "carbon_feed",
    "grid_feeds",
]
"""References of a sub-session that can be expanded.

``assessment`` and ``debug_metadata`` need the scope ``debug:read``; ``tariff``, ``carbon_feed`` and ``grid_feeds`` need
``tariff:read``, ``carbon:read`` and ``grid:read``.
"""

SubSessionDetailExpand: TypeAlias = Literal["charging_sub_session"]
"""References of a detail of a sub-session that can be expanded."""

SchedulePlansExpand: TypeAlias = Literal["charging_sub_session", "price_data"]
"""References of schedule plans that can be expanded; ``price_data`` is that of each plan."""


class ChargeRateSource(OpenEnum):
    """Source of an estimated power."""

    CURRENT_SESSION_EVSE_DATA_LOGS = Member("CURRENT_SESSION_EVSE_DATA_LOGS")
    CURRENT_SESSION_VEHICLE_DATA_LOGS = Member("CURRENT_SESSION_VEHICLE_DATA_LOGS")
    ENERGY_TRANSFER_PERIODS = Member("ENERGY_TRANSFER_PERIODS")
    DEFAULT_CHARGE_RATE = Member("DEFAULT_CHARGE_RATE")
    MAX_EVSE_CHARGE_RATE = Member("MAX_EVSE_CHARGE_RATE")
    MAX_VEHICLE_CHARGE_RATE = Member("MAX_VEHICLE_CHARGE_RATE")


@model
class SchedulePlan:
    """Plan from which schedules were made.

    Attributes:
        ready_by_time: The time by which the vehicle should be charged.
        price_threshold_minor_unit: The highest price, in hundredths of a minor unit: 1500 is fifteen pence. None for
            no bound.
        power_on_current_milliamps: The current while it charges.
        power_off_current_milliamps: The current while it does not, mostly 0.
        seconds_to_charge: The time that charging takes.
        vehicle_charge_level_watt_hours: The energy in the battery when the plan was made; None when it was not known.
        estimated_charge_rate_watts: The power that the plan counts on.
        estimated_charge_rate_source: None when it is not known.
        watt_hours_to_charge: The energy that is needed.
        min_charge_limit_percent: From 0 to 100.
        max_charge_limit_percent: From 0 to 100.
        price_data: The prices that the plan was made with; None unless they were expanded, or without a tariff.
    """

    id: str
    created_at: Time | None = None
    ready_by_time: Time | None = None
    price_threshold_minor_unit: int | None = None
    power_on_current_milliamps: int | None = None
    power_off_current_milliamps: int | None = None
    seconds_to_charge: int | None = None
    vehicle_charge_level_watt_hours: int | None = None
    estimated_charge_rate_watts: int | None = None
    estimated_charge_rate_source: ChargeRateSource | None = None
    watt_hours_to_charge: int | None = None
    min_charge_limit_percent: int | None = None
    max_charge_limit_percent: int | None = None
    price_data: list[Price] | None = None


@model
class SchedulePlans:
    """Plans from which the schedules of a sub-session were made.

    Attributes:
        charging_sub_session: The URL of the sub-session, or the sub-session when it was expanded.
    """

    url: str | None = None
    charging_sub_session: str | ChargingSubSession | None = None
    schedule_plans: list[SchedulePlan] | None = None

    @property
    def charging_sub_session_id(self) -> str | None:
        """Return the id of the sub-session, whether it was expanded or not."""
        return reference_id(self.charging_sub_session)


class EnergyRecalculationStatus(OpenEnum):
    """Outcome of a recalculation."""

    RECALCULATION_TRIGGERED = Member("recalculation_triggered")
    DRY_RUN_COMPLETED = Member("dry_run_completed")


@model
class EnergyRecalculation:
    """Recalculation of the energy of a sub-session.

    Attributes:
        previous_energy_delivered_watt_hours: The energy before.
        new_energy_delivered_watt_hours: The energy after; for a dry run what it would be.
    """

    status: EnergyRecalculationStatus | None = None
    previous_energy_delivered_watt_hours: int | None = None
    new_energy_delivered_watt_hours: int | None = None


class ChargingSubSessions(Resource[M_co]):
    """Charging sub-sessions that the credentials may see. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self, sub_session_id: str, /, *, expand: Iterable[ChargingSubSessionExpand] = ()
    ) -> Request[ChargingSubSession]:
        """Return one sub-session, by id or URL. API: ``GET /charging_sub_sessions/{charging_sub_session_id}``."""
        return request(ChargingSubSession, "GET", CHARGING_SUB_SESSION.path(sub_session_id), expand=expand)

    @paged
    def list(
        self,
        *,
        evse_id: str | None = None,
        vehicle_id: str | None = None,
        user_id: str | None = None,
        energy_delivered_watt_hours__gte: int | None = None,
        energy_delivered_watt_hours__lte: int | None = None,
        is_finished: bool | None = None,
        mode: ChargingMode | str | None = None,
        start__gt: datetime | None = None,
        start__lt: datetime | None = None,
        end__gt: datetime | None = None,
        end__lt: datetime | None = None,
        expand: Iterable[ChargingSubSessionExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[ChargingSubSession]:
        """List sub-sessions, newest first. API: ``GET /charging_sub_sessions``.

        ``expand=["energy_usage"]`` brings the energy over time of 100 sub-sessions in one request, which
        `energy_usage` gives for one.

        Args:
            evse_id: The charger, by id or URL.
            vehicle_id: The vehicle, by id or URL.
            user_id: The driver, by id or URL.
            energy_delivered_watt_hours__gte: The least energy.
            energy_delivered_watt_hours__lte: The most energy.
            is_finished: True for those that are over, False for those that go on.
            mode: The charging mode.
            start__gt: Only those that began after this time, an aware datetime; not at it.
            start__lt: Only those that began before this time, likewise.
            end__gt: Only those that ended after this time, likewise.
            end__lt: Only those that ended before this time, likewise.
            expand: The references to expand.
            page_size: Sub-sessions for each request, 1 to 100; 100 unless it is given.
        """
        return list_request(
            ChargingSubSession,
            CHARGING_SUB_SESSION.all,
            page_size=page_size,
            expand=expand,
            evse_id=EVSE.filter(evse_id),
            vehicle_id=VEHICLE.filter(vehicle_id),
            user_id=USER.filter(user_id),
            energy_delivered_watt_hours__gte=energy_delivered_watt_hours__gte,
            energy_delivered_watt_hours__lte=energy_delivered_watt_hours__lte,
            is_finished=is_finished,
            mode=mode,
            start__gt=start__gt,
            start__lt=start__lt,
            end__gt=end__gt,
            end__lt=end__lt,
        )

    @operation
    def energy_usage(
        self,
        sub_session_id: str,
        /,
        *,
        energy_delivered_watt_hours__gt: int | None = None,
        merge_consecutive_intervals: bool | None = None,
        expand: Iterable[SubSessionDetailExpand] = (),
    ) -> Request[EnergyUsage]:
        """Return the energy over time. API: ``GET /charging_sub_sessions/{charging_sub_session_id}/energy_usage``.

        For many sub-sessions `list` has it with ``expand=["energy_usage"]``.

        Args:
            sub_session_id: An id or a URL.
            energy_delivered_watt_hours__gt: Only intervals with more energy: 0 for those in which the vehicle charged.
            merge_consecutive_intervals: True for one interval each time that energy begins or ceases to flow, instead
                of intervals of one length.
            expand: The references to expand.
        """
        return request(
            EnergyUsage,
            "GET",
            CHARGING_SUB_SESSION.path(sub_session_id, "energy_usage"),
            expand=expand,
            energy_delivered_watt_hours__gt=energy_delivered_watt_hours__gt,
            merge_consecutive_intervals=merge_consecutive_intervals,
        )

    @operation
    def flags(
        self, sub_session_id: str, /, *, expand: Iterable[SubSessionDetailExpand] = ()
    ) -> Request[ChargingSubSessionFlags]:
        """Return the issues that were found. API: ``GET /charging_sub_sessions/{charging_sub_session_id}/flags``."""
        return request(
            ChargingSubSessionFlags, "GET", CHARGING_SUB_SESSION.path(sub_session_id, "flags"), expand=expand
        )

    @operation
    def debug_metadata(
        self, sub_session_id: str, /, *, expand: Iterable[SubSessionDetailExpand] = ()
    ) -> Request[ChargingSubSessionDebugMetadata]:
        """Return the metadata for finding faults; it needs the scope ``debug:read``.

        API: ``GET /charging_sub_sessions/{charging_sub_session_id}/debug_metadata``.
        """
        path = CHARGING_SUB_SESSION.path(sub_session_id, "debug_metadata")
        return request(ChargingSubSessionDebugMetadata, "GET", path, expand=expand)

    @operation
    def schedules(
        self,
        sub_session_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        schedule_plan_id: str | None = None,
        only_most_recently_created: bool | None = None,
        expand: Iterable[SubSessionDetailExpand] = (),
    ) -> Request[Schedules]:
        """Return the schedules. API: ``GET /charging_sub_sessions/{charging_sub_session_id}/schedules``.

        Args:
            sub_session_id: An id or a URL.
            since: The earliest beginning of an interval, as an aware datetime.
            until: The latest beginning of an interval, likewise.
            schedule_plan_id: The plan that they were made from, by id.
            only_most_recently_created: False for all that were ever made; else the API gives the last of each interval.
            expand: The references to expand.
        """
        low, high = time_range(since, until)
        return request(
            Schedules,
            "GET",
            CHARGING_SUB_SESSION.path(sub_session_id, "schedules"),
            expand=expand,
            started_at__gte=low,
            started_at__lte=high,
            schedule_plan_id=SCHEDULE_PLAN.filter(schedule_plan_id),
            only_most_recently_created=only_most_recently_created,
        )

    @operation
    def schedule_plans(
        self,
        sub_session_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        expand: Iterable[SchedulePlansExpand] = (),
    ) -> Request[SchedulePlans]:
        """Return the plans behind the schedules; they need the scope ``debug:read``.

        API: ``GET /charging_sub_sessions/{charging_sub_session_id}/schedule_plans``.

        Args:
            sub_session_id: An id or a URL.
            since: The earliest time at which a plan was made, as an aware datetime.
            until: The latest such time, likewise.
            expand: The references to expand.
        """
        path, (low, high) = CHARGING_SUB_SESSION.path(sub_session_id, "schedule_plans"), time_range(since, until)
        return request(SchedulePlans, "GET", path, expand=expand, created_at__gte=low, created_at__lte=high)

    @operation
    def assessment(
        self, sub_session_id: str, /, *, expand: Iterable[SubSessionDetailExpand] = ()
    ) -> Request[ChargingSubSessionAssessment]:
        """Return the assessment of a sub-session that is over; it needs the scope ``debug:read``.

        API: ``GET /charging_sub_sessions/{charging_sub_session_id}/assessment``.
        """
        path = CHARGING_SUB_SESSION.path(sub_session_id, "assessment")
        return request(ChargingSubSessionAssessment, "GET", path, expand=expand)

    @operation
    def recalculate_energy_usages(
        self, sub_session_id: str, /, *, dry_run: bool | UnsetType = UNSET, cap_overages: bool | UnsetType = UNSET
    ) -> Request[EnergyRecalculation]:
        """Calculate the energy, and the assessment, of a sub-session that is over anew.

        API: ``POST /charging_sub_sessions/{charging_sub_session_id}/recalculate_energy_usages``.

        Args:
            sub_session_id: An id or a URL.
            dry_run: True to change nothing and only return the result; else the API keeps it.
            cap_overages: False to keep energy beyond what the battery can take; else the API cuts it.
        """
        body = fields(dry_run=dry_run, cap_overages=cap_overages)
        path = CHARGING_SUB_SESSION.path(sub_session_id, "recalculate_energy_usages")
        return request(EnergyRecalculation, "POST", path, body=body)
