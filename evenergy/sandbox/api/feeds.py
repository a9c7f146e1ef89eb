"""Carbon feeds and grid feeds, and what they report."""

from functools import partial

from evenergy.sandbox import paging
from evenergy.sandbox.expansion import expansion, paths
from evenergy.sandbox.fields import hidden, value
from evenergy.sandbox.logs import GridLogs, LogKind, TimeRange
from evenergy.sandbox.operations import Route
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.simulation.markets import HALF_HOUR, carbon_at
from evenergy.sandbox.tables import Item, Seed, Table
from evenergy.sandbox.times import DAY, SECOND, instant, text

_CARBON = (
    ("Great Britain", 180, ("GB", "IE")),
    ("ERCOT", 390, ("US",)),
    ("Germany", 350, ("DE",)),
    ("France", 55, ("FR",)),
    ("Netherlands", 300, ("NL",)),
)
_GRID = (
    ("Evening Peak GB", "GB_EVENING_PEAK", 8, ("GB", "IE"), 16),
    ("Northern Constraint", "GB_NORTH", 5, ("GB",), 7),
    ("ERCOT Peak Demand", "ERCOT_PEAK", 9, ("US",), 20),
    ("Continental Peak", "CE_PEAK", 6, ("DE", "FR", "NL"), 17),
)
_LEVELS = ((0, 3, 80), (-14, 4, 20))  # hours after the start of the peak, hours, level: after the peak, and before dawn
_STORED = 35  # seconds after an interval has begun


def _intensity(_: State, feed: Item, index: int) -> Log:
    moment = index * HALF_HOUR * SECOND
    grams = carbon_at(feed.values["base"], feed.values["name"], index * HALF_HOUR)
    return Log(moment, moment + _STORED * SECOND, partial(_interval, moment, grams))


def _interval(moment: int, grams: int) -> Data:
    return {
        "started_at": text(moment),
        "interval_seconds": HALF_HOUR,
        "co2_intensity_grams_per_kilowatt_hour": grams,
        "created_at": text(moment + _STORED * SECOND),
    }


CARBON_FEEDS = Table(
    name="carbon_feeds",
    prefix="cabf",
    scope="carbon:read",
    seeds=lambda _: (
        Seed(values={"name": name, "base": base, "countries": countries}) for name, base, countries in _CARBON
    ),
    fields={"name": value(), "base": hidden(), "countries": hidden()},
)
GRID_FEEDS = Table(
    name="grid_feeds",
    prefix="grfd",
    scope="grid:read",
    seeds=lambda _: (
        Seed(values={"name": name, "reference_code": code, "priority": rank, "countries": countries, "peak": peak})
        for name, code, rank, countries, peak in _GRID
    ),
    fields={"name": value(), "reference_code": value(), "priority": value(), "countries": hidden(), "peak": hidden()},
)
INTENSITIES = LogKind(
    collection="carbon_feeds",
    name="carbon_intensities",
    key="started_at",
    field="carbon_feed",
    source=GridLogs(HALF_HOUR, _intensity),
    scope="carbon:read",
    expand=paths("carbon_feed"),
)
COLLECTIONS = (CARBON_FEEDS, GRID_FEEDS)


def carbon_feed_of(state: State, user: User) -> Item | None:
    """Return the carbon feed of the grid that a user is on."""
    feeds = CARBON_FEEDS.pool(state).items.values()
    return next((feed for feed in feeds if user.country in feed.values["countries"]), None)


def grid_feeds_of(state: State, user: User) -> list[Item]:
    """Return the grid feeds that apply to a user."""
    return [feed for feed in GRID_FEEDS.pool(state).items.values() if user.country in feed.values["countries"]]


def list_intensities(request: Request) -> Response:
    """List carbon intensities, the newest first, wrapped in an object."""
    feed: Item = request.resource("carbon_feeds")
    expansion(request, INTENSITIES.expand)  # it is allowed, and the feed stays a URL all the same
    page = paging.of_logs(request, INTENSITIES, feed)
    url = request.url("carbon_feeds", feed.id)
    data = {
        "url": f"{url}/carbon_intensities",
        "carbon_feed": url,
        "carbon_intensities": [log.fields() for log in page.items],
    }
    return Response(data, headers=page.headers)


def list_levels(request: Request) -> Response:
    """List grid levels, the newest first; the last one has no bounds, and holds where no other does."""
    feed: Item = request.resource("grid_feeds")
    times, now = paging.time_range_of(request, "started_at"), instant(request.state.clock())
    levels = [level for day in _days(request.state) for level in _levels(feed, day)]
    # They are known a day before.
    found = [level for level in levels if level[0] - DAY * SECOND <= now and level[0] in times]
    rows: list[Data] = [_level(*level) for level in sorted(found, reverse=True)]
    if times == TimeRange():
        made = text(instant(request.state.fleet.begin))
        rows.append({"value": 50, "started_at": None, "interval_seconds": None, "created_at": made})
    page = paging.by_number(request, rows)
    return Response(page.items, headers=page.headers)


def _days(state: State) -> range:
    return range(int(state.fleet.begin // DAY), int(state.clock() // DAY) + 2)


def _levels(feed: Item, day: int) -> list[tuple[int, int, int]]:
    peak: int = feed.values["peak"]
    return [(instant(day * DAY + (peak + after) % 24 * 3600), hours * 3600, level) for after, hours, level in _LEVELS]


def _level(started_at: int, seconds: int, value: int) -> Data:
    return {
        "value": value,
        "started_at": text(started_at),
        "interval_seconds": seconds,
        "created_at": text(started_at - DAY * SECOND),
    }


ROUTES = (
    Route("GET", "/carbon_feeds/{id}/carbon_intensities", list_intensities, "carbon:read"),
    Route("GET", "/grid_feeds/{id}/levels", list_levels, "grid:read"),
)
