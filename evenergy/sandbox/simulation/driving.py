"""The days of a vehicle: what it does, and when.

A cycle begins when the vehicle leaves home on its day and ends when it leaves on the next. It is a handful of
segments, and inside a segment everything is a formula of the time, so nothing has to be stepped through.
"""

import math
from array import array
from collections.abc import Iterator
from enum import Enum

import attrs

from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.times import DAY

_KNEE = 0.8  # charging slows down above this state of charge,
_TAPER = 4.25  # down to 15 % of the power when the battery is full
_RESERVE = 0.06  # no driver goes below
_MANAGED = 0.15  # below this state of charge a vehicle charges at once
_HOUR = 3600.0


class Phase(Enum):
    """An activity of a vehicle."""

    PARKED = "PARKED"
    DRIVING = "DRIVING"
    WAITING = "WAITING"
    CHARGING = "CHARGING"
    COMPLETE = "COMPLETE"


PLUGGED_IN = frozenset((Phase.WAITING, Phase.CHARGING, Phase.COMPLETE))


@attrs.frozen
class Setting:
    """The wishes of the driver, from an instant on (POSIX seconds).

    `boosted_at` is the time at which the driver asked to charge at once; it ends when the vehicle is unplugged.
    """

    since: float
    limit: int
    smart: bool
    boosted_at: float | None = None


def setting_at(settings: tuple[Setting, ...], time: float) -> Setting:
    """Return the setting in force."""
    for setting in reversed(settings):
        if setting.since <= time:
            return setting
    raise ValueError("the first setting holds from the beginning of time")


@attrs.frozen(eq=False)
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


@attrs.define(eq=False)
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
    plugged_at: float
    meter: float  # all that was charged at home until `start`
    power: float = 0.0
    speed: float = 0.0
    consumption: float = 0.0
    at_home: bool = True
    after_drive: bool = False
    mode: str = ""  # of charging, while plugged in

    def energy_at(self, time: float) -> float:
        """Return the energy in the battery."""
        if self.phase is Phase.CHARGING:
            energy = charged(self.energy, self.battery, self.power, (time - self.start) / _HOUR)
            return min(energy, self.target)
        return self.energy - self.consumption * self.speed * (time - self.start)

    def odometer_at(self, time: float) -> float:
        """Return the reading of the odometer."""
        return self.odometer + self.speed * (time - self.start)

    def meter_at(self, time: float) -> float:
        """Return all that was charged at home until then."""
        charging = self.at_home and self.phase is Phase.CHARGING
        return self.meter + (self.energy_at(time) - self.energy if charging else 0.0)

    def power_at(self, energy: float) -> float:
        """Return the power that the battery takes."""
        return self.power * min(1.0, _slowing(energy / self.battery)) if self.phase is Phase.CHARGING else 0.0

    def hours_left(self, energy: float) -> float:
        """Return the hours that charging to the target takes."""
        return hours_to(energy, self.target, self.battery, self.power) if self.phase is Phase.CHARGING else 0.0


def _slowing(charge: float) -> float:
    return 1 - _TAPER * (charge - _KNEE)


def charged(energy: float, battery: float, power: float, hours: float) -> float:
    """Return the energy after some hours of charging: even up to the knee, then slower as it fills up."""
    knee = _KNEE * battery
    even = max(0.0, (knee - energy) / power)
    if hours <= even:
        return energy + power * hours
    slowing = _slowing(max(energy, knee) / battery) * math.exp(-_TAPER * power / battery * (hours - even))
    return battery * (_KNEE + (1 - slowing) / _TAPER)


def hours_to(energy: float, target: float, battery: float, power: float) -> float:
    """Return the hours of charging from one energy to another."""
    if target <= energy:
        return 0.0
    knee = _KNEE * battery
    hours = max(0.0, (min(target, knee) - energy) / power)
    if target > knee:
        ratio = _slowing(max(energy, knee) / battery) / _slowing(target / battery)
        hours += math.log(ratio) * battery / (_TAPER * power)
    return hours


class Timeline:
    """The cycles of one vehicle, planned as far as they are read.

    Only what a cycle hands to the next is kept, of each `stride`-th day: 10,000 vehicles are a few megabytes.
    """

    def __init__(self, habits: Habits, first_day: int, settings: tuple[Setting, ...], stride: int = 1) -> None:
        self.habits = habits
        self.settings = settings
        self.first_day = first_day
        self._stride = stride
        energy = habits.battery * SeededRandom(f"{habits.key}/start").uniform(0.4, 0.8)
        self._carried: array[float] = array("d", (energy, habits.odometer, 0.0))

    def cycle(self, day: int) -> list[Segment]:
        """Return the segments of a day's cycle; none before the first day."""
        position = day - self.first_day
        if position < 0:
            return []
        known = min(position // self._stride, len(self._carried) // 3 - 1)
        trip = self._trip(known * self._stride, *self._carried[3 * known : 3 * known + 3])
        for index in range(known * self._stride + 1, position + 1):
            if index == len(self._carried) // 3 * self._stride:
                self._carried.extend((trip.energy, trip.odometer, trip.meter))
            trip = self._trip(index, trip.energy, trip.odometer, trip.meter)
        return trip.segments

    def _departure(self, day: int) -> float:
        random = SeededRandom(f"{self.habits.key}/leaves/{day}")
        return day * DAY + self.habits.leaves + random.uniform(-2400, 2400)

    def _trip(self, index: int, energy: float, odometer: float, meter: float) -> "_Trip":
        day = self.first_day + index
        random = SeededRandom(f"{self.habits.key}/{day}")
        leaves, leaves_again = self._departure(day), self._departure(day + 1)
        trip = _Trip(self.habits, self.settings, leaves, energy, odometer, meter)
        far = random.chance(0.12)
        distance = self.habits.distance * random.uniform(0.5, 1.3) * (2 if far else 1)
        trip.drive(distance, random)
        if far or trip.energy < 0.3 * self.habits.battery:
            trip.charge_fast(random)
        trip.stay(Phase.PARKED, leaves + random.uniform(8.5, 10.5) * _HOUR)
        trip.drive(distance, random)
        trip.come_home(leaves_again, (day + 1) * DAY, random)
        return trip


class _Trip:
    """A cycle while it is planned."""

    def __init__(
        self,
        habits: Habits,
        settings: tuple[Setting, ...],
        now: float,
        energy: float,
        odometer: float,
        meter: float,
    ) -> None:
        self._habits = habits
        self._settings = settings
        self._now = now
        self._plugged_energy = energy
        self._plugged_at = now
        self._at_home = True
        self.energy: float = energy
        self.odometer: float = odometer
        self.meter: float = meter
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
        until = self._now + random.uniform(25, 50) * 60
        self._plug_in(until, power=random.choice((50_000.0, 75_000.0, 120_000.0)), starts=self._now)

    def come_home(self, until: float, midnight: float, random: SeededRandom) -> None:
        """Park for the night, and plug in or not."""
        self._at_home = True
        self.stay(Phase.PARKED, self._now + random.uniform(2, 12) * 60)
        low = self.energy < 0.35 * self._habits.battery
        if low or random.chance(self._habits.plugs_in):
            starts = midnight + random.uniform(0.2, 2) * _HOUR
            managed = self.energy > _MANAGED * self._habits.battery
            self._plug_in(until, power=self._habits.power, starts=starts if managed else self._now)
        self.stay(Phase.PARKED, until)

    def stay(self, phase: Phase, until: float, *, power: float = 0.0, speed: float = 0.0, mode: str = "") -> None:
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
            plugged_at=self._plugged_at,
            meter=self.meter,
            power=power,
            speed=speed,
            consumption=self._habits.consumption,
            at_home=self._at_home,
            after_drive=bool(self.segments) and self.segments[-1].phase is Phase.DRIVING,
            mode=mode,
        )
        self.segments.append(segment)
        self.meter = segment.meter_at(until)
        self._now, self.energy, self.odometer = until, segment.energy_at(until), segment.odometer_at(until)

    def _plug_in(self, until: float, power: float, starts: float) -> None:
        """Wait for the night where it is managed, and charge to the limit. A change of settings counts at once."""
        self._plugged_energy, self._plugged_at = self.energy, self._now
        for change in (*self._changes(until), until):
            mode = self._mode()
            if mode == "SMART":
                self.stay(Phase.WAITING, min(starts, change), mode=mode)
            target = self._setting().limit / 100 * self._habits.battery
            full = self._now + hours_to(self.energy, target, self._habits.battery, power) * _HOUR
            self.stay(Phase.CHARGING, min(full, change), power=power, mode=mode)
            self.stay(Phase.COMPLETE, change, mode=mode)

    def _mode(self) -> str:
        setting = self._setting()
        if not self._at_home:
            return "UNMANAGED_OTG"
        if not setting.smart:
            return "UNMANAGED_HOME"
        boosted = setting.boosted_at is not None and setting.boosted_at >= self._plugged_at
        return "BOOST" if boosted else "SMART"

    def _setting(self) -> Setting:
        return setting_at(self._settings, self._now)

    def _changes(self, until: float) -> Iterator[float]:
        return (setting.since for setting in self._settings if self._now < setting.since < until)
