"""Each value class has what its schema has: the properties, their types, where null may stand, the enumerations."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args, get_origin

import attrs
import pytest

import evenergy

from .description import Description, Schema
from .mistakes import MISDESCRIBED
from .models import MODELS, SMALLER, Model, alternatives, hints, kind

# Schemas of resources that the client has no class for: they come as plain data when they are expanded.
_PLAIN = {"#/components/schemas/Tariff", "#/components/schemas/EVSESite"}

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def kinds(description: Description, schema: Schema) -> set[str]:
    """What a schema takes: types of JSON, ``date-time``, the pointer of a schema that has a class, lists of these."""
    reference: str = schema.get("$ref", "")
    pointer = SMALLER.get(reference, reference)
    if pointer in MODELS.values():
        return {pointer}
    if pointer in _PLAIN:
        return {"data"}
    schema = description.resolve(schema)
    choices: list[Schema] = schema.get("oneOf") or schema.get("anyOf") or []
    if choices:
        return {found for choice in choices for found in kinds(description, choice)}
    given = schema.get("type", "string" if "enum" in schema else "any")
    return {_kind(description, schema, name) for name in ([given] if isinstance(given, str) else given)}


def _kind(description: Description, schema: Schema, name: str) -> str:
    if name == "array":
        items: Schema = schema["items"]
        return f"[{' | '.join(sorted(_inline(description, items)))}]"
    return "date-time" if name == "string" and schema.get("format") == "date-time" else name


def _inline(description: Description, items: Schema) -> set[str]:
    """Of the items of a list: those that have a class of their own, though no name."""
    for pointer in MODELS.values():
        if pointer.endswith("/items") and description.at(pointer) == items:
            return {pointer}
    return kinds(description, items)


def enumerations(model: Model) -> dict[str, type[Enum]]:
    """The fields of a class that hold an enumeration, or a list of one."""
    found: dict[str, type[Enum]] = {}
    for name, annotation in hints(model).items():
        for part in alternatives(annotation):
            inner = alternatives(get_args(part)[0]) if get_origin(part) is list else (part,)
            found |= {name: one for one in inner if isinstance(one, type) and issubclass(one, Enum)}
    return found


def values(description: Description, schema: Schema) -> set[str]:
    """The values of an enumeration, or of a list of them."""
    schema = description.resolve(schema)
    listed: list[str | None] = schema.get("items", schema).get("enum", [])
    return {value for value in listed if value is not None}


def properties(description: Description, model: Model) -> dict[str, Schema]:
    return description.properties(description.at(MODELS[model]))


@each_model
def test_properties(description: Description, model: Model) -> None:
    assert set(hints(model)) == set(properties(description, model))


@each_model
def test_types_and_nulls(description: Description, model: Model) -> None:
    annotations = hints(model)
    wrong: dict[str, Any] = {}
    for name, schema in properties(description, model).items():
        takes = {kind(part) for part in alternatives(annotations[name])}
        described = kinds(description, schema)
        # Any field may be None in a value: what is absent must be something.
        if takes - {"null"} != described - {"null"} or not described <= takes:
            wrong[name] = (takes, described)
    assert wrong == {}


@each_model
def test_what_may_be_absent_has_a_default(description: Description, model: Model) -> None:
    needed = {field.name for field in attrs.fields(model) if field.default is attrs.NOTHING}
    assert needed <= description.required(description.at(MODELS[model]))


@each_model
def test_fields_know_all_values(description: Description, model: Model) -> None:
    described = properties(description, model)
    known = {name: {member.value for member in one} for name, one in enumerations(model).items()}
    assert {name: values(description, described[name]) - known[name] for name in known} == dict.fromkeys(known, set())
    texts = {name for name, schema in described.items() if values(description, schema)} - known.keys()
    assert {(model.__name__, name) for name in texts} <= MISDESCRIBED.keys(), "a text that has an enumeration"


def test_enumerations_have_no_other_values(description: Description) -> None:
    described: dict[type[Enum], set[str]] = {}
    for model in MODELS:
        for name, one in enumerations(model).items():
            described.setdefault(one, set()).update(values(description, properties(description, model)[name]))
    assert described == {one: {member.value for member in one} for one in described}


def test_nothing_is_left_out(description: Description) -> None:
    public = [getattr(evenergy, name) for name in evenergy.__all__]
    enums = {one for one in public if isinstance(one, type) and issubclass(one, Enum)}
    assert enums == {one for model in MODELS for one in enumerations(model).values()}
    assert set(answered(description)) <= set(MODELS.values())


def answered(description: Description) -> Iterator[str]:
    """The named schemas of the answers that the client reads."""
    from .operations import OPERATIONS  # noqa: PLC0415

    for operation in OPERATIONS:
        responses: Schema = description.operations[operation.id].raw["responses"]
        for status, response in responses.items():
            if status.startswith("2"):
                content: Schema = description.resolve(response).get("content", {})
                schema: Schema = content.get("application/json", {}).get("schema", {})
                reference = schema.get("items", schema).get("$ref")
                if reference is not None:
                    yield reference


def test_every_known_mistake_is_there_still(description: Description) -> None:
    models = {model.__name__: model for model in MODELS}
    for name, field in MISDESCRIBED:
        model = models[name]
        assert values(description, properties(description, model)[field])
        assert field not in enumerations(model)
