"""Docstrings, against the statuses that the description gives an operation."""

from __future__ import annotations

import inspect
import re
from operator import attrgetter

from evenergy import AsyncClient
from tests.operations import ROWS, Row, first_rows

from .description import Description

NAMES = {"409": "ConflictError", "413": "PayloadTooLargeError", "422": "UnprocessableEntityError", "503": "ServerError"}


def test_docstrings_say_what_the_special_statuses_mean(description: Description) -> None:
    rows = first_rows(ROWS)
    silent = [
        f"{rows[operation.id].called.method}: {status}"
        for operation in description.operations.values()
        for status, name in NAMES.items()
        if status in operation.raw["responses"]
        and not {status, name} & set(re.findall(r"\w+", docstring(rows[operation.id])))
    ]
    assert not silent


def test_docstrings_say_which_operations_need_a_user() -> None:
    silent = [row.called.method for row in first_rows(ROWS).values() if row.needs_user and "user" not in docstring(row)]
    assert not silent


def docstring(row: Row) -> str:
    return inspect.getdoc(attrgetter(row.called.method)(AsyncClient)) or ""
