"""Charging sessions, from plugging in to unplugging; boost; the commands that were dispatched."""

from collections.abc import Iterator

import attrs

from evenergy.sandbox import paging
from evenergy.sandbox.api.energy_usage import at_home
from evenergy.sandbox.api.evses import charger_of
from evenergy.sandbox.api.periods import Periods
from evenergy.sandbox.api.sub_sessions import SUB_SESSIONS
from evenergy.sandbox.expansion import expansion, paths, refer
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError, invalid_query
from evenergy.sandbox.requests import Data, Request, Tree
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.charging import Session, SubSession
from evenergy.sandbox.simulation.driving import Phase
from evenergy.sandbox.simulation.log import command_id
from evenergy.sandbox.simulation.markets import HALF_HOUR
from evenergy.sandbox.times import SECOND, instant, text

_SEE, _CHANGE, _DEBUG = "charging_session:read", "charging_session:write", "debug:read"


@attrs.frozen(eq=False, kw_only=True)
class ChargingSessions(Periods):
    """Charging sessions, from plugging in to unplugging."""

    def find(self, request: Request, id: str) -> Session | None:
        """Return a session that the caller may see, or None."""
        session = request.state.sessions.find(id, request.state.clock())
        return session if session is not None and request.sees(session) else None

    def write(self, request: Request, item: Session, tree: Tree, *, alone: bool = False) -> Data:
        """Return a session as the API writes it; its sub-sessions come newest first."""
        del alone
        now, first = request.state.clock(), item.sub_sessions[0]
        charger = charger_of(request.state, item.vehicle) if at_home(first) else None
        begun = [part for part in reversed(item.sub_sessions) if part.start <= now]
        inner = tree.get("sub_sessions")
        return {
            "id": item.id,
            "url": request.url("charging_sessions", item.id),
            "start": text(instant(item.start)),
            "end": text(instant(item.end)) if item.end <= now else None,
            "vehicle": refer(request, "vehicles", item.vehicle, tree.get("vehicle")),
            "evse": refer(request, "evses", charger, tree.get("evse")),
            "sub_sessions": [
                request.url("charging_sub_sessions", part.id)
                if inner is None
                else SUB_SESSIONS.write(request, part, inner)
                for part in begun
            ],
        }


SESSIONS = ChargingSessions(
    name="charging_sessions",
    prefix="cses",
    scope=_SEE,
    expand=paths("vehicle", "evse", "sub_sessions"),
    on=lambda request, day, vehicles: request.state.sessions.on(day, vehicles),
)
COLLECTIONS = (SESSIONS,)


def boost_start(request: Request) -> Response:
    """Charge at once until the vehicle is unplugged."""
    session, current = _in_progress(request)
    setting, now = session.vehicle.settings[-1], request.state.clock()
    if current is None or current.mode != "SMART":
        raise ProblemError(409, "The session is not one that waits for the night: there is nothing to boost.")
    request.fleet.change(session.vehicle, attrs.evolve(setting, since=now, boosted_at=now))
    return _session(request, session)


def boost_end(request: Request) -> Response:
    """Go back to smart charging."""
    session, current = _in_progress(request)
    setting, now = session.vehicle.settings[-1], request.state.clock()
    if current is None or current.mode != "BOOST":
        raise ProblemError(409, "The session is not being boosted.")
    request.fleet.change(session.vehicle, attrs.evolve(setting, since=now, boosted_at=None))
    return _session(request, session)


def _in_progress(request: Request) -> tuple[Session, SubSession | None]:
    session: Session = request.resource("charging_sessions")
    if session.vehicle.integrated == "INACTIVE" and not session.vehicle.charger:
        raise ProblemError(503, "The vehicle could not be reached.")
    now = request.state.clock()
    return session, next((part for part in session.sub_sessions if part.start <= now < part.end), None)


def _session(request: Request, before: Session) -> Response:
    session = request.state.sessions.find(before.id, request.state.clock())
    return Response(SESSIONS.write(request, session or before, Tree()))


def list_dispatcher_logs(request: Request) -> Response:
    """List the commands of one sub-session."""
    tree = expansion(request, paths("charging_sub_session"))
    id_ = request.query.get("charging_sub_session_id", "")
    part = request.state.collections["charging_sub_sessions"].find(request, id_)
    if part is None:
        raise invalid_query("charging_sub_session_id", "Must be the id of a charging sub-session.")
    times = paging.time_range_of(request, "logged_at")
    rows = [
        _dispatched(request, part, moment, command, tree)
        for moment, command in _dispatches(request, part)
        if moment in times
    ]
    return Response(rows)


def _dispatches(request: Request, part: SubSession) -> Iterator[tuple[int, str]]:
    now = instant(request.state.clock())
    for segment in part.segments(request.fleet):
        if segment.phase is not Phase.CHARGING or not segment.at_home:
            continue
        for time, command in ((segment.start, "START_CHARGE"), (segment.end, "STOP_CHARGE")):
            if instant(time) <= now:
                yield instant(time), command_id(part.vehicle.id, segment.start, command)


def _dispatched(request: Request, part: SubSession, moment: int, command: str, tree: Tree) -> Data:
    slot = HALF_HOUR * SECOND
    inner = tree.get("charging_sub_session")
    return {
        "logged_at": text(moment),
        "charging_sub_session": refer(request, "charging_sub_sessions", part, inner),
        "schedule_valid_period_start": text(moment // slot * slot),
        "schedule_created_at": text(instant(part.start)),
        "internal_command_id": command,
        "device_type": "EVSE" if part.vehicle.charger else "VEHICLE",
        "reason_not_sent": None,
    }


ROUTES = (
    Route("POST", "/charging_sessions/{id}/boost_start", boost_start, _CHANGE),
    Route("POST", "/charging_sessions/{id}/boost_end", boost_end, _CHANGE),
    Route("GET", "/dispatcher_logs", list_dispatcher_logs, _DEBUG),
)
