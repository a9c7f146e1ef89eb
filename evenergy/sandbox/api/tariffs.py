"""Suppliers, tariffs, and their prices."""

from collections.abc import Sequence
from datetime import UTC, datetime

from evenergy.sandbox import filters, paging
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import computed, hidden, named, reference, value
from evenergy.sandbox.filters import Predicate
from evenergy.sandbox.logs import TimeRange
from evenergy.sandbox.operations import Route
from evenergy.sandbox.requests import Data, Request, State, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.simulation.markets import HALF_HOUR, Band, Rates
from evenergy.sandbox.tables import ABSENT, Draw, Field, Item, Seed, Table
from evenergy.sandbox.times import SECOND, instant, text

_SUPPLIERS = (
    ("Sandbox Power", "GB", True),
    ("Northwind Energy", "GB", False),
    ("Lone Star Electric", "US", True),
    ("Cascadia Light", "US", False),
    ("Hansekraft", "DE", True),
    ("Lumière du Rhône", "FR", True),
    ("Polderstroom", "NL", True),
    ("Lee Valley Power", "IE", True),
)


def _available(request: Request, _: str, __: str) -> Predicate:
    user = request.available_for()
    return lambda item: user is None or item.values["country"] == user.country


SUPPLIERS = Table(
    name="suppliers",
    prefix="supl",
    scope="tariff:read",
    page=paging.by_number,
    filters={"available_for_user_id": _available},
    seeds=lambda _: (
        Seed(values={"name": name, "country": country, "highlighted": highlighted})
        for name, country, highlighted in _SUPPLIERS
    ),
    fields={
        "name": value(),
        "icon": value(lambda draw: draw.random.choice((None, "https://icons.example.com/supplier.svg"))),
        "highlighted": value(),
        "country": hidden(),
    },
)

_GB, _TX, _OR, _DE = "Europe/London", "America/Chicago", "America/Los_Angeles", "Europe/Berlin"
_FR, _NL, _IE = "Europe/Paris", "Europe/Amsterdam", "Europe/Dublin"
_TWO_STEPS, _THREE_STEPS = ("peak", "off_peak"), ("peak", "mid_peak", "off_peak")
_SUMMER = ("2024-04-01", None)


def _row(
    supplier: str,
    name: str,
    currency: str,
    kind: str,
    rates: Rates,
    gsp_group: str | None = None,
    valid: tuple[str, str | None] = _SUMMER,
    scheduler: str | None = None,
) -> Data:
    return {
        "supplier_name": supplier,
        "name": name,
        "currency": currency,
        "type": kind,
        "rates": rates,
        "gsp_group": gsp_group,
        "valid_from": valid[0],
        "valid_until": valid[1],
        "scheduler_name": scheduler,
    }


_TARIFFS = (
    _row("Sandbox Power", "Night Saver", "GBP", "DUAL_RATE", Rates(_GB, 27, (Band(0.5, 4.5, 8),)), "_C"),
    _row("Sandbox Power", "Night Saver North", "GBP", "DUAL_RATE", Rates(_GB, 28, (Band(0.5, 4.5, 9),)), "_M"),
    _row("Sandbox Power", "Half-Hourly", "GBP", "DYNAMIC", Rates(_GB, 24, dynamic=True), "_C"),
    _row("Sandbox Power", "Night Saver 2023", "GBP", "DUAL_RATE", Rates(_GB, 31, (Band(0.5, 4.5, 10),)), "_C",
         ("2023-01-01", "2024-03-31")),
    _row("Northwind Energy", "Simply Flat", "GBP", "FLAT_RATE", Rates(_GB, 25), scheduler="Night Saver"),
    _row("Northwind Energy", "Three Steps", "GBP", "THREE_RATE",
         Rates(_GB, 26, (Band(16, 19, 41), Band(23, 6, 12)))),
    _row("Lone Star Electric", "Free Nights", "USD", "DUAL_RATE", Rates(_TX, 17, (Band(21, 6, 1),))),
    _row("Lone Star Electric", "Basic", "USD", "FLAT_RATE", Rates(_TX, 13)),
    _row("Cascadia Light", "Time of Day", "USD", "THREE_RATE", Rates(_OR, 15, (Band(17, 21, 39), Band(22, 7, 8)))),
    _row("Hansekraft", "Tidenstrom", "EUR", "DYNAMIC", Rates(_DE, 30, dynamic=True)),
    _row("Hansekraft", "Hausstrom", "EUR", "FLAT_RATE", Rates(_DE, 34)),
    _row("Lumière du Rhône", "Heures Creuses", "EUR", "DUAL_RATE", Rates(_FR, 27, (Band(22, 6, 20),))),
    _row("Polderstroom", "Dal en Piek", "EUR", "DUAL_RATE", Rates(_NL, 29, (Band(23, 7, 24),))),
    _row("Lee Valley Power", "Night Boost", "EUR", "THREE_RATE", Rates(_IE, 33, (Band(17, 19, 40), Band(2, 4, 9)))),
)  # fmt: skip


def _country(draw: Draw) -> object:
    return SUPPLIERS.pool(draw.state).items[str(draw.values["supplier"])].values["country"]


def _valid(request: Request, parameter: str, written: str) -> Predicate:
    expected = filters.flag(parameter, written)
    today = datetime.fromtimestamp(request.state.clock(), UTC).date().isoformat()

    def predicate(item: Item) -> bool:
        until = item.values["valid_until"]
        return (item.values["valid_from"] <= today and (until is None or today <= until)) is expected

    return predicate


def _daily_prices(request: Request, item: Item) -> object:
    rates: Rates = item.values["rates"]
    # On a list they come only for those who ask; the description gives one tariff no such parameter.
    if rates.dynamic or ("id" not in request.ids and request.query.get("include_optional") != "daily_prices"):
        return ABSENT
    prices: dict[int, list[Band]] = {rates.base: _rest(rates)}
    for band in rates.bands:
        prices.setdefault(band.price, []).append(band)
    names = _THREE_STEPS if len(prices) == len(_THREE_STEPS) else _TWO_STEPS
    return {
        name: {"price": f"{price / 100:.2f}", "times": [_times(band) for band in prices[price]]}
        for name, price in zip(names, sorted(prices, reverse=True), strict=False)
    }


def _rest(rates: Rates) -> list[Band]:
    """Return the hours that no band covers."""
    bands = sorted(rates.bands, key=lambda band: band.start)
    if not bands:
        return [Band(0, 0, rates.base)]
    following = [*bands[1:], bands[0]]
    return [
        Band(one.end, two.start, rates.base) for one, two in zip(bands, following, strict=True) if one.end != two.start
    ]


def _times(band: Band) -> Data:
    start, end = (f"{int(hour):02}:{round(hour % 1 * 60):02}:00" for hour in (band.start, band.end))
    return {"start": start, "end": end}


def _write_prices(request: Request, item: Item, _: str, tree: Tree | None) -> object:
    if tree is None:
        return request.url("tariffs", item.id, "prices")
    now = instant(request.state.clock())
    return prices(request.state, item, now - 24 * 3600 * SECOND, now)


def _current_price(request: Request, item: Item) -> object:
    rates: Rates = item.values["rates"]
    return rates.price_at(request.state.clock())


TARIFFS: Table = Table(
    name="tariffs",
    prefix="tari",
    scope="tariff:read",
    page=paging.by_number,
    expand=paths("supplier", "scheduler_tariff", prices="tariff:prices:read"),
    filters={
        "supplier_id": filters.equal(filters.stored("supplier")),
        "valid": _valid,
        "gsp_group": filters.equal(filters.stored("gsp_group")),
        "available_for_user_id": _available,
    },
    seeds=lambda _: (Seed(values=row) for row in _TARIFFS),
    fields={
        "supplier": reference("suppliers", named(lambda: SUPPLIERS, "supplier_name")),
        "name": value(),
        "currency": value(),
        "highlighted": value(lambda draw: draw.values["type"] == "DUAL_RATE"),
        "type": value(),
        "daily_prices": computed(_daily_prices),
        "timezone_name": computed(lambda _, item: item.values["rates"].timezone),
        "price_chart_url": value(),
        "gsp_group": value(),
        "valid_from": value(),
        "valid_until": value(),
        "scheduler_tariff": reference("tariffs", named(lambda: TARIFFS, "scheduler_name")),
        "current_price": computed(_current_price, alone=True),
        "prices": Field(_write_prices, alone=True),
        "country": hidden(_country),
        "rates": hidden(),
    },
)
COLLECTIONS = (SUPPLIERS, TARIFFS)


def tariff_of(state: State, user: User) -> Item | None:
    """Return the tariff of a user: the one they chose, or one of their country."""
    pool = TARIFFS.pool(state)
    if user.tariff is not None:
        return pool.items.get(user.tariff)
    offered = [item for item in pool.items.values() if item.values["country"] == user.country]
    return offered[user.order % len(offered)] if offered else None


def prices(state: State, tariff: Item, low: int, high: int) -> list[Data]:
    """Return the prices of a tariff, the newest first, in a range of instants."""
    return _written(tariff, _indexes(state, TimeRange(low, high)))


def list_prices(request: Request) -> Response:
    """List the prices of a tariff, the newest first."""
    tariff: Item = request.resource("tariffs")
    page = paging.by_number(request, _indexes(request.state, paging.time_range_of(request, "started_at")))
    return Response(_written(tariff, page.items), headers=page.headers)


def _indexes(state: State, times: TimeRange) -> range:
    """Return the half hours in a range of instants, as far as there are prices, the newest first."""
    first, last = times.within(instant(state.fleet.begin), instant(state.clock()))
    step = HALF_HOUR * SECOND
    return range(last // step, -(-first // step) - 1, -1)


def _written(tariff: Item, indexes: Sequence[int]) -> list[Data]:
    rates: Rates = tariff.values["rates"]
    return [
        {
            "started_at": text(index * HALF_HOUR * SECOND),
            "interval_seconds": HALF_HOUR,
            "price_minor_units": rates.price_at(index * HALF_HOUR),
        }
        for index in indexes
    ]


ROUTES = (Route("GET", "/tariffs/{id}/prices", list_prices, "tariff:prices:read"),)
