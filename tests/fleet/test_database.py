"""Database of a fleet: transactions, the swap of marks, threads."""

from __future__ import annotations

import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import attrs
import pytest

from evenergy import (
    BoundaryMeterStatusLog,
    ClosedError,
    EvEnergyError,
    InvalidArgumentError,
    InverterStatusLog,
    Vehicle,
    VehicleStatusLog,
)
from evenergy.fleet.database import FleetDatabase
from evenergy.fleet.marks import Mark
from evenergy.resources.batteries import HomeBatteryStatusLog
from tests.fleet.pages import BASE, VEHICLES, Page, log_of, page_of
from tests.fleet.stored import count, query, stored

CAR, OTHER = VEHICLES[:2]


# Saving


def test_logs_and_marks_are_saved_and_read_back(path: Path) -> None:
    with FleetDatabase(path) as database:
        assert database.marks == {}
        assert database.save(page_of(CAR, range(3), "first")) == 3
        assert database.save(Page([], {"": "place"})) == 0
    with FleetDatabase(str(path)) as database:
        assert database.marks == {CAR: "first", "": "place"}
        assert database.save(page_of(CAR, range(3, 5), "second")) == 2
        assert database.marks[CAR] == "second"
    assert count(path) == 5


def test_columns_are_those_of_the_api_with_times_in_utc(path: Path) -> None:
    log = attrs.evolve(
        log_of(CAR, 0), sampled_at=datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), is_charging=True
    )
    with FleetDatabase(path) as database:
        database.save(Page([log], {CAR: "mark"}))
    columns = (
        "SELECT vehicle_id, vehicle, sampled_at, logged_at, is_charging, is_plugged_in, state, julianday(sampled_at)"
        " FROM vehicle_status_logs"
    )
    assert query(path, columns) == [
        (
            *(CAR, f"{BASE}/{CAR}", "2026-01-01T00:00:00.000000Z", "2026-10-31T22:00:03.000007Z"),
            *(1, None, "DRIVING", 2461041.5),
        )
    ]


def test_a_log_that_is_there_is_not_saved_twice(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(3), "first"))
        assert database.save(page_of(CAR, range(1, 5), "second")) == 2
    assert count(path) == 5


def test_vehicles_have_their_first_and_last_time_and_their_newest_log(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(5, 7), "a"))
        database.save(page_of(CAR, range(3), "b"))
        database.save(page_of(OTHER, range(1), "c"))
    first, last = (f"2026-10-31T22:0{minute}:00.000000Z" for minute in (0, 6))
    assert query(path, "SELECT * FROM vehicles ORDER BY 1") == [(CAR, first, last), (OTHER, first, first)]
    newest = query(path, "SELECT vehicle_id, state_of_charge_percentage FROM latest_status_logs ORDER BY 1")
    assert newest == [(CAR, 6), (OTHER, 0)]


def test_an_expanded_vehicle_and_a_time_in_the_url_alone_make_a_key(path: Path) -> None:
    log = attrs.evolve(log_of(CAR, 0), vehicle=Vehicle(CAR, url=f"{BASE}/{CAR}"), sampled_at=None)
    with FleetDatabase(path) as database:
        assert database.save(Page([log], {CAR: "mark"})) == 1
    assert stored(path) == [(CAR, "2026-10-31T22:00:00.000000Z")]
    assert query(path, "SELECT vehicle FROM vehicle_status_logs") == [(f"{BASE}/{CAR}",)]


@pytest.mark.parametrize(
    "log", [VehicleStatusLog(sampled_at=datetime(2026, 1, 1, tzinfo=UTC)), VehicleStatusLog(vehicle=f"{BASE}/{CAR}")]
)
def test_a_log_without_a_key_is_rejected_with_its_page(path: Path, log: VehicleStatusLog) -> None:
    with FleetDatabase(path) as database:
        with pytest.raises(InvalidArgumentError, match="a device and a time"):
            database.save(Page([log_of(CAR, 0), log], {CAR: "mark"}))
        assert database.marks == {}
    assert count(path) == 0


def test_logs_of_other_devices_have_their_own_names(path: Path) -> None:
    log = HomeBatteryStatusLog(
        sampled_at=datetime(2026, 1, 1, tzinfo=UTC), home_battery="https://api.ev.energy/v2/home_batteries/hoba_1"
    )
    with FleetDatabase(path, of=HomeBatteryStatusLog) as database:
        assert database.save(Page([log], {"hoba_1": "mark"})) == 1  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
        with pytest.raises(InvalidArgumentError, match="expected values of one class, HomeBatteryStatusLog, got Vehi"):
            database.save(page_of(CAR, range(1), "mark"))
    assert query(path, "SELECT home_battery_id FROM home_battery_status_logs") == [("hoba_1",)]
    assert query(path, "SELECT home_battery_id FROM home_batteries") == [("hoba_1",)]
    with pytest.raises(InvalidArgumentError, match="expected a database of vehicle_status_logs, got one of home_batt"):
        FleetDatabase(path)


@pytest.mark.parametrize("kind", [BoundaryMeterStatusLog, InverterStatusLog])
def test_a_database_can_be_made_for_each_kind_of_log(path: Path, kind: type) -> None:
    with FleetDatabase(path, of=kind) as database:
        assert database.marks == {}


@pytest.mark.parametrize("kind", [Vehicle, int])
def test_a_class_that_is_no_log_is_rejected(path: Path, kind: type) -> None:
    with pytest.raises(InvalidArgumentError, match="expected a class"):
        FleetDatabase(path, of=kind)
    assert not path.exists()


def test_a_number_that_is_too_large_costs_that_number(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs = [log_of(CAR, 0), attrs.evolve(log_of(CAR, 1), odometer_meters=(1 << 64) - 1), log_of(CAR, 2)]
    with FleetDatabase(path) as database:
        assert database.save(Page(logs, {CAR: "mark"})) == 3
        assert database.save(Page(logs, {CAR: "next"})) == 0
    assert query(path, "SELECT count(*), max(odometer_meters) FROM vehicle_status_logs") == [(3, None)]
    assert "odometer_meters=18446744073709551615 of https" in caplog.messages[0]


# The swap


def test_a_vehicle_that_another_run_moved_is_left_out_until_the_marks_are_read_anew(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(Page([], {CAR: "0", OTHER: "0"}))
        assert database.marks == {CAR: "0", OTHER: "0"}
        query(path, "UPDATE marks SET mark = 'theirs' WHERE vehicle_id = ?", CAR)
        page = Page([log_of(CAR, 1), log_of(OTHER, 1)], {CAR: "1", OTHER: "1"})
        assert database.save(page) == 1
        assert database.save(page_of(CAR, range(2, 4), "2")) == 0  # its mark builds on one that was not saved
        query(path, "UPDATE marks SET mark = '0' WHERE vehicle_id = ?", CAR)  # also when it looks right again
        assert database.save(page_of(CAR, range(2, 4), "3")) == 0
        assert {vehicle for vehicle, _ in stored(path)} == {OTHER}
        assert database.marks == {CAR: "0", OTHER: "1"}
        assert database.save(page_of(CAR, range(1, 4), "4")) == 3


def test_a_vehicle_that_another_run_added_is_left_out_with_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FleetDatabase(path) as database:
        assert database.marks == {}
        query(path, "INSERT INTO marks VALUES (?, 'theirs')", CAR)
        assert database.save(page_of(CAR, range(2), "ours")) == 0
        assert database.save(page_of(CAR, range(2), "ours")) == 0
        assert [record.getMessage() for record in caplog.records] == [
            f"{path}: another run moved 1 marks; those devices wait for the next run"
        ]
        assert database.marks == {CAR: "theirs"}


def test_a_vehicle_that_another_run_removed_is_left_out(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1), "0"))
        query(path, "DELETE FROM marks")
        assert database.save(page_of(CAR, range(1, 3), "1")) == 0
        assert database.marks == {}


def test_later_pages_of_a_page_that_was_not_saved_are_left_out(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1), "0"))
        broken = attrs.evolve(log_of(CAR, 2), data_source="\ud800")
        with pytest.raises(EvEnergyError, match=r"fleet\.db could not be used: .*surrogates"):
            database.save(Page([log_of(CAR, 1), broken], {CAR: "1"}))
        assert database.save(page_of(CAR, range(3, 5), "2")) == 0  # it would say that logs 1 and 2 were delivered
        assert database.save(page_of(OTHER, range(1), "2")) == 1
        assert database.marks == {CAR: "0", OTHER: "2"}
        assert database.save(page_of(CAR, range(1, 5), "1")) == 4


def mark(since: int) -> str:
    return Mark(since, since - 1).text()


def test_pages_of_a_run_without_the_marks_are_rejected(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1), mark(5)))
        with pytest.raises(InvalidArgumentError, match=r"page of vhcl_\w+ does not continue .*pass database.marks"):
            database.save(page_of(CAR, range(1, 2), mark(6)))  # what lies between would be lost
        assert database.marks == {CAR: mark(5)}
        assert database.save(page_of(CAR, range(1, 2), mark(4))) == 1  # more history than before
        assert database.save(page_of(OTHER, range(1), mark(6))) == 1


def test_a_page_that_cannot_be_written_changes_nothing(path: Path) -> None:
    with FleetDatabase(path) as database:
        query(path, "CREATE TRIGGER full BEFORE INSERT ON months BEGIN SELECT raise(ABORT, 'disk is full'); END")
        with pytest.raises(EvEnergyError, match="disk is full"):
            database.save(page_of(CAR, range(3), "1"))
        query(path, "DROP TRIGGER full")
        assert database.marks == {}
        assert count(path) == 0
        assert database.save(page_of(CAR, range(3), "1")) == 3


# Closing, threads, pickles


def test_a_closed_database_says_so(path: Path) -> None:
    database = FleetDatabase(path)
    assert repr(database) == f"<FleetDatabase {str(path)!r}>"
    database.close()
    database.close()
    assert repr(database) == f"<FleetDatabase {str(path)!r}, closed>"
    with pytest.raises(ClosedError, match="was closed"):
        database.save(page_of(CAR, range(1), "1"))
    with pytest.raises(ClosedError, match="was closed"):
        _ = database.marks


def test_threads_may_share_one(path: Path) -> None:
    def save(number: int) -> int:
        return sum(database.save(page_of(VEHICLES[number], range(n * 5, n * 5 + 5), f"{n}")) for n in range(6))

    with FleetDatabase(path) as database, ThreadPoolExecutor(8) as threads:
        assert list(threads.map(save, range(8))) == [30] * 8
        assert database.marks == dict.fromkeys(VEHICLES[:8], "5")
    assert count(path) == 240


def test_it_is_not_pickled(path: Path) -> None:
    with FleetDatabase(path) as database, pytest.raises(TypeError, match="open the file where it is used"):
        pickle.dumps(database)


def test_a_reader_is_not_in_the_way(path: Path) -> None:
    with FleetDatabase(path) as database:
        database.save(page_of(CAR, range(1), "1"))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM vehicle_status_logs").fetchone() == (1,)
        assert database.save(page_of(CAR, range(1, 3), "2")) == 2
        assert reader.execute("SELECT count(*) FROM vehicle_status_logs").fetchone() == (1,)
        reader.close()
