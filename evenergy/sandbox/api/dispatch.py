"""Dispatch coordinators of virtual power plants, their logs, and events."""

from functools import partial

from evenergy.sandbox import validation as v
from evenergy.sandbox.fields import computed, hidden, value
from evenergy.sandbox.ids import digest
from evenergy.sandbox.logs import GridLogs, LogKind
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import invalid_fields
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.log import Log
from evenergy.sandbox.tables import Item, Seed, Table
from evenergy.sandbox.times import SECOND, parse, text

_READ, _WRITE = "dispatch_coordinator:read", "dispatch_event:write"
_EVERY = 300  # seconds between logs
_VEHICLES = 50  # of a coordinator at most
# Ids of both kinds that the API has.
_ROWS = (
    ("dc000000", "Acme Energy", "ACME-001", "America/New_York", None),
    ("dcrd01JDJ6Y0W3V1N8Q5ZK7RT2BEXM", "Northern Flex", "NFLX-02", "Europe/London", "2031-01-01T00:00:00Z"),
)


def _log(state: State, coordinator: Item, index: int) -> Log:
    moment = (index * _EVERY + digest(coordinator.id, 5)) * SECOND
    return Log(moment, moment, partial(_power, state, coordinator, moment / SECOND))


def _power(state: State, coordinator: Item, time: float) -> Data:
    """Return the power of the vehicles that charge at home at a time."""
    rows = len(_ROWS)
    vehicles = state.fleet.drawn[coordinator.values["number"] :: rows][:_VEHICLES]
    segments = (state.fleet.segment_at(vehicle, time) for vehicle in vehicles)
    total = sum(one.power_at(one.energy_at(time)) for one in segments if one is not None and one.at_home)
    return {"total_charge_rate_watts": round(total)}


LOG = LogKind(
    collection="dispatch_coordinators",
    name="dispatch_logs",
    key="logged_at",
    field="dispatch_coordinator",
    source=GridLogs(_EVERY, _log),
    scope=_READ,
    expand={},
    stored=False,
)
LOGS = (LOG,)
COORDINATORS = Table(
    name="dispatch_coordinators",
    prefix="",
    scope=_READ,
    seeds=lambda _: (
        Seed(
            id=id_,
            values={
                "name": name,
                "reference_code": code,
                "timezone": timezone,
                "contract_start": "2024-01-01T00:00:00Z",
                "contract_end": end,
                "number": number,
            },
        )
        for number, (id_, name, code, timezone, end) in enumerate(_ROWS)
    ),
    fields={
        "name": value(),
        "reference_code": value(),
        "contract_start": value(),
        "contract_end": value(),
        "timezone": value(),
        "dispatch_logs": computed(lambda request, item: request.url("dispatch_coordinators", item.id, "dispatch_logs")),
        "number": hidden(),
    },
)
COLLECTIONS = (COORDINATORS,)


def create_event(request: Request) -> Response:
    """Check an event and return it. It is not kept, as the description says."""
    coordinator: Item = request.resource("dispatch_coordinators")
    watts = v.nullable(v.integer(-(10**9), 10**9))
    limits = ("import_limit_watts", "export_limit_watts", "target_power_watts")
    checks = {"start_time": v.moment(), "end_time": v.moment(), **dict.fromkeys(limits, watts)}
    values = v.checked(request.json(), checks, needed=("start_time", "end_time"))
    start, end = (parse(values[name]) or 0 for name in ("start_time", "end_time"))
    if start >= end:
        raise invalid_fields({"end_time": ["Must lie after start_time."]})
    id_ = request.fleet.new_id("devt")
    url = request.url("dispatch_coordinators", coordinator.id)
    times = {"start_time": text(start), "end_time": text(end)}
    data: Data = {"id": id_, "url": f"{url}/dispatch_events/{id_}", **dict.fromkeys(limits), **values, **times}
    return Response({**data, "dispatch_coordinator": url}, status=201)


def cancel_event(request: Request) -> Response:
    """Cancel an event; as none is kept, any can be cancelled."""
    request.resource("dispatch_coordinators")
    return Response({"status": "CANCELLED"})


ROUTES = (
    Route("POST", "/dispatch_coordinators/{id}/dispatch_events", create_event, _WRITE),
    Route("POST", "/dispatch_coordinators/{id}/dispatch_events/{event}/cancel", cancel_event, _WRITE),
)
