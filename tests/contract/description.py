"""The provider's OpenAPI description, read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import yaml

Schema: TypeAlias = dict[str, Any]

VARIABLE = "EVENERGY_OPENAPI"

_METHODS = ("get", "post", "put", "patch", "delete")


@attrs.frozen
class Described:
    """One operation of a description.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path's template.
        raw: The operation itself; references are not resolved.
        parameters: By place and name, such as ``("query", "expand")``.
        body: The schema of what is sent, resolved at its top; empty for nothing.
    """

    id: str
    method: str
    path: str
    tags: tuple[str, ...]
    raw: Schema
    parameters: dict[tuple[str, str], Schema]
    body: Schema


class Description:
    """A description, and what it says of its operations."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        self.operations = {operation.id: operation for operation in self._operations()}

    def resolve(self, schema: Schema) -> Schema:
        """Return the schema that a reference names; a keyword beside it wins (OpenAPI 3.1)."""
        while "$ref" in schema:
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = {**self.at(schema["$ref"]), **beside}
        return schema

    def at(self, pointer: str) -> Schema:
        """Return what stands at a place such as ``#/components/schemas/Vehicle``."""
        found: Any = self.document
        for name in pointer.removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        return dict(found)

    def response(self, operation: Described, status: str) -> Schema:
        """Return the schema of a response in JSON; empty where there is none."""
        response = self.resolve(operation.raw["responses"][status])
        schema: Schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        return schema

    def properties(self, schema: Schema) -> dict[str, Schema]:
        """The properties of an object, also those of the parts that it is put together from."""
        schema = self.resolve(schema)
        found: dict[str, Schema] = {}
        for part in schema.get("allOf", ()):
            found |= self.properties(part)
        found |= schema.get("properties", {})
        return found

    def required(self, schema: Schema) -> set[str]:
        """The names of the properties that an object must have."""
        schema = self.resolve(schema)
        inherited = (self.required(part) for part in schema.get("allOf", ()))
        return set(schema.get("required", ())).union(*inherited)

    def writable(self, schema: Schema) -> set[str]:
        """The names of the properties that a request may hold."""
        return {name for name, value in self.properties(schema).items() if not value.get("readOnly")}

    def _operations(self) -> Iterator[Described]:
        for path, item in self.document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def _operation(self, method: str, path: str, item: Schema) -> Described:
        raw: Schema = item[method]
        parameters = [
            self.resolve(parameter) for parameter in (*item.get("parameters", ()), *raw.get("parameters", ()))
        ]
        body = self.resolve(raw.get("requestBody", {})).get("content", {}).get("application/json", {}).get("schema", {})
        return Described(
            raw.get("operationId") or f"{method} {path}",
            method.upper(),
            path,
            tuple(raw.get("tags", ())),
            raw,
            {(parameter["in"], parameter["name"]): parameter for parameter in parameters},
            self.resolve(body),
        )


def load(path: str | Path) -> Description:
    """The description in a file, in YAML or JSON."""
    return parse(Path(path).read_text(encoding="utf-8"))


def parse(text: str) -> Description:
    """Return a description from its text, in YAML or JSON."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it was built: ten times as fast
    return Description(yaml.load(text, loader))  # noqa: S506  it is a safe one


def configured() -> str | None:
    """Return the path of the description, from the environment."""
    return os.environ.get(VARIABLE) or None
