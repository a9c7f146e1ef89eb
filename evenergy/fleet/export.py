"""Parquet files of a fleet's database, one a month; only the months that changed are written."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import attrs
import msgspec

from evenergy._codec.columns import ColumnType, layout
from evenergy.errors import EvEnergyError, InvalidArgumentError
from evenergy.records import arrow_schema, library
from evenergy.resources.vehicles import VehicleStatusLog

from . import schema
from .database import file_path, in_words
from .schema import LogTable

_BATCH: Final = 1_000  # rows that stand in memory as Python objects
_GROUP: Final = 10  # batches in a row group, which stand in memory as Arrow tables
_METADATA: Final = b"evenergy"
_EPOCH: Final = date(1970, 1, 1)


def _days(text: str) -> int:
    return (date.fromisoformat(text) - _EPOCH).days


_READERS: Final[dict[ColumnType, Callable[[Any], Any]]] = {ColumnType.BOOLEAN: bool, ColumnType.DATE: _days}
"""Functions that turn cells of SQLite into what pyarrow reads from JSON, where they differ."""


def export_parquet(
    database: str | os.PathLike[str], directory: str | os.PathLike[str], *, of: type = VehicleStatusLog
) -> list[Path]:
    """Write the logs of a `FleetDatabase` as Parquet, and return the files that were written.

    A file holds the logs whose ``sampled_at`` lies in one month (UTC), such as ``vehicle_status_logs-2026-11.parquet``.
    A file that has all logs of its month is left as it is. An export may run while the database is written: it shows
    what was there when it began. A file is replaced as a whole. Needs the extra ``arrow``.

    Args:
        database: The file of the database.
        directory: The directory of the files, which is made when it is missing.
        of: The class of the logs.

    Raises:
        InvalidArgumentError: There is no such file, it is no database of a fleet, or it holds other logs.
        EvEnergyError: pyarrow is not installed, or a file cannot be read or written.
    """
    path, table = file_path(database), LogTable.of(layout(of))
    if not path.is_file():
        raise InvalidArgumentError(f"expected the database of a fleet, got no file: {path}")
    target = Path(directory).expanduser().absolute()
    with (
        in_words(path, "read"),
        contextlib.closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # all reads see one state
        export = _Export.of(connection, table, path, target)
        try:
            target.mkdir(parents=True, exist_ok=True)
            return [export.write(month) for month in export.months if not export.is_current(month)]
        except (OSError, ValueError, export.arrow.ArrowException) as error:  # values: cells that another program wrote
            reason = (isinstance(error, OSError) and error.strerror) or error
            raise EvEnergyError(f"the export of {path} to {target} failed: {reason}") from None


@attrs.frozen
class _Export:
    """Export of one database into one directory."""

    connection: sqlite3.Connection
    table: LogTable
    target: Path
    identity: str
    months: dict[str, int]
    parquet: Any
    arrow: Any
    json: Any

    @classmethod
    def of(cls, connection: sqlite3.Connection, table: LogTable, path: Path, target: Path) -> _Export:
        arrow = library("pyarrow", "arrow")
        schema.check(connection, path, table)
        months = cast(
            "list[tuple[str, int]]", connection.execute("SELECT month, changes FROM months ORDER BY month").fetchall()
        )
        parquet, json = library("pyarrow.parquet", "arrow"), library("pyarrow.json", "arrow")
        return cls(connection, table, target, schema.identity(connection), dict(months), parquet, arrow, json)

    def is_current(self, month: str) -> bool:
        """Return whether the file of a month has all its logs and columns."""
        try:
            written = self.parquet.read_schema(self._path(month))
        except (OSError, self.arrow.ArrowException):
            return False
        return bool(written.equals(self._schema(month), check_metadata=True))

    def write(self, month: str) -> Path:
        """Write the file of a month, and return its path."""
        path = self._path(month)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            pool = self.arrow.system_memory_pool()  # the default one reserves 20 MiB more
            with self.parquet.ParquetWriter(
                temporary, self._schema(month), compression="zstd", memory_pool=pool
            ) as writer:
                for table in self._groups(month):
                    writer.write_table(table)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return path

    def _groups(self, month: str) -> Iterator[Any]:
        batches = self._batches(month)
        while group := list(islice(batches, _GROUP)):
            yield self.arrow.concat_tables(group)

    def _path(self, month: str) -> Path:
        return self.target / f"{self.table.name}-{month}.parquet"

    def _schema(self, month: str) -> Any:
        """Return the Arrow schema, with the state of the month that it shows."""
        state = msgspec.json.encode({"database": self.identity, "changes": self.months[month]})
        return cast("Any", arrow_schema(self.table.layout)).with_metadata({_METADATA: state})

    def _batches(self, month: str) -> Iterator[Any]:
        table = self.table
        # An older version may have made the file, and nobody opened it since.
        there = set(schema.columns(self.connection, table))
        names = [f"log.{name}" if name in there else "NULL" for name in table.layout.names]
        first = date.fromisoformat(f"{month}-01")
        after = (first + timedelta(days=31)).replace(day=1)
        rows = self.connection.execute(
            f"SELECT {', '.join(names)} FROM {table.devices} AS device CROSS JOIN {table.name} AS log"
            f" ON log.{table.device} = device.{table.device} AND log.sampled_at >= ? AND log.sampled_at < ?",
            (first.isoformat(), after.isoformat()),
        )
        while batch := rows.fetchmany(_BATCH):
            yield self._table(batch)

    def _table(self, rows: list[tuple[Any, ...]]) -> Any:
        """Return rows of SQLite as an Arrow table.

        They go through JSON: pyarrow imports pandas, where it is installed, to make an array of a list (50 MiB).
        """
        layout, arrow = self.table.layout, self.arrow
        cells: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for at, column in enumerate(layout.columns):
            if column.type in _READERS:
                read = _READERS[column.type]
                cells[at] = [None if cell is None else read(cell) for cell in cells[at]]
        names = layout.names
        lines = msgspec.json.Encoder().encode_lines(
            [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
        )
        return self.json.read_json(
            arrow.BufferReader(lines),
            parse_options=self.json.ParseOptions(
                explicit_schema=arrow_schema(layout), unexpected_field_behavior="error"
            ),
            read_options=self.json.ReadOptions(use_threads=False, block_size=len(lines)),
            memory_pool=arrow.system_memory_pool(),
        )
