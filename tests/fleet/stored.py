"""Contents of a database, as another program reads them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any


def query(path: Path, statement: str, *values: object) -> list[Any]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def stored(path: Path) -> list[tuple[str, str]]:
    return query(path, "SELECT vehicle_id, sampled_at FROM vehicle_status_logs ORDER BY 1, 2")


def count(path: Path) -> int:
    return len(stored(path))
