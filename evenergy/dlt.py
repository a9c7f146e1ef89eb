"""Source for dlt: the status logs of a fleet, in any destination that dlt loads into.

    import dlt, evenergy.dlt

    pipeline = dlt.pipeline("fleet", destination="duckdb", dataset_name="evenergy")
    with evenergy.Client() as client:
        pipeline.run(evenergy.dlt.source(client, budget=200))

The marks stand in dlt's state, which is loaded together with the rows: each log is loaded once, also when a run fails
in the middle, or when the next one is on another machine. Nothing is kept of a run that fails, so its requests are
lost: give it a ``budget``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from ._codec.columns import Cell, ColumnType, layout
from .records import library, to_records
from .resources.vehicles import VehicleStatusLog

if TYPE_CHECKING:
    from dlt.extract import DltSource

    from .client import Client
    from .fleet.logs import BlockingNewStatusLogs

__all__ = ["source"]

_log = logging.getLogger(__name__)

_NAME: Final = "vehicle_status_logs"
_TYPES: Final = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "bigint",
    ColumnType.NUMBER: "double",
    ColumnType.BOOLEAN: "bool",
    ColumnType.TIME: "timestamp",
    ColumnType.DATE: "date",
    ColumnType.JSON: "json",
}


def source(
    client: Client,
    *,
    since: datetime | None = None,
    within: timedelta = timedelta(0),
    lookback: timedelta = timedelta(hours=6),
    budget: int | None = None,
) -> DltSource:
    """Return a dlt source with the resource ``vehicle_status_logs``. Needs the extra ``dlt``.

    A vehicle that cannot be read, or a rate limit that ends the run, is logged as a warning: the next run goes on.
    The rows are those of `to_records`; they are appended, and never change. All columns have their types, also those
    that no log has a value for.

    Args:
        client: A blocking client, which stays open while the pipeline runs.
        since: Where the logs of a vehicle that is new begin; None for its newest log.
        within: How long a log may wait for more of its vehicle, which saves requests.
        lookback: How late a log may be stored and still be found.
        budget: The most requests of a run, 2 at least; None for no bound.

    Raises:
        EvEnergyError: dlt is not installed.
    """
    dlt, logs = library("dlt", "dlt"), client.fleet.new_status_logs

    def vehicle_status_logs() -> Iterator[list[dict[str, Cell]]]:
        marks = cast("dict[str, str]", dlt.current.resource_state().setdefault("marks", {}))
        run = logs(dict(marks), since=since, within=within, lookback=lookback, budget=budget)
        yield from _rows(run, marks)

    resource: Any = dlt.resource(
        vehicle_status_logs,
        name=_NAME,
        write_disposition="append",
        primary_key=("vehicle_id", "sampled_at"),
        columns={column.name: {"data_type": _TYPES[column.type]} for column in layout(VehicleStatusLog).columns},
    )
    return cast("DltSource", dlt.source(lambda: resource, name="evenergy")())


def _rows(run: BlockingNewStatusLogs[VehicleStatusLog], marks: dict[str, str]) -> Iterator[list[dict[str, Cell]]]:
    """Yield the rows of each page, and keep the marks behind them."""
    for page in run:
        if page.error is not None:
            _log.warning("%s: %s", page.vehicle_id or "a page of the list", page.error)
        if page.logs:
            yield to_records(page.logs, VehicleStatusLog)
        marks.update(page.marks)  # loaded with the rows, or not at all
    if run.refused is not None:
        _log.warning("the rate limit ended the run, and %d reads wait for the next: %s", run.left, run.refused)
