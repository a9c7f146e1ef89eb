"""Database of a fleet's logs: SQLite, in which the logs of a page and its marks are one transaction."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self, cast

from evenergy._codec.columns import layout
from evenergy.errors import ClosedError, EvEnergyError, InvalidArgumentError
from evenergy.resources.vehicles import VehicleStatusLog

from . import schema
from .lease import Lease
from .marks import continues, log_of, moment
from .schema import LogTable

_WHOLE: Final = 1 << 63  # the bound of SQLite's whole numbers

_log = logging.getLogger(__name__)


class LogPage(Protocol):
    """Page that can be saved, such as a `NewLogs`."""

    @property
    def logs(self) -> Sequence[object]:
        """Return the logs, each of which names its device."""
        ...

    @property
    def marks(self) -> Mapping[str, str]:
        """Return the marks that changed, by device."""
        ...


class FleetDatabase:
    """Database of the status logs of a fleet, and of the marks that say how far they were delivered.

        with evenergy.Client() as client, evenergy.FleetDatabase("fleet.db") as database:
            for page in client.fleet.new_status_logs(database.marks):
                database.save(page)

    It is a SQLite file in WAL mode, for a local disk. A page is saved with its marks in one transaction, so no crash
    loses a log or doubles one. One `FleetDatabase` at a time may have a file open; when its process ends, in whatever
    way, the file is free. Other programs may read it meanwhile.

    The tables: the logs, such as ``vehicle_status_logs``, with the names of the API for columns, and times as text in
    UTC (``2026-11-25T10:00:00.000000Z``); the devices, such as ``vehicles``, with the times of their first and last
    log; the view ``latest_status_logs``, with one log for each device; ``marks``; ``months``. A newer version of the
    library adds columns when it opens the file.

    Its methods may be called from any thread. They block for some milliseconds.

    Args:
        path: The file, which is made when it is missing.
        of: The class of the logs. A file holds logs of one class.

    Raises:
        SyncRunningError: Another `FleetDatabase` has the file open.
        InvalidArgumentError: The file holds something else, or logs of another class, or a newer version wrote it.
        EvEnergyError: The file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, of: type = VehicleStatusLog) -> None:
        self.path: Path = file_path(path)
        self._table = LogTable.of(layout(of))
        self._lock = threading.RLock()
        self._known: dict[str, str] = {}  # the marks on which this run builds
        self._behind: set[str] = set()  # devices whose mark in the file is not the one that this run continues
        self._lease = Lease(self.path)
        try:
            self._connection = self._opened()
            _ = self.marks  # a run may continue marks that were read before
        except BaseException:
            self._lease.release()
            raise

    @property
    def marks(self) -> dict[str, str]:
        """Return all marks, for `new_status_logs`. Reading them begins a run: read them once for each."""
        with self._use() as connection:
            rows = cast("list[tuple[str, str]]", connection.execute(self._table.all_marks).fetchall())
            self._known = dict(rows)
            self._behind.clear()
            return dict(self._known)

    def save(self, page: LogPage) -> int:
        """Save the logs and the marks of a page in one transaction, and return the number of logs that are new.

        A device whose mark is no longer the one that this run began with is left out, and so are its later pages: the
        next run reads it again. The same holds for the devices of a page that could not be saved.

        Raises:
            InvalidArgumentError: A log has no device, or no time, or is of another class; or the page comes from a run
                that was not given the marks of this database, and would leave logs out.
            EvEnergyError: The page could not be written; the database is as it was before.
        """
        with self._use() as connection:
            self._check_base(page.marks)
            behind, self._behind = self._behind, self._behind | page.marks.keys()  # until it is known to be saved
            rows = self._rows(page.logs)
            with self._transaction(connection):
                swapped = {one for one in page.marks.keys() - behind if self._swap(one, page.marks[one])}
                left_out = behind | (page.marks.keys() - swapped)
                saved = self._insert(row for row in rows if row[self._table.device_at] not in left_out)
            self._known.update((one, page.marks[one]) for one in swapped)
            self._behind -= swapped
            if lost := len(page.marks.keys() - behind - swapped):
                _log.warning("%s: another run moved %d marks; those devices wait for the next run", self.path, lost)
            return saved

    def close(self) -> None:
        """Close the file, and let others open it. A second call does nothing."""
        with self._lock:
            try:
                if os.getpid() == self._lease.pid:  # a connection must not be used in a fork, not even to close it
                    self._connection.close()
            finally:
                self._lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.path)!r}{'' if self._lease.held else ', closed'}>"

    def __reduce__(self) -> str:
        raise TypeError("a FleetDatabase cannot be pickled: open the file where it is used")

    def _opened(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = None
        try:
            with in_words(self.path, "opened"):
                connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
                schema.prepare(connection, self._table, self.path)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _use(self) -> Generator[sqlite3.Connection]:
        """Give the connection to one thread."""
        with self._lock:
            if os.getpid() != self._lease.pid:
                raise ClosedError(f"{self.path} was opened before a fork: open it in the process that uses it")
            if not self._lease.held:
                raise ClosedError(f"{self.path} was closed")
            with in_words(self.path, "used"):
                yield self._connection

    @contextlib.contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Generator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _rows(self, logs: Iterable[object]) -> list[list[Any]]:
        table = self._table
        rows = [table.row(cells) for cells in table.layout.rows(logs)]
        for row, log in zip(rows, logs, strict=True):
            row[table.time_at] = row[table.time_at] or _key_text(log)
            if row[table.device_at] is None or row[table.time_at] is None:
                raise InvalidArgumentError(f"expected logs with a device and a time, got {log!r}")
        return rows

    def _check_base(self, marks: Mapping[str, str]) -> None:
        for one, mark in marks.items():
            if one in self._known and not continues(self._known[one], mark):
                raise InvalidArgumentError(
                    f"the page of {one or 'the list'} does not continue what {self.path} holds, and would leave out the"
                    " logs in between: pass database.marks to new_status_logs"
                )

    def _swap(self, device_id: str, mark: str) -> bool:
        """Replace a mark if it is still the one that this run builds on."""
        table, known = self._table, self._known.get(device_id)
        if known is None:
            return self._connection.execute(table.add_mark, (device_id, mark)).rowcount == 1
        return self._connection.execute(table.swap_mark, (mark, device_id, known)).rowcount == 1

    def _insert(self, rows: Iterable[list[Any]]) -> int:
        """Insert the logs that are not there, with what is known of their devices and months."""
        table, connection = self._table, self._connection
        new = [row for row in rows if self._added(row)]
        times = [(row[table.device_at], row[table.time_at]) for row in new]
        connection.executemany(table.seen, [(device_id, time, time) for device_id, time in times])
        connection.executemany(schema.CHANGED, [(month,) for month in {schema.month(time) for _, time in times}])
        return len(new)

    def _added(self, row: list[Any]) -> bool:
        """Insert a log, and return whether it is new. One odd number must not end each run at the same place."""
        try:
            return self._connection.execute(self._table.insert, row).rowcount == 1
        except OverflowError:
            for at, name in enumerate(self._table.layout.names):
                if isinstance(row[at], int) and not -_WHOLE <= row[at] < _WHOLE:
                    _log.warning("%s: %s=%d of %s is saved as NULL: too large", self.path, name, row[at], row[0])
                    row[at] = None
            return self._connection.execute(self._table.insert, row).rowcount == 1


def file_path(value: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a database.

    Raises:
        InvalidArgumentError: It is no path of a file.
    """
    if isinstance(cast("object", value), str | os.PathLike) and str(value) not in ("", ":memory:"):
        # The working directory may change, and two names of one file must have one lock.
        with contextlib.suppress(ValueError, OSError, RuntimeError):
            return Path(value).expanduser().resolve()
    raise InvalidArgumentError(f"expected path as the path of a file, got {value!r}")


def _key_text(log: Any) -> str | None:
    """Return the time that names a log without a ``sampled_at``: that in its URL."""
    found = log_of(log, sampled_at=None, logged_at=None, url=getattr(log, "url", None))
    return None if found is None else schema.time_text(moment(found.key))


@contextlib.contextmanager
def in_words(path: Path, done: str) -> Generator[None]:
    """Raise the errors of SQLite as one of this library."""
    try:
        yield
    except (sqlite3.Error, OverflowError, UnicodeError) as error:  # a time or a text that cannot be written
        raise EvEnergyError(f"the database {path} could not be {done}: {error}") from None
