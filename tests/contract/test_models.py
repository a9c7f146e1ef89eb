"""Models against their schemas: the properties, their types, null, the enumerations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import pytest

import evenergy
from tests.house import PUBLIC
from tests.operations import OPERATIONS
from tests.operations._values import Model, hints, required

from .description import Description, Schema
from .fields import changes, described_values, enumerations, kinds, properties, values
from .mistakes import ALWAYS, MISDESCRIBED, UNDESCRIBED, WIDER
from .models import DESCRIBED, kinds as taken_kinds, schemas_of

each_model = pytest.mark.parametrize("model", DESCRIBED.values(), ids=DESCRIBED)


@each_model
def test_properties(description: Description, model: Model) -> None:
    described = set(properties(description, model))
    described |= {field for name, field in UNDESCRIBED if name == model.__name__}
    assert set(hints(model)) == described


@each_model
def test_types_and_nulls(description: Description, model: Model) -> None:
    annotations = hints(model)
    wrong: dict[str, Any] = {}
    for name, schema in properties(description, model).items():
        takes = taken_kinds(annotations[name])
        described = kinds(description, schema)
        # Any field may be None in a value: what is absent must be something.
        if (takes - {"null"} != described - {"null"} or not described <= takes) and (model.__name__, name) not in WIDER:
            wrong[name] = (takes, described)
    assert wrong == {}


@each_model
def test_a_field_that_may_be_absent_has_a_default(description: Description, model: Model) -> None:
    always = {name for kind, name in ALWAYS if kind == model.__name__}
    assert required(model) <= description.required(schemas_of(description).of[model]) | always


@each_model
def test_fields_know_all_values(description: Description, model: Model) -> None:
    described = properties(description, model)
    known = {name: {member.value for member in one} for name, one in enumerations(model).items()}
    unknown = {name: values(description, described[name]) - known[name] for name in known}
    assert {name: texts for name, texts in unknown.items() if texts} == {}
    texts = {name for name, schema in described.items() if values(description, schema)} - known.keys()
    assert {(model.__name__, name) for name in texts} <= MISDESCRIBED.keys(), "a text that has an enumeration"


def test_enumerations_have_no_other_values(description: Description) -> None:
    described = described_values(description)
    assert described == {one: {member.value for member in one} for one in described}


def test_nothing_is_left_out(description: Description) -> None:
    public = [getattr(evenergy, name) for name in PUBLIC]
    enums = {one for one in public if isinstance(one, type) and issubclass(one, Enum)}
    assert enums == {one for model in DESCRIBED.values() for one in enumerations(model).values()}
    without = {name for name in successes(description) if not schemas_of(description).names({"$ref": name})}
    assert without == set()


def test_a_schema_has_one_model(description: Description) -> None:
    assert {one: models for one, models in schemas_of(description).models.items() if len(models) > 1} == {}
    assert {*DESCRIBED.values()} == schemas_of(description).of.keys(), "models without a schema"


def successes(description: Description) -> Iterator[str]:
    """Yield the named schemas of the responses that the client decodes."""
    for row in OPERATIONS.values():
        operation = description.operations[row.id]
        for status in operation.raw["responses"]:
            schema = description.response(operation, status) if status.startswith("2") else {}
            reference = (schema.get("items", {}) if row.paging else schema).get("$ref")
            if reference is not None:
                yield reference


def test_every_known_mistake_is_there_still(description: Description) -> None:
    for name, field in MISDESCRIBED:
        model = DESCRIBED[name]
        assert values(description, properties(description, model)[field])
        assert field not in enumerations(model)
    for name, field in WIDER:
        assert kinds(description, properties(description, DESCRIBED[name])[field]) != taken_kinds(
            hints(DESCRIBED[name])[field]
        ) - {"null"}
    for name, field in ALWAYS:
        assert field not in description.required(schemas_of(description).of[DESCRIBED[name]])


def field(document: Schema, schema: str, name: str) -> Schema:
    found: Schema = document["components"]["schemas"][schema]["properties"][name]
    return found


def add_property(document: Schema) -> None:
    document["components"]["schemas"]["VehicleMake"]["properties"]["colour"] = {"type": "string"}


def lose_property(document: Schema) -> None:
    del document["components"]["schemas"]["VehicleMake"]["properties"]["name"]


def change_type(document: Schema) -> None:
    field(document, "Vehicle", "battery_size_watt_hours")["type"] = "number"


def deprecate(document: Schema) -> None:
    field(document, "Vehicle", "battery_size_watt_hours")["deprecated"] = True


def change_format(document: Schema) -> None:
    field(document, "User", "joined_at").pop("format")


def refer_elsewhere(document: Schema) -> None:
    field(document, "Vehicle", "trim")["oneOf"][1]["$ref"] = "#/components/schemas/VehicleModel"


def change_items(document: Schema) -> None:
    field(document, "User", "vehicles")["items"] = {"type": "integer"}


def allow_null(document: Schema) -> None:
    field(document, "LatLong", "latitude")["type"] = ["number", "null"]


def need_less(document: Schema) -> None:
    document["components"]["schemas"]["LatLong"]["required"].remove("latitude")


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
    (need_less, lambda changed: test_a_field_that_may_be_absent_has_a_default(changed, evenergy.LatLong)),
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


def test_nothing_has_changed(description: Description) -> None:
    assert list(changes(description)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add_property, "VehicleMake.colour is new: the client drops it"),
        (lose_property, "VehicleMake.name is no longer described: it will be None"),
        (change_type, "Vehicle.battery_size_watt_hours is described as number, and the client reads integer"),
        (add_value, "VehicleConnectors.adaptors has the new value MCS: it comes through as a string"),
        (lose_value, "StateOfChargeSource no longer has the value MANUAL"),
        (deprecate, "Vehicle.battery_size_watt_hours is deprecated: the client still reads it"),
        (allow_null, "LatLong.latitude may be null: the client cannot decode that"),
        (need_less, "LatLong.latitude may be absent: the client cannot decode that"),
    ],
)
def test_a_change_has_words(description: Description, change: Callable[[Schema], None], words: str) -> None:
    document = copy.deepcopy(description.document)
    change(document)
    assert words in list(changes(Description(document)))
