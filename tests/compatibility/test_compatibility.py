"""Programs written for version 0.1.0 run unchanged: the blocks of its README, and all its names and arguments."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import pytest

import evenergy
from evenergy import AsyncClient, Client
from evenergy.sandbox import Sandbox
from tests.blocks import environment as environment_of, python_blocks

HERE = Path(__file__).parent
OLD: dict[str, Any] = json.loads((HERE / "names-0.1.0.json").read_text(encoding="utf-8"))
BLOCKS = [block.code for block in python_blocks((HERE / "README-0.1.0.md").read_text(encoding="utf-8"))]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with Sandbox() as sandbox:
        yield environment_of(sandbox)


@pytest.mark.parametrize("code", BLOCKS)
def test_a_program_of_the_old_readme_runs(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_program.py").write_text(code)
    command = [sys.executable, "-W", "error", "test_program.py"]
    if "def test_" in code:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_names_are_still_there() -> None:
    assert [name for name in OLD["names"] if not hasattr(evenergy, name)] == []


@pytest.mark.parametrize("client", [AsyncClient("t"), Client("t")], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("path", OLD["calls"])
def test_a_method_takes_its_old_arguments(client: AsyncClient | Client, path: str) -> None:
    new = {one.name: one for one in inspect.signature(attrgetter(path)(client)).parameters.values()}
    old = {name: (kind.upper(), has_default) for name, kind, has_default in OLD["calls"][path]}
    for name, (kind, has_default) in old.items():
        assert new[name].kind.name == kind
        assert new[name].default is not inspect.Parameter.empty or not has_default
    optional = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    added = [one for name, one in new.items() if name not in old and one.kind not in optional]
    assert all(one.default is not inspect.Parameter.empty for one in added)


@pytest.mark.parametrize("name", OLD["fields"])
def test_a_class_has_its_old_fields(name: str) -> None:
    assert set(OLD["fields"][name]) <= {field.name for field in attrs.fields(getattr(evenergy, name))}
