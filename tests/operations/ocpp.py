from typing import get_args

from evenergy import EVSELogExpand, EVSEOCPPLog, OCPPAction, OCPPErrorCode

from ._row import CHARGER, SAMPLED, SINCE, UNTIL, Row

_LOGS = f"GET /evses/{CHARGER}/ocpp_logs"

ROWS = (
    Row(
        "get-evses-evse_id-ocpp_logs",
        lambda c: c.evses.ocpp_logs.list(
            CHARGER,
            since=SINCE,
            until=UNTIL,
            action=OCPPAction.HEARTBEAT,
            action__in=[OCPPAction.HEARTBEAT, "StatusNotification"],
            direction="SENT",
            error_code="InternalError",
            error_code__in=(OCPPErrorCode.INTERNAL_ERROR, OCPPErrorCode.PROTOCOL_ERROR),
            expand=get_args(EVSELogExpand),
            page_size=50,
        ),
        _LOGS,
        EVSEOCPPLog,
        "time",
        query={"action__in": "Heartbeat,StatusNotification", "error_code__in": "InternalError,ProtocolError"},
        names=SAMPLED,
    ),
    Row(
        "get-evses-evse_id-ocpp_logs",
        lambda c: c.evses.ocpp_logs.list(CHARGER, action__in=(text for text in ("Heartbeat", "NewAction"))),
        _LOGS,
        query={"action__in": "Heartbeat,NewAction"},
    ),
    Row(
        "get-evses-evse_id-ocpp_logs-timestamp",
        lambda c: c.evses.ocpp_logs.get(CHARGER, SINCE, expand=get_args(EVSELogExpand)),
        f"{_LOGS}/2024-01-01T11:30:00Z",
        EVSEOCPPLog,
        response={"payload": ["any", "JSON"], "message_id": "19", "response": None},
    ),
)
