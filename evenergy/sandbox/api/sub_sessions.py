"""Charging sub-sessions: the collection over all vehicles, and what belongs to one."""

import operator
from collections.abc import Callable
from typing import Any

import attrs

from evenergy.sandbox import filters, validation as v
from evenergy.sandbox.api.energy_usage import at_home, currency_of, tariff_of_part, usage
from evenergy.sandbox.api.evses import charger_of
from evenergy.sandbox.api.feeds import carbon_feed_of, grid_feeds_of
from evenergy.sandbox.api.periods import Periods
from evenergy.sandbox.api.sub_session_details import DETAILS, Detail
from evenergy.sandbox.expansion import Expansions, expansion, paths, refer
from evenergy.sandbox.ids import digest
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.requests import Data, Operation, Request, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.charging import SubSession
from evenergy.sandbox.simulation.energy import Usage
from evenergy.sandbox.times import instant, text

_SEE, _CHANGE, _DEBUG = "charging_session:read", "charging_session:write", "debug:read"
_MODES = ("SMART", "BOOST", "UNMANAGED_HOME", "UNMANAGED_OTG", "MANAGED_OTG")
_CARBON_CLASSES = ((80, "very low"), (150, "low"), (220, "moderate"), (320, "high"))
_ENERGY = "energy_delivered_watt_hours"


def _by_energy(compare: Callable[[Any, Any], bool]) -> filters.Filter:
    def build(request: Request, parameter: str, written: str) -> filters.Predicate:
        limit = filters.integer(parameter, written)
        return lambda part: compare(usage(request.state, part).delivered, limit)

    return build


def _by_end(compare: Callable[[Any, Any], bool]) -> filters.Filter:
    def build(request: Request, parameter: str, written: str) -> filters.Predicate:
        limit, now = filters.moment(parameter, written), request.state.clock()
        return lambda part: part.end <= now and compare(instant(part.end), limit)

    return build


def _finished(request: Request, parameter: str, written: str) -> filters.Predicate:
    expected, now = filters.flag(parameter, written), request.state.clock()
    return lambda part: (part.end <= now) is expected


def _of_charger(request: Request, _: str, charger_id: str) -> filters.Predicate:
    charger = request.state.collections["evses"].find(request, charger_id)
    return lambda part: charger is not None and charger.values["vehicle"] is part.vehicle and at_home(part)


def _start(part: SubSession) -> int:
    return instant(part.start)


@attrs.frozen(eq=False, kw_only=True)
class SubSessions(Periods):
    """Charging sub-sessions."""

    def find(self, request: Request, id: str) -> SubSession | None:
        """Return a sub-session that the caller may see, or None."""
        part = request.state.sessions.find_sub_session(id, request.state.clock())
        return part if part is not None and request.sees(part) else None

    def write(self, request: Request, item: SubSession, tree: Tree, *, alone: bool = False) -> Data:
        """Return a sub-session as the API writes it."""
        del alone
        state, user = request.state, item.vehicle.owner
        finished = item.end <= state.clock()
        charger = charger_of(state, item.vehicle) if at_home(item) else None
        tariff, feed = tariff_of_part(state, item), carbon_feed_of(state, user)
        return {
            "id": item.id,
            "url": request.url("charging_sub_sessions", item.id),
            "start": text(instant(item.start)),
            "end": text(instant(item.end)) if finished else None,
            "mode": item.mode,
            "vehicle": refer(request, "vehicles", item.vehicle, tree.get("vehicle")),
            "evse": refer(request, "evses", charger, tree.get("evse")),
            "location": _location(item),
            "currency": currency_of(state, item),
            **_energy_fields(item, usage(state, item), finished=finished),
            "labels": _labels(item),
            **{name: _write_detail(request, item, name, tree.get(name)) for name in _EXPANDABLE},
            "tariff": refer(request, "tariffs", tariff, tree.get("tariff")),
            "carbon_feed": refer(request, "carbon_feeds", feed, tree.get("carbon_feed")),
            "grid_feeds": [
                refer(request, "grid_feeds", one, tree.get("grid_feeds")) for one in grid_feeds_of(state, user)
            ],
            "solar_mode_type": "OFF" if state.homes.home(user).solar_watts and at_home(item) else None,
        }


_EXPANDABLE = ("energy_usage", "schedules", "assessment", "flags", "debug_metadata")


def _write_detail(request: Request, part: SubSession, name: str, tree: Tree | None) -> object:
    if tree is None:
        return request.url("charging_sub_sessions", part.id, name)
    return DETAILS[name](request, part, tree)


def _energy_fields(part: SubSession, energy: Usage, *, finished: bool) -> Data:
    delivered, cost, carbon = energy.delivered, energy.cost(), energy.carbon()
    smart = part.mode == "SMART" and finished
    kilowatt_hours, points = delivered / 1000, round(delivered / 100)
    grams = round(carbon / kilowatt_hours) if carbon is not None and delivered else None
    sun = energy.solar
    return {
        "energy_delivered_watt_hours": delivered,
        "cost": cost,
        "percentage_added": round(100 * delivered / energy.battery, 1) if energy.battery else None,
        "savings_cost": energy.saved_cost() if smart else None,
        "savings_co2_grams": energy.saved_carbon() if smart else None,
        "incentive_earned": round(kilowatt_hours * 3) if smart and part.vehicle.owner.country == "US" else None,
        "total_co2_grams": carbon,
        "co2_intensity_grams_per_kilowatt_hour": grams,
        "co2_intensity_classification": _classified(grams),
        "cost_per_kilowatt_hour": round(cost / kilowatt_hours) if cost is not None and delivered else None,
        "total_points": points if part.mode == "SMART" else 0,
        "total_points_missed": points if part.mode == "UNMANAGED_HOME" else 0,
        "duration_minutes": round(energy.charging_seconds / 60),
        "grid_energy_delivered_watt_hours": delivered - sun,
        "solar_energy_delivered_watt_hours": sun,
        "grid_energy_delivered": f"{(delivered - sun) / 1000:.3f}",
        "solar_energy_delivered": f"{sun / 1000:.3f}",
    }


def _classified(grams: int | None) -> str | None:
    return None if grams is None else next((name for most, name in _CARBON_CLASSES if grams < most), "very high")


def _labels(part: SubSession) -> list[str] | None:
    if part.vehicle.owner.country != "US":
        return None
    return ["PRIMARY", "OFF_PEAK"] if part.mode == "SMART" else ["PRIMARY"] if at_home(part) else ["AWAY"]


def _location(part: SubSession) -> Data:
    user = part.vehicle.owner
    latitude, longitude = user.address.coordinates or user.home.coordinates
    home = at_home(part)
    if not home:
        noise = digest(part.id, 20)
        latitude, longitude = round(latitude + noise % 100 / 1000, 3), round(longitude + noise % 77 / 1000, 3)
    return {
        "name": "Home" if home else "Public charger",
        "coordinates": {"latitude": latitude, "longitude": longitude} if user.consented else None,
        "postal_code": user.address.postal_code if home else None,
        "address_1": user.address.address_1 if home else None,
        "timezone": user.home.timezone,
    }


_EXPAND: Expansions = {
    **paths("evse", "evse.latest_status_log", "evse.model", "evse.model.make", "evse.user", "vehicle"),
    **paths("vehicle.latest_status_log", "vehicle.trim", "vehicle.trim.model", "vehicle.trim.model.make"),
    **paths("vehicle.user", "energy_usage", "schedules", "flags"),
    "assessment": _DEBUG,
    "debug_metadata": _DEBUG,
    "tariff": "tariff:read",
    "tariff.supplier": "tariff:read",
    "carbon_feed": "carbon:read",
    "grid_feeds": "grid:read",
}
SUB_SESSIONS = SubSessions(
    name="charging_sub_sessions",
    prefix="csub",
    scope=_SEE,
    expand=_EXPAND,
    on=lambda request, day, vehicles: request.state.sessions.sub_sessions_on(day, vehicles),
    filters={
        # The filters by vehicle and user narrow the vehicles that are read.
        "evse_id": _of_charger,
        f"{_ENERGY}__gte": _by_energy(operator.ge),
        f"{_ENERGY}__lte": _by_energy(operator.le),
        "is_finished": _finished,
        "mode": filters.compared(operator.attrgetter("mode"), operator.eq, filters.choice(*_MODES)),
        "start__gt": filters.compared(_start, operator.gt, filters.moment),
        "start__lt": filters.compared(_start, operator.lt, filters.moment),
        "end__gt": _by_end(operator.gt),
        "end__lt": _by_end(operator.lt),
    },
)
COLLECTIONS: tuple[Periods, ...] = (SUB_SESSIONS,)


def recalculate(request: Request) -> Response:
    """Compute the energy again, which gives what it gave before."""
    part: SubSession = request.resource("charging_sub_sessions")
    body = request.json() if request.body else {}
    values = v.checked(body, {"dry_run": v.boolean(), "cap_overages": v.boolean()})
    if part.end > request.state.clock():
        raise ProblemError(400, "The sub-session is not over.")
    delivered = usage(request.state, part).delivered
    data = {
        "status": "dry_run_completed" if values.get("dry_run") else "recalculation_triggered",
        "previous_energy_delivered_watt_hours": delivered,
        "new_energy_delivered_watt_hours": delivered,
    }
    return Response(data)


def _get_detail(write: Detail, expand: Expansions) -> Operation:
    def operation(request: Request) -> Response:
        part: SubSession = request.resource("charging_sub_sessions")
        return Response(write(request, part, expansion(request, expand)))

    return operation


_SCOPES = {"schedule_plans": _DEBUG, "assessment": _DEBUG, "debug_metadata": _DEBUG}
_WITHIN = {"schedule_plans": paths("charging_sub_session", "price_data")}

ROUTES = (
    Route("POST", "/charging_sub_sessions/{id}/recalculate_energy_usages", recalculate, _CHANGE),
    *(
        Route(
            "GET",
            f"/charging_sub_sessions/{{id}}/{name}",
            _get_detail(write, _WITHIN.get(name, paths("charging_sub_session"))),
            _SCOPES.get(name, _SEE),
        )
        for name, write in DETAILS.items()
    ),
)
