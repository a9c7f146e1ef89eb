"""Schema of a fleet's database, and how cells of Python become cells of SQLite."""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, cast

import attrs
import msgspec

from evenergy._codec.columns import Cell, ColumnType, Layout
from evenergy.errors import InvalidArgumentError

VERSION: Final = 1
"""``user_version`` of the file."""
_APPLICATION: Final = 0x45764578
"""``application_id`` of the file."""

CHANGED: Final = "INSERT INTO months (month, changes) VALUES (?, 1) ON CONFLICT DO UPDATE SET changes = changes + 1"
"""Statement that notes that a month has new logs."""

_TYPES: Final = {
    ColumnType.TEXT: "TEXT",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.NUMBER: "REAL",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.TIME: "TEXT",
    ColumnType.DATE: "TEXT",
    ColumnType.JSON: "TEXT",
}

_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Beginning of a word in the name of a class: two in EVSEStatusLog."""


def time_text(time: datetime) -> str:
    """Return a time in UTC as text of fixed width, which sorts, and which SQLite's functions read."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def month(time: str) -> str:
    """Return the month of a time, such as ``2026-11``."""
    return time[:7]


def _json(cell: object) -> str:
    return msgspec.json.encode(cell).decode()


_WRITERS: Final[dict[ColumnType, Callable[[Any], Any]]] = {
    ColumnType.TIME: time_text,
    ColumnType.DATE: date.isoformat,
    ColumnType.JSON: _json,
}


@attrs.frozen
class LogTable:
    """Table of the logs of one class.

    Attributes:
        layout: The columns.
        name: The name of the table.
        device: The name of the column with the id of the device.
        device_at: Its place in a row.
        time_at: The place of ``sampled_at`` in a row.
        devices: The name of the table with the first and the last time of each device.
        insert: The statement that inserts a row that is not there.
        seen: The statement that notes a device, and the time of a log of it twice.
        add_mark: The statement that inserts a device and its mark, if it has none.
        swap_mark: The statement that replaces a mark: the new one, the device, the old one.
        all_marks: The statement that gives all devices and their marks.
        writers: The places in a row whose cells SQLite does not hold as they are, and what it stores.
    """

    layout: Layout[Any]
    name: str
    device: str
    device_at: int
    time_at: int
    devices: str
    insert: str
    seen: str
    add_mark: str
    swap_mark: str
    all_marks: str
    writers: list[tuple[int, Callable[[Any], Any]]]

    @classmethod
    def of(cls, layout: Layout[Any]) -> LogTable:
        """Return the table for a class of logs.

        Raises:
            InvalidArgumentError: The class has no reference to a device, or no ``sampled_at``.
        """
        ids = [at for at, column in enumerate(layout.columns) if column.is_id]
        names = layout.names
        if not ids or "sampled_at" not in names:
            raise InvalidArgumentError(
                f"expected a class of logs such as VehicleStatusLog, got {layout.model.__name__}: it has no device, or"
                " no sampled_at"
            )
        name = _plural(_WORDS.sub("_", layout.model.__name__).lower())
        device, devices = names[ids[0]], _plural(names[ids[0]].removesuffix("_id"))
        return cls(
            layout=layout,
            name=name,
            device=device,
            device_at=ids[0],
            time_at=names.index("sampled_at"),
            devices=devices,
            insert=f"INSERT INTO {name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            " ON CONFLICT DO NOTHING",
            seen=f"INSERT INTO {devices} ({device}, first_sampled_at, last_sampled_at) VALUES (?, ?, ?) ON CONFLICT"
            " DO UPDATE SET first_sampled_at = min(first_sampled_at, excluded.first_sampled_at),"
            " last_sampled_at = max(last_sampled_at, excluded.last_sampled_at)",
            add_mark=f"INSERT INTO marks ({device}, mark) VALUES (?, ?) ON CONFLICT DO NOTHING",
            swap_mark=f"UPDATE marks SET mark = ? WHERE {device} = ? AND mark = ?",
            all_marks=f"SELECT {device}, mark FROM marks",
            writers=[(at, _WRITERS[one.type]) for at, one in enumerate(layout.columns) if one.type in _WRITERS],
        )

    def row(self, cells: list[Cell]) -> list[Any]:
        """Return the cells as SQLite stores them."""
        row = cast("list[Any]", cells)
        for at, write in self.writers:
            if row[at] is not None:
                row[at] = write(row[at])
        return row


def prepare(connection: sqlite3.Connection, table: LogTable, path: Path) -> None:
    """Make the tables that are missing, and add the columns that are.

    Raises:
        InvalidArgumentError: The file holds something else, or a newer version wrote it.
    """
    is_new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    if not is_new:
        check(connection, path, table)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")  # a loss of power loses whole transactions, the last ones
    connection.execute("BEGIN IMMEDIATE")
    try:
        if is_new:
            for statement in _created(table):
                connection.execute(statement)
            connection.execute("INSERT INTO about (logs, identity) VALUES (?, ?)", (table.name, secrets.token_hex(16)))
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        _add_columns(connection, table)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check(connection: sqlite3.Connection, path: Path, table: LogTable) -> None:
    """Raise an error for a file that is no database of these logs, or that a newer version wrote."""
    version = _pragma(connection, "user_version")
    if version == 0 or _pragma(connection, "application_id") != _APPLICATION:
        raise InvalidArgumentError(f"expected the database of a fleet, got another one: {path}")
    if version > VERSION:
        raise InvalidArgumentError(
            f"{path} was written by a newer version of evenergy (format {version}, this version reads up to {VERSION}):"
            " upgrade evenergy here"
        )
    about = connection.execute("SELECT logs FROM about").fetchone()
    if about is None:
        raise InvalidArgumentError(f"the database {path} is damaged, its table 'about' is empty: restore a backup")
    if about[0] != table.name:
        raise InvalidArgumentError(f"expected a database of {table.name}, got one of {about[0]}: {path}")


def identity(connection: sqlite3.Connection) -> str:
    """Return a text that no other database has."""
    return str(connection.execute("SELECT identity FROM about").fetchone()[0])


def columns(connection: sqlite3.Connection, table: LogTable) -> list[str]:
    """Return the columns of the logs in the file."""
    found = connection.execute("SELECT name FROM pragma_table_info(?)", (table.name,)).fetchall()
    return [str(name) for (name,) in found]


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _created(table: LogTable) -> list[str]:
    declared = [f"{column.name} {_TYPES[column.type]}" for column in table.layout.columns]
    for at in (table.device_at, table.time_at):
        declared[at] += " NOT NULL"
    device, devices, logs = table.device, table.devices, table.name
    times = "first_sampled_at TEXT NOT NULL, last_sampled_at TEXT NOT NULL"
    newest = f"log.{device} = device.{device} AND log.sampled_at = device.last_sampled_at"
    return [
        f"CREATE TABLE {logs} ({', '.join(declared)}, PRIMARY KEY ({device}, sampled_at)) WITHOUT ROWID",
        f"CREATE TABLE marks ({device} TEXT PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID",
        f"CREATE TABLE {devices} ({device} TEXT PRIMARY KEY, {times}) WITHOUT ROWID",
        "CREATE TABLE months (month TEXT PRIMARY KEY, changes INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE about (logs TEXT NOT NULL, identity TEXT NOT NULL)",
        f"CREATE VIEW latest_status_logs AS SELECT log.* FROM {devices} AS device JOIN {logs} AS log ON {newest}",
    ]


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _add_columns(connection: sqlite3.Connection, table: LogTable) -> None:
    """Add the columns of fields that are newer than the file. Rows from before have NULL in them."""
    there = set(columns(connection, table))
    for column in table.layout.columns:
        if column.name not in there:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {_TYPES[column.type]}")
