"""Coverage of a description by the client, and the differences between the two."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.operations import OPERATIONS
from tests.recorder import Exchange

from .description import Described, Description, Schema
from .mistakes import OMITTED

# Headers of HTTP itself, which no description lists as parameters.
_TRANSPORT = frozenset(
    {"accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
)

# The description lists these two on some operations only; the provider's guide has them on all, and so has the client.
_ALWAYS_SENT = frozenset({"evenergy-user", "evenergy-version"})


def differences(description: Description, recorded: Mapping[str, Sequence[Exchange]]) -> Iterator[str]:
    """Yield each way in which a claimed operation is not that of the description."""
    for operation_id in OPERATIONS:
        described = description.operations.get(operation_id)
        if described is None:
            yield f"{operation_id}: the description has no such operation"
        else:
            for difference in _of_one(description, described, recorded.get(operation_id, ())):
                yield f"{operation_id}: {difference}"


def missing(description: Description) -> list[Described]:
    """Return the operations of the description that the client lacks."""
    return [operation for operation in description.operations.values() if operation.id not in OPERATIONS]


def report(description: Description) -> Iterator[str]:
    """Yield the lines of the coverage table: covered and missing operations, by tag."""
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


def _of_one(description: Description, described: Described, exchanges: Sequence[Exchange]) -> Iterator[str]:
    if not exchanges:
        yield "the client sends nothing"
    wrong = {one.line for one in exchanges if one.method != described.method or not _fits(described.path, one.path)}
    for line in sorted(wrong):
        yield f"the client sends {line}, not {described.method} {described.path}"
    omitted = {name for operation_id, name in OMITTED if operation_id == described.id}
    yield from _compared("query parameter", _names(described, "query") - omitted, _sent_query(exchanges))
    yield from _headers(_names(described, "header"), exchanges)
    if described.body.get("properties") or "allOf" in described.body or not described.body:  # else any object
        yield from _compared("field of the body", description.writable(described.body), _sent_fields(exchanges))
    expandable = _expandable(described)
    if expandable and "expand" not in omitted:  # else the description leaves open what can be expanded
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
    """Return the parameters of the first request, and those by which the others name their page."""
    names = [{name for name, _ in exchange.query} for exchange in exchanges]
    return set[str]().union(*names[:1], *(found & {"page", "page_after", "page_before"} for found in names[1:]))


def _sent_fields(exchanges: Sequence[Exchange]) -> set[str]:
    return {name for exchange in exchanges if exchange.body for name in json.loads(exchange.body)}


def _fits(template: str, path: str) -> bool:
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{\w+}", template))
    return re.fullmatch(pattern, path) is not None
