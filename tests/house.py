"""Checks that operations, collections and models are complete. Each yields messages that say what to add, and where."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import attrs

import evenergy
import evenergy.resources
from evenergy import _names
from evenergy._core.resource import Resource
from tests.operations import Row, first_rows, found

PACKAGE = Path(evenergy.__file__).parent
DOMAINS = found(evenergy.resources.__path__, evenergy.resources.__name__)
"""Modules of ``evenergy.resources``, by name."""

MODULES: Mapping[str, Sequence[str]] = _names.MODULES
"""Table of the public names, by module."""

PUBLIC: Sequence[str] = cast("Any", evenergy).__all__


def assert_none(findings: Iterable[str]) -> None:
    """Fail with all findings, a line each."""
    found = list(findings)
    assert not found, "\n".join([f"{len(found)} found", *found])


def collections(resource: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield a client and all its collections, each with its path; of a class of clients too."""
    yield path, resource
    for name in public(resource):
        inner = getattr(resource, name)
        if isinstance(inner, Resource):
            yield from collections(inner, f"{path}.{name}" if path else name)


def public(thing: object) -> list[str]:
    """Return the public names of an object."""
    return [name for name in dir(thing) if not name.startswith("_")]


def methods(client: Any) -> dict[str, Callable[..., Any]]:
    """Return all public methods of a client and its collections, by path."""
    return {
        f"{path}.{name}" if path else name: getattr(collection, name)
        for path, collection in collections(client)
        for name in public(collection)
        if inspect.isroutine(getattr(collection, name))
    }


def operations(client: Any) -> dict[str, Callable[..., Any]]:
    """Return the methods that describe one request: those of `operation` and `paged`."""
    return {name: method for name, method in methods(client).items() if _is_operation(method)}


def _is_operation(method: Callable[..., Any]) -> bool:
    described = inspect.get_annotations(inspect.unwrap(method)).get("return")
    return re.search(r"\b(List)?Request\[", str(described)) is not None


def _home(client: Any, method: str) -> str:
    """Return the module of the resource class that a method belongs to."""
    path, _, _ = method.rpartition(".")
    return type(attrgetter(path)(client)).__module__.rpartition(".")[2] if path else "client"


def lacking_rows(client: Any, rows: Iterable[Row]) -> Iterator[str]:
    """Find operations without a row, and rows without an operation."""
    described, calls = operations(client), defaultdict[str, set[str]](set)
    for row in rows:
        calls[row.id].add(row.called.method)
    called = {method for names in calls.values() for method in names}
    for name in sorted(described.keys() - called):
        yield f"client.{name} has no row: add one to ROWS in tests/operations/{_home(client, name)}.py"
    for name in sorted(called - described.keys()):
        yield f"client.{name} is no operation: correct the call of its row in tests/operations"
    for operation_id, names in calls.items():
        if len(names) > 1:
            yield f"{operation_id} calls {' and '.join(sorted(names))}: correct the id of one row in tests/operations"


def lacking_arguments(client: Any, rows: Iterable[Row]) -> Iterator[str]:
    """Find arguments that the first row of an operation does not give."""
    described = operations(client)
    for row in first_rows(rows).values():
        method = described.get(row.called.method, row.call)
        keywords = {one.name for one in inspect.signature(method).parameters.values() if one.kind is one.KEYWORD_ONLY}
        for name in sorted(keywords - row.called.keywords.keys()):
            yield f"the first row of {row.id} does not give {name}: add it to the call"


def misplaced_rows(client: Any, modules: Mapping[str, object]) -> Iterator[str]:
    """Find rows that stand in the module of another domain."""
    described = operations(client)
    for module, rows in ((name, getattr(module, "ROWS", ())) for name, module in modules.items()):
        for row in rows:
            home = _home(client, row.called.method) if row.called.method in described else module
            if home != module:
                yield f"the row of {row.id} stands in tests/operations/{module}.py: move it to {home}.py"


def lacking_children(domains: Mapping[str, ModuleType], client: Any) -> Iterator[str]:
    """Find resource classes that no client leads to."""
    reached = {base for _, collection in collections(client) for base in type(collection).__mro__}
    for domain, module in domains.items():
        for name, kind in vars(module).items():
            is_own = isinstance(kind, type) and kind.__module__ == module.__name__
            if is_own and issubclass(kind, Resource) and kind not in reached:
                line = f'name: Child[{name}[M_co]] = Child("{domain}:{name}")'
                yield (
                    f"no attribute of a client leads to {name} of evenergy/resources/{domain}.py:"
                    f" add `{line}` to Api in evenergy/client.py, or to the resource that it is below"
                )


def lacking_exports(domains: Mapping[str, ModuleType], table: Mapping[str, Sequence[str]], init: str) -> Iterator[str]:
    """Find models, enumerations and aliases that are not public, given the text of ``evenergy/__init__.py``."""
    for domain, module in domains.items():
        declared, where = set[str](getattr(module, "__all__", ())), f".resources.{domain}"
        for name in sorted(_values(module) - declared):
            yield f"{name} is missing in __all__ of evenergy/resources/{domain}.py"
        for name in sorted(declared - set(table.get(where, ()))):
            yield f'{name} is missing at "{where}" in evenergy/_names.py'
        for name in sorted(set(table.get(where, ())) - declared):
            yield f'{name} stands at "{where}" in evenergy/_names.py, but not in __all__ of that module'
        if declared and f"from {where} import *\n" not in init:
            yield f"`from {where} import *` is missing below TYPE_CHECKING in evenergy/__init__.py"
    gone = {name for name in table if name.startswith(".resources.")} - {f".resources.{domain}" for domain in domains}
    for name in sorted(gone):
        yield f'"{name}" stands in evenergy/_names.py, but there is no such file'


def _values(module: ModuleType) -> set[str]:
    """Return the public models, enumerations and aliases that a module defines."""
    found = {
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__ and (attrs.has(kind) or issubclass(kind, Enum))
    }
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).endswith("TypeAlias"):
            found.add(ast.unparse(node.target))
    return {name for name in found if not name.startswith("_")}
