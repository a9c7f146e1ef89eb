from typing import get_args

from evenergy import (
    ChargingMode,
    ChargingSubSession,
    ChargingSubSessionAssessment,
    ChargingSubSessionDebugMetadata,
    ChargingSubSessionExpand,
    ChargingSubSessionFlags,
    EnergyRecalculation,
    EnergyUsage,
    SchedulePlans,
    SchedulePlansExpand,
    Schedules,
    SubSessionDetailExpand,
)

from ._row import CHARGER, SINCE, SUB_SESSION, ULID, UNTIL, USER, VEHICLE, Row

_ID = "get-charging_sub_sessions-charging_sub_session_id"
_LINE = f"GET /charging_sub_sessions/{SUB_SESSION}"
_EXPAND = get_args(SubSessionDetailExpand)

ROWS = (
    Row(
        "get-charging_sub_sessions",
        lambda c: c.charging_sub_sessions.list(
            evse_id=CHARGER,
            vehicle_id=VEHICLE,
            user_id=USER,
            energy_delivered_watt_hours__gte=500,
            energy_delivered_watt_hours__lte=50_000,
            is_finished=True,
            mode=ChargingMode.SMART,
            start__gt=SINCE,
            start__lt=UNTIL,
            end__gt=SINCE,
            end__lt=UNTIL,
            expand=get_args(ChargingSubSessionExpand),
            page_size=50,
        ),
        "GET /charging_sub_sessions",
        ChargingSubSession,
        "id",
    ),
    Row(
        "get-charging_sub_sessions",
        lambda c: c.charging_sub_sessions.list(is_finished=False, energy_delivered_watt_hours__gte=0, mode="NEW"),
        "GET /charging_sub_sessions",
    ),
    Row(
        _ID,
        lambda c: c.charging_sub_sessions.get(SUB_SESSION, expand=get_args(ChargingSubSessionExpand)),
        _LINE,
        ChargingSubSession,
        response={"id": SUB_SESSION, "schedules": {"charging_sub_session": {"id": SUB_SESSION}}},
    ),
    Row(
        f"{_ID}-energy_usage",
        lambda c: c.charging_sub_sessions.energy_usage(
            SUB_SESSION, energy_delivered_watt_hours__gt=0, merge_consecutive_intervals=True, expand=_EXPAND
        ),
        f"{_LINE}/energy_usage",
        EnergyUsage,
    ),
    Row(
        f"{_ID}-flags",
        lambda c: c.charging_sub_sessions.flags(SUB_SESSION, expand=_EXPAND),
        f"{_LINE}/flags",
        ChargingSubSessionFlags,
    ),
    Row(
        f"{_ID}-debug_metadata",
        lambda c: c.charging_sub_sessions.debug_metadata(SUB_SESSION, expand=_EXPAND),
        f"{_LINE}/debug_metadata",
        ChargingSubSessionDebugMetadata,
    ),
    Row(
        f"{_ID}-schedules",
        lambda c: c.charging_sub_sessions.schedules(
            SUB_SESSION,
            since=SINCE,
            until=UNTIL,
            schedule_plan_id=f"scpl{ULID}",
            only_most_recently_created=False,
            expand=_EXPAND,
        ),
        f"{_LINE}/schedules",
        Schedules,
        names={"since": "started_at__gte", "until": "started_at__lte"},
    ),
    Row(
        f"{_ID}-schedule_plans",
        lambda c: c.charging_sub_sessions.schedule_plans(
            SUB_SESSION, since=SINCE, until=UNTIL, expand=get_args(SchedulePlansExpand)
        ),
        f"{_LINE}/schedule_plans",
        SchedulePlans,
        names={"since": "created_at__gte", "until": "created_at__lte"},
    ),
    Row(
        f"{_ID}-assessment",
        lambda c: c.charging_sub_sessions.assessment(SUB_SESSION, expand=_EXPAND),
        f"{_LINE}/assessment",
        ChargingSubSessionAssessment,
    ),
    Row(
        "post-charging_sub_sessions-charging_sub_session_id-recalculate_energy_usages",
        lambda c: c.charging_sub_sessions.recalculate_energy_usages(SUB_SESSION, dry_run=True, cap_overages=False),
        f"POST /charging_sub_sessions/{SUB_SESSION}/recalculate_energy_usages",
        EnergyRecalculation,
    ),
)
