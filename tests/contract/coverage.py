"""What the client covers of a description, and where the two differ."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .description import TAG, Described, Description, Schema
from .operations import OPERATIONS, Operation
from .recording import Exchange

# Headers of HTTP itself, which no description lists as parameters.
_TRANSPORT = frozenset(
    {"accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
)

# The description lists these two on some operations only; the provider's guide has them on all, and so has the client.
_ALWAYS_SENT = frozenset({"evenergy-user", "evenergy-version"})


def differences(description: Description, recorded: Mapping[str, Sequence[Exchange]]) -> Iterator[str]:
    """Each way in which the claimed operations are not those of the description; no lines mean none."""
    for operation in OPERATIONS:
        described = description.operations.get(operation.id)
        if described is None:
            yield f"{operation.id}: the description has no such operation"
        else:
            for difference in _of_one(description, operation, described, recorded.get(operation.id, ())):
                yield f"{operation.id}: {difference}"


def lacking(description: Description) -> list[str]:
    """The operations with the tag that the client covers whole, and has not."""
    return [operation.id for operation in missing(description) if TAG in operation.tags]


def missing(description: Description) -> list[Described]:
    """The operations of the description that the client lacks."""
    covered = {operation.id for operation in OPERATIONS}
    return [operation for operation in description.operations.values() if operation.id not in covered]


def report(description: Description) -> Iterator[str]:
    """The coverage table: covered and missing operations, by tag."""
    lacked = {operation.id for operation in missing(description)}
    operations = description.operations
    yield f"covered {len(operations) - len(lacked)}/{len(operations)}"
    tags: defaultdict[str, list[Described]] = defaultdict(list)
    for operation in operations.values():
        tags[operation.tags[0] if operation.tags else "no tag"].append(operation)
    for tag in sorted(tags, key=str.casefold):
        covered = sum(operation.id not in lacked for operation in tags[tag])
        yield f"\n{tag} {covered}/{len(tags[tag])}"
        for operation in tags[tag]:
            mark = "missing" if operation.id in lacked else "covered"
            yield f"  {mark}  {operation.method:<6}  {operation.path}"


def _of_one(
    description: Description, operation: Operation, described: Described, exchanges: Sequence[Exchange]
) -> Iterator[str]:
    if (described.method, described.path) != (operation.method, operation.path):
        yield f"it is {described.method} {described.path} now, no longer {operation.method} {operation.path}"
    if not exchanges:
        yield "the client sends nothing"
    for exchange in exchanges:
        if exchange.method != described.method or not _template(described.path).fullmatch(exchange.path):
            yield f"the client sends {exchange.method} {exchange.path}, not {described.method} {described.path}"
    yield from _compared("query parameter", _names(described, "query"), _sent_query(exchanges))
    yield from _headers(_names(described, "header"), exchanges)
    in_path = set(re.findall(r"{(\w+)}", operation.path))
    yield from _compared("path parameter", _names(described, "path"), in_path)
    yield from _compared("field of the body", description.writable(described.body), _sent_fields(exchanges))
    expandable = _expandable(described)
    if expandable:  # else the description leaves open what can be expanded
        yield from _compared("expansion", expandable, {v for e in exchanges for n, v in e.query if n == "expand"})


def _compared(what: str, described: Iterable[str], sent: Iterable[str]) -> Iterator[str]:
    for name in sorted(set(described) - set(sent)):
        yield f"the client cannot send the {what} {name}"
    for name in sorted(set(sent) - set(described)):
        yield f"the description has no {what} {name}, which the client sends"


def _headers(described: set[str], exchanges: Sequence[Exchange]) -> Iterator[str]:
    names = {name.lower() for name in described}
    sent = {name.lower() for exchange in exchanges for name in exchange.headers} - _TRANSPORT
    yield from _compared("header", names, sent - (_ALWAYS_SENT - names))


def _names(described: Described, place: str) -> set[str]:
    return {name for where, name in described.parameters if where == place}


def _expandable(described: Described) -> set[str]:
    schema: Schema = described.parameters.get(("query", "expand"), {}).get("schema", {})
    return set(schema.get("items", schema).get("enum", ()))


def _sent_query(exchanges: Sequence[Exchange]) -> set[str]:
    return {name for exchange in exchanges for name, _ in exchange.query}


def _sent_fields(exchanges: Sequence[Exchange]) -> set[str]:
    return {name for exchange in exchanges if exchange.body for name in json.loads(exchange.body)}


def _template(path: str) -> re.Pattern[str]:
    return re.compile("[^/]+".join(re.escape(part) for part in re.split(r"{\w+}", path)))
