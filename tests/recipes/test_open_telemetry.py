"""OpenTelemetry: the recipe of the documentation, with its own SDK and both clients."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from evenergy import AsyncClient, Client, Retry
from tests.server import MAKE, MAKE_ID, serving

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
QUICK = Retry(attempts=2, backoff=0.001)
FACTS = {"http.request.method": "GET", "server.address": "127.0.0.1"}


class Recorder:
    """SDK that keeps what it is given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.traces = TracerProvider()
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return the spans of requests."""
        return [span for span in self.exporter.get_finished_spans() if span.kind is trace.SpanKind.CLIENT]

    def points(self, name: str) -> list[Any]:
        """Return the measurements of a name."""
        data: Any = self.reader.get_metrics_data()
        found = [one for each in data.resource_metrics for scope in each.scope_metrics for one in scope.metrics]
        return [point for metric in found if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    monkeypatch.setattr(trace, "get_tracer", recorder.traces.get_tracer)
    monkeypatch.setattr(metrics, "get_meter", recorder.meters.get_meter)
    yield recorder
    recorder.traces.shutdown()
    recorder.meters.shutdown()


def recipe() -> dict[str, Any]:
    """Return the names that the page's code defines."""
    (code,) = re.findall(r"```python\n(# observe\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  it is the documentation's
    return names


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_each_attempt_is_a_span_below_that_of_the_caller_and_a_measurement(
    recorder: Recorder, kind: type[AsyncClient | Client]
) -> None:
    statuses = [503, 200]

    async def respond(_: web.Request) -> web.Response:
        status = statuses.pop(0)
        headers = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "997"}
        return web.json_response(MAKE if status == 200 else {}, status=status, headers=headers)

    observe, tracer = recipe()["observe"], recorder.traces.get_tracer("program")
    async with serving(respond) as server:
        with tracer.start_as_current_span("job") as job:
            client = kind("tok-12345", base_url=server.url, retry=QUICK, on_attempt=observe)
            if isinstance(client, AsyncClient):
                await client.vehicle_makes.get(MAKE_ID)
                await client.close()
            else:
                await asyncio.to_thread(client.vehicle_makes.get, MAKE_ID)
                await asyncio.to_thread(client.close)
    first, second = recorder.spans
    assert [span.parent and span.parent.span_id for span in (first, second)] == [job.get_span_context().span_id] * 2
    assert [span.status.is_ok for span in (first, second)] == [False, True]
    assert dict(first.attributes or {}) == {
        **FACTS,
        "http.response.status_code": 503,
        "url.full": f"{server.url}/vehicle_makes/{MAKE_ID}",
        "http.request.resend_count": 0,
        "evenergy.rate_limit.waited": 0.0,
    }
    assert (second.attributes or {})["http.request.resend_count"] == 1
    assert (second.end_time or 0) >= (second.start_time or 0) > 0
    counted = {
        point.attributes["http.response.status_code"]: point.count
        for point in recorder.points("http.client.request.duration")
    }
    assert counted == {503: 1, 200: 1}
    assert [point.value for point in recorder.points("evenergy.rate_limit.remaining")] == [997]
    assert "tok-12345" not in repr([span.to_json() for span in recorder.spans])


async def test_an_attempt_without_a_response_is_named_by_its_error(recorder: Recorder) -> None:
    observe = recipe()["observe"]
    retry = Retry(attempts=1)
    async with AsyncClient("t", base_url="http://127.0.0.1:1/v2", retry=retry, on_attempt=observe) as client:
        with pytest.raises(Exception, match="no connection"):
            await client.root()
    (span,) = recorder.spans
    assert not span.status.is_ok
    assert (span.attributes or {})["error.type"] == "TransportError"
    (point,) = recorder.points("http.client.request.duration")
    assert dict(point.attributes) == {**FACTS, "error.type": "TransportError"}
