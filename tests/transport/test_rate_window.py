"""The decisions of the rate limit on numbers alone: time is an argument."""

import math
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenergy._transport.rate_window import RateLimit, RateWindow
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import Permit, State


class Client:
    """A window, and a clock."""

    def __init__(self, now: float = 0.0) -> None:
        self.window = RateWindow(random.Random(1))
        self.now = now
        self.window.start(now, lambda: None)

    @property
    def state(self) -> State:
        return self.window.state(self.now)

    def take(self) -> Permit | None:
        return self.window.take(self.now, 0)

    def send(self) -> Permit:
        permit = self.take()
        assert permit is not None
        self.window.sent(permit, self.now)
        return permit

    def respond(
        self,
        permit: Permit,
        status: int = 200,
        limit: int | None = None,
        remaining: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.window.responded(permit, self.now, 1e9, status, limit, remaining, retry_after)

    def exchange(self, limit: int, remaining: int) -> None:
        self.respond(self.send(), 200, limit, remaining)

    def grants(self, most: int = 2000) -> int:
        """How many permits are granted in a row."""
        return sum(self.take() is not None for _ in range(most))


def open_client(limit: int = 1000, remaining: int = 999) -> Client:
    client = Client()
    client.exchange(limit, remaining)
    assert client.state is State.OPEN
    return client


def closed_client(retry_after: float | None = 10.0) -> Client:
    client = open_client()
    client.respond(client.send(), 429, 1000, 0, retry_after)
    assert client.state is State.CLOSED
    return client


# Unknown


def test_the_first_request_goes_alone_until_its_response() -> None:
    client = Client()
    first = client.send()
    assert client.grants() == 0
    assert client.window.earliest(client.now, 50) == -math.inf
    client.respond(first, 200, 100, 99)
    assert client.grants() == 99


@pytest.mark.parametrize("status", [200, 404, 500, 502, 503])
def test_a_first_response_that_says_nothing_doubles_what_goes_blind(status: int) -> None:
    client = Client()
    client.respond(client.send(), status)
    assert client.state is State.UNKNOWN
    assert client.grants() == 2


def test_a_lost_first_request_doubles_what_goes_blind() -> None:
    client = Client()
    client.window.lost(client.send(), client.now)
    two = [client.send(), client.send()]
    assert client.take() is None
    for permit in two:
        client.window.lost(permit, client.now)
    assert client.grants() == 8


def test_a_first_request_that_was_not_sent_makes_room_for_the_next() -> None:
    client = Client()
    permit = client.take()
    assert permit is not None
    client.window.give_back(permit, client.now)
    assert client.grants() == 1


def test_blind_permits_beyond_the_limit_are_void_once_it_is_known() -> None:
    client = Client()
    for _ in range(3):
        client.window.lost(client.send(), client.now)
    blind = [client.take() for _ in range(8)]
    first = blind[0]
    assert first is not None
    client.window.sent(first, client.now)
    client.respond(first, 200, 3, 2)
    assert not any(client.window.holds(permit) for permit in blind if permit is not None)


def test_without_headers_ever_many_may_go() -> None:
    client = Client()
    for _ in range(3000):
        client.respond(client.send())
    assert client.grants() == 2000
    assert client.window._own.completed == 1000  # a bounded record


# Open


def test_alone_exactly_what_the_limit_allows_is_granted_for_any_order_of_responses() -> None:
    client = Client()
    client.exchange(10, 9)
    sent = [client.send() for _ in range(9)]
    assert client.take() is None
    for remaining, permit in enumerate(reversed(sent)):
        client.respond(permit, 200, 10, remaining)
        assert client.take() is None
    client.now = WINDOW + 1
    assert client.grants() == 10


def test_a_request_is_not_counted_twice_in_a_bucket_that_is_nearly_used_up() -> None:
    client = Client()
    client.exchange(100, 4)  # others used 95
    one, other = client.send(), client.take()
    assert other is None or client.window.holds(other)
    client.respond(one, 200, 100, 2)  # counted after `other`
    assert client.window._free() == 2


def test_what_others_used_is_narrowed_by_each_response_and_gone_after_an_hour() -> None:
    client = open_client(1000, 500)
    assert client.window._others.number == 499
    client.now = 10
    client.exchange(1000, 700)
    assert client.window._others.number == 298
    client.now = WINDOW + 12
    assert client.grants() == 1000


def test_a_response_without_headers_does_not_make_it_forget_others() -> None:
    client = open_client(1000, 500)
    client.respond(client.send(), 502)
    client.respond(client.send(), 200)
    assert client.window._others.number == 499
    assert client.state is State.OPEN


def test_a_caller_in_a_hurry_gets_what_courtesy_leaves_to_others() -> None:
    client = open_client(100, 20)
    while client.take() is not None:
        pass
    granted = 0
    while client.window.take(client.now, 0, hurry=True) is not None:
        granted += 1
    assert 0 < granted < 20
    assert client.window._free() == 0


def test_with_others_a_full_bucket_is_looked_at_by_one_request() -> None:
    client = open_client(100, 0)
    assert client.take() is None
    client.now = client.window.next_change(client.now)
    assert 18 <= client.now <= 54.1  # half to one and a half of 36 s
    trial = client.send()
    assert client.take() is None
    client.respond(trial, 200, 100, 30)
    assert client.grants() > 1


@pytest.mark.parametrize("end", ["lost", "given back", "5xx", "no headers"])
def test_a_look_that_fails_is_made_again(end: str) -> None:
    client = open_client(100, 0)
    client.now = client.window.next_change(client.now)
    trial = client.send()
    if end == "lost":
        client.window.lost(trial, client.now)
    elif end == "given back":
        client.window.give_back(trial, client.now)
    else:
        client.respond(trial, 503 if end == "5xx" else 200)
    for _ in range(3):
        if client.take() is not None:
            return
        client.now = client.window.next_change(client.now)
    pytest.fail("no other look")


def test_what_the_api_forgot_is_forgotten() -> None:
    client = Client()
    client.exchange(10, 9)
    for remaining in range(8, -1, -1):
        client.exchange(10, remaining)
    client.now = WINDOW + 1
    client.exchange(10, 9)
    assert client.window._own.completed == 1
    client.now += 100
    client.exchange(10, 9)  # restarted
    assert client.grants() == 9


def test_a_changed_limit_is_looked_at_again_soon() -> None:
    client = open_client(1000, 999)
    for remaining in range(998, 900, -1):
        client.exchange(1000, remaining)
    client.exchange(5, 4)  # one odd response
    assert client.take() is None
    assert client.window._own.completed == 100
    assert client.window.earliest(client.now, 0) <= client.now + 15
    client.now = client.window.next_change(client.now)
    client.exchange(1000, 898)
    assert client.grants() == 899


def test_an_outage_does_not_use_the_bucket_up() -> None:
    client = open_client(100, 99)
    for _ in range(99):
        client.window.lost(client.send(), client.now)
    assert client.take() is None
    remaining = 99
    while client.window._free() < 1:
        client.now = client.window.next_change(client.now)
        if (trial := client.take()) is not None:
            remaining -= 1
            client.window.sent(trial, client.now)
            client.respond(trial, 200, 100, remaining)
    assert client.now < 150
    assert client.grants() == remaining


def test_a_few_lost_requests_count_until_a_response_disproves_it() -> None:
    client = open_client(100, 99)
    for _ in range(5):
        client.window.lost(client.send(), client.now)
    assert client.window._free() == 94
    client.exchange(100, 98)
    assert client.window._free() == 93
    client.now = 61
    client.exchange(100, 97)
    assert client.window._free() == 97


def test_a_request_that_surely_was_not_sent_does_not_count() -> None:
    client = open_client(100, 99)
    for _ in range(500):
        client.window.give_back(client.send(), client.now)
    assert client.window._free() == 99


def test_more_than_an_hour_later_the_next_response_is_waited_for() -> None:
    client = open_client(1, 0)
    assert client.window.earliest(client.now, 0) == pytest.approx(WINDOW, abs=0.1)
    client.now = WINDOW + 1
    client.send()
    assert client.window.earliest(client.now, 5) == -math.inf


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
def test_what_never_opens_it(what: str) -> None:
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


def test_the_public_value() -> None:
    client = Client()
    assert RateLimit.of(client.window.reading) is None
    client.respond(client.send(), 200, 10, 9)
    assert RateLimit.of(client.window.reading) == RateLimit(10, 9, datetime.fromtimestamp(1e9, UTC))
    client.respond(client.send(), 200, 10)
    assert client.window.reading == (10, 9, 1e9)
