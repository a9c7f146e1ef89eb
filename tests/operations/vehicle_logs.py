from evenergy import LogExpand, VehicleCommandLog, VehicleErrorLog, VehicleLocationLog, VehicleStatusLog

from ._row import API, LOGGED, VEHICLE, Row, logs

_ID = "get-vehicles-vehicle_id"
_LINE = f"GET /vehicles/{VEHICLE}"
_KEY = "2024-01-01T11:11:11.1111Z"
_ONE = f"{_ID}-status_logs-timestamp"

ROWS = (
    *logs(f"{_ID}-status_logs", lambda c: c.vehicles.status_logs, f"{_LINE}/status_logs", VehicleStatusLog, LogExpand),
    Row(_ONE, lambda c: c.vehicles.status_logs.get(VEHICLE, _KEY), f"{_LINE}/status_logs/{_KEY}"),
    Row(
        _ONE,
        lambda c: c.vehicles.status_logs.get(VEHICLE, f"{API}/vehicles/{VEHICLE}/status_logs/{_KEY}/"),
        f"{_LINE}/status_logs/{_KEY}",
    ),
    *logs(
        f"{_ID}-location_logs",
        lambda c: c.vehicles.location_logs,
        f"{_LINE}/location_logs",
        VehicleLocationLog,
        LogExpand,
    ),
    *logs(
        f"{_ID}-error_logs",
        lambda c: c.vehicles.error_logs,
        f"{_LINE}/error_logs",
        VehicleErrorLog,
        LogExpand,
        names=LOGGED,
    ),
    *logs(
        f"{_ID}-command_logs",
        lambda c: c.vehicles.command_logs,
        f"{_LINE}/command_logs",
        VehicleCommandLog,
        LogExpand,
        names=LOGGED,
    ),
)
