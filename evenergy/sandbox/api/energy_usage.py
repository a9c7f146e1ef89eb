"""The energy of charging sub-sessions, with its prices and its carbon."""

from collections.abc import Sequence

from evenergy.sandbox import filters
from evenergy.sandbox.api.feeds import carbon_feed_of
from evenergy.sandbox.api.tariffs import tariff_of
from evenergy.sandbox.expansion import refer
from evenergy.sandbox.requests import Data, Request, State, Tree
from evenergy.sandbox.simulation.charging import SubSession
from evenergy.sandbox.simulation.energy import Interval, Market, Usage, merged, usage_of
from evenergy.sandbox.simulation.markets import Rates, carbon_at
from evenergy.sandbox.tables import Item
from evenergy.sandbox.times import instant, text

_UPDATED = 300  # seconds after the end


def at_home(part: SubSession) -> bool:
    """Return whether a sub-session is at home."""
    return part.mode != "UNMANAGED_OTG"


def tariff_of_part(state: State, part: SubSession) -> Item | None:
    """Return the tariff of a sub-session; none away from home."""
    return tariff_of(state, part.vehicle.owner) if at_home(part) else None


def currency_of(state: State, part: SubSession) -> str:
    """Return the currency in which a sub-session is priced."""
    tariff = tariff_of_part(state, part)
    return part.vehicle.owner.home.currency if tariff is None else str(tariff.values["currency"])


def usage(state: State, part: SubSession) -> Usage:
    """Return the energy of a sub-session as far as it was delivered by now."""
    user = part.vehicle.owner
    tariff, feed = tariff_of_part(state, part), carbon_feed_of(state, user)
    rates: Rates | None = None if tariff is None else tariff.values["rates"]

    def carbon(time: float) -> int:
        return carbon_at(feed.values["base"], feed.values["name"], time) if feed else 0

    def solar(time: float) -> float:
        return state.homes.solar_at(user, time) if at_home(part) else 0.0

    market = Market(None if rates is None else rates.price_at, carbon if feed else None, solar)
    return usage_of(part, part.segments(state.fleet), state.clock(), market)


def write_energy_usage(request: Request, part: SubSession, tree: Tree) -> Data:
    """Return when energy was delivered, and how much: by half hours, or by runs with and without energy."""
    intervals = usage(request.state, part).intervals
    whole = "merge_consecutive_intervals" in request.query and filters.flag(
        "merge_consecutive_intervals", request.query["merge_consecutive_intervals"]
    )
    runs = merged(intervals) if whole else [[interval] for interval in intervals]
    above = request.query.get("energy_delivered_watt_hours__gt")
    least = None if above is None else filters.integer("energy_delivered_watt_hours__gt", above)
    rows = [_write(run) for run in runs if least is None or sum(one.delivered for one in run) > least]
    ended = min(part.end + _UPDATED, request.state.clock())
    return {
        "url": request.url("charging_sub_sessions", part.id, "energy_usage"),
        "currency": currency_of(request.state, part),
        "charging_sub_session": refer(request, "charging_sub_sessions", part, tree.get("charging_sub_session")),
        "intervals": rows,
        "last_updated_at": text(instant(ended)),
    }


def _write(run: Sequence[Interval]) -> Data:
    delivered, metered = sum(one.delivered for one in run), sum(one.metered for one in run)
    by_price: dict[int, int] = {}
    for one in run:
        if one.price is not None:
            by_price[one.price] = by_price.get(one.price, 0) + one.delivered
    prices = [{"price": f"{price:.2f}", "energy_delivered_watt_hours": energy} for price, energy in by_price.items()]
    imported = sum(one.imported * one.delivered for one in run) / delivered if delivered else run[0].imported
    data: Data = {
        "interval_seconds": sum(one.seconds for one in run),
        "started_at": text(instant(run[0].start)),
        "total_energy_delivered_watt_hours": delivered,
        "meter_usage_watt_hours": metered,
        "alt_usage_watt_hours": sum(one.immediate for one in run),
        "percentage_import": round(imported),
        "electricity_cost_sub_unit": f"{sum(by_price):.2f}" if by_price else None,
    }
    if prices:
        # Described as one object, and explained as one for each price.
        data["energy_delivered_by_price"] = prices[0] if len(prices) == 1 else prices
    return data
