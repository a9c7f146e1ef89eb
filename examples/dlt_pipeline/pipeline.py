"""Pipeline that loads the status logs of a fleet into DuckDB, each of them once.

Run it as often as you like, such as from cron: it goes on where the last run ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import dlt
import duckdb

import evenergy
import evenergy.dlt

BUDGET = 500
"""The most requests of one run. What is left over comes with the next run."""


@attrs.define
class Counter:
    """Counter of requests."""

    requests: int = 0

    def __call__(self, _: evenergy.Attempt) -> None:
        self.requests += 1


def load(client: evenergy.Client, database: Path, *, days: float, budget: int = BUDGET) -> None:
    """Load the logs that were never loaded.

    Args:
        client: The client, which stays open.
        database: The file of DuckDB.
        days: Days of history that the first run loads; later runs begin where the last one ended.
        budget: The most requests of this run.
    """
    pipeline = dlt.pipeline(
        "evenergy_fleet",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="evenergy",
    )
    since = datetime.now(UTC) - timedelta(days=days)
    pipeline.run(evenergy.dlt.source(client, since=since, budget=budget))


def report(database: Path) -> list[tuple[str, int, float | None]]:
    """Return the vehicles with the most logs: id, number of logs, and the mean of the states of charge."""
    with duckdb.connect(str(database), read_only=True) as connection, suppress(duckdb.CatalogException):
        return connection.execute(
            "SELECT vehicle_id, count(*), round(avg(state_of_charge_percentage), 1)"
            " FROM evenergy.vehicle_status_logs GROUP BY vehicle_id ORDER BY 2 DESC, 1 LIMIT 5"
        ).fetchall()
    return []  # no vehicle has reported yet, so there is no table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline once and print the cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Path, default=Path("fleet.duckdb"), help="the file of DuckDB")
    parser.add_argument("--days", type=float, default=1.0, help="days of history that the first run loads")
    parser.add_argument("--budget", type=int, default=BUDGET, help="the most requests of this run")
    options = parser.parse_args(arguments)
    counter = Counter()
    # A job has time: it waits for the rate limit as long as that takes.
    with evenergy.Client(max_wait=None, on_attempt=counter, user_agent="fleet-pipeline") as client:
        load(client, options.database, days=options.days, budget=options.budget)
    for vehicle_id, logs, charge in report(options.database):
        print(f"{vehicle_id}  {logs:6} logs  {charge or '-':>5} %")
    print(f"{counter.requests} requests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
