"""Ten requests that find out what syncing relies on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evenergy.cli.doctor import evidence
from evenergy.cli.doctor.evidence import Log, Looked
from evenergy.cli.doctor.findings import Status
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import export, run

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHECKS = [
    *("latest log", "bounds", "silent vehicle", "list order", "delays"),
    *("sessions span", "sessions order", "sessions late", "spent"),
]


def log(minutes: float, delay: float = 0.1) -> Log:
    """Return a log that was sampled some minutes ago, and stored some minutes after that."""
    sampled = NOW - timedelta(minutes=minutes)
    return Log(sampled, sampled + timedelta(minutes=delay))


def examined(*arguments: str) -> dict[str, dict[str, Any]]:
    done = run("doctor", "--fleet", "--json", *arguments)
    assert (done.code, done.json["can_succeed"]) == (0, True)
    assert [one["check"] for one in done.json["findings"]] == CHECKS
    return {one["check"]: one for one in done.json["findings"]}


@pytest.fixture
def late() -> Iterator[Sandbox]:
    with Sandbox(vehicles=40, days=3, late=0.4, seed=3) as served:
        yield served


def test_ten_requests_at_the_most(late: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, late)
    found = examined()
    assert 8 <= late.requests <= 10
    assert f"{late.requests} requests spent" in found["spent"]["message"]
    assert found["bounds"]["message"].startswith("bounds are inclusive, and a microsecond")
    assert found["list order"]["message"].startswith("vehicles come oldest first")
    assert "late" in found["delays"]["message"] or "the lookback of 6 h finds all" in found["delays"]["message"]
    assert "of 40 vehicles" in found["sessions span"]["message"]


def test_nothing_is_retried(late: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, late)
    late.fail(1, 503, path="/vehicles")
    assert run("doctor", "--fleet").code == 1
    assert late.requests == 1


def test_sessions_that_may_not_be_listed(late: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, late)
    late.fail(1, 403, path="/charging_sub_sessions")
    done = run("doctor", "--fleet", "--json")
    assert done.code == 0
    (found,) = [one for one in done.json["findings"] if one["check"].startswith("sessions")]
    assert (found["status"], "cannot be listed" in found["message"]) == ("warning", True)


def test_vehicles_that_vanish_meanwhile(late: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, late)
    late.fail(None, 404, path="/vehicles/*")
    found = examined()
    assert {found[check]["status"] for check in ("latest log", "bounds", "delays")} == {"skipped"}


def test_a_fleet_without_vehicles(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(vehicles=0) as empty:
        export(monkeypatch, empty)
        found = examined()
        assert empty.requests == 2
    assert {one["status"] for name, one in found.items() if name != "spent"} == {"skipped"}


@pytest.mark.parametrize(
    ("listed", "logs", "status", "words"),
    [
        (log(5), [log(5), log(60, 58)], Status.OK, "follows sampled_at"),
        (log(60, 58), [log(5), log(60, 58)], Status.OK, "follows logged_at"),
        (log(5), [log(5), log(60)], Status.SKIPPED, "no vehicle has a late log"),
        (log(90), [log(5), log(60, 58)], Status.SKIPPED, "no vehicle has a late log"),
        (log(5), [], Status.SKIPPED, "no vehicle has a late log"),
        (log(60), [log(-10), log(60)], Status.SKIPPED, "no vehicle has a late log"),  # it was stored meanwhile
    ],
)
def test_the_latest_log(listed: Log, logs: list[Log], status: Status, words: str) -> None:
    found = evidence.newest_log([Looked(listed, logs)], NOW)
    assert (found.status, words in found.message) == (status, True), found


def test_a_latest_log_that_follows_neither() -> None:
    logs = [log(5), log(60, 58)]
    found = evidence.newest_log([Looked(log(5), logs), Looked(log(60, 58), logs)], NOW)
    assert found.status is Status.WARNING


@pytest.mark.parametrize(
    ("at_edge", "between", "status", "words"),
    [
        ([log(5)], [], Status.OK, "as marks assume"),
        ([log(5)], [log(5)], Status.OK, "rounded"),
        ([], [], Status.WARNING, "exclude their ends"),
        (None, None, Status.SKIPPED, "no vehicle"),
    ],
)
def test_bounds(at_edge: list[Log] | None, between: list[Log] | None, status: Status, words: str) -> None:
    found = evidence.bounds(log(5), at_edge, between)
    assert (found.status, words in found.message) == (status, True)


SOME: dict[str, Any] = {"latest_status_log": {}}


@pytest.mark.parametrize(
    ("vehicles", "status", "words"),
    [
        ([{"latest_status_log": None}, SOME], Status.OK, "is null"),
        ([{}, SOME], Status.OK, "is absent"),
        ([{}, {"latest_status_log": None}], Status.OK, "null for 1 vehicles and absent for 1"),
        ([SOME], Status.SKIPPED, "each of 1 vehicles has reported"),
    ],
)
def test_silent_vehicles(vehicles: list[dict[str, Any]], status: Status, words: str) -> None:
    found = evidence.silence(vehicles)
    assert (found.status, words in found.message) == (status, True)


@pytest.mark.parametrize(
    ("identifiers", "words"),
    [("ab", "oldest first"), ("ba", "newest first"), ("aba", "no order"), ("aa", "no order"), ("a", "not two")],
)
def test_order(identifiers: str, words: str) -> None:
    assert words in evidence.order("list order", list(identifiers), "vehicles").message


def test_delays() -> None:
    found = evidence.delays([log(number, 2) for number in range(99)] + [log(900, 420)])
    assert found.status is Status.WARNING
    assert "2 min after they were sampled at the median" in found.message
    assert "7 h at the most; 1 later than the lookback of 6 h" in found.message
    assert "2 before they were sampled" in evidence.delays([log(1), log(2, -3), log(3, -3)]).message
    assert evidence.delays([log(1)]).status is Status.SKIPPED


def test_sub_sessions() -> None:
    vehicle = "https://example.com/v2/vehicles/"
    one = {"id": "chss01HRFF3SEVSCRAV9B3CHVDFN0H", "vehicle": f"{vehicle}1", "start": "2024-03-08T12:00:00Z"}
    two = {"id": "odd", "vehicle": f"{vehicle}2", "start": "2024-03-07T12:00:00"}
    span, order, late = evidence.sessions([one, two])
    assert "2 sub-sessions are of 2 vehicles" in span.message
    assert "newest start first" in order.message
    assert "by the time in their ids" in late.message
    assert "oldest start first" in evidence.sessions([two, one])[1].message
    assert "do not come in the order" in evidence.sessions([two, one, two])[1].message
    assert [found.status for found in evidence.sessions([])] == [Status.SKIPPED] * 3
    assert evidence.sessions([one, one])[0].status is Status.SKIPPED


@pytest.mark.parametrize("text", [None, 7, "", "yesterday", "2024-13-01T00:00:00Z"])
def test_a_value_that_is_no_time_is_left_out(text: object) -> None:
    assert evidence.time(text) is None
    assert Log.of({"sampled_at": text, "logged_at": "2024-03-08T12:00:00Z"}) is None
    assert Log.of(text) is None


@pytest.mark.parametrize(
    ("text", "year"),
    [("vhcl01HRFF3SEVSCRAV9B3CHVDFN0H", 2024), ("short", None), ("vhcl" + "U" * 26, None), ("Z" * 26, None)],
)
def test_the_time_in_an_id(text: str, year: int | None) -> None:
    created = evidence.created(text)
    assert (created and created.year) == year
