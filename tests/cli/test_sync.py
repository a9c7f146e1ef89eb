"""The command `evenergy sync`: what it stores, what it says, and that no kill loses or doubles a log."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evenergy import Client, ClientCredentials, FleetDatabase
from evenergy.sandbox import Sandbox
from tests.cli.shell import chunk, ended, of, on_terminal, started, variables

KILLS = int(os.environ.get("EVENERGY_TEST_KILLS", "3"))
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals and terminals of Unix")


@pytest.fixture
def served() -> Iterator[Sandbox]:
    with Sandbox(6, days=4, rate_limit=100_000) as sandbox:
        yield sandbox


def rows(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found: list[tuple[str, str]] = connection.execute(
            "SELECT vehicle_id, sampled_at FROM vehicle_status_logs"
        ).fetchall()
    return found


def truth(sandbox: Sandbox, since: datetime, until: datetime) -> set[tuple[str, str]]:
    """Return all logs of a span, as the API lists them."""
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    with Client(auth, base_url=sandbox.base_url) as client:
        return {
            (vehicle_id, log.sampled_at.isoformat(timespec="microseconds").replace("+00:00", "Z"))
            for vehicle_id in sandbox.vehicle_ids
            for log in client.vehicles.status_logs.list(vehicle_id, since=since, until=until)
            if log.sampled_at is not None
        }


def killed(sandbox: Sandbox, arguments: list[str], requests: int) -> bool:
    """Kill a run after so many requests, and return whether it still ran."""
    goal = sandbox.requests + requests
    with started(*arguments, env=variables(sandbox), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and sandbox.requests < goal:
            time.sleep(0.002)
        ran = process.poll() is None
        process.kill()
    return ran


@on_unix
def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """``EVENERGY_TEST_KILLS=20`` tries it more often."""
    path, rng, days = tmp_path / "fleet.db", random.Random(17), 4 + 4 * KILLS
    until = datetime.now(UTC)
    since = until - timedelta(days=days - 1)
    arguments = ["sync", "--db", str(path), "--since", since.isoformat()]
    with Sandbox(6, days=days, rate_limit=100_000) as served:
        served.slow(0.03)
        hits = sum(killed(served, arguments, rng.randint(1, 12)) for _ in range(KILLS))
        served.clear_faults()
        with started(*arguments, env=variables(served)) as process:
            out, err = process.communicate(timeout=120)
        expected = truth(served, since, until)
    assert (process.returncode, err) == (0, ""), out
    stored = [row for row in rows(path) if row[1] <= until.isoformat()]
    assert hits > KILLS / 2
    assert len(stored) == len(set(stored))
    assert set(stored) == expected
    assert len(stored) > 1000


def test_a_second_run_brings_what_is_new(
    served: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(served, monkeypatch)
    arguments = ["sync", "--db", str(tmp_path / "fleet.db"), "--json"]
    first = json.loads(ended(capsys, *arguments).out)
    served.advance(hours=6)
    second = json.loads(ended(capsys, *arguments).out)
    assert (first["vehicles"], first["logs"], first["requests"]) == (6, 6, 1)
    assert second["logs"] > 6
    assert second["requests_left"] == 100_000 - second["requests"]
    assert second["waiting"] == second["failed"] == 0


def test_a_budget_leaves_reads_for_the_next_run(
    served: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(served, monkeypatch)
    done = ended(capsys, "sync", "--db", str(tmp_path / "fleet.db"), "--since", "3d", "--budget", "3")
    assert done.code == 0
    assert re.fullmatch(
        r"6 vehicles · \d+ new logs · 3 requests spent, [\d,]+ left of the hour · \d+ reads for the next run\n",
        done.out,
    )


def test_the_rate_limit_ends_a_run_that_keeps_what_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(6, days=3, rate_limit=3) as served:
        sign_in(served, monkeypatch)
        done = ended(capsys, "sync", "--db", str(tmp_path / "fleet.db"), "--since", "2d")
    assert done.code == 5
    assert "3 requests spent, 0 left of the hour" in done.out
    assert done.err.startswith("evenergy: rate limited: ")
    assert len(rows(tmp_path / "fleet.db")) > 100


def test_a_database_that_another_run_has_open(
    served: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(served, monkeypatch)
    with FleetDatabase(tmp_path / "fleet.db"):
        done = ended(capsys, "sync", "--db", str(tmp_path / "fleet.db"))
    assert (done.code, done.out) == (1, "")
    assert "fleet.db" in done.err
    assert served.requests == 0


def test_late_logs_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(6, days=3, late=0.3) as served:
        sign_in(served, monkeypatch)
        arguments = ["sync", "--db", str(tmp_path / "fleet.db"), "--since", "2d", "--lookback", "1h"]
        done = ended(capsys, *arguments)
        quiet = ended(capsys, *arguments, "--quiet")
    assert "after it was sampled" in done.err
    assert "--lookback (1 h)" in done.err
    assert (quiet.out, quiet.err) == ("", "")


@on_unix
def test_every_goes_on_after_an_error_until_ctrl_c(served: Sandbox, tmp_path: Path) -> None:
    served.fail(4, 503, path="/vehicles", retry_after=0)
    arguments = ["sync", "--db", str(tmp_path / "fleet.db"), "--every", "1s", "--jsonl"]
    with started(*arguments, env=variables(served)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "503" in process.stderr.readline()
        assert json.loads(process.stdout.readline())["logs"] == 6
        assert json.loads(process.stdout.readline())["vehicles"] == 6
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert len(rows(tmp_path / "fleet.db")) >= 6


@on_unix
def test_progress_at_a_terminal(served: Sandbox, tmp_path: Path) -> None:
    served.slow(0.4)
    arguments = ["sync", "--db", str(tmp_path / "fleet.db"), "--since", "4d"]
    process, near = on_terminal(variables(served), *arguments)
    seen = b"".join(iter(lambda: chunk(near), b"")).decode()
    os.close(near)
    assert process.wait(60) == 0
    assert re.search(r"[━·]+ \d+ of \d+ reads · \d+/s · \d+ requests spent · [\d,]+ left of the hour", seen)
    assert re.search(r"\r\x1b\[2K6 vehicles · ", seen)


def sign_in(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("EVENERGY_"):
            monkeypatch.delenv(name)
    for name, value in of(served).items():
        monkeypatch.setenv(name, value)
