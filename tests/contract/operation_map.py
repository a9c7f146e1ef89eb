"""Map of all operations, in CSV files: the names, arguments and spellings that the client must have.

The directory of ``operations.csv``, ``operations-parameters.csv`` and ``operations-values.csv`` is that of
``EVENERGY_OPERATIONS``, else ``../shared`` beside the checkout.
"""

from __future__ import annotations

import ast
import csv
import os
import re
from pathlib import Path
from typing import Any

import attrs

VARIABLE = "EVENERGY_OPERATIONS"

_BESIDE = Path(__file__).parents[3] / "shared"


@attrs.frozen
class Parameter:
    """Argument of an operation, and its place on the wire."""

    operation_id: str
    name: str
    kind: str
    required: str
    type: str
    place: str
    wire_name: str
    written: str

    @property
    def is_required(self) -> bool:
        return self.required == "yes"

    @property
    def classes(self) -> list[str]:
        """Return the names of the types that it takes."""
        return re.findall(r"\w+", self.type)


@attrs.frozen
class Mapped:
    """Operation as the map has it."""

    operation_id: str
    method: str
    path: str
    client_call: str
    result: str
    paging: str
    needs_user: str
    domain_file: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the method, below the client."""
        return self.client_call.partition("(")[0]

    @property
    def arguments(self) -> list[tuple[str, str, str]]:
        """Return the name, the kind and the default of each argument."""
        arguments = ast.parse(f"def f({self.client_call.partition('(')[2].removesuffix(')')}): ...").body[0]
        assert isinstance(arguments, ast.FunctionDef)
        given = arguments.args
        positional = [(one.arg, "positional", "required") for one in given.posonlyargs]
        keywords = zip(given.kwonlyargs, given.kw_defaults, strict=True)
        return positional + [(one.arg, "keyword", ast.unparse(d) if d else "required") for one, d in keywords]


@attrs.frozen
class Value:
    """Class, enumeration or list of literals as the map has it."""

    name: str
    domain_file: str
    kind: str
    schemas: str
    members: tuple[str, ...]


def directory() -> Path | None:
    """Return where the files are, or None."""
    given = os.environ.get(VARIABLE)
    found = Path(given) if given else _BESIDE
    return found if (found / "operations.csv").exists() else None


def operations(where: Path) -> list[Mapped]:
    """Return all operations, with their parameters."""
    parameters = [Parameter(**row) for row in _rows(where / "operations-parameters.csv")]
    return [
        Mapped(**row, parameters=tuple(one for one in parameters if one.operation_id == row["operation_id"]))
        for row in _rows(where / "operations.csv")
    ]


def values(where: Path) -> list[Value]:
    """Return all classes, enumerations and lists of literals."""
    return [
        Value(row["class"], row["domain_file"], row["kind"], row["schemas"], _members(row))
        for row in _rows(where / "operations-values.csv")
    ]


def prefixes(mapped: list[Mapped]) -> dict[str, str]:
    """Return the prefix of the ids of each collection: that of the identifier behind its name in a path."""
    found: dict[str, str] = {}
    for operation in mapped:
        for parameter in operation.parameters:
            collection = re.search(rf"/(\w+)/{{{parameter.wire_name}}}", operation.path)
            if collection and parameter.place == "path" and parameter.written.startswith("id:"):
                found[collection[1]] = parameter.written.removeprefix("id:")
    return found


def _members(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row["members"].split(None if row["kind"] == "value" else "|"))


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
