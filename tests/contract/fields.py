"""Fields of the models, as a description has them, and what a newer description changed of them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import get_args, get_origin

from tests.operations._values import Model, alternatives, hints, required

from .description import Description, Schema
from .mistakes import ALWAYS, MISDESCRIBED, UNDESCRIBED, WIDER
from .models import DESCRIBED, choices, kinds as taken_kinds, schemas_of

_OPEN = (None, True, False)  # no schema


def kinds(description: Description, schema: Schema) -> set[str]:
    """Return what a schema takes: types of JSON, formats of times, names of models, lists of these.

    An object without a model is data.
    """
    return {kind for choice in choices(description, schema) for kind in _kinds(description, choice)}


def _kinds(description: Description, schema: Schema) -> set[str]:
    models = schemas_of(description).names(schema)
    schema = description.resolve(schema)
    implied = "string" if "enum" in schema else "object" if schema.keys() & {"properties", "allOf"} else "any"
    given: str | list[str] = schema.get("type", implied)
    found = set[str]()
    for name in [given] if isinstance(given, str) else given:
        if name == "array":
            found |= {f"[{item}]" for item in kinds(description, schema["items"])}
        elif name == "object":
            found |= models or {"data"}
        else:
            found.add(str(schema["format"]) if schema.get("format") in ("date-time", "date") else name)
    return found


def enumerations(model: Model) -> dict[str, type[Enum]]:
    """Return the fields of a class that hold an enumeration, or a list or a map of one."""
    found: dict[str, type[Enum]] = {}
    for name, annotation in hints(model).items():
        for part in alternatives(annotation):
            inner = alternatives(get_args(part)[-1]) if get_origin(part) in (list, dict) else (part,)
            for one in inner:
                if isinstance(one, type) and issubclass(one, Enum):
                    found[name] = one
    return found


def values(description: Description, schema: Schema) -> set[str]:
    """Return the texts of an enumeration, or of a list or a map of them."""
    found = set[str]()
    for choice in map(description.resolve, choices(description, schema)):
        inner: list[Schema] = [choice[one] for one in ("items", "additionalProperties") if choice.get(one) not in _OPEN]
        found = found.union(*(values(description, one) for one in inner))
        found |= {value for value in choice.get("enum", ()) if isinstance(value, str)}
    return found


def properties(description: Description, model: Model) -> dict[str, Schema]:
    """Return the properties of the schema of a model, without those that are deprecated."""
    described = description.properties(schemas_of(description).of[model])
    return {name: schema for name, schema in described.items() if not schema.get("deprecated")}


def changes(description: Description) -> Iterator[str]:
    """Yield what a description changed of the values of responses, in words that say what the client does with it."""
    for name, model in DESCRIBED.items():
        if model not in schemas_of(description).of:
            yield f"{name} is no longer described"
            continue
        described, known = properties(description, model), hints(model)
        for field in sorted(described.keys() - known.keys()):
            yield f"{name}.{field} is new: the client drops it"
        deprecated = description.properties(schemas_of(description).of[model]).keys() - described.keys()
        for field in sorted(known.keys() - described.keys()):
            if field in deprecated:
                yield f"{name}.{field} is deprecated: the client still reads it"
            elif (name, field) not in UNDESCRIBED:
                yield f"{name}.{field} is no longer described: it will be None"
        for field in sorted(known.keys() & described.keys()):
            yield from _of_one(description, model, field, described[field])
        yield from _of_needed(description, model, described)
    for enumeration, texts in described_values(description).items():
        for text in sorted({member.value for member in enumeration} - texts):
            yield f"{enumeration.__name__} no longer has the value {text}"


def _of_needed(description: Description, model: Model, described: dict[str, Schema]) -> Iterator[str]:
    """Yield the fields without which the client cannot decode a response, and that may be missing in one."""
    always = description.required(schemas_of(description).of[model])
    for field in sorted(required(model) & described.keys()):
        place = (model.__name__, field)
        if "null" in kinds(description, described[field]):
            yield f"{'.'.join(place)} may be null: the client cannot decode that"
        elif field not in always and place not in ALWAYS:
            yield f"{'.'.join(place)} may be absent: the client cannot decode that"


def described_values(description: Description) -> dict[type[Enum], set[str]]:
    """Return the texts of each enumeration, at all fields that hold it."""
    found: dict[type[Enum], set[str]] = {}
    for model in DESCRIBED.values():
        described = properties(description, model) if model in schemas_of(description).of else {}
        for name, one in enumerations(model).items():
            found.setdefault(one, set()).update(values(description, described.get(name, {})))
    return found


def _of_one(description: Description, model: Model, field: str, schema: Schema) -> Iterator[str]:
    place = (model.__name__, field)
    takes, described = taken_kinds(hints(model)[field]) - {"null"}, kinds(description, schema) - {"null"}
    if takes != described and place not in WIDER:
        words = " or ".join(sorted(described)), " or ".join(sorted(takes))
        yield f"{'.'.join(place)} is described as {words[0]}, and the client reads {words[1]}"
    enumeration = enumerations(model).get(field)
    texts = values(description, schema)
    members = {member.value for member in enumeration or ()}
    if enumeration is None and texts and place not in MISDESCRIBED:
        yield f"{'.'.join(place)} is an enumeration now: the client has text"
    for text in sorted(texts - members) if enumeration else ():
        yield f"{'.'.join(place)} has the new value {text}: it comes through as a string"
