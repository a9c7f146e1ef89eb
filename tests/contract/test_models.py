"""Each value class has what its schema has: the properties, their types, where null may stand, the enumerations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, get_args, get_origin

import attrs
import pytest

import evenergy

from .description import Description, Schema
from .mistakes import MISDESCRIBED
from .models import MODELS, SMALLER, Model, alternatives, hints, kind
from .operations import OPERATIONS

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
            for one in inner:
                if isinstance(one, type) and issubclass(one, Enum):
                    found[name] = one
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
    unknown = {name: values(description, described[name]) - known[name] for name in known}
    assert {name: texts for name, texts in unknown.items() if texts} == {}
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


def field(document: Schema, schema: str, name: str) -> Schema:
    found: Schema = document["components"]["schemas"][schema]["properties"][name]
    return found


def add_property(document: Schema) -> None:
    document["components"]["schemas"]["VehicleMake"]["properties"]["colour"] = {"type": "string"}


def lose_property(document: Schema) -> None:
    del document["components"]["schemas"]["VehicleMake"]["properties"]["name"]


def change_type(document: Schema) -> None:
    field(document, "Vehicle", "battery_size_watt_hours")["type"] = "number"


def change_format(document: Schema) -> None:
    field(document, "User", "joined_at").pop("format")


def refer_elsewhere(document: Schema) -> None:
    field(document, "Vehicle", "trim")["oneOf"][1]["$ref"] = MODELS[evenergy.VehicleModel]


def change_items(document: Schema) -> None:
    field(document, "User", "vehicles")["items"] = {"type": "integer"}


def allow_null(document: Schema) -> None:
    field(document, "LatLong", "latitude")["type"] = ["number", "null"]


def need_less(document: Schema) -> None:
    document["components"]["schemas"]["Vehicle"]["required"].remove("id")


def add_value(document: Schema) -> None:
    field(document, "VehicleConnectors", "adaptors")["items"]["enum"].append("MCS")


def lose_value(document: Schema) -> None:
    field(document, "VehicleStateOfCharge", "source")["enum"].remove("MANUAL")


def enumerate_text(document: Schema) -> None:
    field(document, "VehicleStatusLog", "data_source")["enum"] = ["TELEMATICS", None]


CHANGES: list[tuple[Callable[[Schema], None], Callable[[Description], None]]] = [
    (add_property, lambda changed: test_properties(changed, evenergy.VehicleMake)),
    (lose_property, lambda changed: test_properties(changed, evenergy.VehicleMake)),
    (change_type, lambda changed: test_types_and_nulls(changed, evenergy.Vehicle)),
    (change_format, lambda changed: test_types_and_nulls(changed, evenergy.User)),
    (refer_elsewhere, lambda changed: test_types_and_nulls(changed, evenergy.Vehicle)),
    (change_items, lambda changed: test_types_and_nulls(changed, evenergy.User)),
    (allow_null, lambda changed: test_types_and_nulls(changed, evenergy.LatLong)),
    (need_less, lambda changed: test_what_may_be_absent_has_a_default(changed, evenergy.Vehicle)),
    (add_value, lambda changed: test_fields_know_all_values(changed, evenergy.VehicleConnectors)),
    (lose_value, test_enumerations_have_no_other_values),
    (enumerate_text, lambda changed: test_fields_know_all_values(changed, evenergy.VehicleStatusLog)),
]


@pytest.mark.parametrize(("change", "check"), CHANGES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_change_is_seen(
    description: Description, change: Callable[[Schema], None], check: Callable[[Description], None]
) -> None:
    document = copy.deepcopy(description.document)
    change(document)
    with pytest.raises(AssertionError):
        check(Description(document))
