"""Chargers: makes, models and firmware, the chargers themselves, their CT clamps, and all their logs."""

import operator
from collections.abc import Iterator, Mapping
from functools import partial
from typing import cast

from evenergy.sandbox import filters, validation as v
from evenergy.sandbox.api.evse_catalogue import EVSE_MODELS, FIRMWARE
from evenergy.sandbox.expansion import expansion, paths, refer
from evenergy.sandbox.fields import any_of, computed, hidden, latest, one_of, owner, reference, value, whole
from evenergy.sandbox.filters import Filter
from evenergy.sandbox.ids import digest
from evenergy.sandbox.logs import CycleLogs, GridLogs, LogKind
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.requests import Data, Request, State, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.evse_logs import command_logs, error_logs, ocpp_logs, status_logs
from evenergy.sandbox.simulation.fleet import Vehicle
from evenergy.sandbox.simulation.home import STEP
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.tables import Draw, Field, Item, Seed, Table, Update, owner_of
from evenergy.sandbox.times import SECOND

_SEE, _CHANGE = "evse:read", "evse:write"
_VOLTS = 230
_CLAMPED_EVERY = 3


def _vehicle_of(charger: Item) -> Vehicle | None:
    vehicle: Vehicle | None = charger.values["vehicle"]
    return vehicle


def _log_kind(
    name: str,
    source: CycleLogs[Item],
    *,
    key: str = "sampled_at",
    scope: str = "debug:read",
    stored: bool = False,
    filters: Mapping[str, Filter] | None = None,
) -> LogKind:
    return LogKind(
        collection="evses",
        name=name,
        key=key,
        field="evse",
        source=source,
        scope=scope,
        expand=paths("evse", "evse.model", "evse.model.make", "evse.user"),
        stored=stored,
        filters=filters or {},
    )


def _field(name: str) -> filters.Get:
    return lambda log: log.fields()[name]


def _error_code(log: Log) -> object:
    response = log.fields()["response"]
    return cast("Data", response)["error_code"] if response else None


STATUS = _log_kind("status_logs", CycleLogs("status", _vehicle_of, status_logs, delayed=True), scope=_SEE, stored=True)
COMMAND = _log_kind("command_logs", CycleLogs("commands", _vehicle_of, command_logs), key="logged_at")
ERROR = _log_kind("error_logs", CycleLogs("errors", _vehicle_of, error_logs))
OCPP = _log_kind(
    "ocpp_logs",
    CycleLogs("ocpp", _vehicle_of, ocpp_logs),
    filters={
        "action": filters.equal(_field("action")),
        "action__in": filters.among(_field("action")),
        # In a filter the direction is written in capitals, in a log it is a word.
        "direction": filters.compared(
            lambda log: log.fields()["direction"].upper(), operator.eq, filters.choice("SENT", "RECEIVED")
        ),
        "error_code": filters.equal(_error_code),
        "error_code__in": filters.among(_error_code),
    },
)


def _current(state: State, clamp: Item, index: int) -> Log:
    moment = (index * STEP + digest(clamp.id, 5)) * SECOND
    return Log(moment, moment + digest(f"{clamp.id}/{index}", 21), partial(_measured, state, clamp, index))


def _measured(state: State, clamp: Item, index: int) -> Data:
    watts = state.homes.flow_at(owner_of(clamp), index * STEP).grid
    return {"current_milliamps": round(watts / _VOLTS * 1000)}


CLAMP = LogKind(
    collection="ct_clamps",
    name="logs",
    key="sampled_at",
    field="ct_clamp",
    source=GridLogs(STEP, _current),
    scope=_SEE,
    expand=paths("ct_clamp", "ct_clamp.evse"),
)
LOGS = (STATUS, COMMAND, ERROR, OCPP, CLAMP)


def _chargers(state: State) -> Iterator[Seed]:
    for vehicle in state.fleet.drawn:
        if vehicle.charger:
            yield Seed(vehicle.owner, values={"vehicle": vehicle})


def _model(draw: Draw) -> object:
    country = "" if draw.item.owner is None else draw.item.owner.country
    models = EVSE_MODELS.pool(draw.state).items.values()
    sold_there = [model.id for model in models if country in model.values["countries"]]
    return draw.random.choice(sold_there or [model.id for model in models])  # its user may have moved abroad


def _rating(draw: Draw) -> object:
    return EVSE_MODELS.pool(draw.state).items[str(draw.values["model"])].values["current"]


def _location(draw: Draw) -> object:
    return None if draw.item.owner is None else draw.item.owner.address.coordinates


def _write_location(_: Request, item: Item, name: str, __: Tree | None) -> object:
    if item.values[name] is None:
        return None
    latitude, longitude = item.values[name]
    return {"latitude": latitude, "longitude": longitude}


def _is_clamped(charger_id: str) -> bool:
    return digest(charger_id, 16) % _CLAMPED_EVERY == 0


def _write_clamp(request: Request, item: Item, _: str, tree: Tree | None) -> object:
    clamp = next(iter(CT_CLAMPS.pool(request.state).below(item.id)), None)
    return refer(request, "ct_clamps", clamp, tree)


EVSES = Table(
    name="evses",
    prefix="evse",
    scope=_SEE,
    expand=paths("user", "model", "model.make", "latest_status_log", "ct_clamp"),
    filters={"cpid": filters.equal(filters.stored("cpid"))},
    seeds=_chargers,
    update=Update(scope=_CHANGE, checks=lambda _: {"location": v.nullable(v.lat_long())}),
    delete=_CHANGE,
    fields={
        "cpid": value(lambda draw: f"SB{draw.random.randrange(10**7):07}"),
        "model": reference("evse_models", _model),
        "user": owner(),
        "latest_status_log": latest(STATUS),
        "ct_clamp": Field(_write_clamp),
        "lock_mode": value(one_of("UNLOCKED", "SMART", "LOCKED", None)),
        "location": Field(_write_location, _location),
        "lifecycle_state": value(one_of("COMMISSIONED", "COMMISSIONED", "INSTALLED", "ENROLLED", None)),
        "charging_sub_sessions": computed(lambda request, item: request.url("charging_sub_sessions", evse_id=item.id)),
        "vehicle": hidden(lambda _: None),
        "firmware": hidden(any_of(FIRMWARE)),
        "signal": hidden(lambda draw: draw.random.choice((None, draw.random.randrange(-95, -55)))),
        "meter_watt_hours": hidden(whole(100_000, 9_000_000)),
        "max_current_milliamps": hidden(_rating),
        "controller": hidden(one_of("OCPP", "OCPP", "CLOUD")),
        "clamped": hidden(lambda draw: _is_clamped(draw.item.id)),
    },
)
CT_CLAMPS = Table(
    name="ct_clamps",
    prefix="ctcl",
    scope=_SEE,
    expand=paths("evse"),
    seeds=lambda state: (
        Seed(charger.owner, charger.id, {"evse": charger.id})
        for charger in EVSES.pool(state).items.values()
        if _is_clamped(charger.id)
    ),
    fields={"evse": reference("evses"), "calibration_factor": value(one_of(1, 1, 1, -1))},
)
COLLECTIONS = (EVSES, CT_CLAMPS)


def charger_of(state: State, vehicle: Vehicle) -> Item | None:
    """Return the charger at the home of a vehicle, or None."""
    chargers = EVSES.pool(state).of(vehicle.owner) if vehicle.charger else []
    return next((charger for charger in chargers if charger.values["vehicle"] is vehicle), None)


def reconnect(request: Request) -> Response:
    """Return a link that would connect a charger again."""
    charger: Item = request.resource("evses")
    if charger.owner is None:
        raise ProblemError(400, "The charger has no user.")
    link = request.url("evse_onboarding", evse_id=charger.id, client_id=request.state.client_id)
    return Response({"url": link}, status=201)


def get_vpp_modes(request: Request) -> Response:
    """Return how a charger can be controlled."""
    ocpp = request.resource("evses").values["controller"] == "OCPP"
    modes = {"target_power": False, "import_max_power": True, "export_max_power": False, "charge_mode": ocpp}
    return Response(modes)


def get_connectivity(request: Request) -> Response:
    """Return how well a charger is connected."""
    charger: Item = request.resource("evses")
    tree = expansion(request, paths("latest_status_log"))
    signal, sim = charger.values["signal"], digest(charger.id, 32)
    wired = signal is None
    data = {
        "signal_strength_rssi_dbm": signal,
        "lowest_signal_strength_rssi_dbm_7d": None if wired else signal - 6,
        "highest_signal_strength_rssi_dbm_7d": signal,
        "connection_reliability_30d": 100 - sim % 9,
        "ip_address": None if wired else f"10.{sim >> 16 & 255}.{sim >> 8 & 255}.{sim & 255}",
        "iccid": None if wired else f"8944{digest(charger.id + 'sim', 50) % 10**15:015}",
        "firmware_version": FIRMWARE.pool(request.state).items[charger.values["firmware"]].values["version"],
        "latest_status_log": STATUS.latest(request, charger, tree.get("latest_status_log")),
    }
    return Response(data)


ROUTES = (
    Route("POST", "/evses/{id}/reconnect", reconnect, _CHANGE),
    Route("GET", "/evses/{id}/vpp_modes", get_vpp_modes, _SEE),
    Route("GET", "/evses/{id}/connectivity", get_connectivity, _SEE),
)
