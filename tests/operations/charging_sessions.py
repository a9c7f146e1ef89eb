from typing import get_args

from evenergy import ChargingSession, ChargingSessionExpand, DispatcherLog, SubSessionDetailExpand

from ._row import LOGGED, SINCE, SUB_SESSION, ULID, UNTIL, Row

_SESSION = f"cses{ULID}"
_ID = "charging_sessions-charging_session_id"

ROWS = (
    Row(
        "get-charging_sessions",
        lambda c: c.charging_sessions.list(expand=get_args(ChargingSessionExpand), page_size=50),
        "GET /charging_sessions",
        ChargingSession,
        "id",
    ),
    Row(
        f"get-{_ID}",
        lambda c: c.charging_sessions.get(_SESSION, expand=get_args(ChargingSessionExpand)),
        f"GET /charging_sessions/{_SESSION}",
        ChargingSession,
        response={"id": _SESSION, "sub_sessions": [f"/charging_sub_sessions/{SUB_SESSION}", {"id": SUB_SESSION}]},
    ),
    Row(
        f"post-{_ID}-boost_start",
        lambda c: c.charging_sessions.boost_start(_SESSION),
        f"POST /charging_sessions/{_SESSION}/boost_start",
        ChargingSession,
    ),
    Row(
        f"post-{_ID}-boost_end",
        lambda c: c.charging_sessions.boost_end(_SESSION),
        f"POST /charging_sessions/{_SESSION}/boost_end",
        ChargingSession,
    ),
    Row(
        "get-dispatcher_logs",
        lambda c: c.dispatcher_logs.list(
            SUB_SESSION, since=SINCE, until=UNTIL, expand=get_args(SubSessionDetailExpand)
        ),
        "GET /dispatcher_logs",
        DispatcherLog,
        "none",
        query={"charging_sub_session_id": SUB_SESSION},
        names=LOGGED,
    ),
)
