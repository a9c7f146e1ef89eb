"""De-duplication of webhooks by the id of their message."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from evenergy._codec import validate
from evenergy.errors import InvalidArgumentError

_TWO_DAYS = 172_800.0  # seconds; one message is delivered again for 27.6 hours at most


class Deduplicator:
    """Memory of the messages that one process has received, by their id. It may be shared by threads and tasks.

        if seen.is_new(event.message_id):
            try:
                handle(event)
            except BaseException:  # a cancellation too
                seen.discard(event.message_id)  # the next delivery of the message is new again
                raise

    It forgets at a restart, and knows nothing of other processes. A repetition that arrives while the first delivery is
    still being handled is not new: when the handling fails after that, the event is lost. Where events are stored in a
    database, make the message's id a unique key there instead: it holds for all processes, and is stored together with
    the event or not at all.

    Args:
        size: The most ids that are kept; beyond it the oldest is forgotten. 100,000 take about 20 MB.
        ttl: The seconds for which an id is kept; None for as long as there is room. One message is delivered again
            for 27.6 hours at most.
        clock: The function that returns a time in seconds which never goes back; None for the system's.

    Raises:
        InvalidArgumentError: ``size`` is below 1, or ``ttl`` is not above 0.
    """

    def __init__(
        self, *, size: int = 100_000, ttl: float | None = _TWO_DAYS, clock: Callable[[], float] | None = None
    ) -> None:
        self._size = validate.positive_int("size", size)
        self._ttl = validate.seconds("ttl", ttl)
        self._clock = time.monotonic if clock is None else clock
        # Oldest first, since each is added at the end. A dict would search for its first item past all deleted ones.
        self._seen = OrderedDict[str, float]()
        self._lock = threading.Lock()

    def is_new(self, message_id: str) -> bool:
        """Return True for a message's first delivery, and remember it; False for its repetitions."""
        _check_id(message_id)
        with self._lock:
            now = self._clock()
            self._forget(now)
            if message_id in self._seen:
                return False
            if len(self._seen) >= self._size:
                self._seen.popitem(last=False)
            self._seen[message_id] = now
            return True

    def discard(self, message_id: str) -> None:
        """Forget a message whose handling failed, so that its next delivery is new; an unknown one is ignored."""
        _check_id(message_id)
        with self._lock:
            self._seen.pop(message_id, None)

    def _forget(self, now: float) -> None:
        if self._ttl is None:
            return
        while self._seen and now - self._seen[oldest := next(iter(self._seen))] >= self._ttl:
            del self._seen[oldest]

    def __len__(self) -> int:
        return len(self._seen)

    def __repr__(self) -> str:
        return f"<Deduplicator: {len(self)} of {self._size} ids>"


def _check_id(message_id: object) -> None:
    if not isinstance(message_id, str) or not message_id:
        raise InvalidArgumentError(
            f"expected the message_id of an event, text that is not empty, got {type(message_id).__name__}"
        )
