"""Home energy management systems: live power, and energy by half hours, days or months."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from evenergy.sandbox import filters
from evenergy.sandbox.fields import days_before, value
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.simulation.home import STEP, Flow
from evenergy.sandbox.simulation.markets import zone
from evenergy.sandbox.tables import Seed, Table, owner_of
from evenergy.sandbox.times import DAY, instant, text

_READ = "home_energy:read"
_LONGEST = {"PT30M": timedelta(hours=24), "P1D": timedelta(days=31), "P1M": timedelta(days=366)}
_FLOWS = (
    "generation",
    "consumption",
    "import",
    "export",
    "charge",
    "discharge",
    "solar_to_home",
    "solar_to_battery",
    "solar_to_grid",
    "battery_to_home",
    "battery_to_grid",
    "grid_to_home",
    "grid_to_battery",
)

SYSTEMS = Table(
    name="hem_systems",
    prefix="hems",
    scope=_READ,
    seeds=lambda state: (
        Seed(user) for user in list(state.fleet.users.values()) if state.homes.home(user).solar_watts > 0
    ),
    fields={"created_at": value(days_before(30, 900))},
)
COLLECTIONS = (SYSTEMS,)


def _split(flow: Flow) -> dict[str, int]:
    """Return where the power of a quarter of an hour goes: the sun serves the home first, then the battery."""
    charge, discharge = max(0, flow.battery), max(0, -flow.battery)
    solar_to_home = min(flow.solar, flow.load)
    solar_to_battery = min(flow.solar - solar_to_home, charge)
    battery_to_home = min(discharge, flow.load - solar_to_home)
    return {
        "generation": flow.solar,
        "consumption": flow.load,
        "import": max(0, flow.grid),
        "export": max(0, -flow.grid),
        "charge": charge,
        "discharge": discharge,
        "solar_to_home": solar_to_home,
        "solar_to_battery": solar_to_battery,
        "solar_to_grid": flow.solar - solar_to_home - solar_to_battery,
        "battery_to_home": battery_to_home,
        "battery_to_grid": discharge - battery_to_home,
        "grid_to_home": flow.load - solar_to_home - battery_to_home,
        "grid_to_battery": charge - solar_to_battery,
    }


def get_live_power(request: Request) -> Response:
    """Return the power of the quarter of an hour in which it is."""
    user, now = _owner(request), request.state.clock()
    flow = request.state.homes.flow_at(user, now)
    data: Data = {"sampled_at": text(instant(now // STEP * STEP))}
    data |= {f"{name}_watts": watts for name, watts in _split(flow).items()}
    data["battery_state_of_charge_percentage"] = request.state.homes.home(user).percentage(flow.charge)
    return Response(data)


def get_energy_stats(request: Request) -> Response:
    """Return the energy of a range of time, whose ends lie on the grid of the resolution in the system's own zone."""
    user, query = _owner(request), request.query
    resolution = filters.choice(*_LONGEST)("resolution", query.get("resolution", ""))
    ends = [_end(user, name, query.get(name, ""), resolution) for name in ("start", "end")]
    if not timedelta(0) < ends[1] - ends[0] <= _LONGEST[resolution]:
        raise invalid_query("end", f"Must lie after start, and at most {_LONGEST[resolution]} after it.")
    edges = list(_edges(ends[0], ends[1], resolution))
    buckets = [_bucket(request.state, user, start, end) for start, end in pairwise(edges)]
    data = {"resolution": resolution, "start": _written(edges[0]), "end": _written(edges[-1]), "buckets": buckets}
    return Response(data)


def _owner(request: Request) -> User:
    return owner_of(request.resource("hem_systems"))


def _end(user: User, parameter: str, written: str, resolution: str) -> datetime:
    moment = filters.moment(parameter, written)
    try:
        local = datetime.fromtimestamp(moment / 1_000_000, zone(user.home.timezone))
    except (OverflowError, ValueError, OSError):
        raise invalid_query(parameter, "Out of range.") from None
    aligned = (local.minute in (0, 30), (local.hour, local.minute) == (0, 0), local.day == 1)
    needed = 1 + list(_LONGEST).index(resolution)
    if local.second or local.microsecond or not all(aligned[:needed] if needed == 1 else aligned[1:needed]):
        raise invalid_query(parameter, f"Must lie on the grid of {resolution} in the system's time zone.")
    return local


def _edges(start: datetime, end: datetime, resolution: str) -> Iterator[datetime]:
    """Yield the edges of the buckets: by the clock on the wall, so that a day may have 23 hours or 25."""
    edge = start
    while edge.timestamp() < end.timestamp():
        yield edge
        if resolution == "PT30M":
            edge = (edge.astimezone(UTC) + timedelta(minutes=30)).astimezone(start.tzinfo)
        elif resolution == "P1D":
            edge += timedelta(days=1)
        else:
            edge = (edge.replace(day=1) + timedelta(days=32)).replace(day=1)
    yield end


def _bucket(state: State, user: User, start: datetime, end: datetime) -> Data:
    flows = list(_flows(state, user, start.timestamp(), end.timestamp()))
    data: Data = {"period_start": _written(start), "period_end": _written(end)}
    sums = _sums(flows)
    data |= {f"{name}_wh": sums[name] if flows else None for name in _FLOWS}
    home = state.homes.home(user)
    charges = [charge for flow in flows if (charge := home.percentage(flow.charge)) is not None]
    data["avg_battery_state_of_charge_percentage"] = round(sum(charges) / len(charges)) if charges else None
    return data


def _flows(state: State, user: User, start: float, end: float) -> Iterator[Flow]:
    """Yield the flows in a range of time, as far as there are any by now."""
    first, last = max(start, state.fleet.begin), min(end, state.clock())
    for day in range(int(first // DAY), int(last // DAY) + 1) if first < last else ():
        for step, flow in enumerate(state.homes.day(user, day)):
            if first <= day * DAY + step * STEP < last:
                yield flow


def _sums(flows: Sequence[Flow]) -> dict[str, int]:
    sums: dict[str, int] = dict.fromkeys(_FLOWS, 0)
    for flow in flows:
        for name, watts in _split(flow).items():
            sums[name] += watts
    return {name: round(watts * STEP / 3600) for name, watts in sums.items()}


def _written(moment: datetime) -> str:
    return text(instant(moment.timestamp()))


ROUTES = (
    Route("GET", "/hem_systems/{id}/live_power", get_live_power, _READ),
    Route("GET", "/hem_systems/{id}/energy_stats", get_energy_stats, _READ),
)
