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
    ["fleet", "fleet --csv", "fleet --json", "fleet --jsonl", "logs VEHICLE --csv", "help formatting"],
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
