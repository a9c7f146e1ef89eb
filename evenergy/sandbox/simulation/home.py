"""The energy of a home: sun, load, battery and grid, in balance at each quarter of an hour."""

import math
from itertools import chain

import attrs

from evenergy.sandbox.ids import digest
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.driving import Phase, Segment, Setting
from evenergy.sandbox.simulation.fleet import Fleet, User
from evenergy.sandbox.simulation.places import City
from evenergy.sandbox.times import DAY

STEP = 900
STEPS = DAY // STEP
RESERVE = 10  # percent of a battery that is kept
_YIELD = 0.8  # of the capacity of a solar array, with the sun in the zenith
_EVENING = 19 * 3600  # from here on the battery gives away what it has until midnight
_HOURS_TO_FILL = 2.5
_DAYS_KEPT = 64
_SOLAR_EVERY, _BATTERY_EVERY = 3, 6


@attrs.frozen
class Home:
    """The equipment of a home. Watts and watt hours; 0 is none."""

    city: City
    solar_watts: int
    battery_watt_hours: int
    base_watts: int

    def percentage(self, charge: float) -> int | None:
        """Return the charge of the battery in percent, given in watt hours; None without a battery."""
        return round(100 * charge / self.battery_watt_hours) if self.battery_watt_hours else None


def home_of(user: User) -> Home:
    """Return the equipment of a user's home."""
    random = SeededRandom(f"{user.id}/home")
    solar, battery, base = (
        random.randrange(2000, 8001, 250),
        random.randrange(5000, 13_501, 500),
        random.randrange(180, 420),
    )
    equipped = bool(user.full_name)  # who comes through the API has nothing yet
    return Home(
        user.home,
        solar if equipped and user.order % _SOLAR_EVERY == 0 else 0,
        battery if equipped and user.order % _BATTERY_EVERY == 0 else 0,
        base,
    )


def sun(city: City, time: float) -> float:
    """Return the share of its capacity that a solar array gives under a clear sky."""
    day = time / DAY % 365.25
    declination = math.radians(23.44) * math.sin(math.tau * (day - 81) / 365.25)
    hour_angle = math.tau * (time % DAY / DAY - 0.5) + math.radians(city.longitude)
    latitude = math.radians(city.latitude)
    height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(
        hour_angle
    )
    return _YIELD * max(0.0, height)


def sky(city: City, time: float) -> float:
    """Return the share of the light that the clouds let through, which moves from hour to hour."""
    hour, part = divmod(time / 3600, 1)
    now, then = (0.25 + 0.75 * digest(f"sky/{city.name}/{int(hour) + ahead}", 10) / 1024 for ahead in (0, 1))
    return now + (then - now) * part


@attrs.frozen
class Flow:
    """The power in a quarter of an hour, in whole watts, and the battery's charge at its end.

    `battery` is positive while it charges, `grid` while the home imports. `grid` is `load + battery - solar`.
    """

    solar: int
    load: int
    battery: int
    grid: int
    charge: float  # watt hours


class Homes:
    """The days of all homes, each computed when it is read. A day begins at midnight UTC."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._homes: dict[str, Home] = {}
        self._days: dict[tuple[str, int], tuple[list[tuple[Setting, ...]], list[Flow]]] = {}

    def home(self, user: User) -> Home:
        """Return the equipment of a user's home."""
        if user.id not in self._homes:
            self._homes[user.id] = home_of(user)
        return self._homes[user.id]

    def flow_at(self, user: User, time: float) -> Flow:
        """Return the flow in the quarter of an hour in which a time lies."""
        return self.day(user, int(time // DAY))[int(time % DAY // STEP)]

    def solar_at(self, user: User, time: float) -> float:
        """Return the power of a home's solar array."""
        home = self.home(user)
        return home.solar_watts * sun(home.city, time) * sky(home.city, time) if home.solar_watts else 0.0

    def day(self, user: User, day: int) -> list[Flow]:
        """Return the flows of a day."""
        settings = [vehicle.settings for vehicle in self._fleet.vehicles_of[user.id].values()]
        known = self._days.get((user.id, day))
        if known is None or known[0] != settings:
            if len(self._days) >= _DAYS_KEPT:
                del self._days[next(iter(self._days))]
            known = self._days[user.id, day] = (settings, self._compute(user, day))
        return known[1]

    def _compute(self, user: User, day: int) -> list[Flow]:
        home, charging = self.home(user), self._charging(user, day)
        capacity, power = home.battery_watt_hours, home.battery_watt_hours / _HOURS_TO_FILL
        reserve = charge = capacity * RESERVE / 100
        flows: list[Flow] = []
        for step in range(STEPS):
            second = step * STEP
            time = day * DAY + second + STEP / 2
            solar = round(self.solar_at(user, time))
            load = round(_base_load(home, user.id, time) + charging[step])
            surplus, hours = solar - load, STEP / 3600
            if second >= _EVENING:
                # It is empty at midnight, so that each day stands for itself.
                battery = -min(power, (charge - reserve) / ((DAY - second) / 3600))
            elif surplus > 0:
                battery = min(surplus, power, (capacity - charge) / hours)
            else:
                battery = -min(-surplus, power, (charge - reserve) / hours)
            flow = round(battery)
            charge = min(float(capacity), max(reserve, charge + flow * hours))
            flows.append(Flow(solar, load, flow, load + flow - solar, charge))
        return flows

    def _charging(self, user: User, day: int) -> list[float]:
        """Return the mean power that the vehicles of a home take in each step of a day."""
        power = [0.0] * STEPS
        vehicles = self._fleet.vehicles_of[user.id].values()
        cycles = (self._fleet.cycle(vehicle, cycle) for vehicle in vehicles for cycle in (day - 1, day))
        for segment in chain.from_iterable(cycles):
            if segment.phase is Phase.CHARGING and segment.at_home:
                _add_power(power, segment, day * DAY)
        return power


def _add_power(power: list[float], segment: Segment, midnight: int) -> None:
    first = max(0, int((segment.start - midnight) // STEP))
    last = min(STEPS - 1, int((segment.end - midnight) // STEP))
    for step in range(first, last + 1):
        start = midnight + step * STEP
        ends = max(segment.start, start), min(segment.end, start + STEP)
        power[step] += (segment.energy_at(ends[1]) - segment.energy_at(ends[0])) * 3600 / STEP


def _base_load(home: Home, key: str, time: float) -> float:
    hour = (time / 3600 + home.city.longitude / 15) % 24
    evening = math.exp(-(((hour - 19) / 3) ** 2))
    morning = math.exp(-(((hour - 7.5) / 1.5) ** 2))
    noise = digest(f"load/{key}/{int(time // STEP)}", 10) / 1024
    return home.base_watts * (1 + 2.2 * evening + 1.2 * morning + 0.8 * noise)
