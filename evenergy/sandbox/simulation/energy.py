"""The energy of a sub-session: when it was delivered, from where, and what it cost."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs

from evenergy.sandbox.simulation.charging import SubSession
from evenergy.sandbox.simulation.driving import Phase, Segment, charged
from evenergy.sandbox.simulation.markets import HALF_HOUR

_LOSSES = 1.08  # between the meter and the battery


@attrs.frozen
class Interval:
    """A stretch of a sub-session, at most half an hour. Energies are whole watt hours, and add up to the whole."""

    start: float
    seconds: int
    delivered: int
    immediate: int  # what would have been delivered if charging had begun at once
    imported: int  # percent that came from the grid
    price: int | None  # minor units a kWh
    carbon: int | None  # grams a kWh

    @property
    def metered(self) -> int:
        """The energy that the supply meter counted."""
        return round(self.delivered * _LOSSES)


@attrs.frozen
class Market:
    """The price and the carbon of energy at a time, and the power of the sun; None where it is not known."""

    price: Callable[[float], int] | None
    carbon: Callable[[float], int] | None
    solar: Callable[[float], float]


@attrs.frozen
class Usage:
    """The energy of a sub-session until a time."""

    intervals: list[Interval]
    charging_seconds: float
    peak_watts: float
    battery: float

    @property
    def delivered(self) -> int:
        """The energy delivered, in watt hours."""
        return sum(interval.delivered for interval in self.intervals)

    @property
    def solar(self) -> int:
        """The part of it that came from the sun."""
        return sum(round(one.delivered * (100 - one.imported) / 100) for one in self.intervals)

    def cost(self, *, immediate: bool = False) -> int | None:
        """Return what the energy cost, in minor units, or would have cost if charging had begun at once."""
        return _total([(one.immediate if immediate else one.delivered, one.price) for one in self.intervals])

    def carbon(self, *, immediate: bool = False) -> int | None:
        """Return the grams of CO2, or those of charging at once."""
        return _total([(one.immediate if immediate else one.delivered, one.carbon) for one in self.intervals])

    def saved_cost(self) -> int | None:
        """Return what was saved over charging at once, in minor units."""
        return _saved(self.cost(immediate=True), self.cost())

    def saved_carbon(self) -> int | None:
        """Return the grams of CO2 that were saved over charging at once."""
        return _saved(self.carbon(immediate=True), self.carbon())


def usage_of(part: SubSession, segments: Sequence[Segment], now: float, market: Market) -> Usage:
    """Return the energy of a sub-session as far as it was delivered by now."""
    end = min(part.end, now)
    grid = range(int(part.start // HALF_HOUR) * HALF_HOUR, int(-(-end // HALF_HOUR)) * HALF_HOUR + 1, HALF_HOUR)
    edges = [min(max(edge, part.start), end) for edge in grid]
    actual = [_delivered(segments, edge) for edge in edges]
    at_once = [_at_once(part, segments, edge) for edge in edges] if part.mode == "SMART" else actual
    charging = [segment for segment in segments if segment.phase is Phase.CHARGING and segment.start < end]
    power = max((segment.power for segment in charging), default=0.0)
    intervals = [
        Interval(
            start=start,
            seconds=HALF_HOUR,
            delivered=round(actual[index + 1]) - round(actual[index]),
            immediate=round(at_once[index + 1]) - round(at_once[index]),
            imported=_imported(market, start + HALF_HOUR / 2, power),
            price=market.price and market.price(start),
            carbon=market.carbon and market.carbon(start),
        )
        for index, (start, _) in enumerate(pairwise(grid))
    ]
    return Usage(
        intervals,
        sum(min(segment.end, end) - segment.start for segment in charging),
        max((segment.power_at(segment.energy) for segment in charging), default=0.0),
        segments[0].battery if segments else 0.0,
    )


def merged(intervals: Sequence[Interval]) -> list[list[Interval]]:
    """Return runs of intervals with energy, and of intervals without."""
    runs: list[list[Interval]] = []
    for interval in intervals:
        if runs and bool(runs[-1][-1].delivered) == bool(interval.delivered):
            runs[-1].append(interval)
        else:
            runs.append([interval])
    return runs


def _delivered(segments: Sequence[Segment], time: float) -> float:
    """Return what was charged until a time."""
    return sum(
        segment.energy_at(min(time, segment.end)) - segment.energy
        for segment in segments
        if segment.phase is Phase.CHARGING and segment.start < time
    )


def _at_once(part: SubSession, segments: Sequence[Segment], time: float) -> float:
    """Return what would have been charged until a time if charging had begun at the start of the sub-session."""
    charging = next((segment for segment in segments if segment.phase is Phase.CHARGING), None)
    if charging is None:
        return 0.0
    planned = _delivered(segments, part.end)
    energy = charged(charging.energy, charging.battery, charging.power, (time - part.start) / 3600)
    return min(energy - charging.energy, planned)


def _imported(market: Market, time: float, power: float) -> int:
    share = min(1.0, market.solar(time) / power) if power else 0.0
    return round(100 * (1 - share))


def _total(parts: Sequence[tuple[int, int | None]]) -> int | None:
    if any(rate is None for _, rate in parts):
        return None
    return round(sum(energy * (rate or 0) for energy, rate in parts) / 1000)


def _saved(at_once: int | None, actual: int | None) -> int | None:
    return None if at_once is None or actual is None else at_once - actual
