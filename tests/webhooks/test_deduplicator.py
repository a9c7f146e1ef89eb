"""De-duplication of webhooks: bounded in memory and time, safe between threads."""

import threading
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from evenergy.errors import InvalidArgumentError
from evenergy.webhooks import Deduplicator
from tests.webhooks.helpers import ANY_MACHINE


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_message_is_new_once() -> None:
    seen = Deduplicator()
    assert seen.is_new("msg_1")
    assert not seen.is_new("msg_1")
    assert seen.is_new("msg_2")
    assert len(seen) == 2
    assert repr(seen) == "<Deduplicator: 2 of 100000 ids>"


def test_a_message_whose_handling_failed_is_new_again() -> None:
    seen = Deduplicator()
    assert seen.is_new("msg_1")
    seen.discard("msg_1")
    assert seen.is_new("msg_1")
    assert not seen.is_new("msg_1")
    seen.discard("msg_2")


def test_a_message_is_forgotten_after_its_time() -> None:
    clock = Clock()
    seen = Deduplicator(ttl=100, clock=clock)
    assert seen.is_new("msg_1")
    clock.now = 50
    assert seen.is_new("msg_2")
    clock.now = 99.9
    assert not seen.is_new("msg_1")
    clock.now = 100
    assert seen.is_new("msg_1")
    assert not seen.is_new("msg_2")
    clock.now = 1000
    assert seen.is_new("msg_3")
    assert len(seen) == 1


def test_all_repetitions_of_a_delivery_fall_into_the_time() -> None:
    clock = Clock()
    seen = Deduplicator(clock=clock)
    assert seen.is_new("msg_1")
    for wait in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600):
        clock.now += wait
        assert not seen.is_new("msg_1")


def test_the_oldest_is_forgotten_when_there_is_no_room() -> None:
    seen = Deduplicator(size=2, ttl=None, clock=lambda: 0.0)
    assert seen.is_new("msg_1")
    assert seen.is_new("msg_2")
    assert not seen.is_new("msg_1")
    assert seen.is_new("msg_3")
    assert not seen.is_new("msg_2")
    assert seen.is_new("msg_1")
    assert len(seen) == 2


@given(
    steps=st.lists(st.tuples(st.sampled_from(["new", "discard"]), st.sampled_from("abcdef"), st.integers(0, 4))),
    size=st.integers(1, 4),
)
@ANY_MACHINE
def test_any_history(steps: list[tuple[str, str, int]], size: int) -> None:
    clock, model = Clock(), dict[str, float]()
    seen = Deduplicator(size=size, ttl=5, clock=clock)
    for action, name, wait in steps:
        clock.now += wait
        if action == "discard":
            seen.discard(name)
            model.pop(name, None)
            continue
        model = {each: at for each, at in model.items() if clock.now - at < 5}
        assert seen.is_new(name) == (name not in model)
        model.setdefault(name, clock.now)
        model = dict(sorted(model.items(), key=lambda item: item[1])[-size:])
        assert len(seen) == len(model)


class Yielding(str):
    """Text that lets other threads run whenever it is looked up."""

    __slots__ = ()

    def __hash__(self) -> int:
        time.sleep(0)
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)


def test_of_many_threads_one_gets_the_message() -> None:
    seen = Deduplicator()
    start, found = threading.Barrier(8), list[str]()

    def take() -> None:
        start.wait()
        found.extend([name for name in map(str, range(100)) if seen.is_new(Yielding(name))])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(number) for number in range(100)]


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 1.5}, {"ttl": 0}, {"ttl": -1}, {"ttl": "day"}], ids=str)
def test_bounds_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        Deduplicator(**options)


@pytest.mark.parametrize("message_id", ["", None, 7, b"msg_1", ["msg_1"]], ids=repr)
def test_an_id_that_is_none(message_id: Any) -> None:
    for call in (Deduplicator().is_new, Deduplicator().discard):
        with pytest.raises(InvalidArgumentError, match=f"message_id of an event.*got {type(message_id).__name__}"):
            call(message_id)
