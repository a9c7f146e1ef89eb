"""Formats of the output, and tables on narrow terminals."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import pytest

from evenergy.cli.context import Settings
from evenergy.cli.output import ALWAYS, Column, Output, dict_shape
from evenergy.sandbox import Sandbox
from tests.cli.shell import at_terminal, ended, variables

COLUMNS = [
    Column[dict[str, object]]("Name", lambda value: value["name"], importance=ALWAYS),
    Column[dict[str, object]]("Charge", lambda value: value["charge"], importance=90, right=True),
    Column[dict[str, object]]("Note", lambda value: value["note"], importance=10),
]
VALUES: list[dict[str, object]] = [
    {"name": "one", "charge": 64, "note": "a\tb\nc"},
    {"name": "two", "charge": None, "note": True},
]


def printed(capsys: pytest.CaptureFixture[str], settings: Settings) -> str:
    with Output(settings, dict_shape(COLUMNS, ["name", "charge", "note"])) as output:
        output.write(VALUES)
    return capsys.readouterr().out


def test_a_pipe_gets_tabs_and_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, Settings()) == "one\t64\ta b c\ntwo\t\ttrue\n"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, Settings(format="json"))) == VALUES


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line) for line in printed(capsys, Settings(format="jsonl")).splitlines()] == VALUES


def test_csv(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.reader(io.StringIO(printed(capsys, Settings(format="csv")))))
    assert rows == [["name", "charge", "note"], ["one", "64", "a\tb\nc"], ["two", "", "true"]]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (None, "64\tone\n\ttwo\n"),
        ("csv", "charge,name\n64,one\n,two\n"),
        ("jsonl", '{"charge":64,"name":"one"}\n{"charge":null,"name":"two"}\n'),
    ],
)
def test_fields(capsys: pytest.CaptureFixture[str], form: str | None, text: str) -> None:
    assert printed(capsys, Settings(format=form, fields=["charge", "name"])) == text


@pytest.mark.parametrize(("form", "text"), [("json", "[]\n"), ("jsonl", ""), ("csv", "name,charge,note\n"), (None, "")])
def test_no_data(capsys: pytest.CaptureFixture[str], form: str | None, text: str) -> None:
    with Output(Settings(format=form), dict_shape(COLUMNS, ["name", "charge", "note"])):
        pass
    assert capsys.readouterr().out == text


def test_options_stand_on_either_side(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    before = ended(capsys, "--csv", "--fields", "id", "users")
    behind = ended(capsys, "users", "--csv", "--fields", "id")
    below = ended(capsys, "vehicles", "--fields", "user_id", "list", "--csv")
    assert before.out == behind.out
    assert set(below.out.splitlines()[1:]) <= set(behind.out.splitlines())


def test_csv_and_records_agree(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    text = ended(capsys, "logs", signed_in.vehicle_ids[0], "--since", "6h", "--csv").out
    items = json.loads(ended(capsys, "logs", signed_in.vehicle_ids[0], "--since", "6h", "--json").out)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(items) > 3
    for row, item in zip(rows, items, strict=True):
        assert row["vehicle_id"] == signed_in.vehicle_ids[0]
        assert row["vehicle"] == item["vehicle"]
        charge = item["state_of_charge_percentage"]
        assert row["state_of_charge_percentage"] == ("" if charge is None else str(charge))


def test_sandbox_needs_no_credentials(signed_out: None, capsys: pytest.CaptureFixture[str]) -> None:
    done = ended(capsys, "users", "--sandbox", "--jsonl", "--limit", "2")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 2)


@pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")
@pytest.mark.parametrize(
    ("command", "width"),
    [
        *[("fleet", 40), ("fleet", 80), ("fleet", 200), ("demo --vehicles 4", 40)],
        *[("logs VEHICLE --since 6h", 40), ("plan --vehicles 100", 40)],
    ],
)
def test_tables_fit_and_keep_what_matters(sandbox: Sandbox, command: str, width: int) -> None:
    arguments = command.replace("VEHICLE", sandbox.vehicle_ids[0]).split()
    code, written = at_terminal(variables(sandbox), *arguments, width=width)
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.rpartition("\x1b[2K")[2])
    lines = seen.splitlines()
    assert code == 0
    assert max(map(len, lines)) <= width
    kept = {"fleet": r"\w{6} .* \d+\b", "logs": r"\d\d:\d\d +\d+", "plan": r"5 min", "demo": r"\d+%"}
    assert len(re.findall(kept[arguments[0]], seen)) >= 3, seen
