"""Errors of mypy and pyright in files of uses and misuses: those that are marked, and no others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

USES = Path(__file__).parent / "uses"
FILES = sorted(USES.glob("*.py"))

MARK = re.compile(r"# E: (\w[\w ]*)$")

Errors = dict[tuple[str, int], str]


def marked(checker: str) -> set[tuple[str, int]]:
    """Return the files and lines that a checker must reject."""
    return {
        (path.name, number)
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := MARK.search(line)) and checker in mark[1].split()
    }


def run(*command: str) -> str:
    arguments = [sys.executable, "-m", *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=USES.parents[2]).stdout


def mypy() -> Errors:
    lines = run("mypy", "--strict", *map(str, FILES)).splitlines()
    errors = [match.groups() for line in lines if (match := re.match(r"(.+?):(\d+): error: (.+)", line))]
    return {(Path(path).name, int(number)): message for path, number, message in errors}


def pyright() -> Errors:
    report = json.loads(run("pyright", "--project", str(USES), "--pythonpath", sys.executable, "--outputjson"))
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    return {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in report["generalDiagnostics"]
        if one["severity"] == "error"
    }


@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
def test_errors_are_those_that_are_marked(checker: Callable[[], Errors]) -> None:
    found, expected = checker(), marked(checker.__name__)
    assert len(expected) > 30
    assert {place: found[place] for place in found.keys() - expected} == {}, "errors in valid uses"
    assert sorted(expected - found.keys()) == [], "misuses without an error"
