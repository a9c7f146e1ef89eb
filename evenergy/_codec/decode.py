"""Decoding of responses into models, and encoding of models as plain data.

There are two paths over the same classes. msgspec decodes straight into them, for less than plain dicts cost. What it
rejects goes to cattrs, which converts what loses nothing (``70.0`` where a whole number belongs, times of any offset or
of none, or of more digits than a datetime holds) and says exactly where a response is wrong. Both give equal values.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from types import GenericAlias
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

import attrs
import msgspec

from evenergy._lazy import load
from evenergy.errors import DecodeError, InvalidArgumentError

from .model import is_model
from .wire_types import JSON, OpenEnum, time_text

T = TypeVar("T")

# What msgspec reads in its own way: it rounds more than six digits of a second, and leaves a time at its offset. A
# server writes all its times in one way, so the first of a response show it. Looking at all of a page would cost as
# much as a third of decoding it, to save what is left when the way changes within one: half a microsecond, or the same
# instant at its offset.
_LOOK_AT = 2048  # bytes: small responses are looked at whole
_MORE_DIGITS = re.compile(rb"\.\d{7}\d*[Zz+-]")
_EAST = re.compile(rb'\+\d\d:?\d\d"')
_WEST = re.compile(rb'-\d\d:?\d\d"')
_ESCAPED_ASCII = re.compile(rb"\\u00[23]")  # which could hide one of these


class Decoded(Generic[T]):
    """Items of a JSON array.

    Attributes:
        entries: The items in their order, with a `DecodeError` in the place of each that could not be decoded.
        undecoded: Those errors.
    """

    __slots__ = ("entries", "undecoded")

    def __init__(self, entries: list[T | DecodeError], undecoded: list[DecodeError]) -> None:
        self.entries: list[T | DecodeError] = entries
        self.undecoded: list[DecodeError] = undecoded

    @property
    def items(self) -> list[T]:
        """Return the items that could be decoded."""
        if not self.undecoded:
            return cast("list[T]", self.entries)
        return [entry for entry in self.entries if not isinstance(entry, DecodeError)]


def decode(body: bytes, into: type[T]) -> T:
    """Return the value of the given type that a JSON document holds.

    Raises:
        DecodeError: The document is malformed, or does not fit; ``where`` names the place.
    """
    return cast("T", decoder(cast("Any", into))(body))


@cache
def decoder(into: Any) -> Callable[[bytes], Any]:
    """Return the function that decodes a document into one type."""
    fast = _fast(into)

    def decode(body: bytes) -> Any:
        found = fast(body)
        if found is not _ODD:
            return found
        return load("._codec.strict").structure(body, into)

    return decode


@cache
def items_decoder(into: Any, wrapped_in: str | None = None) -> Callable[[bytes], Decoded[Any]]:
    """Return the function that decodes an array of one type, in which an odd item loses no other.

    Args:
        into: The type of an item.
        wrapped_in: The field of an object that holds the array; None when the document is the array.

    The function raises a `DecodeError` when the document is malformed, or holds no array there.
    """
    items = GenericAlias(list, (into,))
    fast = _fast(items if wrapped_in is None else msgspec.defstruct("Wrapper", [(wrapped_in, items)]))

    def decode(body: bytes) -> Decoded[Any]:
        found = fast(body)
        if found is not _ODD:
            return Decoded(found if wrapped_in is None else getattr(found, wrapped_in), [])
        entries: list[Any] = load("._codec.strict").structure_items(body, into, wrapped_in)
        return Decoded(entries, [entry for entry in entries if isinstance(entry, DecodeError)])

    return decode


_ODD: Any = object()


def _fast(into: Any) -> Callable[[bytes], Any]:
    """Return the first path for one type; it gives `_ODD` for a document that the second path must read."""
    fast = msgspec.json.Decoder(into).decode
    has_times = "date-time" in repr(msgspec.json.schema(into))

    def decode(body: bytes) -> Any:
        try:
            return _ODD if has_times and _has_odd_times(body) else fast(body)
        except (ValueError, RecursionError):
            return _ODD  # the second path takes it, or says exactly what is wrong

    return decode


def _has_odd_times(body: bytes) -> bool:
    start = body[:_LOOK_AT]
    return (
        _MORE_DIGITS.search(start) is not None
        or _WEST.search(start) is not None
        or (b"+" in body and _EAST.search(body) is not None)
        or (b"\\" in body and _ESCAPED_ASCII.search(body) is not None)
    )


def to_dict(value: attrs.AttrsInstance) -> dict[str, JSON]:
    """Return the plain JSON data of a value: an absent field is None, a time the same instant in UTC with ``Z``.

    Raises:
        InvalidArgumentError: It is no value of this library.
    """
    fields = _open_fields(type(value))
    if fields is not None and _is_usual(value, fields):
        try:
            return cast("dict[str, JSON]", msgspec.to_builtins(value))
        except (TypeError, ValueError, RecursionError):
            pass  # something in it that is no JSON data: it is named below
    if isinstance(value, type) or not attrs.has(type(value)):
        raise InvalidArgumentError(f"expected a value such as a Vehicle, got {type(value).__name__}")
    return cast("dict[str, JSON]", _data(value))


def _data(value: object) -> JSON:
    """Return a part of a value as JSON data."""
    kind: Any = type(value)
    if kind in _PLAIN:
        return cast("JSON", value)
    if isinstance(value, Enum):
        return _data(value.value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _data(part) for name, part in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_data(part) for part in cast("Iterable[object]", value)]
    if not attrs.has(kind):
        raise InvalidArgumentError(f"expected a value such as a Vehicle, got one that holds {kind.__name__.lower()}")
    return {field.name: _data(getattr(value, field.name)) for field in attrs.fields(kind)}


def _is_usual(value: object, fields: tuple[str, ...]) -> bool:
    """Return whether all times in a model are in UTC, as decoded ones are: msgspec writes others at their offset."""
    for name in fields:
        part: Any = getattr(value, name)
        if part.__class__ is datetime:
            if part.tzinfo is not UTC:
                return False
        elif part.__class__ not in _LEAVES and not _is_usual_part(part):
            return False
    return True


def _is_usual_part(part: object) -> bool:
    if isinstance(part, list):
        return all(map(_is_usual_part, cast("list[object]", part)))
    if isinstance(part, dict):
        return all(map(_is_usual_part, cast("dict[str, object]", part).values()))
    kind: Any = type(part)
    fields = _open_fields(kind)
    return _is_usual(part, fields) if fields is not None else kind in _LEAVES or issubclass(kind, OpenEnum)


_PLAIN = frozenset({str, int, float, bool, type(None)})
_LEAVES = _PLAIN | {date}


@cache
def _open_fields(kind: Any) -> tuple[str, ...] | None:
    """Return the fields of a model that may hold a time, or more than one value; None for what is no model."""
    if not is_model(kind):
        return None
    return tuple(field.name for field in msgspec.structs.fields(kind) if not _is_leaf(field.type))


def _is_leaf(kind: Any) -> bool:
    if get_origin(kind) in (list, dict):
        return False
    parts = get_args(kind)
    if parts:
        return all(map(_is_leaf, parts))
    return isinstance(kind, type) and (kind in _LEAVES or issubclass(kind, OpenEnum))
