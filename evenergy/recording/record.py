"""Recording of an account: a crawl whose responses are redacted before anything of them is written."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import attrs

from evenergy._core.resource import Async
from evenergy.client import Api

from .crawl import Crawl, Exchange
from .files import Recording, RecordingDirectory
from .kinds import UNKNOWN
from .redact import API, Redactor


@attrs.frozen
class Written:
    """Response that was written.

    Attributes:
        file: The name of its file.
        recording: The response.
        requests: The requests so far.
        operations: The operations of the API of which there is a response so far.
    """

    file: str
    recording: Recording
    requests: int
    operations: int


async def record(client: Api[Async], directory: Path, *, requests: int) -> AsyncGenerator[Written]:
    """Record the account of a client in a directory, and yield what was written.

    Args:
        client: The client.
        directory: A new directory, or that of an earlier recording, which is replaced.
        requests: The most requests.

    Raises:
        InvalidArgumentError: The directory holds something else.
        EvEnergyError: As `Crawl`; what was recorded so far is there.
    """
    files = RecordingDirectory(directory)
    redactor = Redactor(client._base_url)  # noqa: SLF001  one library
    crawl = Crawl(client, requests=requests)
    try:
        async for exchange in crawl:
            recording = redacted(exchange, redactor)
            yield Written(files.write(recording), recording, crawl.requests, len(crawl.recorded))
    finally:
        files.end(crawl.requests, len(crawl.recorded))


def redacted(exchange: Exchange, redactor: Redactor) -> Recording:
    """Return a response without the data of the account."""
    query = f"?{urlencode(exchange.query)}" if exchange.query else ""
    url = redactor.url(API + exchange.path + query)
    if exchange.is_problem:
        body: object = redactor.problem(cast("dict[str, object]", exchange.body))
    else:
        body = redactor.body(exchange.body, UNKNOWN if exchange.operation is None else exchange.operation.result)
    headers = redactor.headers(exchange.headers)
    return Recording("GET", exchange.pattern, url, exchange.status, headers, body)
