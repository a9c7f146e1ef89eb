"""Inverters, home batteries and boundary meters, with their makes, models and logs."""

from collections.abc import Callable, Iterator

from evenergy.sandbox import filters, validation as v
from evenergy.sandbox.api.links import chosen_in_query, login_page, onboarding_link, redirect, user_in_query
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import any_of, computed, days_before, latest, named, one_of, reference, value
from evenergy.sandbox.filters import Filter, Predicate
from evenergy.sandbox.ids import digest
from evenergy.sandbox.logs import GridLogs, LogKind
from evenergy.sandbox.operations import Route
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.home import RESERVE, STEP, Flow, Home
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.tables import Create, Field, Item, Seed, Table, owner_of
from evenergy.sandbox.times import SECOND, now_text

_INVERTERS = (("Sungrow", ("SH5.0RS", "SH8.0RT")), ("SolarEdge", ("SE3680H", "SE6000H")), ("Fronius", ("Primo GEN24",)))
_BATTERIES = (("Powervault", ("P4",)), ("Sonnen", ("sonnenBatterie 10", "sonnenBatterie Evo")), ("GivEnergy", ("9.5",)))
_METERS = (("Shelly", ("EM", "Pro 3EM")), ("Eastron", ("SDM230",)))
_EXPAND = paths("model", "model.make", "latest_status_log")
_IDLE = 20  # watts that count as nothing

Catalogue = tuple[tuple[str, tuple[str, ...]], ...]


def _onboarding(parameter: str) -> Field:
    return computed(lambda request, item: onboarding_link(request, "inverter_onboarding", **{parameter: item.id}))


def _makes(rows: Catalogue, name: str, prefix: str, scope: str, *narrow: tuple[str, Filter], **fields: Field) -> Table:
    """Return the table of the makes of some equipment."""
    return Table(
        name=name,
        prefix=prefix,
        scope=scope,
        filters=dict(narrow),
        seeds=lambda _: (Seed(values={"name": make}) for make, _ in rows),
        fields={"name": value(), **fields},
    )


def _models(rows: Catalogue, makes: Table, name: str, prefix: str, **fields: Field) -> Table:
    """Return the table of the models of some makes."""
    return Table(
        name=name,
        prefix=prefix,
        scope=makes.scope,
        expand=paths("make"),
        filters={"make_id": filters.equal(filters.stored("make"))},
        seeds=lambda _: (Seed(values={"name": model, "make_name": make}) for make, models in rows for model in models),
        fields={"name": value(), "make": reference(makes.name, named(lambda: makes, "make_name")), **fields},
    )


def _installed(models: Table, log: LogKind) -> dict[str, Field]:
    """Return the fields that all equipment of homes has."""
    return {
        "model": reference(models.name, any_of(models)),
        "created_at": value(days_before(30, 900)),
        "latest_status_log": latest(log),
    }


def _in_homes(equipped: Callable[[Home], bool]) -> Callable[[State], Iterator[Seed]]:
    """Return what yields a seed for each user whose home has the equipment."""
    return lambda state: (Seed(user) for user in list(state.fleet.users.values()) if equipped(state.homes.home(user)))


def _available(request: Request, _: str, __: str) -> Predicate:
    request.available_for()
    return lambda _: True  # everywhere


_ICON = value(one_of(None, "https://icons.example.com/energy.svg"))


def _log_source(fields: Callable[[State, Item, Flow], Data]) -> GridLogs[Item]:
    """Return logs each quarter of an hour, of the flow of the home at the time."""

    def make(state: State, item: Item, index: int) -> Log:
        moment = index * STEP * SECOND + digest(f"{item.id}/{index}", 25)

        def written() -> Data:
            return fields(state, item, state.homes.flow_at(owner_of(item), index * STEP))

        return Log(moment, moment + digest(f"{index}/{item.id}", 22), written)

    return GridLogs(STEP, make)


def _log_kind(collection: str, field: str, fields: Callable[[State, Item, Flow], Data], scope: str) -> LogKind:
    return LogKind(
        collection=collection,
        name="status_logs",
        key="sampled_at",
        field=field,
        source=_log_source(fields),
        scope=scope,
        expand=paths(field, f"{field}.model", f"{field}.model.make"),
        stored=False,
    )


def _state_of(watts: int, positive: str, negative: str) -> str:
    return "IDLE" if abs(watts) < _IDLE else positive if watts > 0 else negative


def _inverter_log(_: State, __: Item, flow: Flow) -> Data:
    return {"solar_power_watts": flow.solar, "status": _state_of(flow.solar, "PRODUCING", "CONSUMING")}


def _battery_log(state: State, battery: Item, flow: Flow) -> Data:
    home = state.homes.home(owner_of(battery))
    return {
        "capacity_watt_hours": home.battery_watt_hours,
        "state_of_charge_percentage": home.percentage(flow.charge),
        "charge_rate_watts": flow.battery,
        "discharge_limit_percentage": RESERVE,
        "status": _state_of(flow.battery, "CHARGING", "DISCHARGING"),
        "operation_mode": "SELF_RELIANCE",
    }


def _meter_log(_: State, __: Item, flow: Flow) -> Data:
    return {"power_watts": flow.grid, "status": _state_of(flow.grid, "IMPORTING", "EXPORTING")}


# An inverter has no collection of logs: the newest one comes with it.
INVERTER_LOG = LogKind(
    collection="inverters",
    name="status_logs",
    key="sampled_at",
    field="inverter",
    source=_log_source(_inverter_log),
    scope="inverter:read",
    expand={},
)
BATTERY_LOG = _log_kind("home_batteries", "home_battery", _battery_log, "home_battery:read")
METER_LOG = _log_kind("boundary_meters", "boundary_meter", _meter_log, "boundary_meter:read")
LOGS = (BATTERY_LOG, METER_LOG)

INVERTER_MAKES = _makes(
    _INVERTERS,
    "inverter_makes",
    "imak",
    "inverter:read",
    ("available_for_user_id", _available),
    icon=_ICON,
    onboarding_url=_onboarding("make_id"),
    inverter_models=computed(lambda request, make: request.url("inverter_models", make_id=make.id)),
)
INVERTER_MODELS = _models(_INVERTERS, INVERTER_MAKES, "inverter_models", "imod", onboarding_url=value())
INVERTERS = Table(
    name="inverters",
    prefix="invt",
    scope="inverter:read",
    expand=_EXPAND,
    seeds=_in_homes(lambda home: home.solar_watts > 0),
    create=Create(
        scope="inverter:write",
        needs_user=True,
        needed=("model",),
        checks=lambda request: {
            "model": v.reference_id("inverter_models", request.finder("inverter_models")),
            "user": v.reference("users", request.finder("users")),
        },
        also=lambda request, _: {"created_at": now_text(request.state.clock)},
    ),
    fields={
        **_installed(INVERTER_MODELS, INVERTER_LOG),
        "onboarding_url": _onboarding("inverter_id"),
    },
)
BATTERY_MAKES = _makes(
    _BATTERIES,
    "home_battery_makes",
    "bmak",
    "home_battery:read",
    icon=_ICON,
    onboarding_url=value(),
    models=computed(lambda request, make: request.url("home_battery_models", make_id=make.id)),
)
BATTERY_MODELS = _models(_BATTERIES, BATTERY_MAKES, "home_battery_models", "bmod", onboarding_url=value())
BATTERIES = Table(
    name="home_batteries",
    prefix="hoba",
    scope="home_battery:read",
    expand=_EXPAND,
    seeds=_in_homes(lambda home: home.battery_watt_hours > 0),
    fields=_installed(BATTERY_MODELS, BATTERY_LOG),
)
METER_MAKES = _makes(_METERS, "boundary_meter_makes", "bmma", "boundary_meter:read")
METER_MODELS = _models(_METERS, METER_MAKES, "boundary_meter_models", "bmmo")
METERS = Table(
    name="boundary_meters",
    prefix="bmet",
    scope="boundary_meter:read",
    expand=_EXPAND,
    seeds=_in_homes(lambda home: home.solar_watts > 0),
    fields=_installed(METER_MODELS, METER_LOG),
)
COLLECTIONS = (
    INVERTER_MAKES,
    INVERTER_MODELS,
    INVERTERS,
    BATTERY_MAKES,
    BATTERY_MODELS,
    BATTERIES,
    METER_MAKES,
    METER_MODELS,
    METERS,
)


def start_inverter(request: Request) -> Response:
    """Redirect a browser to the page where the user logs in to the maker of their inverter."""
    user = user_in_query(request)
    chosen = chosen_in_query(request, make_id=INVERTER_MAKES, inverter_id=INVERTERS)
    return redirect(login_page(request, "inverter_onboarding", chosen, user))


ROUTES = (Route("GET", "/inverter_onboarding", start_inverter, None),)
