"""Griffe extension: one table of all fields for models, enumerations and other classes of values.

Their docstrings describe the fields that need words. The table gets the others too, with their types, and the fields
are no longer listed a second time as members.
"""

from __future__ import annotations

from typing import Any

import griffe

ENUMERATION = "OpenEnum"
DECORATORS = ("model", "attrs.frozen", "attrs.define")


class ModelFields(griffe.Extension):
    """Tables of fields."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Complete the tables of all classes of values."""
        del loader, kwargs
        if pkg.name == "evenergy":
            _walk(pkg)


def _walk(scope: Any) -> None:
    for one in list(scope.members.values()):
        if one.is_alias or not (one.is_module or one.is_class):
            continue
        _walk(one)
        if one.is_class and one.docstring is not None:
            _complete(one)


def _complete(kind: Any) -> None:
    """Move the fields of a class into the table of its docstring, but for those with a docstring of their own."""
    is_enumeration = any(str(base) == ENUMERATION for base in kind.bases)
    is_value = any(str(one.value).partition("(")[0] in DECORATORS for one in kind.decorators)
    table = _table(kind, is_made=is_enumeration or is_value)
    if table is None:
        return
    described = {one.name: one for one in table.value}
    fields = [one for one in kind.attributes.values() if not one.is_alias and _is_field(one)]
    if is_enumeration or is_value:
        table.value = [described.get(one.name) or _row(one, is_enumeration=is_enumeration) for one in fields]
    for row in table.value:
        found = kind.members.get(row.name)
        row.annotation = row.annotation or getattr(found, "annotation", None)
    for one in fields:
        del kind.members[one.name]


def _is_field(attribute: Any) -> bool:
    return attribute.docstring is None and not attribute.name.startswith("_") and "property" not in attribute.labels


def _table(kind: Any, *, is_made: bool) -> Any:
    """Return the table of attributes of a docstring, made where there is none and one is wanted."""
    sections = kind.docstring.parsed
    found = next((one for one in sections if one.kind is griffe.DocstringSectionKind.attributes), None)
    if found is None and is_made:
        found = griffe.DocstringSectionAttributes([])
        sections.append(found)
    return found


def _row(attribute: Any, *, is_enumeration: bool) -> griffe.DocstringAttribute:
    value = str(attribute.value).removeprefix("Member(").removesuffix(")")
    words = f"`{value}`" if is_enumeration else ""
    return griffe.DocstringAttribute(attribute.name, annotation=attribute.annotation, description=words)
