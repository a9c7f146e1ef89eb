"""Knowledge of a bucket's use, against the truth that only the server has."""

import math

from hypothesis import given, settings, strategies as st

from evenergy._transport.usage import WINDOW, OthersUsage, OwnUsage

_times = st.floats(0, 3 * WINDOW)
_trips = st.one_of(st.floats(0, 2), st.floats(0, 30), st.floats(0, WINDOW))


class Request:
    def __init__(self, sent_at: float, first: float, second: float, fate: str) -> None:
        self.sent_at = sent_at
        self.counted_at = sent_at + first if fate != "rejected" else math.inf
        self.ended_at = sent_at + first + second
        self.fate = fate
        self.settled_before = self.gone_before = 0


_requests = st.lists(
    st.builds(Request, _times, _trips, _trips, st.sampled_from(["counted", "counted", "lost", "rejected"])), max_size=30
)


@settings(deadline=None)
@given(_requests)
def test_the_count_of_the_server_lies_between_the_bounds_for_any_order_and_delay(requests: list[Request]) -> None:
    usage = OwnUsage()
    moments = [(one.sent_at, 0, one) for one in requests] + [(one.ended_at, 1, one) for one in requests]
    for now, is_end, one in sorted(moments, key=lambda moment: moment[:2]):
        usage.roll(now)
        if not is_end:
            usage.send(now)
            one.settled_before, one.gone_before = usage.settled, usage.gone
        elif one.fate == "rejected":
            usage.retract(one.sent_at)
        else:
            if one.fate == "counted":
                at = one.counted_at
                truth = sum(other.counted_at <= at < other.counted_at + WINDOW for other in requests)
                assert usage.least(one.settled_before) <= truth <= usage.most(one.gone_before)
            usage.complete(now, counted=one.fate == "counted")
        here = [other for other in requests if other.counted_at < now < other.counted_at + WINDOW]
        assert usage.completed + usage.in_flight >= len(here)


def test_a_request_without_a_response_is_believed_to_be_counted_after_a_minute() -> None:
    usage = OwnUsage()
    usage.send(0)
    usage.complete(1, counted=False)
    usage.roll(60.9)
    assert usage.least(usage.settled) == 1
    usage.roll(61)
    assert usage.least(usage.settled) == 2
    assert usage.most(usage.gone) == 1


def test_requests_leave_the_window_an_hour_after_their_response() -> None:
    usage = OwnUsage()
    for second in range(3):
        usage.send(second)
        usage.complete(second + 0.5, counted=True)
    assert usage.frees_at(2, 10) == 1.5 + WINDOW + 0.001
    assert usage.frees_at(4, 10) == 10 + WINDOW + 0.001
    usage.roll(WINDOW + 0.6)
    assert usage.completed == 2
    usage.forget(1)
    assert usage.completed == 1
    usage.forget(5)
    assert (usage.completed, usage.in_flight) == (0, 0)


def test_the_next_change_is_told_in_time() -> None:
    usage = OwnUsage()
    usage.send(0)
    usage.complete(2, counted=False)
    assert usage.roll(30) == 62
    assert usage.roll(62) == 122
    assert usage.roll(WINDOW - 1) == WINDOW
    assert usage.roll(WINDOW) == WINDOW + 2.001


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 2000), st.floats(0, 100), st.integers(-5, 9), st.integers(0, 9)), max_size=30))
def test_others_are_the_most_that_an_hour_proves_unless_it_was_disproved(
    steps: list[tuple[float, float, int, int]],
) -> None:
    usage = OthersUsage()
    proven: list[tuple[float, int]] = []
    now = 0.0
    for pause, trip, least, spread in steps:
        now += pause
        most = max(0, least + spread)
        usage.roll(now)
        usage.observe(least, most, now - trip, now)
        proven = [(at, min(number, most) if at <= now - trip else number) for at, number in proven] + [(now, least)]
        expected = max((number for at, number in proven if at + WINDOW + 0.001 > now), default=0)
        assert usage.number == max(0, expected)


def test_others_are_gone_after_an_hour_at_the_latest() -> None:
    usage = OthersUsage()
    usage.observe(300, 310, 0, 1)
    assert usage.roll(WINDOW) == usage.frees_at() == WINDOW + 1.001
    assert usage.number == 300
    usage.roll(WINDOW + 2)
    assert (usage.number, usage.frees_at()) == (0, math.inf)


def test_when_the_clock_is_set_all_times_move() -> None:
    own, others = OwnUsage(), OthersUsage()
    own.send(10_000)
    own.complete(10_001, counted=True)
    others.observe(3, 3, 10_000, 10_001)
    own.shift(-10_001)
    others.shift(-10_001)
    assert own.frees_at(1, 0) == others.frees_at() == WINDOW + 0.001
