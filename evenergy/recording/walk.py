"""Walk through a document, beside the type that the library reads it into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import attrs

from . import kinds
from .kinds import UNKNOWN

_TYPES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}


@attrs.frozen
class Node:
    """Value in a document.

    Attributes:
        path: The names that lead to it, with ``[]`` for items of arrays and ``*`` for names that are data.
        above: The path of the value that holds it; None at the top.
        value: The value.
        kind: The type that it is read into; `UNKNOWN` where there is none.
        model: The class of the nearest object around it that has one, or None.
        field: The name of the field there, with ``[]`` and ``*`` for what is within it.
        is_new: Whether that class has no such field.
    """

    path: str
    above: str | None
    value: object
    kind: Any
    model: Any = None
    field: str = ""
    is_new: bool = False

    @property
    def holder(self) -> str:
        """Return the type of JSON of the value that holds it, in words."""
        return _TYPES[list if self.path.endswith("[]") else dict]

    @property
    def type(self) -> str:
        """Return the type of JSON, in words."""
        return _TYPES.get(type(self.value), "a number")


def walk(document: object, kind: Any) -> Iterator[Node]:
    """Yield all values of a document, as deep as the types of the library go."""
    nodes = [Node("", None, document, kind)]
    for node in nodes:  # it grows
        yield node
        if node.kind is not UNKNOWN:
            nodes += _inner(node)


def _inner(node: Node) -> Iterator[Node]:
    value = node.value
    if isinstance(value, list):
        kind = kinds.items_of(node.kind)
        for one in cast("list[object]", value):
            yield Node(f"{node.path}[]", node.path, one, kind, node.model, f"{node.field}[]")
    elif isinstance(value, dict):
        yield from _members(node, cast("dict[str, object]", value))


def _members(node: Node, members: dict[str, object]) -> Iterator[Node]:
    model = kinds.model_of(node.kind)
    start = f"{node.path}." if node.path else ""
    if model is not None:
        fields = kinds.fields_of(model)
        for name, value in members.items():
            yield Node(
                start + name, node.path, value, fields.get(name, UNKNOWN), model, name, is_new=name not in fields
            )
    elif kinds.is_map(node.kind):
        for value in members.values():
            yield Node(f"{start}*", node.path, value, kinds.values_of(node.kind), node.model, f"{node.field}.*")
