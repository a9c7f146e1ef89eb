"""Every block of the README is run, against the sandbox."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import evenergy
from evenergy.sandbox import Sandbox
from tests.blocks import ROOT, blocks, environment as environment_of, python_blocks

TEXT = (ROOT / "README.md").read_text()
PYTHON = python_blocks(TEXT)
SHELL = [block.code.strip() for block in blocks(TEXT) if block.language == "sh"]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    with Sandbox() as sandbox:
        yield environment_of(sandbox)


def run(command: list[str], environment: dict[str, str], where: Path) -> str:
    done = subprocess.run(command, env=environment, cwd=where, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("code", [block.code for block in PYTHON if not block.is_test])
def test_an_example_runs_and_prints_something(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    assert run([sys.executable, "-W", "error", "-c", code], environment, tmp_path).strip()


@pytest.mark.parametrize("code", [block.code for block in PYTHON if block.is_test])
def test_an_example_of_a_test_passes(code: str, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(code)
    assert "1 passed" in run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], environment, tmp_path)


def test_the_commands_for_a_fresh_machine_are_those_that_the_gate_runs() -> None:
    """`.ci/run` takes them out of the README and runs them in new virtual environments."""
    first, second = SHELL
    assert re.fullmatch(r"python3 -m venv \.venv && .*evenergy demo", first)
    assert re.fullmatch(r"python3 -m venv \.venv-dev && .*pytest -q -n auto", second)
    gate = (ROOT / ".ci" / "run").read_text()
    assert "grep -m1 '^python3 -m venv .*evenergy demo' README.md" in gate
    assert "grep -m1 '^python3 -m venv .*pytest' README.md" in gate


def test_the_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_the_table_of_options_has_all_that_the_clients_take() -> None:
    table = TEXT.partition("\n## Options\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)`( \*)? \| (.*?) \| (.*) \|$", table, re.MULTILINE)
    options = set(inspect.signature(evenergy.AsyncClient).parameters)
    assert {name for name, *_ in rows} == options
    assert options - set(inspect.signature(evenergy.Client).parameters) == {"session"}
    views = {name for name, star, *_ in rows if star} | set(re.findall(r"`(\w+)` \*", " ".join(row[3] for row in rows)))
    assert views == set(inspect.signature(evenergy.AsyncClient.with_options).parameters) - {"self"}
    defaults = inspect.signature(evenergy.AsyncClient).parameters
    for name, _, default, _ in rows:
        if number := re.match(r"\d+", default):
            assert float(number[0]) == float(defaults[name].default), name
