"""Layout of the output: the order of fields, plain text with NO_COLOR, and what the sandbox does not have."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any, cast

import pytest

import evenergy
from evenergy import to_records
from evenergy._codec.columns import layout
from evenergy.cli.output import Column, model_shape
from evenergy.sandbox import Sandbox
from tests.cli.shell import at_terminal, ended, variables

LOGS = [
    kind
    for name, kind in inspect.getmembers(evenergy, inspect.isclass)
    if name.endswith("Log") and name != "DispatcherLog"
]
needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")


@pytest.mark.parametrize("kind", LOGS)
def test_logs_begin_with_what_identifies_them(kind: type[Any]) -> None:
    columns: list[Column[Any]] = []
    names = model_shape(kind, columns).names
    assert sorted(names) == sorted(layout(cast("Any", kind)).names)
    device, first, *_ = names
    assert device.endswith("_id")
    assert first in {"sampled_at", "logged_at"}
    assert names[-2:] == [device.removesuffix("_id"), "url"]


def test_all_kinds_of_logs_are_looked_at() -> None:
    assert {kind.__name__ for kind in LOGS} >= {"VehicleStatusLog", "VehicleErrorLog", "EVSEStatusLog", "EVSEOCPPLog"}


def test_other_values_keep_their_order_but_for_the_url() -> None:
    names = model_shape(evenergy.Vehicle, []).names
    assert names == ["id", *(name for name in layout(evenergy.Vehicle).names if name not in {"id", "url"}), "url"]


def test_the_csv_of_logs(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    vehicle = signed_in.vehicle_ids[0]
    heading, row, *_ = ended(capsys, "logs", vehicle, "--csv").out.splitlines()
    assert heading.startswith("vehicle_id,sampled_at,logged_at,state_of_charge_percentage,")
    assert heading.endswith(",vehicle,url")
    assert re.match(rf"{vehicle},2\d{{3}}-", row)


@pytest.mark.parametrize("form", ["--csv", "--jsonl"])
def test_fields_are_picked_and_ordered(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], form: str) -> None:
    wanted = "url,state,sampled_at"
    first = ended(capsys, "logs", signed_in.vehicle_ids[0], form, "--fields", wanted).out.splitlines()[0]
    assert (first if form == "--csv" else ",".join(re.findall(r'"(\w+)":', first))) == wanted


def test_records_keep_the_order_of_the_class() -> None:
    """The order is of the command alone: tables that programs made before keep theirs."""
    assert next(iter(to_records([evenergy.VehicleStatusLog()])[0])) == "url"


@needs_terminal
@pytest.mark.parametrize("command", ["fleet", "vehicles show VEHICLE", "logs VEHICLE", "demo --vehicles 2", "help"])
@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_plain_text(sandbox: Sandbox, command: str, plain: dict[str, str]) -> None:
    arguments = command.replace("VEHICLE", sandbox.vehicle_ids[0]).split()
    code, written = at_terminal(variables(sandbox, **plain), *arguments)
    assert code == 0
    # The demo draws progress, which is no style.
    assert not re.search(r"\x1b\[[\d;]*m" if arguments[0] == "demo" else r"\x1b", written)


@needs_terminal
def test_an_empty_value_of_no_color_says_nothing(sandbox: Sandbox) -> None:
    _, written = at_terminal(variables(sandbox, NO_COLOR=""), "fleet")
    assert "\x1b[" in written


@needs_terminal
def test_a_terminal_without_escapes_is_as_wide_as_it_is(sandbox: Sandbox) -> None:
    _, written = at_terminal(variables(sandbox, TERM="dumb"), "fleet", width=40)
    assert max(map(len, written.splitlines())) <= 40


@pytest.mark.parametrize("command", ["logs VEHICLE --since 9d", "sessions --since 8d", "sync --db DB --since 30d"])
def test_the_sandbox_says_where_its_data_begins(
    sandbox: Sandbox, signed_out: None, capsys: pytest.CaptureFixture[str], tmp_path: object, command: str
) -> None:
    with Sandbox(1) as default:
        vehicle = default.vehicle_ids[0]
    arguments = command.replace("VEHICLE", vehicle).replace("DB", f"{tmp_path}/x.db").split()
    done = ended(capsys, *arguments, "--sandbox")
    assert done.code == 0
    assert re.fullmatch(r"note: the data of --sandbox begins 7 days ago, at 2\d{3}-\S+ \S+ UTC; .*\n", done.err)
    assert ended(capsys, *arguments, "--sandbox", "--quiet").err == ""


@pytest.mark.parametrize("since", ["7d", "yesterday"])
def test_the_sandbox_says_nothing_of_what_it_has(
    signed_out: None, capsys: pytest.CaptureFixture[str], since: str
) -> None:
    assert ended(capsys, "sessions", "--since", since, "--sandbox").err == ""


def test_old_data_of_another_api_is_no_matter(signed_in: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(capsys, "sessions", "--since", "30d").err == ""
