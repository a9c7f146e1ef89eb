"""Models as data: the annotations of their fields, and JSON that fits them."""

from __future__ import annotations

import types
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

import attrs

from evenergy import to_dict
from evenergy._codec.wire_types import Time

Model: TypeAlias = type[attrs.AttrsInstance]

TIME = "2024-01-01T11:11:11.111100Z"


def hints(model: Model) -> dict[str, Any]:
    """Return the annotations of a class's fields, without what `Annotated` adds."""
    found: dict[str, Any] = get_type_hints(model)
    return {field.name: found[field.name] for field in attrs.fields(model)}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the one annotation that it is."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for member in get_args(annotation) for part in alternatives(member))
    return (datetime,) if annotation is Time else (annotation,)


def required(model: Model) -> set[str]:
    """Return the fields that have no default."""
    return {field.name for field in attrs.fields(model) if field.default is attrs.NOTHING}


def minimal(kind: Any) -> Any:
    """Return the least data that can be decoded into a type: of a model the fields without a default."""
    if isinstance(kind, type) and attrs.has(kind):
        return {name: example(annotation) for name, annotation in hints(kind).items() if name in required(kind)}
    return example(kind)


def filled(model: Model, *, within: tuple[Model, ...] = ()) -> dict[str, Any]:
    """Return data with a value for every field of a model; a model is a URL where it would hold itself."""
    return {name: example(annotation, within=(*within, model)) for name, annotation in hints(model).items()}


def example(annotation: Any, *, within: tuple[Model, ...] | None = None) -> Any:
    """Return data for an annotation: its first alternative, or its model, whole, when ``within`` is given."""
    choices = [one for one in alternatives(annotation) if one is not types.NoneType]
    models = [one for one in choices if isinstance(one, type) and attrs.has(one) and one not in (within or ())]
    if models and within is not None:
        return filled(models[0], within=within)
    first = choices[0] if choices else types.NoneType
    inner = get_args(first)
    if get_origin(first) is list:
        return [example(inner[0], within=within)]
    if get_origin(first) is dict:
        return {"key": example(inner[1], within=within)}
    if isinstance(first, type) and attrs.has(first):
        return minimal(first)
    if isinstance(first, type) and issubclass(first, Enum):
        return next(iter(first)).value
    plain: dict[Any, Any] = {
        str: "text",
        bool: True,
        int: 7,
        float: 0.5,
        datetime: TIME,
        date: "2024-01-01",
        types.NoneType: None,
        dict: {},
        Any: {"any": ["JSON"]},
    }
    return plain[first]


def as_text(time: datetime) -> str:
    """Return a time as the API writes it."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Return the value of a keyword as JSON data."""
    if isinstance(value, datetime):
        return as_text(value)
    if isinstance(value, dict):
        return {name: plain(one) for name, one in cast("dict[str, Any]", value).items()}
    if attrs.has(cast("Any", type(value))):
        return {name: plain(one) for name, one in to_dict(value).items() if one is not None}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in cast("list[Any]", value)]
    return value


def spelled(value: Any) -> list[str]:
    """Return the value of a keyword as it stands in a query: a list repeats its name, None is left out."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text for one in cast("list[Any]", value) for text in spelled(one)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [as_text(value) if isinstance(value, datetime) else str(value)]
