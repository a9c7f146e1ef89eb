"""The days of a vehicle: what it does, and when.

A cycle begins when the vehicle leaves home on its day and ends when it leaves on the next. It is a handful of
segments, and inside a segment everything is a formula of the time, so nothing has to be stepped through.
"""

import math
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise

import attrs

from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.times import DAY

_KNEE = 0.8  # charging slows down above this state of charge,
_TAPER = 4.25  # down to 15 % of the power when the battery is full
_RESERVE = 0.06  # no driver goes below
_HOUR = 3600.0


class Phase(Enum):
    """An activity of a vehicle."""

    PARKED = "PARKED"
    DRIVING = "DRIVING"
    WAITING = "WAITING"
    CHARGING = "CHARGING"
    COMPLETE = "COMPLETE"


@attrs.frozen
class Setting:
    """The wishes of the driver, from an instant on (POSIX seconds)."""

    since: float
    limit: int
    smart: bool


def setting_at(settings: tuple[Setting, ...], time: float) -> Setting:
    """Return the setting in force."""
    return next(setting for setting in reversed(settings) if setting.since <= time)


@attrs.frozen
class Habits:
    """The habits in which vehicles differ."""

    key: str
    battery: float
    consumption: float  # Wh a metre
    leaves: float  # seconds after midnight
    distance: float  # metres one way
    plugs_in: float  # how likely in the evening
    power: float  # W of the charger at home
    odometer: float


@attrs.frozen
class Segment:
    """A stretch of time in which a vehicle does one thing. Seconds, Wh, W and metres."""

    phase: Phase
    start: float
    end: float
    battery: float
    energy: float
    odometer: float
    target: float
    plugged_energy: float
    power: float = 0.0
    speed: float = 0.0
    consumption: float = 0.0
    at_home: bool = True
    after_drive: bool = False

    def energy_at(self, time: float) -> float:
        """Return the energy in the battery."""
        if self.phase is Phase.CHARGING:
            energy = _charged(self.energy, self.battery, self.power, (time - self.start) / _HOUR)
            return min(energy, self.target)
        return self.energy - self.consumption * self.speed * (time - self.start)

    def odometer_at(self, time: float) -> float:
        """Return the reading of the odometer."""
        return self.odometer + self.speed * (time - self.start)

    def power_at(self, energy: float) -> float:
        """Return the power that the battery takes."""
        return self.power * min(1.0, _slowing(energy / self.battery)) if self.phase is Phase.CHARGING else 0.0

    def hours_left(self, energy: float) -> float:
        """Return the hours that charging to the target takes."""
        return _hours_to(energy, self.target, self.battery, self.power) if self.phase is Phase.CHARGING else 0.0


def _slowing(charge: float) -> float:
    return 1 - _TAPER * (charge - _KNEE)


def _charged(energy: float, battery: float, power: float, hours: float) -> float:
    """Charge for some hours: evenly up to the knee, and from there the power falls with what is missing."""
    knee = _KNEE * battery
    even = max(0.0, (knee - energy) / power)
    if hours <= even:
        return energy + power * hours
    slowing = _slowing(max(energy, knee) / battery) * math.exp(-_TAPER * power / battery * (hours - even))
    return battery * (_KNEE + (1 - slowing) / _TAPER)


def _hours_to(energy: float, target: float, battery: float, power: float) -> float:
    if target <= energy:
        return 0.0
    knee = _KNEE * battery
    hours = max(0.0, (min(target, knee) - energy) / power)
    if target > knee:
        ratio = _slowing(max(energy, knee) / battery) / _slowing(target / battery)
        hours += math.log(ratio) * battery / (_TAPER * power)
    return hours


class Timeline:
    """The cycles of one vehicle, planned as far as they are read."""

    def __init__(self, habits: Habits, first_day: int, settings: tuple[Setting, ...]) -> None:
        self._habits = habits
        self._settings = settings
        self.first_day = first_day
        self._cycles: list[list[Segment]] = []
        self._energy: float = habits.battery * SeededRandom(f"{habits.key}/start").uniform(0.4, 0.8)
        self._odometer: float = habits.odometer

    def cycle(self, day: int) -> list[Segment]:
        """Return the segments of a day's cycle."""
        while len(self._cycles) <= day - self.first_day:
            self._plan(self.first_day + len(self._cycles))
        return self._cycles[day - self.first_day]

    def _departure(self, day: int) -> float:
        random = SeededRandom(f"{self._habits.key}/leaves/{day}")
        return day * DAY + self._habits.leaves + random.uniform(-2400, 2400)

    def _plan(self, day: int) -> None:
        random = SeededRandom(f"{self._habits.key}/{day}")
        leaves, leaves_again = self._departure(day), self._departure(day + 1)
        trip = _Trip(self._habits, self._settings, leaves, self._energy, self._odometer)
        far = random.chance(0.12)
        distance = self._habits.distance * random.uniform(0.5, 1.3) * (2 if far else 1)
        trip.drive(distance, random)
        if far or trip.energy < 0.3 * self._habits.battery:
            trip.charge_fast(random)
        trip.stay(Phase.PARKED, leaves + random.uniform(8.5, 10.5) * _HOUR)
        trip.drive(distance, random)
        trip.come_home(leaves_again, (day + 1) * DAY, random)
        self._cycles.append(trip.segments)
        self._energy, self._odometer = trip.energy, trip.odometer


class _Trip:
    """A cycle while it is planned."""

    def __init__(
        self, habits: Habits, settings: tuple[Setting, ...], now: float, energy: float, odometer: float
    ) -> None:
        self._habits = habits
        self._settings = settings
        self._now = now
        self._plugged_energy = energy
        self._at_home = True
        self.energy: float = energy
        self.odometer: float = odometer
        self.segments: list[Segment] = []

    def drive(self, distance: float, random: SeededRandom) -> None:
        """Drive there, or as far as the battery allows."""
        self._at_home = False
        reach = (self.energy - _RESERVE * self._habits.battery) / self._habits.consumption
        distance = max(0.0, min(distance, reach))
        speed = random.uniform(9, 19)
        self.stay(Phase.DRIVING, self._now + 60 + distance / speed, speed=speed)

    def charge_fast(self, random: SeededRandom) -> None:
        """Use a charger on the road, for no longer than a break."""
        self._plug_in(self._now + random.uniform(25, 50) * 60, power=random.choice((50_000.0, 75_000.0, 120_000.0)))

    def come_home(self, until: float, midnight: float, random: SeededRandom) -> None:
        """Park for the night, and plug in or not."""
        self._at_home = True
        self.stay(Phase.PARKED, self._now + random.uniform(2, 12) * 60)
        low = self.energy < 0.35 * self._habits.battery
        if low or random.chance(self._habits.plugs_in):
            starts = midnight + random.uniform(0.2, 2) * _HOUR
            if self._setting().smart and self.energy > 0.15 * self._habits.battery:
                self._plugged_energy = self.energy
                self.stay(Phase.WAITING, min(starts, until))
            self._plug_in(until, power=self._habits.power)
        self.stay(Phase.PARKED, until)

    def stay(self, phase: Phase, until: float, *, power: float = 0.0, speed: float = 0.0) -> None:
        """Do one thing until then."""
        if until <= self._now:
            return
        segment = Segment(
            phase=phase,
            start=self._now,
            end=until,
            battery=self._habits.battery,
            energy=self.energy,
            odometer=self.odometer,
            target=self._setting().limit / 100 * self._habits.battery,
            plugged_energy=self._plugged_energy,
            power=power,
            speed=speed,
            consumption=self._habits.consumption,
            at_home=self._at_home,
            after_drive=bool(self.segments) and self.segments[-1].phase is Phase.DRIVING,
        )
        self.segments.append(segment)
        self._now, self.energy, self.odometer = until, segment.energy_at(until), segment.odometer_at(until)

    def _plug_in(self, until: float, power: float) -> None:
        """Charge to the limit in force, and on or not when the driver changes it meanwhile."""
        self._plugged_energy = self.energy
        for _, change in pairwise((self._now, *self._changes(until), until)):
            target = self._setting().limit / 100 * self._habits.battery
            full = self._now + _hours_to(self.energy, target, self._habits.battery, power) * _HOUR
            self.stay(Phase.CHARGING, min(full, change), power=power)
            self.stay(Phase.COMPLETE, change)

    def _setting(self) -> Setting:
        return setting_at(self._settings, self._now)

    def _changes(self, until: float) -> Iterator[float]:
        return (setting.since for setting in self._settings if self._now < setting.since < until)
