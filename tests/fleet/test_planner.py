"""The planner against the study's figures, and against a rate limiter that counts each request."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import assume, example, given, settings, strategies as st

from evenergy import InvalidArgumentError
from evenergy.fleet.planner import Plan, plan

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def waits(requests: int, interval: timedelta, limit: int, runs: int) -> list[timedelta]:
    """Return how long after its beginning each run ends, if no request is sent before it may be."""
    sent: deque[timedelta] = deque(maxlen=limit)
    ends: list[timedelta] = []
    for run in range(runs):
        for _ in range(requests):
            oldest = sent[0] + HOUR if len(sent) == limit else timedelta(0)
            sent.append(max(run * interval, oldest))
        ends.append(sent[-1] - run * interval)
    return ends


class TestStudy:
    def test_a_fleet_of_500_every_five_minutes(self) -> None:
        found = plan(500, changed=30, every=5 * MINUTE)
        assert found == Plan(35, 420.0, fits=True, takes=timedelta(0), shortest=timedelta(microseconds=128_571_429))
        assert not any(waits(35, found.shortest, 1000, 100))
        assert any(waits(35, found.shortest - MICROSECOND, 1000, 100))  # one run more falls into an hour

    def test_a_thousand_within_six_hours(self) -> None:
        found = plan(1_000, within=6 * HOUR, every=5 * MINUTE)
        assert (found.requests, found.an_hour, found.fits) == (24, 288.0, True)
        assert round(found.shortest.total_seconds(), 1) == 47.4

    def test_ten_thousand_within_a_day(self) -> None:
        found = plan(10_000, within=DAY, every=15 * MINUTE)
        assert found == Plan(205, 820.0, fits=True, takes=timedelta(0), shortest=12 * MINUTE)

    def test_ten_thousand_that_all_report_each_day(self) -> None:
        found = plan(10_000, changed=1.0, every=DAY)
        assert (found.requests, found.fits, found.takes) == (10_100, True, 10 * HOUR)
        assert found.shortest == 10.1 * HOUR

    @pytest.mark.parametrize("changed", [600, 0.06])
    def test_ten_thousand_of_which_600_have_news(self, changed: float) -> None:
        assert plan(10_000, changed=changed, every=HOUR).requests == 700

    @pytest.mark.parametrize(
        ("vehicles", "minutes", "hours", "measured"),
        [
            (1_000, 5, 6, 278),
            (1_000, 5, 24, 162),
            (1_000, 15, 6, 197),
            (1_000, 15, 24, 82),
            (1_000, 60, 24, 52),
            (10_000, 15, 6, 1_972),
            (10_000, 15, 24, 819),
            (10_000, 60, 24, 519),
        ],
    )
    def test_a_plan_meets_the_measured_figures(self, vehicles: int, minutes: int, hours: int, measured: int) -> None:
        found = plan(vehicles, within=hours * HOUR, every=minutes * MINUTE)
        assert found.an_hour == pytest.approx(measured, rel=0.06)

    @pytest.mark.parametrize(
        ("vehicles", "changed", "interval", "measured"),
        [(1_000, 162, 5 * MINUTE, 2_067), (1_000, 379, 15 * MINUTE, 1_555), (10_000, 3_809, 15 * MINUTE, 15_634)],
    )
    def test_complete_runs_read_all_that_moved(
        self, vehicles: int, changed: int, interval: timedelta, measured: int
    ) -> None:
        found = plan(vehicles, changed=changed, every=interval)
        assert found.an_hour == pytest.approx(measured, rel=0.01)
        assert not found.fits


class TestArguments:
    def test_logs_that_need_more_than_a_page(self) -> None:
        assert plan(100, changed=10, logs=100, every=HOUR).requests == 11
        assert plan(100, changed=10, logs=100.5, every=HOUR).requests == 21
        assert plan(100, logs=250, every=HOUR, within=10 * HOUR).requests == 31

    def test_changed_bounds_the_reads_within(self) -> None:
        assert plan(1_000, changed=5, within=HOUR, every=15 * MINUTE).requests == 15
        assert plan(1_000, changed=1.0, within=HOUR, every=15 * MINUTE).requests == 260

    def test_within_less_than_the_interval_reads_each_vehicle_in_each_run(self) -> None:
        assert plan(1_000, within=MINUTE, every=HOUR).requests == 1_010

    def test_a_share_counts_as_it_is_written(self) -> None:
        assert plan(100, changed=0.07, every=HOUR).requests == 8  # 0.07 * 100 is more than 7

    def test_one_is_a_number_and_one_point_zero_a_share(self) -> None:
        assert (plan(100, changed=1, every=HOUR).requests, plan(100, changed=1.0, every=HOUR).requests) == (2, 101)

    def test_no_vehicles_cost_a_request(self) -> None:
        assert plan(0, every=HOUR).requests == 1

    def test_the_limit_is_that_of_the_api(self) -> None:
        assert plan(10_000, every=HOUR, limit=200) == attrs.evolve(plan(10_000, every=HOUR), shortest=HOUR / 2)
        assert plan(10_000, every=HOUR, limit=50).takes == HOUR

    def test_a_run_may_wait_and_still_end_in_time(self) -> None:
        found = plan(0, every=40 * MINUTE, limit=1)
        assert not found.fits
        found = plan(60_000, every=40 * MINUTE)  # 600 requests: 900 an hour, and 1200 in one hour of three
        assert found.fits
        assert found.shortest == HOUR
        assert 0 * HOUR < max(waits(600, 40 * MINUTE, 1000, 50)) <= 40 * MINUTE

    @pytest.mark.parametrize(
        "arguments",
        [
            {"vehicles": -1},
            {"changed": -1},
            {"changed": 101},
            {"changed": 1.5},
            {"changed": True},
            {"changed": float("nan")},
            {"logs": -1},
            {"every": timedelta(0)},
            {"within": -MICROSECOND},
            {"limit": 0},
        ],
    )
    def test_invalid(self, arguments: dict[str, Any]) -> None:
        usual: dict[str, Any] = {"vehicles": 100, "every": HOUR}
        with pytest.raises(InvalidArgumentError, match="expected"):
            plan(**(usual | arguments))


FLEETS = {
    "vehicles": st.integers(0, 3_000),
    "changed": st.floats(0, 1),
    "logs": st.integers(0, 250),
    "within": st.sampled_from([0 * HOUR, 0 * HOUR, 10 * MINUTE, 6 * HOUR, DAY]),
    "limit": st.integers(1, 60),
}


@settings(deadline=None)
@given(every=st.timedeltas(MINUTE, DAY), **FLEETS)
@example(every=100 * MINUTE, vehicles=100, changed=0.49, logs=1, within=0 * HOUR, limit=30)
def test_fits_and_takes_are_what_a_rate_limiter_does(every: timedelta, **fleet: Any) -> None:
    found, limit = plan(every=every, **fleet), fleet["limit"]
    assert waits(found.requests, every, limit, 1) == [found.takes]
    if found.fits:
        assert all(end <= every for end in waits(found.requests, every, limit, 20))
        return
    # The closer to the limit, the more hours it takes until a run is late.
    hours = int(1 / (Fraction(HOUR // MICROSECOND, every // MICROSECOND) - Fraction(limit, found.requests))) + 1
    assume(hours < 200)
    assert any(end > every for end in waits(found.requests, every, limit, hours * limit // found.requests + 2))


@settings(deadline=None)
@given(shorter=st.floats(0.01, 1, exclude_max=True), **FLEETS)
def test_shortest_is_the_shortest(shorter: float, **fleet: Any) -> None:
    limit, shortest = fleet["limit"], plan(every=HOUR, **fleet).shortest
    found = plan(every=shortest, **fleet)
    assert found.fits
    runs = min(60, 2 * -(-HOUR // shortest) + 2)
    if found.requests <= limit and shortest <= HOUR:
        assert not any(waits(found.requests, shortest, limit, runs))
    for less in (shortest - MICROSECOND, min(shortest - MICROSECOND, max(MICROSECOND, shortest * shorter))):
        found = plan(every=less, **fleet)
        in_an_hour = -(-HOUR // less)
        assert found.requests * in_an_hour > limit
        if shortest > HOUR:
            assert not found.fits or less < HOUR
