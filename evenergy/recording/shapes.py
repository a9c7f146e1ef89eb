"""Shapes of responses: the types of JSON at each field, over all responses of an operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from evenergy.auth import ClientCredentials
from evenergy.client import AsyncClient
from evenergy.sandbox import Sandbox

from .check import Finding, operation_of, shown
from .crawl import Crawl
from .files import Recording
from .walk import Node, walk

_FIRST_ERROR: Final = 400
_REQUESTS: Final = 5000  # of each of the two crawls; nothing is spent, since the sandbox is in this process
_EACH: Final = 6
_LARGEST_PAGE: Final = 100


@attrs.frozen
class Shape:
    """Shape of the responses of one operation.

    Attributes:
        types: The types of JSON at each field.
        above: The field that holds each field.
        file: The first file that shows a type at a field.
    """

    types: defaultdict[str, set[str]] = attrs.field(factory=lambda: defaultdict[str, set[str]](set))
    above: dict[str, str | None] = attrs.field(factory=dict[str, "str | None"])
    file: dict[tuple[str, str], str] = attrs.field(factory=dict[tuple[str, str], str])

    def add(self, nodes: Iterable[Node], file: str = "") -> None:
        """Take over the values of a response."""
        for node in nodes:
            self.types[node.path].add(node.type)
            self.above[node.path] = node.above
            self.file.setdefault((node.path, node.type), file)


async def sandbox_findings(recordings: Iterable[tuple[str, Recording]]) -> list[Finding]:
    """Return the fields that the API sent and the sandbox never sends, and the types likewise."""
    recorded, simulated = shapes_of(recordings), await _sandbox_shapes()
    return [one for path, shape in recorded.items() for one in _differences(path, shape, simulated.get(path))]


def shapes_of(recordings: Iterable[tuple[str, Recording]]) -> dict[str, Shape]:
    """Return the shape of each operation in a recording, by its path."""
    found = defaultdict[str, Shape](Shape)
    for file, recording in recordings:
        operation = operation_of(recording)
        if operation is not None and recording.status < _FIRST_ERROR:
            found[recording.path].add(walk(recording.body, operation[0].result), file)
    return found


async def _sandbox_shapes() -> dict[str, Shape]:
    """Return the shapes of the sandbox, for the application and for one of its users."""
    found = defaultdict[str, Shape](Shape)
    async with Sandbox(rate_limit=10 * _REQUESTS) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AsyncClient(auth, base_url=sandbox.base_url) as client:
            await _crawl(client, found)
            await _crawl(client.with_options(user=sandbox.user_ids[0]), found)
    return found


async def _crawl(client: AsyncClient, found: defaultdict[str, Shape]) -> None:
    async for exchange in Crawl(client, requests=_REQUESTS, each=_EACH, page_size=_LARGEST_PAGE):
        if exchange.operation is not None and not exchange.is_problem:
            found[exchange.pattern].add(walk(exchange.body, exchange.operation.result))


def _differences(path: str, recorded: Shape, simulated: Shape | None) -> Iterator[Finding]:
    if simulated is None:
        file = next(iter(recorded.file.values()))
        yield Finding(path, "", "sandbox", "no response", "the sandbox gave no response of this operation", file)
        return
    for field, types in recorded.types.items():
        missing = sorted(types - simulated.types.get(field, set()))
        above = recorded.above[field]
        if above is not None and above not in simulated.types:  # said of the field above it
            continue
        for one in missing:
            is_new = field not in simulated.types
            message = "the sandbox never sends this field" if is_new else f"the sandbox never sends {one} here"
            problem = "new field" if is_new else "new type"
            yield Finding(path, shown(field), "sandbox", problem, message, recorded.file[field, one])
            if is_new:
                break
