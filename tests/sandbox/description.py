"""The provider's description, read for the sandbox's tests, and the mistakes in it that no response can mend."""

from __future__ import annotations

import copy
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "EVENERGY_OPENAPI"
METHODS = ("get", "post", "patch", "delete")

needs_description = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} does not name the provider's description"
)


@attrs.frozen
class Operation:
    """An operation of the description, with its references resolved at the top."""

    id: str
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    responses: dict[str, Any]

    @property
    def expansions(self) -> tuple[str, ...]:
        """Return the references that can be expanded."""
        for parameter in self.parameters:
            if parameter["name"] == "expand":
                return tuple(parameter["schema"].get("items", {}).get("enum", ()))
        return ()

    def takes(self, parameter: str) -> bool:
        """Return whether a query parameter is described."""
        return any(one["name"] == parameter and one["in"] == "query" for one in self.parameters)


@cache
def document() -> dict[str, Any]:
    """The description as it is; nothing where the environment names none."""
    path = os.environ.get(VARIABLE)
    if not path:
        return {"paths": {}, "components": {"schemas": {}}}
    yaml: Any = pytest.importorskip("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it was built: ten times as fast
    found: dict[str, Any] = loader(Path(path).read_text(encoding="utf-8")).get_single_data()
    return found


@cache
def corrected() -> dict[str, Any]:
    """The description, with what its own text says and its schemas do not."""
    found = copy.deepcopy(document())
    _correct(found)
    schemas = found["components"]["schemas"]
    if schemas:
        # Explained as one entry for each price.
        usage = schemas["UsageInterval"]["properties"]
        one = {"$ref": "#/components/schemas/EnergyDeliveredByPrice"}
        usage["energy_delivered_by_price"] = {"oneOf": [one, {"type": "array", "items": one}]}
        # It can be expanded, say the parameters.
        part = {"$ref": "#/components/schemas/ChargingSubSession"}
        energy = schemas["EnergyUsage"]["properties"]
        energy["charging_sub_session"] = {"oneOf": [energy["charging_sub_session"], part]}
        # "Can be null", says its text.
        place = schemas["ChargingSubSession"]["properties"]["location"]["properties"]
        place["coordinates"] = {"oneOf": [{"$ref": "#/components/schemas/LatLong"}, {"type": "null"}]}
        # A reference beside it forbids the null that it allows.
        schemas["Location"]["properties"]["country_code"].pop("$ref", None)
    return found


def each_operation(*methods: str) -> pytest.MarkDecorator:
    """Return the parametrization over all operations with these methods."""
    chosen = [one for one in operations() if one.method in methods]
    if not chosen:
        skipped = pytest.mark.skip(reason=f"{VARIABLE} does not name the provider's description")
        return pytest.mark.parametrize("operation", [pytest.param(None, marks=skipped)])
    return pytest.mark.parametrize("operation", chosen, ids=lambda one: one.id)


def operations() -> Iterator[Operation]:
    """Yield all operations."""
    found = document()
    for path, item in found["paths"].items():
        for method in METHODS:
            if method in item:
                raw = item[method]
                parameters = [resolve(one) for one in (*item.get("parameters", ()), *raw.get("parameters", ()))]
                for parameter in parameters:
                    parameter["schema"] = resolve(parameter.get("schema", {}))
                yield Operation(raw["operationId"], method.upper(), path, tuple(parameters), raw["responses"])


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference names."""
    while "$ref" in schema:
        found: Any = document()
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        schema = found
    return dict(schema)


def normal(path: str) -> str:
    """Return a path whose parameters have no names."""
    return re.sub(r"{\w+}", "{}", path) or "/"


def validate(operation: Operation, status: int, data: object) -> None:
    """Raise where a response is not as described."""
    jsonschema: Any = pytest.importorskip("jsonschema")
    response = resolve(operation.responses[str(status)])
    content = response.get("content", {})
    if not content:
        assert data is None
        return
    kind = "application/json" if status < 400 else "application/problem+json"
    schema = {**content[kind]["schema"], "components": corrected()["components"]}
    validator = jsonschema.Draft202012Validator
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(data)


def is_list(value: object) -> bool:
    """Return whether a value is a list. A function: a check in place would narrow Any to a list of unknowns."""
    return isinstance(value, list)


def _correct(schema: Any) -> None:
    """Correct the words of all schemas, in place."""
    inner: list[Any] = []
    if isinstance(schema, dict):
        words = cast("dict[str, Any]", schema)
        # A word of OpenAPI 3.0 that 3.1 does not know.
        if words.pop("nullable", False):
            words["type"] = [words["type"], "null"]
        # An empty list is both a list of URLs and a list of what they name.
        choices = words.get("oneOf")
        if is_list(choices) and choices and all(one.get("type") == "array" for one in choices):
            words["anyOf"] = words.pop("oneOf")
        inner = list(words.values())
    elif is_list(schema):
        inner = schema
    for value in inner:
        _correct(value)
