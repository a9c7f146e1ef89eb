"""Users and their vehicles, drawn from the seed."""

from functools import lru_cache

import attrs

from evenergy.sandbox.catalogue import Catalogue, Trim
from evenergy.sandbox.driving import Habits, Setting, Timeline, setting_at
from evenergy.sandbox.ids import make_id
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.times import DAY, instant, text

_TIMELINES_KEPT = 256  # a year of one vehicle is about a megabyte; they are cheap to plan again

_LOST_EVERY = 25

_FIRST_NAMES = "Ada Ben Chloe Dev Elif Femi Grace Hugo Ines Jonas Kira Liam Mina Noah Olga Priya Rosa Sami Tess Uma"
_LAST_NAMES = (
    "Ahmed Baker Cohen Dubois Evans Fischer Garcia Hughes Ito Jansen Khan Lopez Meyer Novak Okafor Patel Quinn"
)
_CITIES = (
    ("London", "N1 7AA", "GB", None, 51.536, -0.103),
    ("Leeds", "LS1 4DY", "GB", None, 53.797, -1.549),
    ("Bristol", "BS1 5TR", "GB", None, 51.449, -2.598),
    ("Austin", "78701", "US", "TX", 30.271, -97.743),
    ("Portland", "97205", "US", "OR", 45.519, -122.690),
    ("Hamburg", "20095", "DE", None, 53.551, 10.001),
    ("Lyon", "69002", "FR", None, 45.757, 4.832),
    ("Utrecht", "3511 AB", "NL", None, 52.092, 5.122),
    ("Cork", "T12 W8KP", "IE", None, 51.898, -8.472),
)
_STREETS = ("Mill Lane", "Station Road", "Orchard Street", "Harbour Way", "Park Avenue")


@attrs.frozen(eq=False)
class User:
    """A driver."""

    id: str
    email: str
    full_name: str
    joined_at: str
    consented: bool
    street: str
    city: tuple[str, str, str, str | None, float, float]
    at_site: bool

    @property
    def country(self) -> str:
        """The country's two letters."""
        return self.city[2]


@attrs.define(eq=False)
class Vehicle:
    """A vehicle; what it has done is in its timeline."""

    id: str
    user: User
    trim: Trim
    integrated: str
    battery_size: int
    odometer: float
    settings: tuple[Setting, ...]
    vehicle_class: str | None = "PASSENGER"
    description: str = ""
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
    """Everything a sandbox holds."""

    def __init__(self, vehicles: int, days: int, seed: int, now: float) -> None:
        self._seed = seed
        self._random = SeededRandom(f"{seed}/ids")
        self._made = vehicles
        self.begin: float = now - days * DAY
        self.catalogue: Catalogue = Catalogue()
        self.users: dict[str, User] = {}
        self.vehicles: dict[str, Vehicle] = {}
        self.vehicles_of: dict[str, dict[str, Vehicle]] = {}
        self._trims = [trim for trim in self.catalogue.trims.values() if trim.onboards]
        for order in range(max(1, vehicles * 4 // 5)):
            self._add_user(order)
        owners = list(self.users.values())
        for order in range(vehicles):
            # Four drivers have five vehicles.
            self.add(self._drawn(order, owners[min(order * 4 // 5, len(owners) - 1)], silent_after=0.6 * days * DAY))
        self._timeline = lru_cache(_TIMELINES_KEPT)(self._plan)

    def add(self, vehicle: Vehicle) -> None:
        """Add a vehicle."""
        self.vehicles[vehicle.id] = vehicle
        self.vehicles_of[vehicle.user.id][vehicle.id] = vehicle

    def remove(self, vehicle: Vehicle) -> None:
        """Remove a vehicle."""
        del self.vehicles[vehicle.id]
        del self.vehicles_of[vehicle.user.id][vehicle.id]

    def new_id(self, prefix: str) -> str:
        """Return an id that sorts after all others."""
        self._made += 1
        return make_id(prefix, self._made, self._random)

    def timeline(self, vehicle: Vehicle) -> Timeline:
        """Return the days of a vehicle."""
        # Settings belong to the key: a change plans the days again, and those before it come out the same.
        return self._timeline(vehicle, vehicle.settings)

    def _plan(self, vehicle: Vehicle, settings: tuple[Setting, ...]) -> Timeline:
        random = SeededRandom(f"{vehicle.id}/habits")
        habits = Habits(
            key=vehicle.id,
            battery=vehicle.effective_battery_size,
            consumption=random.uniform(0.14, 0.21),
            leaves=random.uniform(6.5, 9) * 3600,
            distance=random.uniform(8_000, 34_000),
            plugs_in=random.uniform(0.45, 1),
            power=random.choice((3600.0, 7400.0, 7400.0, 11_000.0)),
            odometer=vehicle.odometer,
        )
        return Timeline(habits, int(self.begin // DAY) - 1, settings)

    def _add_user(self, order: int) -> None:
        random = SeededRandom(f"{self._seed}/user/{order}")
        first, last = random.choice(_FIRST_NAMES.split()), random.choice(_LAST_NAMES.split())
        user = User(
            id=make_id("user", order, random),
            email=f"{first}.{last}.{order + 1}@example.com".lower(),
            full_name=f"{first} {last}",
            joined_at=text(instant(1_672_531_200 + random.uniform(0, 31_000_000))),
            consented=bool((order + 1) % 11),
            street=f"{random.randrange(1, 200)} {random.choice(_STREETS)}",
            city=random.choice(_CITIES),
            at_site=not (order + 1) % 10,
        )
        self.users[user.id] = user
        self.vehicles_of[user.id] = {}

    def _drawn(self, order: int, user: User, silent_after: float) -> Vehicle:
        random = SeededRandom(f"{self._seed}/vehicle/{order}")
        trim = random.choice(self._trims)
        lost = not (order + 1) % _LOST_EVERY  # the driver has changed a password, and the cloud lets nobody in
        return Vehicle(
            id=make_id("vhcl", order, random),
            user=user,
            trim=trim,
            integrated="INACTIVE" if lost else "ACTIVE",
            battery_size=trim.battery_size,
            odometer=float(random.randrange(2_000_000, 90_000_000)),
            settings=(Setting(float("-inf"), random.choice((80, 80, 85, 90, 100)), random.chance(0.8)),),
            vehicle_class=random.choice(("PASSENGER", "PASSENGER", "PASSENGER", "COMMERCIAL", None)),
            description=f"{user.full_name.split()[0]}'s {trim.model.make.name} {trim.model.name}",
            silent_from=self.begin + silent_after if lost else None,
        )
