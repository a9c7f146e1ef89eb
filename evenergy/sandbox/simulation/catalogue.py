"""The makes, models and trims that everybody sees, and how the telematics of each make report."""

import attrs

from evenergy.sandbox.ids import make_id
from evenergy.sandbox.seeded_random import SeededRandom

EVERYWHERE = ("GB", "US", "DE", "FR", "NL", "IE")
EUROPE = ("GB", "DE", "FR", "NL", "IE")
AMERICA = ("US",)


@attrs.frozen
class Telematics:
    """The reporting of a make's cloud: its name, the fields that it never fills, how often it reports."""

    source: str
    never: tuple[str, ...] = ()
    pace: float = 1.0


class Shared:
    """Something that belongs to nobody, and is seen by all."""

    __slots__ = ()

    @property
    def owner(self) -> None:
        """Nobody."""
        return


@attrs.frozen(eq=False)
class Make(Shared):
    """A vehicle make."""

    id: str
    name: str
    icon: str | None
    onboards: bool
    subscription: tuple[str, str] | None
    rank: int | None
    telematics: Telematics


@attrs.define(eq=False)
class Connector:
    """The plug of a model in one region."""

    region: str
    connector_type: str
    source: str | None
    confidence: str | None
    verified_at: str | None
    updated_at: str


@attrs.define(eq=False)
class Model(Shared):
    """A vehicle model. A hidden one is found by its id, but not listed."""

    id: str
    name: str
    make: Make
    onboards: bool
    countries: tuple[str, ...]
    default_connector_type: str | None
    battery_size: int
    hidden: bool = False
    connectors: dict[str, Connector] = attrs.field(factory=dict[str, Connector])


@attrs.frozen(eq=False)
class Trim(Shared):
    """A trim of a model."""

    id: str
    name: str
    model: Model
    battery_size: int
    onboards: bool
    hidden: bool = False


@attrs.frozen
class _Model:
    """A row of the tables below: trims are names and battery sizes in kWh."""

    name: str
    trims: tuple[tuple[str, float], ...]
    connectors: tuple[str | None, str | None] = ("CCS", "CCS")  # Europe, North America
    countries: tuple[str, ...] = EVERYWHERE
    onboards: bool = True


@attrs.frozen
class _Make:
    name: str
    telematics: Telematics
    models: tuple[_Model, ...]
    icon: bool = True
    onboards: bool = True
    subscription: tuple[str, str] | None = None
    rank: int | None = None


_MAKES = (
    _Make(
        "Volvo",
        Telematics("VOLVO", never=("charge_energy_added_watt_hours",)),
        (
            _Model("C40", (("Core (69 kWh)", 69), ("Ultimate Twin (82 kWh)", 82))),
            _Model("EX30", (("Single Motor (51 kWh)", 51), ("Extended Range (69 kWh)", 69)), countries=EUROPE),
            _Model("XC40", (("Plus (69 kWh)", 69), ("Ultimate (82 kWh)", 82)), onboards=False),
        ),
        rank=3,
    ),
    _Make(
        "Tesla",
        Telematics("TESLA", pace=0.8),
        (
            _Model("Model 3", (("Rear-Wheel Drive", 60), ("Long Range", 75)), connectors=("CCS", "NACS")),
            _Model("Model Y", (("Long Range", 75), ("Performance", 75)), connectors=("CCS", "NACS")),
        ),
        rank=1,
    ),
    _Make(
        "Nissan",
        Telematics(
            "NISSAN",
            never=(
                "charge_rate_watts",
                "charge_level_watt_hours",
                "target_charge_level_watt_hours",
                "charge_energy_added_watt_hours",
                "odometer_meters",
            ),
            pace=1.3,
        ),
        (
            _Model("LEAF", (("Acenta (40 kWh)", 40), ("e+ Tekna (62 kWh)", 62)), connectors=("CHADEMO", "CHADEMO")),
            _Model("Ariya", (("Engage (63 kWh)", 63), ("Evolve (87 kWh)", 87))),
        ),
        icon=False,
        onboards=False,
        rank=7,
    ),
    _Make(
        "Kia",
        Telematics("KIA", never=("charge_level_watt_hours", "target_charge_level_watt_hours")),
        (
            _Model("EV6", (("Air (77.4 kWh)", 77.4), ("GT-Line (77.4 kWh)", 77.4))),
            _Model("Niro EV", (("2 (64.8 kWh)", 64.8), ("4 (64.8 kWh)", 64.8))),
        ),
        subscription=("Kia Connect Live Services", "Kia Connect"),
        rank=4,
    ),
    _Make(
        "Volkswagen",
        Telematics("VOLKSWAGEN", never=("charge_energy_added_watt_hours", "state")),
        (
            _Model("ID.3", (("Pure (52 kWh)", 52), ("Pro (58 kWh)", 58), ("Pro S (77 kWh)", 77)), countries=EUROPE),
            _Model("ID.4", (("Pro (77 kWh)", 77),)),
        ),
        subscription=("Volkswagen Connect Plus", "Connect Plus"),
        rank=2,
    ),
    _Make(
        "Ford",
        Telematics("FORD", never=("minutes_to_full_charge",)),
        (
            _Model("Mustang Mach-E", (("Standard Range", 70), ("Extended Range", 91))),
            _Model("F-150 Lightning", (("Pro (98 kWh)", 98),), connectors=(None, "CCS"), countries=AMERICA),
        ),
        icon=False,
        rank=5,
    ),
    _Make(
        "MG",
        Telematics("SAIC"),
        (_Model("MG4", (("SE Long Range (64 kWh)", 64), ("Trophy (64 kWh)", 64)), countries=EUROPE, onboards=False),),
        onboards=False,
    ),
)
_CHECKED = "2024-03-04T09:30:00Z"


class Catalogue:
    """The catalogue of one sandbox. Its ids are the same in every one."""

    def __init__(self) -> None:
        self.makes: dict[str, Make] = {}
        self.models: dict[str, Model] = {}
        self.trims: dict[str, Trim] = {}
        self._random = SeededRandom("catalogue")
        for row in _MAKES:
            self._add_make(row)

    def add_model(self, name: str, make: Make) -> Model:
        """Add a model that nobody has reviewed yet, with the one trim that a vehicle of it needs."""
        model = Model(
            id=make_id("vmod", len(self.models), self._random),
            name=name,
            make=make,
            onboards=False,
            countries=(),
            default_connector_type=None,
            battery_size=45_000,
            hidden=True,
        )
        self.models[model.id] = model
        self.add_trim("Standard", model, model.battery_size)
        return model

    def add_trim(self, name: str, model: Model, battery_size: int) -> Trim:
        """Add a trim that is not listed."""
        return self._add_trim(name, model, battery_size, onboards=False, hidden=True)

    def first_trim(self, model: Model) -> Trim:
        """Return the trim that stands for the model when none was chosen."""
        return next(trim for trim in self.trims.values() if trim.model is model)

    def _add_make(self, row: _Make) -> None:
        make = Make(
            id=make_id("vmak", len(self.makes), self._random),
            name=row.name,
            icon=f"https://icons.example.com/{row.name.lower()}.svg" if row.icon else None,
            onboards=row.onboards,
            subscription=row.subscription,
            rank=row.rank,
            telematics=row.telematics,
        )
        self.makes[make.id] = make
        for model in row.models:
            self._add_row(model, make)

    def _add_row(self, row: _Model, make: Make) -> None:
        regions = {
            region: plug for region, plug in zip(("EUROPE", "NORTH_AMERICA"), row.connectors, strict=True) if plug
        }
        model = Model(
            id=make_id("vmod", len(self.models), self._random),
            name=row.name,
            make=make,
            onboards=row.onboards,
            countries=row.countries,
            default_connector_type=next(iter(regions.values())),
            battery_size=_watt_hours(row.trims[0][1]),
        )
        for region, plug in regions.items():
            model.connectors[region] = Connector(region, plug, "EV_ENERGY", "HIGH", _CHECKED, _CHECKED)
        self.models[model.id] = model
        for name, size in row.trims:
            # A driver who starts too far up the tree is sent down; at the end of it only MG cannot be connected.
            self._add_trim(name, model, _watt_hours(size), onboards=row.onboards or make.onboards)

    def _add_trim(self, name: str, model: Model, battery_size: int, *, onboards: bool, hidden: bool = False) -> Trim:
        trim = Trim(make_id("trim", len(self.trims), self._random), name, model, battery_size, onboards, hidden)
        self.trims[trim.id] = trim
        return trim


def _watt_hours(kilowatt_hours: float) -> int:
    return round(kilowatt_hours * 1000)
