from evenergy import EVSECommandLog, EVSEErrorLog, EVSELogExpand, EVSEStatusLog

from ._row import API, CHARGER, LOGGED, Row, logs

_ID = "get-evses-evse_id"
_LINE = f"GET /evses/{CHARGER}"
_KEY = "2024-04-17T09:39:45.984584Z"

ROWS = (
    *logs(f"{_ID}-status_logs", lambda c: c.evses.status_logs, f"{_LINE}/status_logs", EVSEStatusLog, EVSELogExpand),
    Row(
        f"{_ID}-status_logs-timestamp",
        lambda c: c.evses.status_logs.get(CHARGER, f"{API}/evse/{CHARGER}/status_logs/{_KEY}/"),
        f"{_LINE}/status_logs/{_KEY}",
    ),
    *logs(
        f"{_ID}-command_logs",
        lambda c: c.evses.command_logs,
        f"{_LINE}/command_logs",
        EVSECommandLog,
        EVSELogExpand,
        names=LOGGED,
    ),
    *logs(f"{_ID}-error_logs", lambda c: c.evses.error_logs, f"{_LINE}/error_logs", EVSEErrorLog, EVSELogExpand),
)
