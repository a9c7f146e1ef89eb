"""The details of a charging sub-session: schedules and their plans, flags, diagnostics."""

from collections.abc import Callable, Iterator

import attrs

from evenergy.sandbox import filters, paging
from evenergy.sandbox.api.energy_usage import at_home, tariff_of_part, usage, write_energy_usage
from evenergy.sandbox.api.tariffs import prices
from evenergy.sandbox.expansion import refer
from evenergy.sandbox.ids import digest, ulid
from evenergy.sandbox.requests import Data, Request, Tree
from evenergy.sandbox.simulation.charging import SubSession
from evenergy.sandbox.simulation.driving import Phase, Segment
from evenergy.sandbox.simulation.markets import HALF_HOUR
from evenergy.sandbox.times import SECOND, instant, text

_PLANNED = 4.0  # seconds after the beginning
_PLANNED_AGAIN = 1200.0
_VOLTS = 230
_GREEN, _AMBER = 90, 50  # percent of the energy that was needed
_FLAGS = (("LATE_START", "VEHICLE_ASLEEP"), ("DATA_GAP", "POOR_RECEPTION"), ("CHARGED_ON_PEAK", "LOW_BATTERY"))
_FLAGGED = 8  # one sub-session in so many


@attrs.frozen
class _Plan:
    """A plan of a smart sub-session; the second replaces the first."""

    id: str
    created: float
    shift: float  # seconds by which it is wrong


def _plans(part: SubSession, now: float) -> list[_Plan]:
    if part.mode != "SMART":
        return []
    created = [part.start + _PLANNED, part.start + _PLANNED_AGAIN]
    return [
        _Plan(
            "scpl" + ulid(instant(time) // 1000, digest(f"{part.id}/plan/{index}", 80)), time, (index - 1) * HALF_HOUR
        )
        for index, time in enumerate(created)
        if time < min(now, part.end)
    ]


def write_schedules(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return the currents that were planned, by half hours."""
    query, now, times = request.query, request.state.clock(), paging.time_range_of(request, "started_at")
    newest = filters.flag("only_most_recently_created", query.get("only_most_recently_created", "true"))
    rows: dict[tuple[int, str], Data] = {}
    for plan in _plans(part, now):
        if query.get("schedule_plan_id", plan.id) == plan.id:
            for start, row in _slots(request, part, plan, now):
                # With the newest alone, a later plan takes the place of an earlier one.
                rows[start, "" if newest else plan.id] = row
    if part.mode == "BOOST" and "schedule_plan_id" not in query:
        start = instant(part.start)
        rows[start, ""] = _slot(start, None, _current(_power(request, part)), "BOOST", part.start, now)
    found = [row for (start, _), row in sorted(rows.items()) if start in times]
    return _detail(request, part, "schedules", tree, schedules=found)


def _slots(request: Request, part: SubSession, plan: _Plan, now: float) -> Iterator[tuple[int, Data]]:
    segments = [s for s in part.segments(request.state.fleet) if s.phase is Phase.CHARGING]
    first = max(part.start, plan.created) if plan.shift == 0 else part.start
    for start in range(int(first // HALF_HOUR) * HALF_HOUR, int(part.end), HALF_HOUR):
        end = start + HALF_HOUR
        power = next((s.power for s in segments if s.start + plan.shift < end and start < s.end + plan.shift), 0.0)
        moment = instant(start)
        yield moment, _slot(moment, HALF_HOUR, _current(power), "SMART", plan.created, now)


def _slot(start: int, seconds: int | None, current: int, kind: str, created: float, now: float) -> Data:
    dispatched = max(start, instant(created)) + 3 * SECOND
    return {
        "started_at": text(start),
        "interval_seconds": seconds,
        "current_milliamps": current,
        "schedule_type": kind,
        "dispatched_at": text(dispatched) if dispatched <= instant(now) else None,
        "created_at": text(instant(created)),
    }


def write_schedule_plans(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return the plans that schedules were made from."""
    times = paging.time_range_of(request, "created_at")
    rows = [
        _plan(request, part, plan, with_prices="price_data" in tree)
        for plan in _plans(part, request.state.clock())
        if instant(plan.created) in times
    ]
    return _detail(request, part, "schedule_plans", tree, schedule_plans=rows)


def _plan(request: Request, part: SubSession, plan: _Plan, *, with_prices: bool) -> Data:
    segments, tariff = part.segments(request.state.fleet), tariff_of_part(request.state, part)
    first, power = segments[0], _power(request, part)
    energy = first.energy_at(plan.created) if first.end > plan.created else first.energy_at(first.end)
    missing = max(0.0, first.target - energy)
    created = instant(plan.created)
    price_data = None
    if with_prices and tariff is not None:
        price_data = prices(request.state, tariff, created - 12 * 3600 * SECOND, created)
    return {
        "id": plan.id,
        "created_at": text(created),
        "ready_by_time": text(instant(part.end)),
        "price_threshold_minor_unit": 1500 if tariff is not None and plan.shift == 0 else None,
        "power_on_current_milliamps": _current(power),
        "power_off_current_milliamps": 0,
        "seconds_to_charge": round(missing / power * 3600) if power else 0,
        "vehicle_charge_level_watt_hours": round(energy),
        "estimated_charge_rate_watts": round(power),
        "estimated_charge_rate_source": "MAX_EVSE_CHARGE_RATE" if part.vehicle.charger else "MAX_VEHICLE_CHARGE_RATE",
        "watt_hours_to_charge": round(missing),
        "min_charge_limit_percent": 0,
        "max_charge_limit_percent": round(100 * first.target / first.battery),
        "price_data": price_data,
    }


def write_flags(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return what went wrong, if anything."""
    number = digest(f"{part.id}/flags", 20)
    found = [_FLAGS[number % len(_FLAGS)]] if number % _FLAGGED == 0 else []
    return _detail(request, part, "flags", tree, flags=[{"name": name, "root_cause": cause} for name, cause in found])


def write_debug_metadata(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return why a sub-session began and ended, and how its energy was computed."""
    finished = part.end <= request.state.clock()
    charger = part.vehicle.charger and at_home(part)
    follows = part.start > part.plugged_at
    solar = request.state.homes.home(part.vehicle.owner).solar_watts
    if part.mode == "BOOST":
        started = "BOOST_START"
    elif follows:
        started = "SMART_CHARGE_ENABLED"
    else:
        started = "EVSE_CONNECT" if charger else "VEHICLE_LOG_CONNECT"
    return _detail(
        request,
        part,
        "debug_metadata",
        tree,
        start_reason=started,
        finish_reason="EVSE_DISCONNECT" if finished and charger else None,
        is_energy_delivered_capped=False,
        uncapped_energy_delivered_watt_hours=None,
        energy_usage_calculation_method="METERED" if charger else "ESTIMATED_CHARGE_LEVEL",
        energy_usage_interpolation_method="LINEAR",
        solar_integration_type=("SOFTWARE" if solar else "UNAVAILABLE") if charger else None,
    )


def write_assessment(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return how well a sub-session went."""
    energy, now = usage(request.state, part), request.state.clock()
    segments = part.segments(request.state.fleet)
    needed = max(1.0, segments[0].target - segments[0].energy)
    share = min(100, round(100 * energy.delivered / needed))
    hours, saved = energy.charging_seconds / 3600, energy.saved_cost()
    return _detail(
        request,
        part,
        "assessment",
        tree,
        energy_delivered_to_capacity_percentage=round(100 * energy.delivered / energy.battery)
        if energy.battery
        else None,
        energy_delivery_percentage=share,
        average_charge_rate_watts=round(energy.delivered / hours) if hours else None,
        max_charge_rate_watts=round(energy.peak_watts) or None,
        metrics=_metrics(part, share, saved, min(part.end, now) - part.start),
        ratings={
            "energy_delivery": "GREEN" if share >= _GREEN else "AMBER" if share >= _AMBER else "RED",
            "savings": "NOT_APPLICABLE" if not saved else "GREEN" if saved > 0 else "RED",
        },
        updated_at=text(instant(min(part.end + 600, now))),
    )


def _metrics(part: SubSession, share: int, saved: int | None, seconds: float) -> Data:
    noise = digest(f"{part.id}/metrics", 40)
    charger = part.vehicle.charger and at_home(part)
    return {
        "vehicle_data_uptime": 100 - noise % 8,
        "vehicle_location_uptime": 100 - noise % 13 if part.vehicle.owner.consented else None,
        "vehicle_error_rate": noise % 4,
        "vehicle_command_adherence": 100 - noise % 5 if part.mode == "SMART" else None,
        "evse_data_uptime": 100 - noise % 3 if charger else None,
        "evse_command_adherence": 100 - noise % 2 if charger else None,
        "schedule_quality": noise % 6 if part.mode == "SMART" else None,
        "charge_outside_of_schedule": noise % 3 if part.mode == "SMART" else None,
        "session_duration": round(seconds),
        "energy_delivered_vs_required": share,
        "savings_attainment_rate": None if not saved or saved < 0 else 100 - noise % 20,
        "session_savings_range": saved if saved and saved > 0 else None,
        "charge_energy_added_meter_reset": False,
        "charge_energy_added_oscillation_count": 0,
        "charge_level_oscillation_count": noise % 2,
        "charge_location_data_at_session_start_minutes": noise % 40 if part.vehicle.owner.consented else None,
        "last_location_update_implied_velocity_kmh": None,
        "distance_from_home_meters": noise % 30 if at_home(part) else 4000 + noise % 9000,
        "missing_location": not part.vehicle.owner.consented,
        "vehicle_median_data_gap_duration_minutes": 10 + noise % 5,
        "vehicle_max_data_gap_duration_minutes": 30 + noise % 60,
        "vehicle_data_frequency_below_threshold": noise % 5,
        "evse_median_data_gap_duration_minutes": 5 if charger else None,
        "evse_max_data_gap_duration_minutes": 30 if charger else None,
        "evse_data_frequency_below_threshold": 0 if charger else None,
        "charge_rate_max_mad_score": noise % 4,
        "charge_rate_max_median_ratio": 100 + noise % 12,
    }


Detail = Callable[[Request, SubSession, Tree], Data]

DETAILS: dict[str, Detail] = {
    "energy_usage": write_energy_usage,
    "schedules": write_schedules,
    "schedule_plans": write_schedule_plans,
    "assessment": write_assessment,
    "flags": write_flags,
    "debug_metadata": write_debug_metadata,
}


def _detail(request: Request, part: SubSession, name: str, tree: Tree, **fields: object) -> Data:
    inner = tree.get("charging_sub_session")
    return {
        "url": request.url("charging_sub_sessions", part.id, name),
        "charging_sub_session": refer(request, "charging_sub_sessions", part, inner),
        **fields,
    }


def _power(request: Request, part: SubSession) -> float:
    charging: Iterator[Segment] = (s for s in part.segments(request.state.fleet) if s.phase is Phase.CHARGING)
    return next((segment.power for segment in charging), 7400.0)


def _current(power: float) -> int:
    return round(power / _VOLTS * 1000)
