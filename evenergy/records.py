"""Tables of values: records, Arrow, Polars and pandas, with types that depend on the class alone.

A column has the name of its field, and of a nested model ``field_name``. A reference has two, ``vehicle_id`` and
``vehicle``, its URL; they are the same when it was expanded. Times are in UTC. Lists and objects of any shape are plain
data in records, and JSON text in tables.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from ._codec.columns import Cell, Column, ColumnType, Layout, layout
from ._lazy import load
from .errors import EvEnergyError, InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

T = TypeVar("T")

__all__ = ["to_arrow", "to_pandas", "to_polars", "to_records"]

_BATCH = 10_000  # rows that stand in memory as Python objects


def to_records(values: Iterable[T], of: type[T] | None = None) -> list[dict[str, Cell]]:
    """Return a flat dictionary for each value: times as aware datetimes in UTC, dates as dates, the rest JSON data.

    Args:
        values: Values of one class, such as logs, or a pager of the blocking client.
        of: The class; None for that of the first value.

    Raises:
        InvalidArgumentError: The values are of several classes, or are no values of this library.
    """
    table, all_values = _typed(values, of)
    if table is None:
        return []
    names = table.names
    return [dict(zip(names, row, strict=True)) for row in table.rows(all_values)]


def to_arrow(values: Iterable[T], of: type[T] | None = None) -> pa.Table:
    """Return an Arrow table; times are ``timestamp[us, tz=UTC]``. Needs the extra ``arrow``.

    Args:
        values: As for `to_records`.
        of: The class; it is needed where there may be no value.

    Raises:
        InvalidArgumentError: As for `to_records`; or there is no value, and no class; or a value does not fit.
        EvEnergyError: pyarrow is not installed.
    """
    arrow = library("pyarrow", "arrow")
    table, all_values = _known(values, of, "to_arrow")
    schema: Any = arrow_schema(table)
    rows = table.rows(all_values)
    batches: list[Any] = []
    while batch := list(islice(rows, _BATCH)):
        cells = zip(table.columns, schema, _columns(table, batch), strict=True)
        arrays = [_filled(arrow.array, column, part, field.type) for column, field, part in cells]
        batches.append(arrow.RecordBatch.from_arrays(arrays, schema=schema))
    return cast("pa.Table", arrow.Table.from_batches(batches, schema=schema))


def to_polars(values: Iterable[T], of: type[T] | None = None) -> pl.DataFrame:
    """Return a Polars frame; times are ``Datetime("us", "UTC")``. Needs the extra ``polars``.

    Args:
        values: As for `to_records`.
        of: As for `to_arrow`.

    Raises:
        InvalidArgumentError: As for `to_arrow`.
        EvEnergyError: Polars is not installed.
    """
    frames = library("polars", "polars")
    table, all_values = _known(values, of, "to_polars")
    types = {
        ColumnType.TEXT: frames.String,
        ColumnType.INTEGER: frames.Int64,
        ColumnType.NUMBER: frames.Float64,
        ColumnType.BOOLEAN: frames.Boolean,
        ColumnType.TIME: frames.Datetime("us", "UTC"),
        ColumnType.DATE: frames.Date,
        ColumnType.JSON: frames.String,
    }
    parts = zip(table.columns, _columns(table, table.rows(all_values)), strict=True)
    series = [
        _filled(partial(frames.Series, column.name), column, cells, types[column.type]) for column, cells in parts
    ]
    return cast("pl.DataFrame", frames.DataFrame(series))


def to_pandas(values: Iterable[T], of: type[T] | None = None) -> pd.DataFrame:
    """Return a pandas frame. Needs the extra ``pandas``.

    Its types are nullable: ``Int64``, ``boolean``, ``Float64``, ``string``; times are ``datetime64[us, UTC]``, and
    dates ``datetime64[s]``.

    Args:
        values: As for `to_records`.
        of: As for `to_arrow`.

    Raises:
        InvalidArgumentError: As for `to_arrow`.
        EvEnergyError: pandas is not installed.
    """
    frames = library("pandas", "pandas")
    table, all_values = _known(values, of, "to_pandas")
    parts = zip(table.columns, _columns(table, table.rows(all_values)), strict=True)
    arrays = {column.name: _filled(frames.array, column, cells, _PANDAS[column.type]) for column, cells in parts}
    return cast("pd.DataFrame", frames.DataFrame(arrays))


_PANDAS = {
    ColumnType.TEXT: "string",
    ColumnType.INTEGER: "Int64",
    ColumnType.NUMBER: "Float64",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.TIME: "datetime64[us, UTC]",
    ColumnType.DATE: "datetime64[s]",
    ColumnType.JSON: "string",
}


def arrow_schema(table: Layout[Any]) -> pa.Schema:
    """Return the Arrow schema of a model's columns.

    Raises:
        EvEnergyError: pyarrow is not installed.
    """
    arrow = library("pyarrow", "arrow")
    types = {
        ColumnType.TEXT: arrow.string(),
        ColumnType.INTEGER: arrow.int64(),
        ColumnType.NUMBER: arrow.float64(),
        ColumnType.BOOLEAN: arrow.bool_(),
        ColumnType.TIME: arrow.timestamp("us", tz="UTC"),
        ColumnType.DATE: arrow.date32(),
        ColumnType.JSON: arrow.string(),
    }
    return cast("pa.Schema", arrow.schema([(column.name, types[column.type]) for column in table.columns]))


def library(name: str, extra: str) -> Any:
    """Return an optional library.

    Raises:
        EvEnergyError: It is not installed.
    """
    try:
        return load(name)
    except ImportError as error:
        raise EvEnergyError(f"{name} could not be imported ({error}): pip install 'evenergy[{extra}]'") from None


def _typed(values: Iterable[T], of: type[T] | None) -> tuple[Layout[T] | None, Iterable[T]]:
    """Return the columns, and the values; None for no columns where there are no values and no class."""
    if isinstance(cast("object", values), AsyncIterable):
        raise InvalidArgumentError("expected values, got an async iterator: pass `[value async for value in it]`")
    if isinstance(cast("object", values), str | bytes | dict) or not isinstance(cast("object", values), Iterable):
        raise InvalidArgumentError(f"expected several values, got {type(values).__name__}: pass one as `[value]`")
    if of is not None:
        return layout(cast("Any", of)), values
    rest: Iterator[T] = iter(values)
    for first in rest:
        return layout(cast("Any", type(first))), chain([first], rest)
    return None, []


def _known(values: Iterable[T], of: type[T] | None, called: str) -> tuple[Layout[T], Iterable[T]]:
    table, all_values = _typed(values, of)
    if table is None:
        raise InvalidArgumentError(
            "expected at least one value, got none: their class is not known, so there are no columns; pass it, as in"
            f" {called}(values, evenergy.VehicleStatusLog)"
        )
    return table, all_values


def _columns(table: Layout[Any], rows: Iterable[list[Cell]]) -> list[tuple[Cell, ...]]:
    """Return the cells by column."""
    columns = list(zip(*rows, strict=True))
    return columns or [() for _ in table.columns]


def _filled(make: Callable[[list[Cell], Any], Any], column: Column, cells: Iterable[Cell], kind: Any) -> Any:
    """Return a column of another library.

    Raises:
        InvalidArgumentError: A value does not fit, such as a whole number of more than 64 bits.
    """
    try:
        return make(_with_json_text(column, cells), kind)
    except (ValueError, TypeError, OverflowError) as error:  # those of pyarrow are among them
        reason = str(error).partition("\n")[0]
        raise InvalidArgumentError(f"a value does not fit into the column {column.name}: {reason}") from None


def _with_json_text(column: Column, cells: Iterable[Cell]) -> list[Cell]:
    if column.type is not ColumnType.JSON:
        return list(cells)
    return [None if cell is None else json_text(cell) for cell in cells]


def json_text(cell: Cell) -> str:
    """Return a cell of any shape as JSON text."""
    return msgspec.json.encode(cell).decode()
