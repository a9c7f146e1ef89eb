"""The decisions of the rate limit on numbers alone: closed, half-open, other clocks, any input."""

import pytest
from hypothesis import given, settings, strategies as st

from evenergy._transport.usage import WINDOW
from evenergy._transport.window import Permit, State
from tests.transport.window_client import Client, closed_client, open_client

# Closed and half-open


def test_a_429_voids_all_permits_whose_request_was_not_sent() -> None:
    client = open_client()
    held, sent, rejected = client.take(), client.send(), client.send()
    assert held is not None
    client.respond(rejected, 429, 1000, 0, 1)
    assert not client.window.holds(held)
    assert client.window.holds(sent)
    assert client.take() is None
    client.window.give_back(held, client.now)  # which changes nothing
    client.window.lost(held, client.now)
    client.window.sent(held, client.now)
    assert client.window._own.in_flight == 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [(0, 1, 1.1), (1, 1, 1.1), (60, 60, 62), (3600, 3600, 3600), (604_800, 3600, 3600), (None, 1, 300)],
)
def test_a_429_closes_for_what_it_says_but_never_longer_than_an_hour(
    retry_after: float | None, least: float, most: float
) -> None:
    client = closed_client(retry_after)
    reopens = client.window.next_change(client.now)
    assert least <= reopens <= most
    assert client.window.earliest(client.now, 7) == reopens
    client.now = reopens
    assert client.state is State.HALF_OPEN
    assert client.grants() == 1


@pytest.mark.parametrize("what", ["5xx", "5xx with headers", "lost", "401", "no headers", "given back", "sent before"])
def test_a_response_that_says_nothing_never_opens_it(what: str) -> None:
    client = open_client()
    before, rejected = client.send(), client.send()
    client.respond(rejected, 429, 1000, 0, 10)
    client.now = client.window.next_change(client.now)
    if what == "sent before":
        client.respond(before, 200, 1000, 900)
        assert client.grants() == 1
    elif what in {"lost", "401"}:
        client.window.lost(client.send(), client.now)
    elif what == "given back":
        client.window.give_back(client.send(), client.now)
    elif what == "5xx with headers":
        client.respond(client.send(), 500, 1000, 900)
    else:
        client.respond(client.send(), 502 if what == "5xx" else 200)
    assert client.state in {State.CLOSED, State.HALF_OPEN}
    client.now += 60
    assert client.grants() <= 2
    assert client.state is State.HALF_OPEN


def test_a_response_to_a_trial_opens_it() -> None:
    client = closed_client()
    client.now = client.window.next_change(client.now)
    client.exchange(1000, 998)
    assert client.state is State.OPEN
    assert client.grants() == 998


def test_a_slow_request_does_not_hold_up_the_trial_and_a_slow_trial_not_the_next() -> None:
    client = open_client()
    _slow, rejected = client.send(), client.send()
    client.respond(rejected, 429, 1000, 0, 1)
    client.now = client.window.next_change(client.now)
    client.send()
    assert client.take() is None
    assert client.window.next_change(client.now) == client.now + 30
    client.now += 30
    assert client.grants() == 1


def test_a_trial_that_is_not_sent_for_long_is_void() -> None:
    client = closed_client(1)
    client.now = client.window.next_change(client.now)
    stuck = client.take()
    assert stuck is not None
    client.now = client.window.next_change(client.now)
    trial = client.send()
    assert not client.window.holds(stuck)
    assert client.take() is None
    client.respond(trial, 200, 1000, 900)
    assert client.state is State.OPEN


def test_a_late_429_of_the_same_burst_extends_the_pause_and_counts_once() -> None:
    client = open_client()
    burst = [client.send() for _ in range(20)]
    for permit in burst:
        client.respond(permit, 429)
    first = client.window.next_change(client.now)
    assert first <= 8  # as after one
    client = open_client()
    one, other = client.send(), client.send()
    client.respond(one, 429, None, None, 5)
    client.respond(other, 429, None, None, 60)
    assert client.window.next_change(client.now) >= 60


@pytest.mark.parametrize("retry_after", [0, 1, None])
@pytest.mark.parametrize("limit", [1, 2, 10, 100, 1000])
def test_rejected_requests_that_count_do_not_fill_the_bucket_for_ever(limit: int, retry_after: float | None) -> None:
    client = Client()
    counted = [0.0] * limit
    while client.now < 3 * WINDOW:
        permit = client.take()
        if permit is None:
            client.now = client.window.next_change(client.now) + 1e-6
            continue
        client.window.sent(permit, client.now)
        counted = [at for at in counted if at > client.now - WINDOW] + [client.now]
        if len(counted) <= limit:
            return
        client.respond(permit, 429, limit, 0, retry_after)
    pytest.fail("never served")


def test_after_a_429_without_retry_after_it_opens_when_an_own_request_leaves_the_window() -> None:
    client = Client()
    client.exchange(2, 1)
    client.now = WINDOW - 50
    for _ in range(6):
        client.respond(client.send(), 429, 2, 0)
        client.now = client.window.next_change(client.now)
        if client.now > WINDOW - 40:
            break
    assert client.now <= WINDOW + 1


# Clocks


def test_a_trial_finds_out_whether_the_clock_stood_still() -> None:
    client = closed_client(3600)
    client.window.distrust(client.now)
    assert client.grants() == 1
    client = open_client(1, 0)
    client.window.distrust(client.now)
    assert client.grants() == 1
    client = open_client(10, 9)
    client.window.distrust(client.now)
    assert client.state is State.OPEN
    client = Client()
    client.window.distrust(client.now)
    assert client.state is State.UNKNOWN


def test_another_loop_forgets_what_was_not_sent_and_counts_what_was() -> None:
    client = Client()
    client.exchange(10, 9)
    held, sent = client.take(), client.send()
    assert held is not None
    client.window.start(client.now, lambda: None)
    assert not client.window.holds(held)
    client.respond(sent, 200, 10, 0)
    client.window.lost(sent, client.now)
    assert client.window._own.completed == 2
    assert client.grants() == 8


def test_on_a_clock_far_behind_the_hour_goes_on() -> None:
    client = Client(now=1e6)
    client.exchange(1, 0)
    client.window.start(0.0, lambda: None)
    client.now = 0.0
    assert client.take() is None
    assert client.window.next_change(0.0) == pytest.approx(WINDOW, abs=0.01)
    client.now = WINDOW + 1
    assert client.grants() == 1


# Any input

_numbers = st.one_of(st.none(), st.integers(0, 1100), st.integers(0, 10**30))
_steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "send", "respond", "reject", "lose", "back", "start", "distrust"]),
        st.sampled_from([200, 200, 200, 404, 500, 502]),
        _numbers,
        _numbers,
        st.one_of(st.none(), st.floats(0, 1e7)),
        st.sampled_from([0.0, 0.0, 0.1, 2.0, 40.0, 900.0, 4000.0]),
    ),
    max_size=60,
)


class Machine:
    """A window, and what a session holds."""

    def __init__(self) -> None:
        self.client = Client()
        self.granted: list[Permit] = []
        self.sent: list[Permit] = []

    def step(self, name: str, reply: tuple[int, int | None, int | None, float | None]) -> None:
        client, window = self.client, self.client.window
        match name:
            case "take":
                self.granted += filter(None, [client.take()])
            case "send" if self.granted:
                self._send(self.granted.pop(0))
            case "respond" if self.sent:
                client.respond(self.sent.pop(), *reply[:3])
            case "reject" if self.sent:
                client.respond(self.sent.pop(0), 429, *reply[1:])
            case "lose" if self.sent:
                window.lost(self.sent.pop(), client.now)
            case "back" if self.sent:
                window.give_back(self.sent.pop(), client.now)
            case "start":
                window.start(client.now, lambda: None)
            case _:
                window.distrust(client.now)

    def _send(self, permit: Permit) -> None:
        if self.client.window.holds(permit):
            self.client.window.sent(permit, self.client.now)
            self.sent.append(permit)

    def check(self) -> None:
        window, now = self.client.window, self.client.now
        assert window.next_change(now) > now
        assert window.earliest(now, 0) <= now + WINDOW + 0.01
        assert window._trials <= window._in_flight
        assert 0 <= window._own.in_flight <= len(window._in_flight)


@settings(deadline=None)
@given(_steps)
def test_after_any_input_the_books_are_right_and_an_hour_opens_it(
    steps: list[tuple[str, int, int | None, int | None, float | None, float]],
) -> None:
    machine = Machine()
    client, window = machine.client, machine.client.window
    for name, status, limit, remaining, retry_after, seconds in steps:
        machine.step(name, (status, limit, remaining, retry_after))
        client.now += seconds
        machine.check()
    for permit in machine.sent + machine.granted:
        window.lost(permit, client.now)
    assert not window._in_flight
    client.now += WINDOW + 0.1
    client.exchange(50, 49)
    client.exchange(50, 48)
    assert client.grants() == 48
