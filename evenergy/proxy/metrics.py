"""Metrics of a gateway, in the text form of Prometheus."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from evenergy._transport.attempts import Attempt
from evenergy._transport.rate_window import RateLimit

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts of a gateway."""

    def __init__(self) -> None:
        self.in_flight: int = 0
        self._responses: Counter[tuple[str, int]] = Counter()
        self._attempts: Counter[str] = Counter()
        self._seconds: float = 0.0

    @contextmanager
    def request(self) -> Generator[None]:
        """Count a request while it is in progress."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def responded(self, method: str, status: int) -> None:
        """Count a response to a caller."""
        self._responses[method, status] += 1

    def attempted(self, attempt: Attempt) -> None:
        """Count an attempt at the API."""
        self._attempts["none" if attempt.status is None else str(attempt.status)] += 1
        self._seconds += attempt.seconds

    def text(self, rate_limit: RateLimit | None, queued: int) -> str:
        """Return all metrics, with the state of the rate limit and of its queue."""
        lines = ["# TYPE evenergy_proxy_responses_total counter"]
        lines += [
            f'evenergy_proxy_responses_total{{method="{method}",status="{status}"}} {count}'
            for (method, status), count in sorted(self._responses.items())
        ]
        lines.append("# TYPE evenergy_proxy_upstream_requests_total counter")
        lines += [
            f'evenergy_proxy_upstream_requests_total{{status="{status}"}} {count}'
            for status, count in sorted(self._attempts.items())
        ]
        lines += _metric("evenergy_proxy_upstream_seconds_total", "counter", self._seconds)
        lines += _metric("evenergy_proxy_in_flight", "gauge", self.in_flight)
        lines += _metric("evenergy_proxy_queued", "gauge", queued)
        if rate_limit is not None:
            lines += _metric("evenergy_rate_limit", "gauge", rate_limit.limit)
            lines += _metric("evenergy_rate_limit_remaining", "gauge", rate_limit.remaining)
        return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, value: float) -> list[str]:
    return [f"# TYPE {name} {kind}", f"{name} {value:g}"]
