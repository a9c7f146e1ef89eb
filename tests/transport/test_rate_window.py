"""The decisions of the rate limit on numbers alone, unknown and open: time is an argument."""

import math
from datetime import UTC, datetime

import pytest

from evenergy._transport.rate_window import RateLimit
from evenergy._transport.usage import WINDOW
from evenergy._transport.window import State
from tests.transport.window_client import Client, open_client

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


def test_the_use_of_others_is_narrowed_by_each_response_and_gone_after_an_hour() -> None:
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


def test_a_count_that_the_api_forgot_is_forgotten() -> None:
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


def test_when_a_slot_is_free_depends_on_what_is_in_flight() -> None:
    client = open_client(3, 2)
    client.now = 10
    held, sent = client.take(), client.send()
    assert held is not None
    outlook = [client.window.earliest(client.now, place) for place in range(4)]
    assert outlook == [-math.inf] * 3 + [10 + WINDOW + 0.001]  # the permit may be given back
    client.window.sent(held, client.now)
    outlook = [client.window.earliest(client.now, place) for place in range(4)]
    assert outlook == [WINDOW + 0.001, -math.inf, -math.inf, 10 + WINDOW + 0.001]
    assert client.window.expected(client.now, 1) == 10 + WINDOW + 0.001
    client.respond(sent, 200, 3, 0)
    assert client.window.earliest(client.now, 1) == 10 + WINDOW + 0.001


def test_more_than_an_hour_later_the_next_response_is_waited_for() -> None:
    client = open_client(1, 0)
    assert client.window.earliest(client.now, 0) == pytest.approx(WINDOW, abs=0.1)
    client.now = WINDOW + 1
    client.send()
    assert client.window.earliest(client.now, 5) == -math.inf


def test_the_public_value() -> None:
    client = Client()
    assert RateLimit.of(client.window.reading) is None
    client.respond(client.send(), 200, 10, 9)
    assert RateLimit.of(client.window.reading) == RateLimit(10, 9, datetime.fromtimestamp(1e9, UTC))
    client.respond(client.send(), 200, 10)
    assert client.window.reading == (10, 9, 1e9)
