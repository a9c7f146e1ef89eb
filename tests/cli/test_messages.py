"""Lines that say what went wrong where the reason lies outside the API, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evenergy.cli import run as run_module
from evenergy.sandbox import Sandbox
from tests.cli.shell import ended, started, variables

on_linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
UNWRITTEN = "evenergy: standard output could not be written: No space left on device\n"


@on_linux
@pytest.mark.parametrize(
    "arguments",
    [
        "fleet",
        "fleet --csv",
        "fleet --json",
        "fleet --jsonl",
        "logs VEHICLE --csv",
        "help formatting",
        "--help",
        "logs --help",
    ],
)
def test_a_full_disk(
    signed_in: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    with open("/dev/full", "w") as full, monkeypatch.context() as patch:  # noqa: PTH123  a stream is needed
        patch.setattr(sys, "stdout", full)
        done = ended(capsys, *arguments.replace("VEHICLE", signed_in.vehicle_ids[0]).split())
    assert (done.code, done.err) == (1, UNWRITTEN)


@on_linux
def test_a_full_disk_at_the_last_flush() -> None:
    script = "sys.argv[1:] = ['--version']; from evenergy.cli.main import main; main();"
    with (
        open("/dev/full", "w") as full,  # noqa: PTH123  a stream is needed
        started(env=variables(None), before=f"import sys; {script}", stdout=full) as process,
    ):
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, UNWRITTEN)


def test_an_error_of_another_file_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device", "fleet.db")

    monkeypatch.setattr(run_module, "command", fail)
    with pytest.raises(OSError, match=r"fleet\.db"):
        run_module.run([])


def test_ctrl_c_during_the_imports(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "evenergy.cli.run":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "evenergy.cli.run")
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    done = ended(capsys, "fleet")
    assert (done.code, done.out, done.err) == (130, "", "")


UNKNOWN = "vhcl00000000000000000000000000"
NO_VEHICLE = f"evenergy: there is no vehicle {UNKNOWN}, or it is not yours; `evenergy vehicles` lists them\n"


@pytest.mark.parametrize("command", ["logs VEHICLE UNKNOWN --csv", "logs UNKNOWN", "vehicles show UNKNOWN"])
def test_an_unknown_vehicle_is_named_once(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], command: str) -> None:
    words = command.replace("VEHICLE", signed_in.vehicle_ids[0]).replace("UNKNOWN", UNKNOWN)
    done = ended(capsys, *words.split())
    assert (done.code, done.err) == (1, NO_VEHICLE)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("logs VEHICLE nosuch --csv", "or the resource's URL, got 'nosuch'; `evenergy vehicles` lists them"),
        ("logs", "Missing argument 'VEHICLE...': `evenergy vehicles` lists them"),
        ("vehicles show", "Missing argument 'VEHICLE': `evenergy vehicles` lists them"),
        ("logs VEHICLE --since yesterdy", "expected a time such as 2h, yesterday or"),
        ("sync --db nowhere/fleet.db", "--db: there is no directory nowhere"),
        ("logs VEHICLE --plot - --json", "--plot and --json exclude each other"),
        ("fleet --csv --plot -", "--plot and --csv exclude each other"),
        ("sessions --plot - --jsonl", "--plot and --jsonl exclude each other"),
        ("logs VEHICLE --since 1h --until 2h", "--since is later than --until"),
        ("logs VEHICLE --since 2999-01-01", "--since is later than --until, which is now"),
        ("sessions --since 2999-01-01 --until 2998-01-01", "--since is later than --until"),
        ("flet", "there is no command flet: did you mean fleet?"),
        ("vehicles lst", "there is no command lst: did you mean list?"),
        ("webhooks xyz", "`evenergy webhooks --help` lists them"),
        ("logs VEHICLE --sinc 1h", "did you mean --since?"),
        ("fleet --fields state", "there is no state; did you mean latest_status_log_state or"),
        ("export --db nope.db --parquet x", "there is no nope.db: run `evenergy sync --db nope.db` first"),
    ],
)
def test_usage(signed_in: Sandbox, capsys: pytest.CaptureFixture[str], command: str, words: str) -> None:
    before = signed_in.requests
    done = ended(capsys, *command.replace("VEHICLE", signed_in.vehicle_ids[0]).split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert words in done.err
    assert len(done.err) < 250
    assert signed_in.requests == before


def test_an_option_like_no_other_gets_no_hint(capsys: pytest.CaptureFixture[str]) -> None:
    done = ended(capsys, "logs", "V", "--to", "now")
    assert (done.code, done.err) == (2, "evenergy: No such option '--to'\n")
