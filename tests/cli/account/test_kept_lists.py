"""Lists of makes and models, and the rate limit, that a later run shows without a request."""

from __future__ import annotations

import json
import re
import stat
import sys
import time
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from evenergy.sandbox import Sandbox
from tests.cli.account.commands import export, run
from tests.cli.shell import at_terminal, variables

WEEK = 7 * 86_400


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time
    monkeypatch.setattr("evenergy.cli.memory.time.time", lambda: now() + seconds)


@pytest.fixture
def exported(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    export(monkeypatch, sandbox)
    return sandbox


@pytest.mark.parametrize("command", ["makes --json", "makes --csv", "models --json", "models --csv", "models -q"])
def test_the_second_run_spends_no_request(exported: Sandbox, token_requests: list[str], command: str) -> None:
    first = run(*command.split())
    spent = exported.requests
    token_requests.clear()
    second = run(*command.split())
    assert (second.code, second.out) == (0, first.out)
    assert first.out
    assert (exported.requests, token_requests) == (spent, [])


@pytest.mark.parametrize("more", ["", "--limit 3", "--make Kia", "--make kia --limit 1"])
def test_a_part_of_a_kept_list_is_the_same(exported: Sandbox, more: str) -> None:
    read = run("models", "--json", *more.split()).json
    assert read
    assert run("models", "-q").code == 0
    spent = exported.requests
    assert run("models", "--json", *more.split()).json == read
    assert exported.requests == spent


@pytest.mark.parametrize("more", ["--limit 3", "--make Kia"])
def test_a_part_is_not_kept_as_the_whole(exported: Sandbox, more: str) -> None:
    part = run("models", "--json", *more.split()).json
    assert len(run("models", "--json").json) > len(part)


def test_refresh_reads_anew(exported: Sandbox) -> None:
    run("makes")
    spent = exported.requests
    assert run("makes", "--refresh").code == 0
    assert exported.requests == spent + 1
    assert run("models", "--make", "Kia", "--refresh").code == 0
    assert exported.requests == spent + 3


@pytest.mark.parametrize(("age", "requests"), [(WEEK - 60, 0), (WEEK + 60, 1), (-60, 1)])
def test_a_list_is_fresh_for_a_week(
    exported: Sandbox, monkeypatch: pytest.MonkeyPatch, age: float, requests: int
) -> None:
    run("makes")
    spent = exported.requests
    later(monkeypatch, age)
    assert run("makes").code == 0
    assert exported.requests == spent + requests


def test_lists_of_other_users_and_credentials_are_not_used(exported: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run("makes")
    spent = exported.requests
    monkeypatch.setenv("EVENERGY_USER", exported.user_ids[0])
    run("makes")
    assert exported.requests == spent + 1
    monkeypatch.delenv("EVENERGY_CLIENT_ID")
    monkeypatch.delenv("EVENERGY_CLIENT_SECRET")
    monkeypatch.delenv("EVENERGY_USER")
    assert run("makes").code == 0  # without credentials
    assert exported.requests == spent + 2
    assert run("makes").code == 0
    assert exported.requests == spent + 2


def test_a_list_that_no_longer_fits_is_read_anew(exported: Sandbox, config: Path) -> None:
    run("makes")
    (path,) = (config / "memory").glob("*.makes.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = msgspec.json.decode(path.read_bytes())
    content["content"]["items"] = [{"id": 7}]
    path.write_bytes(msgspec.json.encode(content))
    spent = exported.requests
    assert run("makes", "--json").json[0]["name"]
    assert exported.requests == spent + 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        ("Kai", "--make: there is no make Kai; did you mean Kia?"),
        ("Zzzz", "--make: there is no make Zzzz; `evenergy makes` lists them"),
        ("vmak1", "expected an id such as vmak01HRFF3SEVSCRAV9B3CHVDFN0H"),
    ],
)
def test_a_make_that_is_not_there(exported: Sandbox, make: str, words: str) -> None:
    done = run("models", "--make", make)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_the_sandbox_of_one_command_is_not_remembered(config: Path) -> None:
    assert run("makes", "--sandbox").code == 0
    assert not list(config.glob("memory/*.makes.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs the terminals of Unix")
def test_a_terminal_says_how_old_a_list_is(exported: Sandbox, config: Path) -> None:
    environment = variables(exported, EVENERGY_CONFIG_DIR=str(config))
    assert "7 makes · 1 request spent" in at_terminal(environment, "makes")[1]
    assert re.search(r"7 makes, read \d+ s ago · 0 requests spent", at_terminal(environment, "makes")[1])


def test_the_budget_of_the_last_run_costs_no_request(exported: Sandbox, token_requests: list[str]) -> None:
    run("fleet", "-q")
    spent = exported.requests
    token_requests.clear()
    known = run("budget", "--json").json
    assert (exported.requests, token_requests) == (spent, [])
    assert (known["limit"], known["remaining"], known["used"]) == (1000, 999, 1)
    assert known["observed_at"] < known["frees_at"]
    assert run("budget", "--json").json == known  # nothing is forgotten by looking


def test_a_budget_that_is_not_known_costs_one(exported: Sandbox) -> None:
    assert run("budget", "--json").json["used"] == 1
    assert exported.requests == 1


def test_a_budget_is_read_anew(exported: Sandbox) -> None:
    run("fleet", "-q")
    assert run("budget", "--json", "--refresh").json["used"] == 2


@pytest.mark.parametrize("seconds", [301, -60])
def test_an_old_budget_is_read_anew(exported: Sandbox, config: Path, seconds: float) -> None:
    run("fleet", "-q")
    (path,) = (config / "memory").glob("*.limit.json")
    kept = msgspec.json.decode(path.read_bytes())
    kept["content"]["reading"][2] -= seconds
    path.write_bytes(msgspec.json.encode(kept))
    spent = exported.requests
    assert run("budget", "--json").json["used"] == 2
    assert exported.requests == spent + 1


def test_requests_that_left_the_hour_are_free_again(exported: Sandbox, config: Path) -> None:
    run("fleet", "-q")
    (path,) = (config / "memory").glob("*.limit.json")
    kept = msgspec.json.decode(path.read_bytes())
    now = time.time()
    kept["content"]["reading"] = [1000, 900, now - 100]
    kept["content"]["completed"] = [[int((now - 3650) * 1000), 30], [int((now - 1800) * 1000), 70]]
    path.write_bytes(msgspec.json.encode(kept))
    known = run("budget", "--json").json
    assert (known["remaining"], known["used"]) == (930, 70)
    assert abs(datetime.fromisoformat(known["frees_at"]).timestamp() - (now + 1800)) <= 1


def test_a_limit_that_is_reached_says_when_it_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=2) as sandbox:
        export(monkeypatch, sandbox)
        for _ in range(3):
            run("fleet", "-q", "--max-wait", "0s")
        known = json.loads(run("budget", "--json").out)
        assert sandbox.requests <= 3
    assert (known["limit"], known["remaining"]) == (2, 0)
    frees = datetime.fromisoformat(known["frees_at"]).timestamp()
    assert 3500 < frees - time.time() <= 3601
