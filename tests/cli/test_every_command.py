"""Every command, in a pipe and at a pseudo-terminal; and that none is left without a test and a line in the docs."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import click
import pytest

from evenergy import Client, ClientCredentials, FleetDatabase, SQLiteBudget
from evenergy.cli.main import COMMANDS, command
from evenergy.cli.reference import page
from evenergy.sandbox import Sandbox
from tests.cli.lines import LINES, Line
from tests.cli.shell import at_terminal, ended, piped, variables

ROOT = Path(__file__).parents[2]
each_line = pytest.mark.parametrize("line", LINES, ids=[line.text for line in LINES])


@pytest.fixture(scope="module")
def kept(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the newest log of each vehicle in a database, and the budget that they were read on."""
    path = tmp_path_factory.mktemp("kept")
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    shared = SQLiteBudget(path / "budget.db")
    with (
        Client(auth, base_url=sandbox.base_url, budget=shared) as client,
        FleetDatabase(path / "kept.db") as database,
    ):
        for found in client.fleet.new_status_logs(database.marks):
            database.save(found)
    return path


@pytest.fixture
def there(kept: Path, tmp_path: Path) -> Path:
    """Give a directory with copies of those files."""
    for name in ("kept.db", "budget.db"):
        shutil.copy(kept / name, tmp_path / name)
    return tmp_path


def arguments(line: Line, sandbox: Sandbox) -> list[str]:
    return line.text.replace("VEHICLE", sandbox.vehicle_ids[0]).split()


@each_line
def test_in_a_pipe(line: Line, sandbox: Sandbox, there: Path) -> None:
    stdin = line.stdin.replace("VEHICLE", sandbox.vehicle_ids[0])
    done = piped(variables(sandbox), *arguments(line, sandbox), stdin=stdin, cwd=there)
    assert re.fullmatch(line.piped, done.out), done
    assert done.code == line.code or (line.code == -1 and done.code in {0, 1}), done
    assert "\x1b" not in done.out + done.err
    assert (done.err.count("evenergy: ") == 1) is (done.code != 0)
    if done.code == 0 and not line.command.startswith(("export", "sandbox", "webhooks")):
        assert not done.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")
@pytest.mark.parametrize("line", [line for line in LINES if not line.stdin], ids=lambda line: line.text)
def test_at_a_terminal(line: Line, sandbox: Sandbox, there: Path) -> None:
    code, written = at_terminal(variables(sandbox), *arguments(line, sandbox), cwd=there)
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    assert re.search(line.shown, seen), seen
    assert code == line.code or (line.code == -1 and code in {0, 1}), seen


def leaves(group: click.Group, context: click.Context, above: str = "") -> list[str]:
    found: list[str] = []
    for name in group.list_commands(context):
        one = group.get_command(context, name)
        path = f"{above} {name}".strip()
        found += leaves(one, context, path) if isinstance(one, click.Group) else [path]
    return found


def test_every_command_has_a_line_here() -> None:
    root = command()
    with click.Context(root) as context:
        names = leaves(root, context)
    assert len(names) > 20
    assert [name for name in names if not any(line.text.startswith(name) for line in LINES)] == []


def test_every_command_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    assert text == page(), "run python -m evenergy.cli.reference > docs/command.md"
    assert [name for name in COMMANDS if f"\n## evenergy {name}\n" not in text] == []


def test_every_command_has_a_summary_in_the_table() -> None:
    root = command()
    with click.Context(root) as context:
        found = {name: root.get_command(context, name) for name in COMMANDS}
    assert [name for name, one in found.items() if one is None or not one.help or not COMMANDS[name].summary] == []


@pytest.mark.parametrize("page_name", ["README.md", "docs/command.md"])
def test_the_lines_of_the_docs_run_for_everybody(
    page_name: str,
    signed_out: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page_name).read_text(encoding="utf-8")
    lines = re.findall(r"^\$ evenergy (.*--sandbox.*)$", text, re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        done = ended(capsys, *line.split())
        assert done.code == 0, done
        assert done.out or (tmp_path / "charge.png").is_file()
