"""Types of fields, as data is compared with them: each part of a JSON document beside the type that it is read into."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs

UNKNOWN: Final = None
"""Type of data that no class of this library has a field for."""


@cache
def alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the one type that it is, without what `Annotated` adds."""
    if get_origin(kind) is Annotated:
        return alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(one for part in get_args(kind) for one in alternatives(part))
    return () if kind is UNKNOWN else (kind,)


def model_of(kind: Any) -> Any:
    """Return the class among the alternatives of a type, or None where there is none."""
    return next((one for one in alternatives(kind) if isinstance(one, type) and attrs.has(one)), None)


def enumeration_of(kind: Any) -> type[Enum] | None:
    """Return the enumeration among the alternatives of a type, or None where there is none."""
    found = (one for one in alternatives(kind) if isinstance(one, type) and issubclass(one, Enum))
    return next(found, None)


@cache
def values(enumeration: type[Enum]) -> frozenset[str]:
    """Return the texts of an enumeration."""
    return frozenset(str(member.value) for member in enumeration)


def items_of(kind: Any) -> Any:
    """Return the type of the items of a list; `UNKNOWN` where the type is no list."""
    return _known(next((get_args(one)[0] for one in alternatives(kind) if get_origin(one) is list), UNKNOWN))


def is_map(kind: Any) -> bool:
    """Return whether the keys of an object are data, and no names of fields."""
    return any(get_origin(one) is dict for one in alternatives(kind))


def values_of(kind: Any) -> Any:
    """Return the type of the values of an object whose keys are data; `UNKNOWN` for values of any type."""
    return _known(next((get_args(one)[1] for one in alternatives(kind) if get_origin(one) is dict), UNKNOWN))


@cache
def fields_of(model: Any) -> Mapping[str, Any]:
    """Return the fields of a class by name, each with its type."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(attrs.resolve_types(model))
    return {field.name: _known(field.type) for field in fields}


def _known(kind: Any) -> Any:
    return UNKNOWN if kind is Any else kind
