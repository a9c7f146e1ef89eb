"""A window of numbers, and a clock: what tests of `RateWindow` drive."""

import random

from evenergy._transport.rate_window import RateWindow
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
        """Return the number of permits that are granted in a row."""
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
