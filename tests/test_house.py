"""Structure of the package: imports, sizes, docstrings; and the checks that nothing new is left half done."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from evenergy import AsyncClient, Client
from evenergy._core.resource import Async, operation
from evenergy._transport.request import Request, request
from evenergy.client import Api
from tests.house import (
    DOMAINS,
    PACKAGE,
    assert_none,
    lacking_arguments,
    lacking_children,
    lacking_exports,
    lacking_rows,
    misplaced_rows,
)
from tests.operations import MODULES as ROW_MODULES, ROWS, Row

TESTS = Path(__file__).parent
INIT = (PACKAGE / "__init__.py").read_text(encoding="utf-8")

# A module imports only what stands left of its folder, or in it; the public names of `evenergy` follow the clients.
ORDER = (
    *(
        "_version",
        "_names",
        "_logging",
        "_lazy",
        "errors",
        "_codec",
        "auth",
        "token_store",
        "_transport",
        "budgets",
        "_core",
        "resources",
    ),
    *("records", "fleet", "webhooks"),
    *("client", "dlt", "evenergy", "sandbox", "proxy", "recording", "cli", "__main__"),
)

FILES = {
    ".".join(("evenergy", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
PACKAGES = {module for module, path in FILES.items() if path.name == "__init__.py"}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in FILES.items()}

each_client = pytest.mark.parametrize("client", [AsyncClient, Client])


# Nothing new is left half done


@each_client
def test_every_operation_has_a_row(client: type[AsyncClient | Client]) -> None:
    assert_none(lacking_rows(client, ROWS))


def test_first_rows_give_every_argument() -> None:
    assert_none(lacking_arguments(AsyncClient, ROWS))


def test_rows_stand_in_the_module_of_their_domain() -> None:
    assert_none(misplaced_rows(AsyncClient, ROW_MODULES))
    assert ROW_MODULES.keys() - {"client"} <= DOMAINS.keys()


@each_client
def test_every_resource_is_reached(client: type[AsyncClient | Client]) -> None:
    assert_none(lacking_children(DOMAINS, client))


class Extended(Api[Async]):
    """A client with an operation more."""

    @operation
    def version(self, *, language: str | None = None) -> Request[dict[str, str]]:
        """Return the version."""
        return request(dict[str, str], "GET", "/version", language=language)


def new_findings(client: type[Api[Async]], rows: Sequence[Row]) -> list[str]:
    known = set(lacking_rows(AsyncClient, ROWS))
    return [message for message in lacking_rows(client, rows) if message not in known]


def test_an_operation_without_a_row_is_found() -> None:
    assert new_findings(Extended, ROWS) == ["client.version has no row: add one to ROWS in tests/operations/client.py"]


def test_a_row_without_an_operation_is_found() -> None:
    rows = [
        *ROWS,
        Row("get-vehicles-vehicle_id", lambda c: c.users.get("u"), "GET /users/u"),
        Row("post-oauth", lambda c: c.oauth.revoke(), "POST /"),
    ]
    assert new_findings(AsyncClient, rows) == [
        "client.oauth.revoke is no operation: correct the call of its row in tests/operations",
        "get-vehicles-vehicle_id calls users.get and vehicles.get: correct the id of one row in tests/operations",
    ]


def test_an_argument_that_no_row_gives_is_found() -> None:
    rows = [Row("get-users", lambda c: c.users.list(email="a@example.com"), "GET /users")]
    assert list(lacking_arguments(AsyncClient, rows)) == [
        "the first row of get-users does not give expand: add it to the call",
        "the first row of get-users does not give page_size: add it to the call",
    ]


def test_a_misplaced_row_is_found() -> None:
    misplaced = ModuleType("users")
    vars(misplaced)["ROWS"] = [Row("get-vehicles", lambda c: c.vehicles.list(), "GET /vehicles")]
    assert list(misplaced_rows(AsyncClient, {"users": misplaced})) == [
        "the row of get-vehicles stands in tests/operations/users.py: move it to vehicles.py"
    ]


CHARGERS = '''
from __future__ import annotations
from typing import Literal, TypeAlias
from evenergy._codec.model import model
from evenergy._codec.wire_types import OpenEnum
from evenergy._core.resource import M_co, Resource
__all__ = ["Charger", "Plug"]
ChargerExpand: TypeAlias = Literal["user"]
class Plug(OpenEnum):
    TYPE_2 = "TYPE_2"
class Current(OpenEnum):
    AC = "AC"
@model
class Charger:
    id: str
@model
class ChargerLog:
    url: str | None = None
class Chargers(Resource[M_co]):
    """Chargers."""
'''


@pytest.fixture
def chargers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give a domain that is half done."""
    (tmp_path / "chargers.py").write_text(CHARGERS)
    spec = importlib.util.spec_from_file_location("chargers", tmp_path / "chargers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "chargers", module)
    spec.loader.exec_module(module)
    return module


def test_a_resource_that_no_client_leads_to_is_found(chargers: ModuleType) -> None:
    message = (
        "no attribute of a client leads to Chargers of evenergy/resources/chargers.py: add"
        ' `name: Child[Chargers[M_co]] = Child("chargers:Chargers")` to Api in evenergy/client.py,'
        " or to the resource that it is below"
    )
    assert list(lacking_children({"chargers": chargers}, Client)) == [message]


def test_names_that_are_not_public_are_found(chargers: ModuleType) -> None:
    table = {".resources.chargers": ("Charger", "Socket"), ".resources.gone": ("Gone",)}
    assert list(lacking_exports({"chargers": chargers}, table, INIT)) == [
        "ChargerExpand is missing in __all__ of evenergy/resources/chargers.py",
        "ChargerLog is missing in __all__ of evenergy/resources/chargers.py",
        "Current is missing in __all__ of evenergy/resources/chargers.py",
        'Plug is missing at ".resources.chargers" in evenergy/_names.py',
        'Socket stands at ".resources.chargers" in evenergy/_names.py, but not in __all__ of that module',
        "`from .resources.chargers import *` is missing below TYPE_CHECKING in evenergy/__init__.py",
        '".resources.gone" stands in evenergy/_names.py, but there is no such file',
    ]


def test_a_domain_that_the_table_lacks_is_found(chargers: ModuleType) -> None:
    found = list(lacking_exports({"chargers": chargers}, {}, ""))
    assert 'Charger is missing at ".resources.chargers" in evenergy/_names.py' in found


# Structure


def imports(module: str, *, deferred: bool = True) -> set[str]:
    """Return the modules of the package that a module imports, also below TYPE_CHECKING and in functions or not."""
    found, nodes = set[str](), list(ast.iter_child_nodes(TREES[module]))
    package = module.split(".")[: None if module in PACKAGES else -1]
    for node in nodes:
        if deferred or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If):
            nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join(filter(None, (*above, node.module)))
            found |= {name if (name := f"{source}.{alias.name}") in TREES else source for alias in node.names}
    return found & TREES.keys() - {module}


def rank(module: str) -> int:
    return ORDER.index(folder(module))


def folder(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_imports_go_one_way() -> None:
    pairs = [(module, other) for module in TREES for other in imports(module)]
    assert len(pairs) > 200
    assert [pair for pair in pairs if rank(pair[1]) > rank(pair[0])] == []
    assert [pair for pair in pairs if folder(pair[0]) == "sandbox" != folder(pair[1])] == []
    graphlib.TopologicalSorter({module: imports(module, deferred=False) for module in TREES}).prepare()  # no circle


def test_imports_at_first_use_go_through_lazy_which_a_fork_waits_for() -> None:
    late = [f"{name} imports by itself" for name, node in functions() for each in ast.walk(node) if _imports(each)]
    allowed = ("evenergy._lazy.", "evenergy.sandbox.", "evenergy.cli.", "evenergy.dlt.")
    assert not [one for one in late if not one.startswith(allowed)]


def _imports(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Attribute) and node.attr == "import_module"
    )


def foreign_writes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield the attributes that a function sets on an object that is neither its own nor made in it."""
    own = {"self", "cls"}
    for each in ast.walk(node):
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call):
            own |= {target.id for target in each.targets if isinstance(target, ast.Name)}
    for each in ast.walk(node):
        if not (isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)):
            continue
        if ast.unparse(each.value) not in own and not re.fullmatch("__.*__|args", each.attr):
            yield f"{node.name} sets {ast.unparse(each)}"


def test_no_attribute_of_one_object_is_written_by_another() -> None:
    written = {f"{module}: {one}" for module, tree in TREES.items() for one in _foreign(module, tree)}
    facts = re.compile(r"evenergy\.budgets\.(rules|slots): \w+ sets (self\.)?facts\.")  # a row of the ledger
    written = {one for one in written if not facts.match(one)}
    # The sandbox's tables are its database; the grant's token is where the caller reads and assigns it.
    assert written == {"evenergy._transport.token_owner: _set sets self._code.token"}


def _foreign(module: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and folder(module) != "sandbox":
            yield from foreign_writes(node)


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}.{node.name}", node


def nesting(node: ast.AST, *, is_elif: bool = False) -> int:
    """Return the depth of blocks in a function; ``elif`` is as deep as its ``if``."""
    blocks = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
    inner = [
        nesting(child, is_elif=isinstance(node, ast.If) and node.orelse == [child])
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return max(inner, default=0) + (isinstance(node, blocks) and not is_elif)


def size(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function; of an operation without its arguments and docstring, which the API dictates."""
    is_operation = any(isinstance(one, ast.Name) and one.id in {"operation", "paged"} for one in node.decorator_list)
    first = node.body[1] if is_operation and len(node.body) > 1 else node
    return (node.end_lineno or node.lineno) - first.lineno + 1


def test_files_functions_and_nesting_are_small() -> None:
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in FILES.items()}
    tests = list(TESTS.rglob("*.py"))
    lines |= {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in tests}
    long = [f"{module} has {count} lines" for module, count in lines.items() if count > 400]
    long += [f"{name} has {size(node)} lines" for name, node in functions() if size(node) > 40]
    long += [f"{name} nests {nesting(node)} blocks" for name, node in functions() if nesting(node) > 3]
    assert not long, "\n".join(long)


def docstrings() -> Iterator[tuple[str, str]]:
    for path in (path for folder in (PACKAGE, TESTS, TESTS.parent / "benchmarks") for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(TESTS.parent)}:{getattr(node, 'lineno', 1)}", ast.get_docstring(node) or ""


def test_no_docstring_begins_with_a_question() -> None:
    questions = re.compile(r"(What|Who|Whose|Whether|How)\b")
    assert [(where, text.splitlines()[0]) for where, text in docstrings() if questions.match(text)] == []


def test_no_name_of_a_test_begins_with_a_question() -> None:
    names = (
        name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    )
    assert [name for name in names if re.match(r"test_(what|who|whose|whether|how)_", name)] == []
