"""Pages of the documentation: their code blocks run and cost what they say, and what they name exists."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import griffe
import pytest

import evenergy
from docs.tools import reference, site
from docs.tools.model_fields import ModelFields
from docs.tools.signatures import ClientSignatures, collections, home, methods
from evenergy.sandbox import Sandbox
from tests.blocks import ROOT, Block, environment, python_blocks

DOCS = ROOT / "docs"
PAGES = [path for paths in site.pages().values() for path in paths]
SKILL = ROOT / "evenergy" / "SKILL.md"
WITH_CODE = {
    path: (DOCS / path).read_text("utf-8") for path in PAGES if python_blocks((DOCS / path).read_text("utf-8"))
}
PUBLIC: list[str] = vars(evenergy)["__all__"]
TESTED = [*WITH_CODE, str(SKILL)]


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")  # an absolute path stays


def python(arguments: list[str], where: Path, env: dict[str, str] | None = None) -> str:
    given = {**(os.environ if env is None else env), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=given,
        cwd=where,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def matches(expected: str, printed: str) -> bool:
    """Return whether a block printed what the page shows; … stands for anything within a line."""
    pattern = re.escape(expected.strip()).replace("…", ".*")
    return re.fullmatch(pattern, printed.strip()) is not None


@pytest.mark.parametrize("page", TESTED)
def test_the_blocks_of_a_page_run_and_cost_what_they_say(page: str, tmp_path: Path) -> None:
    run = [block for block in python_blocks(text_of(page)) if not block.is_test]
    done: list[dict[str, Any]] = json.loads(python(["-m", "tests.page_runner", str(DOCS / page)], tmp_path))
    assert len(done) == len(run)
    for block, report in zip(run, done, strict=True):
        where = f"{page}:{block.line}"
        assert report["failure"] is None, f"{where}\n{report['failure']}"
        assert report["requests"] == block.requests, f"{where} costs {report['requests']} requests"
        if block.output is not None:
            assert matches(block.output, report["output"]), f"{where} printed\n{report['output']}"


@pytest.mark.parametrize("page", [page for page in TESTED if any(b.is_test for b in python_blocks(text_of(page)))])
def test_the_examples_of_tests_pass(page: str, tmp_path: Path) -> None:
    tests = [block for block in python_blocks(text_of(page)) if block.is_test]
    for number, block in enumerate(tests):
        (tmp_path / f"test_example_{number}.py").write_text(block.code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n",
        encoding="utf-8",
    )
    with Sandbox() as sandbox:
        output = python(["-m", "pytest", "-q", "-p", "no:cacheprovider"], tmp_path, environment(sandbox))
    assert re.search(r"\d+ passed", output)


@pytest.mark.parametrize("page", TESTED)
def test_every_block_says_what_it_costs(page: str) -> None:
    silent = [block.line for block in python_blocks(text_of(page)) if block.requests is None]
    assert not silent, f"{page}: begin the blocks at lines {silent} with a line such as `# requests: 1`"


def test_a_wrong_block_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\n# requests: 0\nimport evenergy\nevenergy.nothing\n```\n", encoding="utf-8")
    (report,) = json.loads(python(["-m", "tests.page_runner", str(page)], tmp_path))
    assert 'page.md", line 4' in report["failure"]
    assert not matches("a … c", "a b")
    assert Block("python", "x\n", 1, None).requests is None


# The reference, and what pages name


def test_every_public_name_has_a_place_in_the_reference() -> None:
    """When this fails: python -m docs.tools.reference, and add a new page to `nav` in zensical.toml."""
    written = reference.pages()
    for path, text in written.items():
        assert (DOCS / path).exists(), f"{path} is missing: run `python -m docs.tools.reference`"
        assert text_of(path) == text, f"{path} is not what the package says: run `python -m docs.tools.reference`"
        assert path in PAGES, f"{path} is not in `nav` of zensical.toml"
    text = "\n".join(written.values())
    missing = [name for name in PUBLIC if f"::: evenergy.{name}\n" not in text and f"## {name}\n" not in text]
    assert not missing


def test_the_reference_shows_the_signatures_that_both_clients_have() -> None:
    package: Any = griffe.load("evenergy", extensions=griffe.load_extensions(ClientSignatures, ModelFields))
    seen = 0
    for path, *clients in collections():
        kind = package[home(clients[0]).removeprefix("evenergy.")]
        for name in methods(clients[0]):
            forms: list[Any] = kind.members[name].overloads or []
            if not forms or "." not in forms[0].name:
                continue  # it is written as it is called
            for client, shown in zip(clients, forms, strict=True):
                method = getattr(client, name)
                signature, seen = inspect.signature(method), seen + 1
                prefix = "await " if inspect.iscoroutinefunction(method) else ""
                assert shown.name == f"{prefix}{path}.{name}"
                assert str(shown.returns) == str(signature.return_annotation)
                parameters = [(one.name, str(one.annotation)) for one in shown.parameters]
                assert parameters == [(one.name, str(one.annotation)) for one in signature.parameters.values()]
    assert seen > 400  # 210 operations in two clients


def test_the_reference_has_a_table_of_all_fields() -> None:
    package: Any = griffe.load("evenergy", extensions=griffe.load_extensions(ClientSignatures, ModelFields))
    kind = package["resources.vehicles.VehicleStatusLog"]
    (table,) = [one for one in kind.docstring.parsed if one.kind is griffe.DocstringSectionKind.attributes]
    assert [row.name for row in table.value] == [field.name for field in attrs.fields(evenergy.VehicleStatusLog)]
    assert all(row.annotation is not None for row in table.value)


def test_every_page_is_in_the_navigation() -> None:
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} == set(PAGES)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text_of(page)):
            assert ((DOCS / page).parent / target).exists(), f"{page} links to {target}"


def test_tests_that_a_page_names_exist() -> None:
    for page in PAGES:
        for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text_of(page)):
            assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{page} names {path}::{name}"


def test_every_quirk_names_its_test() -> None:
    rows = [row for row in text_of("quirks.md").splitlines() if row.startswith("| ") and "---" not in row]
    assert len(rows) > 20
    assert not [row for row in rows[1:] if not re.search(r"`tests/[\w/]+\.py::\w+`", row) and "| test |" not in row]


def test_llms_txt_lists_every_page_and_its_markdown_is_plain(tmp_path: Path) -> None:
    site.add_markdown(tmp_path)
    index = (tmp_path / "llms.txt").read_text("utf-8")
    for page in PAGES:
        assert f"({site.address(page)})" in index
        text = (tmp_path / site.address(page)).read_text("utf-8")
        assert text.startswith("# ")
        assert not re.search(r"^(:::|--8<--)", text, re.MULTILINE), f"{page} needs a generator"
    vehicles = (tmp_path / "reference/api/vehicles/index.md").read_text("utf-8")
    assert (
        "await client.vehicles.get(vehicle_id: str, /, *, expand: Iterable[VehicleExpand] = ()) -> Vehicle" in vehicles
    )
