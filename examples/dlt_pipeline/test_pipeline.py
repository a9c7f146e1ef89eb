"""Runs of the pipeline against a fleet whose clock stands still, unless the test moves it on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from evenergy.sandbox import Sandbox
from examples.conftest import point_at
from examples.dlt_pipeline import pipeline

pytestmark = pytest.mark.filterwarnings("ignore")  # those of dlt and its dependencies

VEHICLES = 120


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    now = time.time()
    with Sandbox(vehicles=VEHICLES, days=1, clock=lambda: now) as sandbox:
        point_at(sandbox, monkeypatch)
        yield sandbox


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "fleet.duckdb"


def run(database: Path, sandbox: Sandbox, *arguments: str) -> int:
    """Run the program and return the requests that the API counted."""
    before = sandbox.requests
    assert pipeline.main(["--database", str(database), *arguments]) == 0
    return sandbox.requests - before


def count(database: Path) -> tuple[int, int]:
    """Return the number of logs, and of different logs."""
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT (vehicle_id, sampled_at)) FROM evenergy.vehicle_status_logs"
        ).fetchone()
    assert row is not None
    return row


def test_a_run_without_news_costs_a_request_for_each_100_vehicles(
    database: Path, fleet: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database, fleet, "--days", "0.3") > 2
    logs, different = count(database)
    assert logs == different > 100
    capsys.readouterr()

    assert run(database, fleet, "--days", "0.3") == 2  # of 100 vehicles and of 20
    assert count(database)[0] == logs
    assert capsys.readouterr().out.endswith("2 requests\n")


def test_later_logs_are_added_and_none_twice(database: Path, fleet: Sandbox) -> None:
    run(database, fleet, "--days", "0.1")
    logs, _ = count(database)
    fleet.advance(hours=1)
    run(database, fleet, "--days", "0.1")
    more, different = count(database)
    assert more == different > logs


def test_a_small_budget_is_kept_and_the_next_runs_go_on(database: Path, fleet: Sandbox) -> None:
    costs = [run(database, fleet, "--days", "0.3", "--budget", "50") for _ in range(5)]
    assert costs[0] == 50
    assert max(costs) <= 50
    assert costs[-1] == 2


def test_a_fleet_that_has_not_reported_is_no_error(
    database: Path, fleet: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database, fleet, "--days", "0") == 2  # no log is newer than now
    assert capsys.readouterr().out == "2 requests\n"
