"""Prices, carbon intensities and grid levels: functions of the time."""

import math
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from evenergy.sandbox.ids import digest
from evenergy.sandbox.times import DAY

HALF_HOUR = 1800


@lru_cache
def zone(name: str) -> tzinfo:
    """Return a time zone; UTC where the machine knows no zones."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC


def local_hour(time: float, timezone: str) -> float:
    """Return the hours since the local midnight, by the clock on the wall."""
    local = datetime.fromtimestamp(time, zone(timezone))
    return local.hour + local.minute / 60 + local.second / 3600


@attrs.frozen
class Band:
    """Hours of the day with a price of their own; they may run past midnight."""

    start: float
    end: float
    price: int

    def covers(self, hour: float) -> bool:
        """Return whether a local hour lies in the band."""
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


@attrs.frozen
class Rates:
    """The prices of a tariff, in minor units of its currency for each kWh. A dynamic one has a price each half hour."""

    timezone: str
    base: int
    bands: tuple[Band, ...] = ()
    dynamic: bool = False

    def price_at(self, time: float) -> int:
        """Return the price of the half hour in which a time lies."""
        if self.dynamic:
            index = int(time // HALF_HOUR)
            noise = digest(f"price/{self.timezone}/{index}", 10) / 1024
            return max(1, round(self.base * (0.35 + 0.9 * _demand(local_hour(time, self.timezone)) + 0.3 * noise)))
        hour = local_hour(time, self.timezone)
        return next((band.price for band in self.bands if band.covers(hour)), self.base)


def carbon_at(base: int, name: str, time: float) -> int:
    """Return the grams of CO2 in each kWh of a grid in the half hour in which a time lies."""
    index = int(time // HALF_HOUR)
    noise = digest(f"carbon/{name}/{index}", 10) / 1024
    wind = digest(f"wind/{name}/{int(time // DAY)}", 10) / 1024
    return round(base * (0.55 + 0.5 * _demand(time % DAY / 3600) + 0.35 * (1 - wind) + 0.08 * noise))


def _demand(hour: float) -> float:
    """Return the demand of an hour, from 0 to 1: two peaks, at breakfast and in the evening."""
    morning, evening = math.exp(-(((hour - 8) / 2.2) ** 2)), math.exp(-(((hour - 18.5) / 2.8) ** 2))
    return min(1.0, 0.15 + 0.6 * morning + 0.8 * evening + 0.15 * math.sin(math.pi * hour / 24))
