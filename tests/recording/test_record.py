"""Recordings through the command: requests, files, and ends of all kinds."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenergy.recording.routes import patterns
from evenergy.sandbox import Sandbox
from tests.cli.shell import ended, of


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """Let commands talk to a sandbox of their own."""
    monkeypatch.setenv("EVENERGY_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("EVENERGY_USER", raising=False)
    with Sandbox(3, days=2, rate_limit=40) as sandbox:
        for name, value in of(sandbox).items():
            monkeypatch.setenv(name, value)
        yield sandbox


def document(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_it_spends_no_more_requests_than_it_may(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = ended(capsys, "record", str(tmp_path / "new"), "--requests", "12", "--jsonl")
    assert (done.code, done.err) == (0, "")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert served.requests == 12
    assert len({row["operation"] for row in rows}) == 12
    assert all(row["operation"].startswith("GET /") for row in rows)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"index.json", *(row["file"] for row in rows)}
    index = document(tmp_path / "new" / "index.json")
    assert (index["requests"], index["operations"], index["files"]) == (12, 12, 12)
    assert index["operations_of_the_api"] == len(patterns())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_files_are_for_their_owner_alone(served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "2")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_nothing_of_the_account_is_written(served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "40")
    written = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir())
    own = (*served.vehicle_ids, *served.user_ids, served.client_secret, served.base_url, "127.0.0.1")
    assert [one for one in own if one in written] == []
    assert "vhcl00000000000000000000000001" in written


def test_a_directory_with_something_else_is_left_alone(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    done = ended(capsys, "record", str(tmp_path))
    assert (done.code, served.requests) == (2, 0)
    assert "is not empty, and holds no recording" in done.err
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    done = ended(capsys, "record", str(tmp_path / "notes.txt"))
    assert (done.code, served.requests) == (2, 0)
    assert "is no directory" in done.err


def test_an_earlier_recording_is_replaced(served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "5")
    assert ended(capsys, "record", str(tmp_path / "new"), "--requests", "2").code == 0
    assert len(list((tmp_path / "new").glob("get*.json"))) == 2
    assert document(tmp_path / "new" / "index.json")["files"] == 2


def test_errors_of_the_api_are_recorded_too(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    served.fail(1, 403, path="/vehicles")
    assert ended(capsys, "record", str(tmp_path / "new"), "--requests", "30").code == 0
    found = document(tmp_path / "new" / "get-vehicles.json")
    assert found["status"] == 403
    assert isinstance(found["body"], dict)
    assert found["body"]["title"] == "Forbidden"
    assert not (tmp_path / "new" / "get-vehicles-2.json").exists()


def test_the_end_of_the_hour_keeps_what_came_before(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    done = ended(capsys, "record", str(tmp_path / "new"), "--requests", "100", "-q")
    assert done.code == 5
    assert len(list((tmp_path / "new").glob("get*.json"))) == 40
    assert document(tmp_path / "new" / "index.json")["files"] == 40


def test_rejected_credentials_end_it_at_once(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "not-a-token-any-more")
    done = ended(capsys, "record", str(tmp_path / "new"))
    assert done.code == 1
    assert "the credentials were rejected" in done.err


def test_a_user_of_the_application_has_a_recording_of_their_own(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "1", "--user", served.user_ids[0])
    assert len(document(tmp_path / "new" / "get-users.json").get("body", ())) == 1  # type: ignore[arg-type]


def test_a_simulated_account_is_recorded_and_decoded_whole(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^evenergy (record .*)$", page, re.MULTILINE)
    assert ended(capsys, *first.split(), "--sandbox").code == 0
    assert len(list((tmp_path / "recording").iterdir())) > 270
    done = ended(capsys, *second.split(), "--json")
    found = [one for one in json.loads(done.out) if one["of"] == "library"]
    assert (done.code, done.err, found) == (0, "", [])


def test_a_response_that_the_library_cannot_decode_is_an_exit_code(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "12")
    path = tmp_path / "new" / "get-vehicles.json"
    found = document(path)
    assert isinstance(found["body"], list)
    found["body"][1]["disabled"] = "perhaps"
    path.write_text(json.dumps(found), encoding="utf-8")
    done = ended(capsys, "record", str(tmp_path / "new"), "--check", "--csv")
    assert done.code == 1
    assert done.err == "evenergy: the library cannot decode 1 field of the recording\n"
    lines = done.out.splitlines()
    assert lines[0] == "operation,field,of,problem,message,file"
    assert lines[1].startswith("/vehicles,disabled,library,undecodable,")
    assert "expected true or false" in lines[1]


def test_a_file_that_is_no_recording_is_named(
    served: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ended(capsys, "record", str(tmp_path / "new"), "--requests", "2")
    (tmp_path / "new" / "get-vehicles.json").write_text("{}", encoding="utf-8")
    done = ended(capsys, "record", str(tmp_path / "new"), "--check")
    assert done.code == 2
    assert "get-vehicles.json is no recording" in done.err
