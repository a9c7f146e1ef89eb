"""Shapes of responses: the fields of each operation, and the types of JSON that each field of a class has."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import attrs

from evenergy.auth import ClientCredentials
from evenergy.client import AsyncClient
from evenergy.sandbox import Sandbox

from .check import Finding, operation_of, shown
from .crawl import Crawl
from .files import Recording
from .walk import Node, walk

_REQUESTS: Final = 5000  # of a crawl; nothing is spent, since the sandbox is in this process
_EACH: Final = 4
_LARGEST_PAGE: Final = 100
_SANDBOXES: Final = ((0, 0), (1, 7), (2, 15))
"""Seeds of the sandboxes that are looked at, and the hours by which their clocks are late.

A field may be null, or absent, with one of them and not with another: at night, most vehicles charge.
"""

_Field: TypeAlias = tuple[Any, str]


@attrs.frozen
class Seen:
    """Value of a type at a field, in the first response that has one there."""

    operation: str
    node: Node
    file: str


class Shapes:
    """Fields and types that were seen in responses.

    A field is looked for in each operation, since listings may leave some out. Its types count wherever its class
    comes: whether a value is null depends on the moment more than on the operation.
    """

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str, str], Seen] = {}
        self._fields: set[tuple[str, str]] = set()
        self._types: defaultdict[_Field, set[str]] = defaultdict(set[str])

    def add(self, operation: str, nodes: Iterable[Node], file: str = "") -> None:
        """Take over the values of a response."""
        for node in nodes:
            self._fields.add((operation, node.path))
            self._types[_field(operation, node)].add(node.type)
            self.seen.setdefault((operation, node.path, node.type), Seen(operation, node, file))

    def has(self, operation: str, path: str) -> bool:
        """Return whether a response of an operation has a field."""
        return (operation, path) in self._fields

    def has_holder(self, operation: str, node: Node) -> bool:
        """Return whether a response of an operation has the object or array that a value is in."""
        return node.above is None or (operation, node.above, node.holder) in self.seen

    def has_type(self, operation: str, node: Node) -> bool:
        """Return whether a field has the type of a value somewhere."""
        return node.type in self._types.get(_field(operation, node), ())


def _field(operation: str, node: Node) -> _Field:
    return (operation, node.path) if node.model is None else (node.model, node.field)


def shapes_of(recordings: Iterable[tuple[str, Recording]]) -> Shapes:
    """Return what was seen in a recording."""
    found = Shapes()
    for file, recording in recordings:
        operation = operation_of(recording)
        if operation is not None and recording.status < HTTPStatus.BAD_REQUEST:
            found.add(recording.path, walk(recording.body, operation[0].result), file)
    return found


async def sandbox_shapes(clock: Callable[[], float] = time.time) -> Shapes:
    """Return what was seen in sandboxes, by the application and by one of its users.

    Args:
        clock: The time in POSIX seconds.
    """
    found = Shapes()
    for seed, hours in _SANDBOXES:
        late = partial(_late, clock, hours)
        async with Sandbox(seed=seed, rate_limit=10 * _REQUESTS, clock=late) as sandbox:
            auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
            async with AsyncClient(auth, base_url=sandbox.base_url) as client:
                await _crawl(client, found)
                await _crawl(client.with_options(user=sandbox.user_ids[0]), found)
    return found


def _late(clock: Callable[[], float], hours: int) -> float:
    return clock() - hours * 3600


async def _crawl(client: AsyncClient, found: Shapes) -> None:
    async for exchange in Crawl(client, requests=_REQUESTS, each=_EACH, page_size=_LARGEST_PAGE):
        if exchange.operation is not None and not exchange.is_problem:
            found.add(exchange.pattern, walk(exchange.body, exchange.operation.result))


def sandbox_findings(recorded: Shapes, simulated: Shapes) -> Iterator[Finding]:
    """Yield the fields that the API sent and the sandbox never sends, and the types likewise."""
    said: set[tuple[object, ...]] = set()
    for one in recorded.seen.values():
        finding = _difference(one, simulated)
        field = _field(one.operation, one.node)
        key = (*field, one.node.type) if finding is not None and finding.problem == "new type" else (finding,)
        if finding is not None and key not in said:
            said.add(key)
            yield finding


def _difference(one: Seen, simulated: Shapes) -> Finding | None:
    operation, node = one.operation, one.node
    if not simulated.has_holder(operation, node):  # said of the field above it
        return None

    def finding(problem: str, message: str) -> Finding:
        return Finding(operation, shown(node.path), "sandbox", problem, message, one.file)

    if not simulated.has(operation, node.path):
        if node.above is None:
            return finding("no response", "the sandbox gave no response of this operation")
        return finding("new field", "the sandbox never sends this field")
    if not simulated.has_type(operation, node):
        return finding("new type", f"the sandbox never sends {node.type} here")
    return None
