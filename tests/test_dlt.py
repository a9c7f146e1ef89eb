"""The source for dlt, into DuckDB: failures in the middle, and another machine with an empty disk."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

import evenergy.dlt
from evenergy import Client, ClientCredentials, EvEnergyError, RateLimitError, Retry
from evenergy.sandbox import Sandbox
from tests.fleet.pages import VEHICLES, Page, page_of

dlt: Any = pytest.importorskip("dlt", reason="the extra dlt is not installed")
pytest.importorskip("duckdb", reason="dlt[duckdb] is not installed")

SIZE = 110


class PowerError(Exception):
    """Power that fails."""


@attrs.frozen
class NewPage(Page):
    """Page as `new_status_logs` gives it."""

    vehicle_id: str | None = None
    error: EvEnergyError | None = None


@attrs.frozen
class Run:
    """Run as `new_status_logs` returns it."""

    pages: Iterator[NewPage]
    refused: RateLimitError | None
    left: int = 7

    def __iter__(self) -> Iterator[NewPage]:
        return self.pages


@attrs.define
class Cars:
    """Blocking client whose vehicles report once a minute. A mark is the number of logs that were delivered."""

    minutes: int = 0
    fail_at: int | None = None
    refused: RateLimitError | None = None
    calls: list[dict[str, object]] = attrs.Factory(list[dict[str, object]])

    @property
    def fleet(self) -> Cars:
        return self

    def new_status_logs(self, marks: Mapping[str, str], **options: Any) -> Run:
        self.calls.append({"marks": dict(marks), **options})
        return Run(self.pages(marks), self.refused)

    def pages(self, marks: Mapping[str, str]) -> Iterator[NewPage]:
        for number, vehicle in enumerate(VEHICLES):
            if number == self.fail_at:
                raise PowerError("the power fails")
            delivered = int(marks.get(vehicle, 0))
            if delivered < self.minutes:
                page = page_of(vehicle, range(delivered, self.minutes), str(self.minutes))
                yield NewPage(page.logs, page.marks, vehicle)
        yield NewPage([], {"": "place"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, client: Cars | Client, **options: Any) -> Any:
    pipeline = dlt.pipeline(
        "fleet",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "fleet.duckdb")),
        dataset_name="evenergy",
    )
    pipeline.run(evenergy.dlt.source(cast("Any", client), **options))
    return pipeline


def query(pipeline: Any, statement: str) -> list[Any]:
    with pipeline.sql_client() as client:
        return cast("list[Any]", client.execute_sql(statement))


def assert_complete(pipeline: Any, minutes: int) -> None:
    """Assert that all logs are there, each of them once."""
    counts = "SELECT count(*), count(DISTINCT (vehicle_id, sampled_at)) FROM vehicle_status_logs"
    assert query(pipeline, counts) == [(len(VEHICLES) * minutes,) * 2]


pytestmark = pytest.mark.filterwarnings("ignore")  # those of dlt and its dependencies


def test_failures_and_another_machine_lose_and_double_nothing(folder: Path) -> None:
    client = Cars(minutes=3, fail_at=7)
    with pytest.raises(Exception, match="the power fails"):
        run(folder, client)
    client.fail_at = None
    assert_complete(run(folder, client), 3)
    client.minutes, client.fail_at = 5, 12
    with pytest.raises(Exception, match="the power fails"):
        run(folder, client)
    client.fail_at = None
    assert_complete(run(folder, client), 5)
    shutil.rmtree(folder / "pipelines")  # another machine: dlt restores its state from the destination
    client.minutes = 6
    pipeline = run(folder, client)
    assert_complete(pipeline, 6)
    assert client.calls[-1]["marks"] == {**dict.fromkeys(VEHICLES, "5"), "": "place"}


def test_the_real_client_loads_each_log_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = [time.time() - 86_400]
    sandbox = Sandbox(vehicles=SIZE, days=1, rate_limit=1_000_000, clock=lambda: now[0])
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    retry = Retry(attempts=1)
    with sandbox, Client(auth, base_url=sandbox.base_url, retry=retry) as client:
        since = datetime.fromtimestamp(now[0] - 3 * 3600, UTC)
        sandbox.fail(times=None, status=401, path="/vehicles/*")
        with pytest.raises(Exception, match="401"):
            run(folder, client, since=since)
        sandbox.clear_faults()
        sandbox.fail(times=2, status=500, path="/vehicles/*")
        run(folder, client, since=since, budget=60)
        assert sum("vhcl" in message and "500" in message for message in caplog.messages) == 2
        run(folder, client, since=since)
        shutil.rmtree(folder / "pipelines")  # another machine
        now[0] += 2 * 3600
        pipeline = run(folder, client, since=since)
        before = sandbox.requests
        run(folder, client, since=since)
        assert sandbox.requests - before == -(-SIZE // 100)  # no news
        lists = [client.vehicles.status_logs.list(one, since=since) for one in sandbox.vehicle_ids]
        truth = {(log.vehicle_id, log.sampled_at) for each in lists for log in each}
    rows = query(pipeline, "SELECT vehicle_id, sampled_at FROM vehicle_status_logs")
    assert len(rows) == len(set(rows)) == len(truth)
    assert {(vehicle, sampled.astimezone(UTC)) for vehicle, sampled in rows} == truth


def test_columns_have_their_types_and_options_are_passed_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = Cars(minutes=1)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    pipeline = run(folder, client, since=since, budget=7, within=timedelta(hours=6))
    assert client.calls == [
        {"marks": {}, "since": since, "budget": 7, "within": timedelta(hours=6), "lookback": timedelta(hours=6)}
    ]
    types = dict(
        query(
            pipeline,
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'vehicle_status_logs'",
        )
    )
    assert types["sampled_at"] == "TIMESTAMP WITH TIME ZONE"
    assert types["odometer_meters"] == "BIGINT"  # although no log has a value
    assert types["is_plugged_in"] == "BOOLEAN"
    assert types["vehicle_id"] == "VARCHAR"
    client.refused = RateLimitError("too many")
    run(folder, client)
    assert query(pipeline, "SELECT count(*) FROM vehicle_status_logs") == [(20,)]
    assert "the rate limit ended the run, and 7 reads wait for the next: too many" in caplog.text


def test_a_missing_dlt_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dlt", None)
    with pytest.raises(EvEnergyError, match=r"pip install 'evenergy\[dlt\]'"):
        evenergy.dlt.source(cast("Any", Cars()))
