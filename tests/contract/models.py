"""Models of the package, and the schemas that they stand for.

A model stands for the schema of its name, and for those at its places: in responses, and in fields of other models.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from typing import Any, get_args, get_origin

import attrs

from tests.house import DOMAINS
from tests.operations import OPERATIONS
from tests.operations._values import Model, alternatives, hints

from .description import Description, Schema
from .mistakes import WITHOUT_SCHEMA

MODELS: dict[str, Model] = {
    name: kind
    for domain in DOMAINS.values()
    for name in getattr(domain, "__all__", ())
    for kind in (getattr(domain, name),)
    if isinstance(kind, type) and attrs.has(kind)
}

DESCRIBED: dict[str, Model] = {name: model for name, model in MODELS.items() if name not in WITHOUT_SCHEMA}
"""Models that have a schema."""

_COMPONENTS = "#/components/schemas/"


@attrs.frozen(eq=False)
class Schemas:
    """Schemas of all models.

    Attributes:
        of: The schema of each model; of several the one with the most properties.
        models: The models at the places of each schema, by its `key`: one, unless two classes were mixed up.
    """

    of: dict[Model, Schema]
    models: dict[str, set[Model]]

    def names(self, schema: Schema) -> set[str]:
        """Return the names of the models that stand for a schema."""
        return {model.__name__ for model in self.models.get(key(schema), ())}


def key(schema: Schema) -> str:
    """Return the name by which a schema is known: its reference, or where it stands in memory."""
    return schema.get("$ref") or str(id(schema))


@functools.cache
def schemas_of(description: Description) -> Schemas:
    """Return the schemas that the models stand for."""
    models: defaultdict[str, set[Model]] = defaultdict(set)
    candidates: defaultdict[Model, list[Schema]] = defaultdict(list)
    places = [*_named(description), *_results(description)]
    for annotation, schema in places:  # it grows
        for part, choice in _pairs(description, annotation, schema):
            if get_origin(part) is list:
                places.append((get_args(part)[0], choice["items"]))
            elif part not in models[key(choice)]:
                models[key(choice)].add(part)
                candidates[part].append(choice)
                properties, fields = description.properties(choice), hints(part)
                places += [(fields[name], properties[name]) for name in fields.keys() & properties]
    of = {
        model: max(found, key=lambda schema: len(description.properties(schema))) for model, found in candidates.items()
    }
    return Schemas(of, {place: found for place, found in models.items() if found})


def _named(description: Description) -> Iterator[tuple[Any, Schema]]:
    for name in DESCRIBED.keys() & description.document["components"]["schemas"]:
        yield DESCRIBED[name], {"$ref": _COMPONENTS + name}


def _results(description: Description) -> Iterator[tuple[Any, Schema]]:
    for row in OPERATIONS.values():
        operation = description.operations.get(row.id)
        for status in operation.raw["responses"] if operation else ():
            schema = description.response(operation, status) if operation and status.startswith("2") else {}
            if row.paging and schema.get("type") != "array":  # an object around the array
                arrays = [one for one in description.properties(schema).values() if one.get("type") == "array"]
                schema = arrays[0] if arrays else schema
            yield row.result, schema.get("items", schema) if row.paging else schema


def _pairs(description: Description, annotation: Any, schema: Schema) -> Iterator[tuple[Any, Schema]]:
    """Yield the models and lists of an annotation, each with the objects or arrays of a schema."""
    for choice in choices(description, schema):
        resolved = description.resolve(choice)
        is_object = "properties" in resolved or "allOf" in resolved
        for part in alternatives(annotation):
            if (get_origin(part) is list and "items" in resolved) or (part in DESCRIBED.values() and is_object):
                name = choice.get("$ref", "").removeprefix(_COMPONENTS)
                if MODELS.get(name, part) is part:  # else it is that of another model
                    yield part, choice


def choices(description: Description, schema: Schema) -> Iterator[Schema]:
    """Yield the alternatives of a schema; those with a name as a reference to it."""
    resolved = description.resolve(schema)
    parts: list[Schema] = resolved.get("oneOf") or resolved.get("anyOf") or resolved.get("allOf") or []
    if len(parts) == 1 or (parts and "allOf" not in resolved):
        for part in parts:
            yield from choices(description, part)
    else:
        yield schema


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
    return {"string" if issubclass(part, Enum) else part.__name__}
