"""The decisions of a run: its options, its sweep, the order of its reads, its budget, and what it costs."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from evenergy import DecodeError, InvalidArgumentError
from evenergy.fleet.marks import END, HOUR, Gap, Log, LogPage, Mark, micros, parse_position
from evenergy.fleet.run import POSITION, Options, Read, SyncRun

NOW = micros(datetime(2026, 11, 25, 10, tzinfo=UTC))
MINUTE = HOUR // 60
DAY = 24 * HOUR


def options(
    *, now: int = NOW, since: int | None = None, within: int = 0, lookback: int = 6 * HOUR, budget: int | None = None
) -> Options:
    return Options(now=now, since=since, within=within, lookback=lookback, budget=budget)


def log(key: int) -> Log[int]:
    return Log(key, key, key)


def page(*keys: int, more: bool = False) -> LogPage[int]:
    return LogPage([log(key) for key in keys], more)


def swept(run: SyncRun[int], newest: dict[str, int]) -> dict[str, str]:
    """Sweep a list of one page, and return the marks that changed."""
    assert run.next_page()
    marks = run.take_page([(vehicle_id, log(key)) for vehicle_id, key in newest.items()], None).marks
    assert not run.next_page()
    return marks


def mark(*, moved: int | None = None, gaps: tuple[Gap, ...] = ()) -> str:
    """Return the mark of a vehicle that reported an hour ago."""
    return Mark(NOW - 9 * DAY, NOW - 7 * HOUR, latest=NOW - HOUR, moved=moved, gaps=gaps).text()


def history(days: int) -> tuple[Gap, ...]:
    """Return a gap that ends so many days ago."""
    return (Gap(NOW - (days + 5) * DAY, NOW - days * DAY),)


class TestOptions:
    now = datetime(2026, 11, 25, 10, tzinfo=UTC)

    def test_whole_microseconds(self) -> None:
        since = datetime(2026, 11, 25, 10, 30, 0, 1, tzinfo=UTC) - timedelta(hours=1)
        found = Options.of(now=self.now, since=since, within=timedelta(minutes=1), lookback=timedelta(0), budget=2)
        assert found == Options(NOW, NOW - HOUR // 2 + 1, MINUTE, 0, 2)

    def test_defaults(self) -> None:
        assert Options.of(now=self.now) == Options(NOW, None, 0, 6 * HOUR, None)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"since": datetime(2026, 1, 1)}, "naive"),  # noqa: DTZ001  the mistake under test
            ({"since": datetime(2026, 11, 26, tzinfo=UTC)}, "in the past"),
            ({"within": timedelta(seconds=-1)}, "within"),
            ({"lookback": timedelta(seconds=-1)}, "lookback"),
            ({"budget": 1}, "budget of 2 requests or more"),
            ({"budget": True}, "budget of 2 requests or more"),
        ],
    )
    def test_invalid(self, changes: dict[str, object], message: str) -> None:
        with pytest.raises(InvalidArgumentError, match=message):
            Options.of(now=self.now, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class TestSweep:
    def test_a_first_run_lists_and_reads_nothing(self) -> None:
        run: SyncRun[int] = SyncRun({}, options())
        assert run.next_url is None
        assert run.next_page()
        changes = run.take_page([("a", log(NOW - 5)), ("b", None)], "page 2")
        assert (changes.logs, list(changes.marks)) == ([NOW - 5], ["a"])
        assert run.next_url == "page 2"
        assert run.next_page()
        assert run.take_page([("c", log(NOW - 7))], None).logs == [NOW - 7]
        assert not run.next_page()
        assert run.next_read() is None
        assert (run.requests, run.left) == (2, 0)

    def test_without_news_nothing_changes(self) -> None:
        run: SyncRun[int] = SyncRun({"a": mark()}, options())
        assert swept(run, {"a": NOW - HOUR}) == {}
        assert run.next_read() is None

    def test_a_vehicle_that_is_listed_twice_counts_once(self) -> None:
        run: SyncRun[int] = SyncRun({"a": mark(gaps=history(2))}, options())
        assert run.next_page()
        assert run.take_page([("a", log(NOW - 5))], "page 2").logs == [NOW - 5]
        assert run.next_page()
        assert run.take_page([("a", log(NOW - 5))], None).logs == []
        assert run.left == 2

    def test_while_reads_wait_it_takes_half_a_small_budget_and_keeps_its_place(self) -> None:
        marks = {"a": mark(gaps=history(2)), "z": mark(moved=NOW - HOUR)}
        run: SyncRun[int] = SyncRun(marks, options(budget=5))
        assert run.next_page()
        assert POSITION not in run.take_page([("a", log(NOW - 5))], "page 2").marks
        assert run.next_page()
        marks |= run.take_page([("b", log(NOW - 5))], "page 3").marks
        assert not run.next_page()
        assert parse_position(marks[POSITION]) == "page 3"
        assert [run.next_read() is not None for _ in range(4)] == [True, True, True, False]

        run = SyncRun(marks, options(budget=50))
        assert run.next_url == "page 3"
        marks |= swept(run, {"c": NOW - 5})
        assert parse_position(marks[POSITION]) is None
        assert POSITION not in swept(SyncRun(marks, options(budget=50)), {"a": NOW - 5})

    def test_while_no_read_waits_it_takes_the_whole_budget(self) -> None:
        run: SyncRun[int] = SyncRun({}, options(budget=3))
        marks: dict[str, str] = {}
        for number in range(3):
            assert run.next_page()
            marks |= run.take_page([(f"v{number}", log(NOW - 5))], f"page {number}").marks
        assert not run.next_page()
        assert parse_position(marks[POSITION]) == "page 2"

    def test_a_page_that_the_rate_limiter_rejects_ends_the_run_and_keeps_its_place(self) -> None:
        run: SyncRun[int] = SyncRun({"z": mark(moved=NOW - HOUR)}, options())
        assert run.next_page()
        run.take_page([("a", log(NOW - 5))], "page 2")
        assert run.next_page()
        assert parse_position(run.page_rejected().marks[POSITION]) == "page 2"
        assert not run.next_page()
        assert run.next_read() is None
        assert (run.requests, run.left) == (1, 1)

    def test_the_first_page_rejected_changes_nothing(self) -> None:
        run: SyncRun[int] = SyncRun({}, options())
        assert run.next_page()
        assert run.page_rejected().marks == {}
        assert run.requests == 0

    def test_a_place_that_the_api_does_not_know_any_more(self) -> None:
        marks = {POSITION: '[1,"page 7"]'}
        run: SyncRun[int] = SyncRun(marks, options())
        assert run.next_page()
        restarted = run.restart()
        assert restarted is not None
        assert parse_position(restarted.marks[POSITION]) is None
        assert run.next_url is None
        assert run.restart() is None
        assert swept(run, {"a": NOW - 5}).keys() == {"a"}

    def test_another_page_that_fails_is_no_reason_to_begin_anew(self) -> None:
        run: SyncRun[int] = SyncRun({}, options())
        assert run.next_page()
        run.take_page([("a", log(NOW - 5))], "page 2")
        assert run.next_page()
        assert run.restart() is None

    @pytest.mark.parametrize("marks", [{"vhcl1": "?"}, {"": "?"}, {"vhcl1": None}])
    def test_a_mark_that_cannot_be_read_is_an_error_at_once(self, marks: dict[str, str]) -> None:
        with pytest.raises(InvalidArgumentError, match=r"vhcl1|where the last sweep stopped"):
            SyncRun(marks, options())


class TestOrder:
    def test_news_goes_by_the_time_when_it_was_noticed(self) -> None:
        marks = {one: mark(moved=NOW - age) for one, age in (("a", 5), ("b", 20), ("c", 10))}
        run: SyncRun[int] = SyncRun(marks, options())
        swept(run, {})
        assert [read.vehicle_id for read in reads(run)] == ["b", "c", "a"]

    def test_within_lets_news_wait(self) -> None:
        marks = {"a": mark(moved=NOW - HOUR), "b": mark(moved=NOW - HOUR + 1)}
        run: SyncRun[int] = SyncRun(marks, options(within=HOUR))
        swept(run, {"c": NOW - 5})
        assert run.left == 1
        assert [read.vehicle_id for read in reads(run)] == ["a"]

    def test_every_fourth_read_goes_to_the_newest_gap(self) -> None:
        news = {f"n{number:02}": mark(moved=NOW - 100 + number) for number in range(12)}
        old = {f"g{number}": mark(gaps=history(10 - number)) for number in range(5)}
        run: SyncRun[int] = SyncRun(news | old, options())
        swept(run, dict.fromkeys(old, NOW - HOUR))
        order = [read.vehicle_id for read in reads(run)]
        assert [one for one in order if one in old] == ["g4", "g3", "g2", "g1", "g0"]
        assert [one for one in order if one in news] == sorted(news)
        places = [place for place, one in enumerate(order) if one in old]
        assert [b - a for a, b in pairwise(places)][:2] == [4, 4]
        assert places[0] < 4

    def test_the_turn_does_not_begin_at_the_same_place_in_each_run(self) -> None:
        marks = {"n": mark(moved=NOW - 100), "g": mark(gaps=history(2))}
        firsts: list[str] = []
        for number in range(200):
            run: SyncRun[int] = SyncRun(marks, options(now=NOW + number * 5 * MINUTE, budget=2))
            swept(run, {"g": NOW - HOUR})
            firsts += [read.vehicle_id for read in reads(run)]
        assert len(firsts) == 200
        assert 30 < firsts.count("g") < 70

    def test_history_is_read_of_vehicles_that_were_listed_and_news_of_all(self) -> None:
        marks = {"gone": mark(moved=NOW - 5, gaps=history(2)), "here": mark(gaps=history(2))}
        run: SyncRun[int] = SyncRun(marks, options())
        swept(run, {"here": NOW - HOUR})
        assert {(read.vehicle_id, read.until is None) for read in reads(run)} == {("gone", True), ("here", False)}

    def test_reads_above_the_anchor_take_turns(self) -> None:
        recent = (Gap(NOW - 3 * HOUR, NOW - 2 * HOUR), Gap(NOW - 7 * HOUR, NOW - 3 * HOUR + 1))
        run: SyncRun[int] = SyncRun({"a": mark(moved=NOW - 5, gaps=recent)}, options())
        swept(run, {"a": NOW - HOUR})
        seen: list[Gap] = []
        while (read := run.next_read()) is not None:
            assert run.next_read() is None
            seen.append(read.gap)
            run.take_logs(read, page())
        assert sorted(seen) == sorted([Gap(NOW - 2 * HOUR - 1, END), *recent])
        assert seen.index(recent[0]) < seen.index(recent[1])

    def test_reads_below_the_anchor_do_not(self) -> None:
        gaps = (*history(2), *history(10))
        run: SyncRun[int] = SyncRun({"a": mark(moved=NOW - 5, gaps=gaps)}, options())
        swept(run, {"a": NOW - HOUR})
        assert len(reads(run)) == 3


def reads(run: SyncRun[int]) -> list[Read]:
    """Start all that can be started."""
    started: list[Read] = []
    while (read := run.next_read()) is not None:
        started.append(read)
    return started


class TestReads:
    def test_the_bounds_of_a_read(self) -> None:
        read = Read("a", Gap(-1, END))
        assert (read.since, read.until) == (datetime(1970, 1, 1, tzinfo=UTC), None)
        assert Read("a", Gap(-1, 5)).until == datetime(1970, 1, 1, 0, 0, 0, 4, tzinfo=UTC)

    def test_a_page_is_delivered_with_its_mark(self) -> None:
        run: SyncRun[int] = SyncRun({"a": mark()}, options())
        swept(run, {"a": NOW - 5})
        assert run.left == 1
        (read,) = reads(run)
        assert run.left == 0
        changes = run.take_logs(read, page(NOW - 5, NOW - 9, NOW - HOUR))
        assert changes.logs == [NOW - 9, NOW - HOUR]
        assert not Mark.parse("a", changes.marks["a"]).due(NOW, 0)

    def test_a_gap_goes_on_until_it_is_closed(self) -> None:
        run: SyncRun[int] = SyncRun({"a": mark()}, options())
        swept(run, {"a": NOW - 5})
        (read,) = reads(run)
        run.take_logs(read, page(NOW - 5, NOW - 9, more=True))
        assert run.left == 1
        (read,) = reads(run)
        assert read.gap == Gap(NOW - 7 * HOUR, NOW - 9)
        run.take_logs(read, page(NOW - 20))
        assert (run.left, reads(run), run.requests) == (0, [], 3)

    def test_a_vehicle_that_fails_is_left_to_the_next_run(self) -> None:
        run: SyncRun[int] = SyncRun({"a": mark(gaps=history(2))}, options())
        swept(run, {"a": NOW - 5})
        started = reads(run)
        run.read_failed(started[0])
        assert reads(run) == []
        assert run.left == 1  # and the other one is under way

    def test_a_vehicle_that_is_not_found_waits_a_day(self) -> None:
        marks = {"a": mark(moved=NOW - 5)}
        run: SyncRun[int] = SyncRun(marks, options())
        swept(run, {})
        (read,) = reads(run)
        marks |= run.vehicle_not_found(read).marks
        assert run.left == 0
        for hours, count in ((23, 0), (24, 1)):
            run = SyncRun(marks, options(now=NOW + hours * HOUR))
            swept(run, {})
            assert len(reads(run)) == count

    def test_a_read_that_the_rate_limiter_rejects_ends_the_run(self) -> None:
        run: SyncRun[int] = SyncRun({one: mark(moved=NOW - 5) for one in "abc"}, options())
        swept(run, {})
        first, second = run.next_read(), run.next_read()
        assert first is not None
        assert second is not None
        run.read_rejected(first)
        assert run.next_read() is None
        assert run.take_logs(second, page(NOW - 9)).logs == [NOW - 9]
        assert (run.requests, run.left) == (2, 2)

    def test_a_page_that_leads_nowhere_is_an_error_of_its_vehicle(self) -> None:
        run: SyncRun[int] = SyncRun({"vhcl1": mark(gaps=history(2))}, options())
        swept(run, {"vhcl1": NOW - HOUR})
        (read,) = reads(run)
        changes = run.take_logs(read, page(NOW - 5, NOW - 9, more=True))
        assert (changes.logs, changes.marks) == ([], {})
        assert isinstance(changes.error, DecodeError)
        assert "the status logs of vhcl1 cannot be read any further" in str(changes.error)
        assert (reads(run), run.left) == ([], 1)

    def test_retries_are_paid_from_the_budget(self) -> None:
        run: SyncRun[int] = SyncRun({one: mark(moved=NOW - 5) for one in "abc"}, options(budget=4))
        swept(run, {})
        assert run.next_read() is not None
        assert run.spend_retry()
        assert run.next_read() is not None
        assert not run.spend_retry()
        assert run.next_read() is None
        assert run.requests == 4


class Simulated:
    """A year of one vehicle, read by many workers that all take as long for a page."""

    def __init__(self, workers: int) -> None:
        rng = random.Random(4)
        self.keys = sorted(NOW - DAY - rng.randrange(365 * DAY) for _ in range(19_050))
        self.run: SyncRun[int] = SyncRun({}, options(since=NOW - 366 * DAY))
        swept(self.run, {"a": self.keys[-1]})
        self.workers, self.rounds, self.delivered = workers, 0, [self.keys[-1]]

    def finish(self) -> None:
        in_flight: list[Read] = []
        while True:
            while len(in_flight) < self.workers and (read := self.run.next_read()) is not None:
                in_flight.append(read)
            if not in_flight:
                return
            self.rounds += 1
            for read in in_flight:
                low, high = bisect_right(self.keys, read.gap.low), bisect_left(self.keys, read.gap.high)
                newest = self.keys[max(low, high - 100) : high]
                self.delivered += self.run.take_logs(read, page(*reversed(newest), more=high - low > 100)).logs
            in_flight = []


class TestCosts:
    def test_a_long_history_is_read_by_all_workers_for_hardly_more_requests(self) -> None:
        alone, many = Simulated(1), Simulated(32)
        for one in (alone, many):
            one.finish()
            assert sorted(one.delivered) == one.keys
        assert alone.rounds == alone.run.requests - 1
        assert 191 <= alone.run.requests - 1 <= 191 * 1.02
        assert many.run.requests - 1 <= 191 * 1.06
        assert many.rounds <= alone.rounds / 6

    def test_ten_thousand_vehicles(self) -> None:
        """100 requests for the first run and for one without news, 700 when 600 vehicles have news."""
        fleet = {f"vhcl{number:026}": NOW - 10 * HOUR - number for number in range(10_000)}
        marks: dict[str, str] = {}
        for moved, requests in ((0, 100), (0, 100), (600, 700)):
            news = random.Random(3).sample(sorted(fleet), moved)
            fleet |= dict.fromkeys(news, NOW - HOUR)
            run: SyncRun[int] = SyncRun(marks, options())
            sweep(run, fleet, marks)
            assert run.left == moved
            while (read := run.next_read()) is not None:
                marks |= run.take_logs(read, page(fleet[read.vehicle_id])).marks
            assert (run.requests, run.left) == (requests, 0)


def sweep(run: SyncRun[int], fleet: dict[str, int], marks: dict[str, str]) -> None:
    """Sweep a list of 100 vehicles a page."""
    ids = list(fleet)
    for first in range(0, len(ids), 100):
        assert run.next_page()
        listed = [(one, log(fleet[one])) for one in ids[first : first + 100]]
        marks |= run.take_page(listed, None if first + 100 >= len(ids) else f"page {first}").marks
