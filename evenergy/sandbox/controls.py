"""Controls of a sandbox: what users' own tests can make happen."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import TypeVar

from evenergy.sandbox.faults import Delay, Failure, Faults, Loss
from evenergy.sandbox.requests import State
from evenergy.sandbox.webhooks import ENDED, Attempt, Webhooks

T = TypeVar("T")


class Controls:
    """The controls of a sandbox. They are plain calls, from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._offset = 0.0
        self._lock = Lock()
        self._faults = Faults()
        self._serving: asyncio.AbstractEventLoop | None = None
        self._state: State
        self._webhooks: Webhooks

    def advance(
        self, *, weeks: float = 0, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move the sandbox's clock forward: tokens age, the rate limit frees requests, vehicles drive and charge.

        Webhooks that are due by then are sent. From another thread than the server's, the call returns when they were;
        a coroutine on the server's own loop awaits `deliver_webhooks` for that.

        Raises:
            ValueError: The sum is negative.
        """
        step = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
        if step < 0:
            raise ValueError(f"The clock moves forward only, not by {step} s")
        with self._lock:
            self._offset += step
        self._deliver_from_outside()

    def fail(
        self,
        times: int | None = 1,
        status: int = 503,
        *,
        path: str | None = None,
        method: str | None = None,
        retry_after: int | str | None = None,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Let the next requests fail. Nothing is done for them, and they do not count against the rate limit.

        Args:
            times: How many requests fail; None for all until `clear_faults`.
            status: The status of the response, 400 to 599.
            path: Which requests: a path below /v2 such as "/vehicles" or "/vehicles/*", or outside "/o/token/".
                None for all below /v2.
            method: Which requests, by their HTTP method; None for any.
            retry_after: The header Retry-After, in seconds or as a date; None sends none.
            body: The body, as a proxy in front of the API sends it: HTML, and without the API's own headers. None
                for a problem of the API.
            headers: Further headers.

        Raises:
            ValueError: A number is out of its range.
        """
        _check_times(times)
        if type(status) is not int or status not in range(400, 600):
            raise ValueError(f"status must be an integer from 400 to 599, not {status!r}")
        failure = Failure(
            times=times,
            path=path,
            method=method,
            status=status,
            retry_after=retry_after,
            body=body,
            headers=headers or {},
        )
        self._faults.add(failure)

    def lose_response(self, times: int | None = 1, *, path: str | None = None, method: str | None = None) -> None:
        """Do the work of the next requests, and cut their connections in place of a response.

        Args:
            times: How many requests; None for all until `clear_faults`.
            path: Which requests, as in `fail`.
            method: Which requests, by their HTTP method; None for any.

        Raises:
            ValueError: `times` is less than 1.
        """
        _check_times(times)
        self._faults.add(Loss(times=times, path=path, method=method))

    def slow(
        self, seconds: float, times: int | None = None, *, path: str | None = None, method: str | None = None
    ) -> None:
        """Let the next requests wait, in real time, before anything is done for them.

        Args:
            seconds: How long.
            times: How many requests; None for all until `clear_faults`.
            path: Which requests, as in `fail`.
            method: Which requests, by their HTTP method; None for any.

        Raises:
            ValueError: `seconds` is negative, or `times` less than 1.
        """
        _check_times(times)
        if not seconds >= 0:
            raise ValueError(f"seconds must be 0 or more, not {seconds!r}")
        self._faults.add(Delay(times=times, path=path, method=method, seconds=seconds))

    def clear_faults(self) -> None:
        """Forget what `fail`, `lose_response` and `slow` ordered and has not come yet."""
        self._faults.clear()

    def remove_vehicle(self, vehicle_id: str) -> None:
        """Hide a vehicle, as when its driver leaves the programme. It drives on, and can be restored.

        Raises:
            KeyError: There is no such vehicle.
        """
        self._on_server(lambda: self._state.fleet.hide(vehicle_id))

    def restore_vehicle(self, vehicle_id: str) -> None:
        """Bring a hidden vehicle back, with all that it did meanwhile.

        Raises:
            KeyError: It was not removed by `remove_vehicle`.
        """
        self._on_server(lambda: self._state.fleet.show(vehicle_id))

    def trigger(
        self,
        type: str = ENDED,
        *,
        url: str | None = None,
        secret: str | None = None,
        data: Mapping[str, object] | None = None,
        message_id: str | None = None,
    ) -> str:
        """Send a signed webhook now.

        From another thread than the server's, the call returns after the first attempt; a coroutine on the server's own
        loop awaits `deliver_webhooks` for that. A delivery that fails is repeated by the sandbox's clock, as Svix does.

        Args:
            type: The type of the event; any text.
            url: Where to; None for `webhook_url` of the sandbox.
            secret: The secret to sign with; None for `webhook_secret` of the sandbox.
            data: The data of the event; None for a sub-session of the fleet that fits the type.
            message_id: The id of the message, to send one twice; None for a new one.

        Returns:
            The id of the message.

        Raises:
            ValueError: There is no URL.
            RuntimeError: The sandbox does not serve.
        """
        if self._serving is None:
            raise RuntimeError("The sandbox sends webhooks only while it serves.")
        given = None if data is None else dict(data)
        message = self._on_server(lambda: self._webhooks.add(type, given, url, secret, message_id))
        self._deliver_from_outside()
        return message

    async def deliver_webhooks(self) -> None:
        """Send the webhooks that are due, for coroutines on the loop that the sandbox serves from."""
        await self._webhooks.deliver()

    @property
    def webhook_attempts(self) -> Sequence[Attempt]:
        """The attempts to deliver webhooks so far, the oldest first."""
        return tuple(self._webhooks.attempts)

    def _now(self) -> float:
        return self._clock() + self._offset

    def _on_server(self, work: Callable[[], T]) -> T:
        """Do something between two requests: at once, or from another thread on the server's."""
        loop = self._serving
        if loop is None or _is_running(loop):
            return work()

        async def doing() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(doing(), loop).result()

    def _deliver_from_outside(self) -> None:
        loop = self._serving
        if loop is not None and not _is_running(loop):
            asyncio.run_coroutine_threadsafe(self._webhooks.deliver(), loop).result()


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _check_times(times: int | None) -> None:
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError(f"times must be an integer of 1 or more, or None, not {times!r}")
