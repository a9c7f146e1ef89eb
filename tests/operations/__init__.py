"""Table of all operations, which the unit tests, the contract suite and its coverage read.

Each domain of ``evenergy.resources`` has a module of the same name here, found on disk. Its ``ROWS`` have a `Row` for
each operation, the first of its id with every argument of the method, and valid to the provider's description. Further
rows of an id are there only where a call is peculiar: the tests themselves leave arguments out, and pass None, URLs,
models and invalid values.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

import attrs

from ._row import USER, Call, Row, Sent

__all__ = ["MODULES", "OPERATIONS", "ROWS", "USER", "Call", "Row", "Sent", "first_rows", "found"]


def found(package: Iterable[str], name: str) -> dict[str, ModuleType]:
    """Return the public modules of a package, by name."""
    public = (module.name for module in pkgutil.iter_modules(package) if not module.name.startswith("_"))
    return {module: importlib.import_module(f"{name}.{module}") for module in public}


def first_rows(rows: Iterable[Row]) -> dict[str, Row]:
    """Return the first row of each id."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.id, row)
    return first


def _whole(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Give further rows of an id what the first says of the operation."""
    rows = tuple(rows)
    first = first_rows(rows)
    return tuple(
        attrs.evolve(row, result=of.result, paging=of.paging, needs_user=of.needs_user)
        for row in rows
        for of in (first[row.id],)
    )


MODULES = found(__path__, __name__)
"""Modules of rows, by the name of their domain."""

ROWS: tuple[Row, ...] = _whole(row for module in MODULES.values() for row in getattr(module, "ROWS", ()))
"""All rows, domain by domain."""

OPERATIONS: dict[str, Row] = first_rows(ROWS)
"""The first row of each operation, by the operation's id."""
