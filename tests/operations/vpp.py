from evenergy import DispatchCoordinator, DispatchEvent, DispatchEventCancellation, DispatchLog

from ._row import LOGGED, SINCE, UNTIL, Row

ROWS = (
    Row(
        "get-dispatch_coordinators",
        lambda c: c.dispatch_coordinators.list(page_size=50),
        "GET /dispatch_coordinators",
        DispatchCoordinator,
        "id",
    ),
    Row(
        "get-dispatch_coordinators-dispatch_coordinator_id",
        lambda c: c.dispatch_coordinators.get("A_WORD"),
        "GET /dispatch_coordinators/A_WORD",
        DispatchCoordinator,
    ),
    Row(
        "post-dispatch_coordinators-dispatch_coordinator_id-dispatch_events",
        lambda c: c.dispatch_coordinators.dispatch_events.create(
            "A_WORD", start_time=SINCE, end_time=SINCE, import_limit_watts=7, export_limit_watts=7, target_power_watts=7
        ),
        "POST /dispatch_coordinators/A_WORD/dispatch_events",
        DispatchEvent,
    ),
    Row(
        "post-dispatch_coordinators-dispatch_coordinator_id-dispatch_events-dispatch_event_id-cancel",
        lambda c: c.dispatch_coordinators.dispatch_events.cancel("A_WORD", "A_WORD"),
        "POST /dispatch_coordinators/A_WORD/dispatch_events/A_WORD/cancel",
        DispatchEventCancellation,
    ),
    Row(
        "get-dispatch_coordinators-dispatch_coordinator_id-dispatch_logs",
        lambda c: c.dispatch_coordinators.dispatch_logs.list("A_WORD", since=SINCE, until=UNTIL, page_size=50),
        "GET /dispatch_coordinators/A_WORD/dispatch_logs",
        DispatchLog,
        "time",
        names=LOGGED,
    ),
    Row(
        "get-dispatch_coordinators-dispatch_coordinator_id-dispatch_logs-timestamp",
        lambda c: c.dispatch_coordinators.dispatch_logs.get("A_WORD", SINCE),
        "GET /dispatch_coordinators/A_WORD/dispatch_logs/2024-01-01T11:30:00Z",
        DispatchLog,
    ),
)
