"""Tables at terminals of any width: the least important column goes first, and vehicles can be told apart."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from evenergy import Vehicle, VehicleMake, VehicleModel, VehicleTrim
from evenergy.cli import table
from evenergy.cli.names import name_of
from evenergy.cli.output import ALWAYS, Column
from evenergy.sandbox import Sandbox
from tests.cli.shell import at_terminal, ended, variables

needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")

SEEN = {
    "vehicles": r"…\w{6}  (Ford|Volks|Tesla|Volvo|Kia)",
    "fleet": r"…\w{6}  (Ford|Volks|Tesla|Volvo|Kia)\S* .* \d+ ",
    "logs VEHICLE OTHER --since 6h": r"\d\d \w{3} \d\d:\d\d  …\w{6}  (Ford|Volks|Tesla|Volvo|Kia)\S* .* \d+$",
    "logs VEHICLE --since 6h": r"\d\d \w{3} \d\d:\d\d +\d+  (yes|no)",
    "sessions": r"\d\d \w{3} \d\d:\d\d +[\d.]+  …\w{6}  (Ford|Volks|Tesla|Volvo|Kia)",
    "chargers": r"…\w{6}  SB\d+  (yes|no)",
    "users": r"…\w{6}  [A-Z]\w+ \w+  \w+\.",
    "makes": r"^Volvo",
    "models": r"^Volvo +XC40 +69.0$",
    "plan --vehicles 100": r"^ *5 min .*(yes|NO)$",
    "budget": r"^remaining +[\d,]+$",
}
"""Lines of each command at 40 columns."""


def shown(sandbox: Sandbox, command: str, width: int) -> list[str]:
    first, other, *_ = sandbox.vehicle_ids
    arguments = command.replace("VEHICLE", first).replace("OTHER", other).split()
    code, written = at_terminal(variables(sandbox, NO_COLOR="1"), *arguments, width=width)
    assert code == 0
    return [line.rstrip() for line in written.rpartition("\x1b[2K")[2].splitlines()]


@needs_terminal
@pytest.mark.parametrize("command", SEEN)
def test_at_forty_columns(sandbox: Sandbox, command: str) -> None:
    lines = shown(sandbox, command, 40)
    assert max(map(len, lines)) <= 40
    assert any(re.search(SEEN[command], line) for line in lines), "\n".join(lines)


@needs_terminal
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", ["fleet", "sessions"])
def test_a_name_is_whole_where_there_is_room(sandbox: Sandbox, command: str, width: int) -> None:
    lines = shown(sandbox, command, width)
    assert max(map(len, lines)) <= width
    assert any("Ford F-150 Li" in line for line in lines)
    assert any("vhcl01" in line for line in lines) == (
        (command, width) in {("fleet", 80), ("fleet", 120), ("sessions", 120)}
    )


@pytest.mark.parametrize("command", ["fleet", "sessions", "logs VEHICLE OTHER"])
def test_names_cost_no_request(
    signed_in: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    first, other, *_ = signed_in.vehicle_ids
    arguments = command.replace("VEHICLE", first).replace("OTHER", other).split()
    spent: list[int] = []
    for more in ((), ("--json",)):
        before = signed_in.requests
        out = ended(capsys, *arguments, *more).out
        spent.append(signed_in.requests - before)
        assert ("Ford F-150" in out) == (not more or command == "fleet")  # the user's name for it has it, too
    assert spent[0] == spent[1]


def test_data_has_references_as_the_api_lists_them(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert '"trim":"http' in ended(capsys, "fleet", "--jsonl").out


COLUMNS: list[Column[Any]] = [
    Column("Id", lambda row: row[0], importance=ALWAYS, brief=lambda text: text[-3:]),
    Column("Name", lambda row: row[1], importance=90, flexible=True),
    Column("Charge (%)", lambda row: row[2], importance=80, brief_heading="SoC"),
    Column("Note", lambda row: row[3], importance=10),
]
ROWS = [("vehicle-001", "A name of twenty-two c", 64, "note")]


@pytest.mark.parametrize(
    ("room", "headings", "widths"),
    [
        (55, ["Id", "Name", "Charge (%)", "Note"], [11, 22, 10, 4]),
        (52, ["Id", "Name", "Charge (%)"], [11, 22, 10]),
        (46, ["Id", "Name", "SoC", "Note"], [11, 22, 3, 4]),
        (40, ["Id", "Name", "SoC"], [11, 22, 3]),
        (38, ["Id", "Name", "SoC", "Note"], [3, 22, 3, 4]),
        (30, ["Id", "Name", "SoC"], [3, 20, 3]),
        (20, ["Id", "Name", "SoC"], [3, 10, 3]),
        (19, ["Id", "Name"], [3, 14]),
        (14, ["Id"], [3]),
        (1, ["Id"], [3]),
    ],
)
def test_the_least_important_goes_first(room: int, headings: list[str], widths: list[int]) -> None:
    parts = table._fitting(COLUMNS, ROWS, room)
    assert [part.column.heading for part in parts] == headings
    assert [part.width for part in parts] == widths


@given(st.integers(20, 200), st.text("abc é漢", max_size=40))
def test_any_text_fits(room: int, name: str) -> None:
    parts = table._fitting(COLUMNS, [("vehicle-001", name, None, "x")], room)
    assert sum(part.width for part in parts) + 2 * (len(parts) - 1) <= room


def test_names_of_vehicles() -> None:
    make = VehicleMake(id="vmak1", name="Kia")
    trim = VehicleTrim(id="vtrm1", model=VehicleModel(id="vmod1", name="EV6", make=make))
    assert name_of(Vehicle(id="vhcl1", trim=trim, description="Ada's")) == "Kia EV6"
    assert name_of(Vehicle(id="vhcl1", trim="https://api.example/v2/vehicle_trims/t", description="Ada's")) == "Ada's"
    nameless = VehicleTrim(id="vtrm1", model=VehicleModel(id="vmod1", make="https://api.example/v2/vehicle_makes/m"))
    assert name_of(Vehicle(id="vhcl1", trim=nameless)) is None
    assert name_of("https://api.example/v2/vehicles/vhcl1") is None
    assert name_of(None) is None
