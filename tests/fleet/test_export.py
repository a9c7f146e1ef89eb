"""Export of a fleet's database to Parquet."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from evenergy import EvEnergyError, InvalidArgumentError, VehicleStatusLog
from evenergy.fleet import export
from evenergy.fleet.database import FleetDatabase
from evenergy.fleet.export import export_parquet
from evenergy.records import to_arrow
from evenergy.resources.batteries import HomeBatteryStatusLog
from tests.fleet.pages import START, VEHICLES, log_of, page_of

CAR, OTHER = VEHICLES[:2]
OCTOBER, NOVEMBER = "vehicle_status_logs-2026-10.parquet", "vehicle_status_logs-2026-11.parquet"

PARQUET: Any = pyarrow.parquet
read = PARQUET.read_table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with FleetDatabase(tmp_path / "fleet.db") as database:
        database.save(page_of(CAR, range(119, 122), "1"))  # the second one is the first of November
        database.save(page_of(OTHER, range(1), "1"))
    return tmp_path / "fleet.db"


def names(written: list[Path]) -> list[str]:
    return [file.name for file in written]


def test_a_file_holds_the_logs_of_a_month_as_to_arrow_has_them(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    assert names(export_parquet(path, target)) == [OCTOBER, NOVEMBER]
    october, november = read(target / OCTOBER), read(target / NOVEMBER)
    assert october.equals(to_arrow([log_of(CAR, 119), log_of(OTHER, 0)]))
    assert november.equals(to_arrow([log_of(CAR, 120), log_of(CAR, 121)]))
    assert november["sampled_at"][0].as_py() == START + timedelta(hours=2)
    assert sorted(file.name for file in target.iterdir()) == [OCTOBER, NOVEMBER]


def test_only_months_that_changed_are_written_anew(path: Path, tmp_path: Path) -> None:
    export_parquet(path, tmp_path)
    assert export_parquet(path, tmp_path) == []
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(121, 122), "2"))  # it is there already
        assert export_parquet(path, tmp_path) == []
        database.save(page_of(CAR, range(1, 2), "3"))
        assert names(export_parquet(path, tmp_path)) == [OCTOBER]  # while the database is open
    assert read(tmp_path / OCTOBER).num_rows == 3


def test_files_that_are_missing_broken_or_of_another_database_are_written_anew(path: Path, tmp_path: Path) -> None:
    export_parquet(path, tmp_path)
    (tmp_path / OCTOBER).write_bytes(b"PAR1 cut short")
    (tmp_path / NOVEMBER).unlink()
    assert names(export_parquet(path, tmp_path)) == [OCTOBER, NOVEMBER]
    with FleetDatabase(tmp_path / "other.db") as database:
        database.save(page_of(CAR, range(1), "1"))
    assert names(export_parquet(tmp_path / "other.db", tmp_path)) == [OCTOBER]


def test_files_without_a_column_of_this_version_are_written_anew(path: Path, tmp_path: Path) -> None:
    export_parquet(path, tmp_path)
    file = tmp_path / OCTOBER
    older = read(file).drop_columns(["state"])
    PARQUET.write_table(older, file)
    assert names(export_parquet(path, tmp_path)) == [OCTOBER]
    assert read(file)["state"].to_pylist() == ["DRIVING", "DRIVING"]


def test_a_column_that_the_database_lacks_is_null(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE vehicle_status_logs DROP COLUMN state")
    connection.close()
    export_parquet(path, tmp_path)
    assert read(tmp_path / OCTOBER).schema.field("state").type == pa.string()
    assert read(tmp_path / OCTOBER)["state"].null_count == 2


def test_many_logs_come_in_batches_and_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_BATCH", 3)
    monkeypatch.setattr(export, "_GROUP", 2)
    path = tmp_path / "fleet.db"
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(20), "1"))
    export_parquet(path, tmp_path)
    assert PARQUET.ParquetFile(tmp_path / OCTOBER).num_row_groups == 4
    assert read(tmp_path / OCTOBER).equals(to_arrow([log_of(CAR, n) for n in range(20)]).combine_chunks())


def test_a_failure_leaves_the_old_file_and_no_other(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "files"
    export_parquet(path, target)
    before = (target / OCTOBER).read_bytes()
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1, 2), "2"))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(EvEnergyError, match="No space left on device"):
        export_parquet(path, target)
    monkeypatch.undo()
    assert (target / OCTOBER).read_bytes() == before
    assert sorted(file.name for file in target.iterdir()) == [OCTOBER, NOVEMBER]


def test_a_cell_that_another_program_spoilt_is_an_error_in_words(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE vehicle_status_logs SET logged_at = 'yesterday'")
    connection.close()
    with pytest.raises(EvEnergyError, match=r"the export of .*fleet\.db to .*files failed: .*yesterday"):
        export_parquet(path, tmp_path / "files")
    assert list((tmp_path / "files").iterdir()) == []


EXPORT = """
import sys
from evenergy import export_parquet
assert len(export_parquet(sys.argv[1], sys.argv[2])) == 2
assert "pyarrow" in sys.modules
assert "pandas" not in sys.modules, "pandas takes 50 MiB"
"""


def test_pandas_is_not_imported(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="the extra pandas is not installed")
    subprocess.run([sys.executable, "-c", EXPORT, str(path), str(tmp_path)], check=True)


def test_an_empty_database_has_no_months(tmp_path: Path) -> None:
    FleetDatabase(tmp_path / "fleet.db").close()
    assert export_parquet(tmp_path / "fleet.db", tmp_path) == []


def test_a_file_that_is_no_database_is_an_error_in_words(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="got no file"):
        export_parquet(tmp_path / "none.db", tmp_path)
    with pytest.raises(InvalidArgumentError, match="expected a database of home_battery_status_logs, got one of vehi"):
        export_parquet(path, tmp_path, of=HomeBatteryStatusLog)
    (tmp_path / "text.db").write_text("text" * 1000)
    with pytest.raises(EvEnergyError, match="could not be read: file is not a database"):
        export_parquet(tmp_path / "text.db", tmp_path)
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(InvalidArgumentError, match="got another one"):
        export_parquet(tmp_path / "empty.db", tmp_path)


def test_the_types_do_not_depend_on_the_values(path: Path, tmp_path: Path) -> None:
    export_parquet(path, tmp_path)
    assert read(tmp_path / OCTOBER).schema.equals(to_arrow([], VehicleStatusLog).schema)
    assert isinstance(read(tmp_path / OCTOBER)["logged_at"][0].as_py(), datetime)
