"""Commands that change something: they ask first, and send nothing unless the answer is yes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator

import pytest

from evenergy.sandbox import Sandbox
from tests.cli.conftest import alone
from tests.cli.shell import chunk, ended, of, on_terminal, variables

EVENING = 1_795_640_400 - time.monotonic()  # 21:00 on a Wednesday, when vehicles are plugged in; it goes on from there

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Let commands in this process talk to a sandbox that they may change."""
    alone(monkeypatch)
    with Sandbox(8, days=2, clock=lambda: EVENING + time.monotonic()) as sandbox:
        for name, value in of(sandbox).items():
            monkeypatch.setenv(name, value)
        yield sandbox


@pytest.mark.parametrize(
    "command", ["vehicles update VEHICLE --charge-limit 60", "boost start VEHICLE", "boost end VEHICLE"]
)
def test_where_nobody_can_answer(served: Sandbox, capsys: pytest.CaptureFixture[str], command: str) -> None:
    done = ended(capsys, *command.replace("VEHICLE", served.vehicle_ids[0]).split())
    assert (done.code, done.out, served.requests) == (2, "", 0)
    assert "Give --yes" in done.err


@on_unix
@pytest.mark.parametrize(("answer", "code", "requests"), [("n", 1, 0), ("y", 0, 1)])
def test_a_question_at_a_terminal(served: Sandbox, answer: str, code: int, requests: int) -> None:
    vehicle = served.vehicle_ids[0]
    process, near = on_terminal(variables(served), "vehicles", "update", vehicle, "--charge-limit", "60", width=200)
    seen = b""
    while b"[y/N]" not in seen:
        read = chunk(near)
        assert read, seen
        seen += read
    os.write(near, f"{answer}\n".encode())
    while chunk(near):
        pass
    os.close(near)
    assert f"Set maximum_charge_limit_percentage to 60 of {vehicle}?".encode() in seen
    assert process.wait(60) == code
    assert served.requests == requests


def test_a_change_is_shown(served: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["vehicles", "update", served.vehicle_ids[1], "--charge-limit", "75", "--no-smart-charging", "--yes"]
    shown = json.loads(ended(capsys, *arguments, "--json").out)
    read = json.loads(ended(capsys, "request", "GET", f"/vehicles/{served.vehicle_ids[1]}").out)
    assert shown["maximum_charge_limit_percentage"] == read["maximum_charge_limit_percentage"] == 75
    assert shown["smart_charging_enabled"] is read["smart_charging_enabled"] is False


def test_a_boost_begins_and_ends(served: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sessions = json.loads(ended(capsys, "request", "GET", "/charging_sessions", "--paginate").out)
    plugged = {one["vehicle"].rpartition("/")[2]: one["id"] for one in sessions if one["end"] is None}
    assert len(plugged) > 1
    outcomes: list[tuple[int, int]] = []
    for vehicle, session in plugged.items():
        begun = ended(capsys, "boost", "start", vehicle, "--yes", "--json")
        over = ended(capsys, "boost", "end", vehicle, "--yes", "--json")
        outcomes.append((begun.code, over.code))
        if begun.code == 0:
            assert json.loads(begun.out)["id"] == session
    assert (0, 0) in outcomes


def test_no_boost_of_a_vehicle_that_is_not_plugged_in(served: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    done = ended(capsys, "boost", "start", "vhcl00000000000000000000000000", "--yes")
    assert (done.code, done.out) == (1, "")
    assert "is not plugged in" in done.err


def test_a_body_from_a_file_and_a_parameter(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    file = f"{tmp_path}/changes.json"
    with open(file, "w", encoding="utf-8") as written:  # noqa: PTH123  a path in a string
        json.dump({"maximum_charge_limit_percentage": 65}, written)
    done = ended(capsys, "request", "patch", f"/vehicles/{served.vehicle_ids[2]}", "--body", file)
    assert json.loads(done.out)["maximum_charge_limit_percentage"] == 65
    with open(file, "w", encoding="utf-8") as written:  # noqa: PTH123  likewise
        written.write("{")
    broken = ended(capsys, "request", "PATCH", f"/vehicles/{served.vehicle_ids[2]}", "--body", file)
    assert (broken.code, broken.out) == (2, "")
    assert "changes.json is no JSON" in broken.err


@on_unix
def test_completion_completes(
    served: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def completed(words: str, at: int) -> set[str]:
        monkeypatch.setenv("_EVENERGY_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(at))
        return {line.partition(",")[2] for line in ended(capsys).out.splitlines()}

    assert completed("evenergy ve", 1) == {"vehicles"}
    assert completed("evenergy vehicles ", 2) == {"list", "show", "update"}
    assert "--since" in completed("evenergy logs --", 2)
