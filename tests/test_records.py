"""Tables of values: records, Arrow, Polars and pandas."""

from __future__ import annotations

import dataclasses
import pprint
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast

import attrs
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evenergy
from evenergy import (
    EvEnergyError,
    InvalidArgumentError,
    LatLong,
    User,
    UserNotificationPreferences,
    Vehicle,
    VehicleConnectors,
    VehicleState,
    VehicleStatusLog,
)
from evenergy._codec.columns import ColumnType, layout
from evenergy._codec.model import model
from evenergy._codec.wire_types import Time
from evenergy.records import to_arrow, to_pandas, to_polars, to_records
from tests.house import PUBLIC

URL = "https://api.ev.energy/v2/vehicles/vhcl_1"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FULL = VehicleStatusLog(
    url=f"{URL}/status_logs/x",
    vehicle=URL,
    sampled_at=NOON.astimezone(timezone(timedelta(hours=5))),
    logged_at=NOON,
    is_charging=True,
    odometer_meters=(1 << 53) + 1,  # a float cannot hold it
    state=VehicleState.DRIVING,
)
EMPTY = VehicleStatusLog()


@model
class Inner:
    at: Time | None = None
    share: float | None = None


@model
class Sample:
    day: date | None = None
    inner: Inner | None = None
    number: int | float | None = None
    tags: list[str] | None = None
    itself: Sample | None = None
    user: str | User | None = None
    user_id: str | None = None


MODELS = [kind for name in PUBLIC if isinstance(kind := getattr(evenergy, name), msgspec.StructMeta)]

tables = pytest.mark.parametrize("to_table", [to_arrow, to_polars, to_pandas])


def test_a_record_is_flat_with_ids_beside_urls_and_times_in_utc() -> None:
    (record,) = to_records([FULL])
    assert list(record)[:6] == [
        *("url", "logged_at", "sampled_at", "vehicle_id", "vehicle", "state_of_charge_percentage")
    ]
    assert {name: cell for name, cell in record.items() if cell is not None} == {
        "url": f"{URL}/status_logs/x",
        "logged_at": NOON,
        "sampled_at": NOON,
        "vehicle_id": "vhcl_1",
        "vehicle": URL,
        "is_charging": True,
        "odometer_meters": (1 << 53) + 1,
        "state": "DRIVING",
    }
    assert cast("datetime", record["sampled_at"]).tzinfo is UTC
    assert type(record["state"]) is str


def test_an_expanded_reference_has_the_same_columns() -> None:
    expanded = attrs.evolve(FULL, vehicle=Vehicle("vhcl_1", url=URL))
    assert to_records([expanded]) == to_records([FULL])
    assert to_records([attrs.evolve(FULL, vehicle=Vehicle("vhcl_1"))])[0]["vehicle"] is None


def test_a_naive_time_is_in_utc() -> None:
    (record,) = to_records([VehicleStatusLog(sampled_at=NOON.replace(tzinfo=None))])
    assert record["sampled_at"] == NOON


def test_embedded_models_have_columns_and_lists_are_plain_data() -> None:
    sample = Sample(
        day=NOON.date(), inner=Inner(share=0.5), number=2, tags=["a"], itself=Sample(number=3), user_id="mine"
    )
    record, empty = to_records([sample, Sample()])
    assert record == {
        "day": NOON.date(),
        "inner_at": None,
        "inner_share": 0.5,
        "number": 2.0,
        "tags": ["a"],
        "itself": record["itself"],
        "user": None,
        "user_id": "mine",
    }
    assert cast("Any", record["itself"])["number"] == 3
    assert isinstance(record["number"], float)
    assert set(empty.values()) == {None}
    assert list(empty) == list(record)


def test_json_is_text_in_tables() -> None:
    rows = [VehicleConnectors(adaptors=[]), VehicleConnectors()]
    assert to_arrow(rows)["adaptors"].to_pylist() == ["[]", None]
    assert to_polars(rows)["adaptors"].to_list() == ["[]", None]
    assert to_pandas(rows)["adaptors"][0] == "[]"


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_has_columns_with_names_of_their_own(kind: Any) -> None:
    names = layout(kind).names
    assert len(names) == len(set(names)) >= len(attrs.fields(kind)) > 0
    assert to_arrow([], kind).schema.names == names
    assert list(to_polars([], kind).columns) == names
    assert list(to_pandas([], kind).columns) == names


def test_preferences_and_users_are_not_lost() -> None:
    assert {column.type for column in layout(UserNotificationPreferences).columns} >= {ColumnType.JSON}
    assert layout(LatLong).names == ["latitude", "longitude"]


@tables
@pytest.mark.parametrize("values", [[], [EMPTY], [FULL], [EMPTY, FULL]])
def test_types_depend_on_the_class_alone(to_table: Callable[..., Any], values: list[VehicleStatusLog]) -> None:
    def types(table: Any) -> Any:
        return table.dtypes.to_dict() if isinstance(table, pd.DataFrame) else table.schema

    assert types(to_table(values, VehicleStatusLog)) == types(to_table([FULL, EMPTY]))
    assert len(to_table(values, VehicleStatusLog)) == len(values)


def test_arrow_types_and_values() -> None:
    table: Any = to_arrow([FULL, EMPTY])
    wanted = {
        "sampled_at": pa.timestamp("us", tz="UTC"),
        "is_charging": pa.bool_(),
        "odometer_meters": pa.int64(),
        "vehicle_id": pa.string(),
        "state": pa.string(),
    }
    assert {name: table.schema.field(name).type for name in wanted} == wanted
    assert table["odometer_meters"].to_pylist() == [(1 << 53) + 1, None]
    assert table["sampled_at"].to_pylist() == [NOON, None]
    assert to_arrow([Sample(day=NOON.date())])["day"].to_pylist() == [NOON.date()]


def test_polars_types_and_values() -> None:
    frame = to_polars([FULL, EMPTY])
    assert frame.schema["sampled_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["odometer_meters"] == pl.Int64
    assert frame.schema["is_charging"] == pl.Boolean
    assert frame["odometer_meters"].to_list() == [(1 << 53) + 1, None]
    assert frame["sampled_at"].to_list() == [NOON, None]
    assert to_polars([Sample(day=NOON.date())])["day"].to_list() == [NOON.date()]


def test_pandas_types_and_values() -> None:
    frame: Any = to_pandas([FULL, EMPTY])
    assert {name: str(frame.dtypes[name]) for name in ("sampled_at", "odometer_meters", "is_charging", "state")} == {
        "sampled_at": "datetime64[us, UTC]",
        "odometer_meters": "Int64",
        "is_charging": "boolean",
        "state": "string",
    }
    assert frame["odometer_meters"][0] == (1 << 53) + 1
    assert frame["odometer_meters"].isna().tolist() == [False, True]
    assert frame["sampled_at"][0] == NOON
    assert cast("Any", to_pandas([Sample(day=NOON.date())]))["day"][0] == pd.Timestamp(NOON.date())


def test_many_values_come_in_batches() -> None:
    table = to_arrow(VehicleStatusLog(odometer_meters=n) for n in range(25_000))
    assert table["odometer_meters"].to_pylist() == list(range(25_000))
    assert table["odometer_meters"].num_chunks == 3


def test_a_subclass_has_the_columns_of_its_class() -> None:
    @model
    class Ours(Vehicle):
        extra: int | None = None

    assert "extra" not in to_records([Ours("vhcl_1")], Vehicle)[0]
    assert to_records([Ours("vhcl_1", extra=1)])[0]["extra"] == 1


def test_no_values_without_a_class() -> None:
    assert to_records([]) == []


@tables
def test_no_values_and_no_class_is_an_error_that_names_the_call(to_table: Callable[..., Any]) -> None:
    remedy = rf"their class is not known.* {to_table.__name__}\(values, evenergy\.VehicleStatusLog\)$"
    with pytest.raises(InvalidArgumentError, match=remedy):
        to_table([])


async def nothing() -> AsyncIterator[VehicleStatusLog]:
    return
    yield


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([FULL, Vehicle("vhcl_1")], "of one class, VehicleStatusLog, got Vehicle among them"),
        ([FULL, None], "got NoneType among them"),
        ([{"id": 1}], "expected a class such as VehicleStatusLog, got <class 'dict'>"),
        (FULL, "expected several values, got VehicleStatusLog"),
        ("text", "expected several values, got str"),
        (nothing(), "got an async iterator"),
        ([Sample(tags=cast("Any", [object()]))], "expected JSON data in a field, got list"),
    ],
)
def test_values_without_columns_are_rejected(values: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        to_records(values)


@pytest.mark.parametrize(
    ("to_table", "name", "extra"),
    [(to_arrow, "pyarrow", "arrow"), (to_polars, "polars", "polars"), (to_pandas, "pandas", "pandas")],
)
def test_a_library_that_is_missing_is_named(
    to_table: Callable[..., Any], name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EvEnergyError, match=rf"pip install 'evenergy\[{extra}\]'"):
        to_table([FULL])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_of_values_have_columns(frame: Callable[..., Any]) -> None:
    made = frame([FULL, EMPTY])
    assert list(made.columns) == [field.name for field in attrs.fields(VehicleStatusLog)]
    assert made["is_charging"].to_list() == [True, None]


def test_a_model_is_a_dataclass_for_the_programs_that_look_for_one() -> None:
    value: Any = FULL
    assert dataclasses.is_dataclass(VehicleStatusLog)
    assert [field.name for field in dataclasses.fields(value)] == [
        field.name for field in attrs.fields(VehicleStatusLog)
    ]
    assert dataclasses.asdict(value) == attrs.asdict(FULL)
    assert dataclasses.replace(value, is_charging=False) == attrs.evolve(FULL, is_charging=False)
    assert pprint.pformat(FULL) == repr(FULL)  # and no secret of another model


def test_but_for_times_a_record_is_what_to_dict_gives() -> None:
    plain = evenergy.to_dict(attrs.evolve(FULL, sampled_at=NOON))
    (record,) = to_records([FULL])
    times = {"sampled_at", "logged_at"}
    assert {name: record[name] for name in plain if name not in times} == {
        name: cell for name, cell in plain.items() if name not in times
    }


@pytest.mark.parametrize("make", [to_arrow, to_polars, to_pandas])
@pytest.mark.parametrize(
    ("value", "column"),
    [
        (VehicleStatusLog(odometer_meters=1 << 64), "odometer_meters"),
        (VehicleStatusLog(data_source="\ud800"), "data_source"),
    ],
)
def test_a_value_that_fits_no_column_is_named(make: Callable[..., object], value: object, column: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"a value does not fit into the column {column}: "):
        make([value])
