"""Users and their vehicles, drawn from the seed."""

from functools import lru_cache

import attrs

from evenergy.sandbox.ids import make_id
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.catalogue import Catalogue, Trim
from evenergy.sandbox.simulation.driving import Habits, Segment, Setting, Timeline, setting_at
from evenergy.sandbox.simulation.places import CITIES, City
from evenergy.sandbox.times import DAY, instant, text

_CYCLES_KEPT = 1024  # a cycle is about two kilobytes, and is planned again in a tenth of a millisecond
_CHECKPOINTS = 1_000_000  # of all timelines together, 24 bytes each

_LOST_EVERY = 25
_CHARGERLESS_EVERY = 5  # who charges from a socket

_FIRST_NAMES = "Ada Ben Chloe Dev Elif Femi Grace Hugo Ines Jonas Kira Liam Mina Noah Olga Priya Rosa Sami Tess Uma"
_LAST_NAMES = (
    "Ahmed Baker Cohen Dubois Evans Fischer Garcia Hughes Ito Jansen Khan Lopez Meyer Novak Okafor Patel Quinn"
)
_STREETS = ("Mill Lane", "Station Road", "Orchard Street", "Harbour Way", "Park Avenue")


@attrs.frozen
class Address:
    """The place where a user lives and charges. All of it is None for a user who has given none."""

    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    coordinates: tuple[float, float] | None = None  # latitude, longitude


@attrs.define(eq=False)
class User:
    """A driver. `order` counts users from 0."""

    id: str
    order: int
    email: str
    full_name: str
    joined_at: str
    consented: bool
    home: City
    address: Address
    at_site: bool
    tariff: str | None = None  # the id of the chosen tariff; None for the usual one of the country

    @property
    def owner(self) -> "User":
        """The user, who owns all that is theirs."""
        return self

    @property
    def country(self) -> str:
        """The two letters of the country where the user lives."""
        return self.address.country_code or self.home.country


@attrs.define(eq=False)
class Vehicle:
    """A vehicle; its past and its days to come are in its timeline. `order` counts vehicles from 0."""

    id: str
    order: int
    owner: User
    trim: Trim
    integrated: str
    battery_size: int
    odometer: float
    settings: tuple[Setting, ...]
    charger: bool = False  # one of its own at home, which reports
    vehicle_class: str | None = "PASSENGER"
    description: str = ""
    reports_from: float = float("-inf")
    silent_from: float | None = None
    native_connector: str | None = None
    adaptors: list[str] = attrs.field(factory=list[str])
    connectors_at: str | None = None
    manual_charge: tuple[int, int] | None = None  # percentage, and the instant it was entered

    def setting_at(self, time: float) -> Setting:
        """Return the driver's wishes at a time."""
        return setting_at(self.settings, time)

    @property
    def effective_battery_size(self) -> int:
        """The capacity that the years have left, in Wh."""
        return round(self.battery_size * (1 - min(0.12, self.odometer / 2e9)))


class Fleet:
    """The users and vehicles of a sandbox, and what the vehicles do."""

    def __init__(self, vehicles: int, days: int, seed: int, now: float) -> None:
        self.seed = seed
        self.begin: float = now - days * DAY
        self.catalogue: Catalogue = Catalogue()
        self.users: dict[str, User] = {}
        self.vehicles: dict[str, Vehicle] = {}
        self.vehicles_of: dict[str, dict[str, Vehicle]] = {}
        self.changes: list[Vehicle] = []  # each vehicle that came, went, or got other settings, in order
        self._absent: dict[str, Vehicle] = {}
        self._by_order: dict[int, Vehicle] = {}
        self._timelines: dict[str, Timeline] = {}
        self._stride = 1 + vehicles * days // _CHECKPOINTS
        self._random = SeededRandom(f"{seed}/ids")
        self._made = vehicles
        self._cycles = lru_cache(_CYCLES_KEPT)(Timeline.cycle)
        self._trims = [trim for trim in self.catalogue.trims.values() if trim.onboards]
        for order in range(max(1, vehicles * 4 // 5)):
            self.add_user(self._drawn_user(order))
        owners = list(self.users.values())
        for order in range(vehicles):
            # Four drivers have five vehicles.
            self._insert(self._drawn_vehicle(order, owners[min(order * 4 // 5, len(owners) - 1)], 0.6 * days * DAY))
        self.drawn: tuple[Vehicle, ...] = tuple(self.vehicles.values())

    def add_user(self, user: User) -> None:
        """Add a user."""
        self.users[user.id] = user
        self.vehicles_of[user.id] = {}

    def add(self, vehicle: Vehicle) -> None:
        """Add a vehicle."""
        self._insert(vehicle)
        self.changes.append(vehicle)

    def remove(self, vehicle: Vehicle) -> None:
        """Remove a vehicle."""
        del self.vehicles[vehicle.id]
        del self.vehicles_of[vehicle.owner.id][vehicle.id]
        del self._by_order[vehicle.order]
        self.changes.append(vehicle)

    def hide(self, vehicle_id: str) -> None:
        """Remove a vehicle for as long as it is not shown again; it drives on meanwhile."""
        vehicle = self.vehicles[vehicle_id]
        self.remove(vehicle)
        self._absent[vehicle_id] = vehicle

    def show(self, vehicle_id: str) -> None:
        """Bring a hidden vehicle back to its place."""
        vehicle = self._absent.pop(vehicle_id)
        self.add(vehicle)
        self.vehicles = dict(sorted(self.vehicles.items()))
        self.vehicles_of[vehicle.owner.id] = dict(sorted(self.vehicles_of[vehicle.owner.id].items()))

    def change(self, vehicle: Vehicle, setting: Setting) -> None:
        """Add what the driver wants from now on; all that was driven and charged before stays."""
        vehicle.settings += (setting,)
        self.changes.append(vehicle)

    def silence(self, vehicle: Vehicle, now: float) -> None:
        """End the reports of a vehicle."""
        vehicle.integrated, vehicle.silent_from = "INACTIVE", now
        self.changes.append(vehicle)

    def new_order(self) -> int:
        """Return a number after all others, for a new id."""
        self._made += 1
        return self._made

    def new_id(self, prefix: str, order: int | None = None) -> str:
        """Return an id that sorts after all others."""
        return make_id(prefix, self.new_order() if order is None else order, self._random)

    def vehicle_at(self, order: int) -> Vehicle | None:
        """Return the vehicle with this number."""
        return self._by_order.get(order)

    def cycle(self, vehicle: Vehicle, day: int) -> list[Segment]:
        """Return what a vehicle does in the cycle of a day."""
        if vehicle.integrated == "UNINTEGRATED":
            return []
        timeline = self._timelines.get(vehicle.id)
        if timeline is None or timeline.settings is not vehicle.settings:
            # A change plans the days again, and those before it come out the same.
            timeline = self._timelines[vehicle.id] = self._timeline(vehicle)
        return self._cycles(timeline, day)

    def begin_of(self, vehicle: Vehicle) -> float:
        """Return the time from which on there is anything of a vehicle."""
        return max(self.begin, vehicle.reports_from)

    def segment_at(self, vehicle: Vehicle, time: float) -> Segment | None:
        """Return what a vehicle does at a time."""
        day = int(time // DAY)
        for cycle_day in (day, day - 1):  # a cycle begins on its day and ends on the next
            for segment in self.cycle(vehicle, cycle_day):
                if segment.start <= time < segment.end:
                    return segment
        return None

    def _timeline(self, vehicle: Vehicle) -> Timeline:
        return Timeline(_habits(vehicle), int(self.begin // DAY) - 1, vehicle.settings, self._stride)

    def _insert(self, vehicle: Vehicle) -> None:
        self.vehicles[vehicle.id] = vehicle
        self.vehicles_of[vehicle.owner.id][vehicle.id] = vehicle
        self._by_order[vehicle.order] = vehicle

    def _drawn_user(self, order: int) -> User:
        random = SeededRandom(f"{self.seed}/user/{order}")
        first, last = random.choice(_FIRST_NAMES.split()), random.choice(_LAST_NAMES.split())
        id_ = make_id("user", order, random)
        joined_at = text(instant(1_672_531_200 + random.uniform(0, 31_000_000)))
        street, city = f"{random.randrange(1, 200)} {random.choice(_STREETS)}", random.choice(CITIES)
        return User(
            id=id_,
            order=order,
            email=f"{first}.{last}.{order + 1}@example.com".lower(),
            full_name=f"{first} {last}",
            joined_at=joined_at,
            consented=bool((order + 1) % 11),
            home=city,
            address=Address(street, None, city.name, city.state, city.postal_code, city.country, city.coordinates),
            at_site=not (order + 1) % 10,
        )

    def _drawn_vehicle(self, order: int, owner: User, silent_after: float) -> Vehicle:
        random = SeededRandom(f"{self.seed}/vehicle/{order}")
        trim = random.choice(self._trims)
        lost = not (order + 1) % _LOST_EVERY  # the driver has changed a password, and the cloud lets nobody in
        return Vehicle(
            id=make_id("vhcl", order, random),
            order=order,
            owner=owner,
            trim=trim,
            integrated="INACTIVE" if lost else "ACTIVE",
            battery_size=trim.battery_size,
            odometer=float(random.randrange(2_000_000, 90_000_000)),
            settings=(Setting(float("-inf"), random.choice((80, 80, 85, 90, 100)), random.chance(0.8)),),
            charger=bool((order + 1) % _CHARGERLESS_EVERY),
            vehicle_class=random.choice(("PASSENGER", "PASSENGER", "PASSENGER", "COMMERCIAL", None)),
            description=f"{owner.full_name.split()[0]}'s {trim.model.make.name} {trim.model.name}",
            silent_from=self.begin + silent_after if lost else None,
        )


def _habits(vehicle: Vehicle) -> Habits:
    random = SeededRandom(f"{vehicle.id}/habits")
    return Habits(
        key=vehicle.id,
        battery=vehicle.effective_battery_size,
        consumption=random.uniform(0.14, 0.21),
        leaves=random.uniform(6.5, 9) * 3600,
        distance=random.uniform(8_000, 34_000),
        plugs_in=random.uniform(0.45, 1),
        power=random.choice((3600.0, 7400.0, 7400.0, 11_000.0)),
        odometer=vehicle.odometer,
    )
