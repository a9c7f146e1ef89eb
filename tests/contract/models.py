"""Models of the package, and the schemas that they stand for."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Any, get_args, get_origin

import attrs

from tests.house import DOMAINS
from tests.operations import SCHEMAS
from tests.operations._values import Model, alternatives

_COMPONENTS = "#/components/schemas/"


def _pointers(model: Model) -> tuple[str, ...]:
    named = SCHEMAS.get(model, (model.__name__,))
    return tuple(pointer if pointer.startswith("@") else _COMPONENTS + pointer for pointer in named)


_POINTERS: dict[Model, tuple[str, ...]] = {
    kind: _pointers(kind)
    for domain in DOMAINS.values()
    for name in getattr(domain, "__all__", ())
    for kind in (getattr(domain, name),)
    if isinstance(kind, type) and attrs.has(kind)
}

MODELS: dict[Model, str] = {model: pointers[0] for model, pointers in _POINTERS.items()}
"""Pointer of the schema of each model: that of its own name, unless the table of operations says otherwise."""

SAME: dict[str, str] = {pointer: pointers[0] for pointers in _POINTERS.values() for pointer in pointers}
"""Pointers of all schemas that have a model, and the one that stands for it."""


def kinds(annotation: Any) -> set[str]:
    """Return the types of JSON that an annotation takes, in the words of `test_models.kinds`."""
    return {kind for part in alternatives(annotation) for kind in _kinds(part)}


def _kinds(part: Any) -> set[str]:
    plain = {
        str: "string",
        int: "integer",
        float: "number",
        bool: "boolean",
        datetime: "date-time",
        date: "date",
        type(None): "null",
        Any: "any",
    }
    if part in plain:
        return {plain[part]}
    if get_origin(part) is list:
        return {f"[{item}]" for item in kinds(get_args(part)[0])}
    if get_origin(part) is dict:
        return {"data"}
    return {"string"} if issubclass(part, Enum) else {MODELS[part]}
