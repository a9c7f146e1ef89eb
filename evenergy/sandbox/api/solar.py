"""Solar arrays, and the forecasts of the sun by city."""

from collections.abc import Iterator
from functools import partial

from evenergy.sandbox import validation as v
from evenergy.sandbox.api.home_energy import INVERTERS
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import computed, hidden, owner, reference, value
from evenergy.sandbox.logs import GridLogs, LogKind
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.simulation.home import sky, sun
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.simulation.markets import HALF_HOUR
from evenergy.sandbox.simulation.places import CITIES, City
from evenergy.sandbox.tables import Create, Draw, Item, Seed, Table, Update
from evenergy.sandbox.times import DAY, SECOND, instant, text

_AHEAD = 2 * DAY
_MADE_AT = 4 * 3600  # seconds after midnight UTC, each day anew


def _watts(city: City, index: int) -> int:
    """Return the forecast of a half hour, in watts of each kilowatt: it knows the sky but for its details."""
    middle = index * HALF_HOUR + HALF_HOUR / 2
    return round(1000 * sun(city, middle) * (0.6 * sky(city, middle) + 0.4 * 0.6))


def _forecast_log(_: State, forecast: Item, index: int) -> Log:
    start = index * HALF_HOUR
    made = (start - _MADE_AT) // DAY * DAY + _MADE_AT  # the newest one before the half hour
    made = min(made, start // DAY * DAY - DAY + _MADE_AT)  # which is known a day before
    moment = start * SECOND
    return Log(moment, instant(made), partial(_forecast, forecast.values["city"], index, made))


def _forecast(city: City, index: int, made: int) -> Data:
    return {
        "sampled_at": text(instant(made)),
        "interval_seconds": HALF_HOUR,
        "forecast_watts_per_kilowatt": _watts(city, index),
    }


FORECAST_LOG = LogKind(
    collection="solar_forecasts",
    name="forecast_logs",
    key="started_at",
    field="solar_forecast",
    source=GridLogs(HALF_HOUR, _forecast_log, ahead=_AHEAD),
    scope="solar_forecast:read",
    expand=paths("solar_forecast"),
    stored=False,
)
LOGS = (FORECAST_LOG,)


def _city_location(_: Request, forecast: Item) -> Data:
    city: City = forecast.values["city"]
    return {"latitude": city.latitude, "longitude": city.longitude}


def _arrays(state: State) -> Iterator[Seed]:
    for inverter in INVERTERS.pool(state).items.values():
        if inverter.owner is not None:
            watts = state.homes.home(inverter.owner).solar_watts
            yield Seed(inverter.owner, values={"inverter": inverter.id, "capacity_watts": watts})


def _until_midnight(request: Request, array: Item) -> Data | None:
    """Return what the sun will give until midnight, and for a vehicle in the query how far that will charge it."""
    now = request.state.clock()
    if array.owner is None:
        return None
    city, capacity = array.owner.home, array.values["capacity_watts"]
    midnight = (now // DAY + 1) * DAY
    halves = range(int(now // HALF_HOUR), int(midnight // HALF_HOUR))
    energy = round(sum(_watts(city, index) for index in halves) * capacity / 1000 * HALF_HOUR / 3600)
    percent = None
    if "vehicle_id" in request.query:
        vehicle = request.state.collections["vehicles"].find(request, request.query["vehicle_id"])
        if vehicle is None:
            raise invalid_query("vehicle_id", "There is no such vehicle.")
        percent = round(100 * energy / vehicle.battery_size)
    return {
        "solar_watt_hours_until_midnight": energy,
        "percent_vehicle_battery_charge_until_midnight": percent,
        "last_updated_at": text(instant(now // HALF_HOUR * HALF_HOUR)),
    }


def _capacity(draw: Draw) -> int:
    return draw.random.randrange(2000, 8001, 250)


_CHECKS = {"capacity_watts": v.integer(0, 10_000_000)}

ARRAYS = Table(
    name="solar_arrays",
    prefix="solr",
    scope="solar:read",
    expand=paths("user", "inverter"),
    seeds=_arrays,
    create=Create(
        scope="solar:write",
        needs_user=True,
        checks=lambda _: _CHECKS,
        also=lambda _, values: {"inverter": None, "capacity_watts": values.get("capacity_watts", 0)},
    ),
    update=Update(scope="solar:write", checks=lambda _: _CHECKS),
    fields={
        "capacity_watts": value(_capacity),
        "inverter": reference("inverters"),
        "forecast": computed(_until_midnight),
        "user": owner(),
    },
)
FORECASTS = Table(
    name="solar_forecasts",
    prefix="solf",
    scope="solar_forecast:read",
    seeds=lambda _: (Seed(values={"city": city}) for city in CITIES),
    fields={"location": computed(_city_location), "city": hidden()},
)
COLLECTIONS = (ARRAYS, FORECASTS)
