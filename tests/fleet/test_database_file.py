"""File of a database: its lease, its schema, and crashes of who writes it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from evenergy import (
    ClosedError,
    EvEnergyError,
    InvalidArgumentError,
)
from evenergy.errors import SyncRunningError
from evenergy.fleet import lease, schema
from evenergy.fleet.database import FleetDatabase
from tests.fleet.pages import START, VEHICLES, log_of, page_of
from tests.fleet.stored import query, stored

CAR, OTHER = VEHICLES[:2]


# The lease


def test_a_second_one_is_rejected_and_told_who_holds_it(path: Path) -> None:
    with FleetDatabase(path) as database:
        with pytest.raises(SyncRunningError, match=rf"fleet\.db is open in another .*\(process {os.getpid()} on "):
            FleetDatabase(path)
        assert database.save(page_of(CAR, range(1), "1")) == 1
    with FleetDatabase(path) as database:
        assert database.marks == {CAR: "1"}


def test_a_failure_to_open_gives_the_lease_back(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    for _ in range(2):
        with pytest.raises(EvEnergyError, match="could not be opened: file is not a database"):
            FleetDatabase(path)


def test_two_names_of_one_file_have_one_lease(path: Path) -> None:
    (path.parent / "link.db").symlink_to(path)
    with FleetDatabase(path), pytest.raises(SyncRunningError, match=r"fleet\.db is open"):
        FleetDatabase(path.parent / "link.db")


HOLD = """
import sys
from evenergy.fleet.database import FleetDatabase
database = FleetDatabase(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_the_lease_of_a_process_ends_with_it(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(SyncRunningError, match=f"process {holder.pid} on"):
            FleetDatabase(path)
        holder.kill()
        holder.wait()
    with FleetDatabase(path) as database:
        assert database.save(page_of(CAR, range(1), "1")) == 1


def use_in_fork(database: FleetDatabase, results: Any) -> None:
    try:
        database.save(page_of(CAR, range(1), "1"))
    except ClosedError as error:
        results.put(str(error))
    database.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_fork_neither_uses_nor_keeps_what_its_parent_opened(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    with FleetDatabase(path) as database:
        child = fork.Process(target=use_in_fork, args=(database, results))
        child.start()
        child.join()
        assert "before a fork" in results.get()
        with pytest.raises(SyncRunningError):
            FleetDatabase(path)
        assert database.save(page_of(CAR, range(1), "1")) == 1


def test_a_directory_that_is_missing_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(EvEnergyError, match=r"could not be taken: No such file"):
        FleetDatabase(tmp_path / "none" / "fleet.db")


@pytest.mark.parametrize("path", ["", ":memory:", 5, "a\0b", "~nobody-at-all/fleet.db"])
def test_a_value_that_is_no_path_is_rejected(path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="expected path"):
        FleetDatabase(path)


def test_an_unreadable_lock_still_gives_the_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FleetDatabase(path):
        monkeypatch.setattr(lease, "_HOLDER_AT", -1)  # a seek that fails, as a read of the locked byte does on Windows
        with pytest.raises(SyncRunningError, match="of another process"):
            FleetDatabase(path)


# The schema


def test_the_file_has_a_version_and_is_in_wal_mode(path: Path) -> None:
    with FleetDatabase(path):
        assert query(path, "PRAGMA user_version") == [(schema.VERSION,)]
        assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_file_of_a_newer_version_is_rejected(path: Path) -> None:
    FleetDatabase(path).close()
    query(path, "PRAGMA user_version = 2")
    with pytest.raises(InvalidArgumentError, match=r"newer version of evenergy \(format 2, this version reads up to 1"):
        FleetDatabase(path)


def test_a_database_of_another_program_is_rejected_and_left_alone(path: Path) -> None:
    query(path, "CREATE TABLE orders (id INTEGER)")
    with pytest.raises(InvalidArgumentError, match="expected the database of a fleet, got another one"):
        FleetDatabase(path)
    assert query(path, "SELECT name FROM sqlite_master") == [("orders",)]
    assert query(path, "PRAGMA journal_mode") == [("delete",)]


def test_a_damaged_file_is_an_error_in_words(path: Path) -> None:
    FleetDatabase(path).close()
    query(path, "DELETE FROM about")
    with pytest.raises(InvalidArgumentError, match=r"fleet\.db is damaged"):
        FleetDatabase(path)
    query(path, "DROP TABLE about")
    with pytest.raises(EvEnergyError, match="no such table: about"):
        FleetDatabase(path)


def test_columns_that_a_newer_version_has_are_added(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1), "1"))
    query(path, "ALTER TABLE vehicle_status_logs DROP COLUMN state")
    query(path, "ALTER TABLE vehicle_status_logs DROP COLUMN is_charging")
    query(path, "ALTER TABLE vehicle_status_logs ADD COLUMN of_the_future TEXT")
    with FleetDatabase(path) as database:
        assert database.save(page_of(CAR, range(1, 2), "2")) == 1
    rows = query(path, "SELECT is_charging, state, of_the_future FROM vehicle_status_logs ORDER BY sampled_at")
    assert rows == [(None, None, None), (0, "DRIVING", None)]


# Crashes

RUN = """
import sys
from evenergy.fleet.database import FleetDatabase
from tests.fleet.pages import VEHICLES, page_of
with FleetDatabase(sys.argv[1]) as database:
    print("open", flush=True)
    marks = database.marks
    for turn in range(400):
        for vehicle in VEHICLES[:5]:
            at = int(marks.get(vehicle, 0))
            if at < 400:
                database.save(page_of(vehicle, range(at, at + 2), str(at + 2)))
                marks[vehicle] = str(at + 2)
"""


def test_kills_lose_and_double_nothing(path: Path) -> None:
    rng = random.Random(5)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", RUN, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            killer = threading.Timer(rng.uniform(0, 0.15), process.kill)
            killer.start()
            assert process.wait() in (0, -signal.SIGKILL)
            killer.cancel()
            killer.join()
        marks = dict(query(path, "SELECT vehicle_id, mark FROM marks"))
        truth = {vehicle: int(mark) for vehicle, mark in marks.items()}
        kept = dict(query(path, "SELECT vehicle_id, count(*) FROM vehicle_status_logs GROUP BY 1"))
        assert kept == truth  # as many logs as the mark says were delivered, and the key makes each the only one
    subprocess.run([sys.executable, "-c", RUN, str(path)], check=True, cwd=Path(__file__).parents[2])
    wanted = [(v, schema.time_text(log_of(v, n).sampled_at or START)) for v in VEHICLES[:5] for n in range(400)]
    assert stored(path) == wanted
