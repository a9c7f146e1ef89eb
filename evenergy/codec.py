"""From the bytes of an answer to values, and from values back to data.

There are two paths over the same attrs classes. msgspec decodes straight into them, at the price of plain dicts. What
it cannot take goes to cattrs, which takes what loses nothing (``70.0`` where a whole number belongs, times of any
offset or of more digits than a datetime holds) and says exactly where an answer is wrong. Both give equal values.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Protocol, Self, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn

from .errors import DecodeError, InvalidArgumentError, printable

T = TypeVar("T")

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
"""What a JSON document holds."""

Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware datetime, in UTC once it is decoded."""

# What msgspec reads in its own way: it rounds more than six digits of a second, and leaves a time at its offset. A
# server writes all its times in one way, so the first of an answer tell. Reading all of a page would cost as much as a
# third of decoding it, to save what is left when the way changes within one: half a microsecond, or the same instant
# at its offset.
_TOLD_WITHIN = 4096  # bytes: small answers are read whole
_MORE_DIGITS = re.compile(rb"\.\d{7}\d*[Zz+-]")
_EAST = re.compile(rb'\+\d\d:?\d\d"')
_WEST = re.compile(rb'-\d\d:?\d\d"')
_ESCAPED_ASCII = re.compile(rb"\\u00[23]")  # which could hide one of these


class Identified(Protocol):
    """A resource with an id."""

    @property
    def id(self) -> str:
        """The id."""
        ...


class OpenEnum(StrEnum):
    """An enumeration that the API may extend: a value that is not known yet equals its string, and is kept."""

    __hash__ = str.__hash__  # equal to a string, so it must hash as one

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


def decode(body: bytes, into: type[T]) -> T:
    """The value of the given type that a JSON document holds.

    Raises:
        DecodeError: The document is none, or does not fit; ``where`` names the place.
    """
    kind = cast("Any", into)
    try:
        if not (_has_times(kind) and _has_odd_times(body)):
            return cast("T", _decoder(kind).decode(body))
    except (ValueError, RecursionError):
        pass  # the second path takes it, or says exactly what is wrong
    return _structure(body, into)


def _has_odd_times(body: bytes) -> bool:
    start = body[:_TOLD_WITHIN]
    return (
        _MORE_DIGITS.search(start) is not None
        or _WEST.search(start) is not None
        or (b"+" in body and _EAST.search(body) is not None)
        or (b"\\" in body and _ESCAPED_ASCII.search(body) is not None)
    )


def to_dict(value: attrs.AttrsInstance) -> dict[str, JSON]:
    """The plain JSON data of a value: an absent field as None, a time as the same instant, in UTC with ``Z``.

    Raises:
        InvalidArgumentError: It is no value of this library.
    """
    if isinstance(value, type) or not attrs.has(type(value)):
        raise InvalidArgumentError(f"expected a value such as a Vehicle, got {type(value).__name__}")
    return cast("dict[str, JSON]", _CONVERTER.unstructure(value))


def reference_id(reference: str | Identified | None) -> str | None:
    """The id behind a reference: a URL's last segment, or the expanded resource's own."""
    if isinstance(reference, str):
        return reference.partition("?")[0].rstrip("/").rpartition("/")[2]
    return None if reference is None else reference.id


def time_text(time: datetime) -> str:
    """An aware datetime as the API writes it: in UTC, with ``Z`` and all its digits."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


@cache
def _decoder(into: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(into)


@cache
def _has_times(into: Any) -> bool:
    return "date-time" in repr(msgspec.json.schema(into))


def _structure(body: bytes, into: type[T]) -> T:
    try:
        document: object = msgspec.json.decode(body)
    except RecursionError:
        raise DecodeError("the answer is nested too deeply to be read") from None
    except ValueError as error:
        raise DecodeError(f"the answer is not a whole JSON document: {error}", malformed=True) from error
    try:
        return _CONVERTER.structure(document, into)
    except Exception as error:  # cattrs raises groups of whatever its hooks raise
        places = list(_places(error, "$"))
        text = "; ".join(f"{printable(why)} at {where}" for where, why in places[:3])
        more = f", and {len(places) - 3} more" if places[3:] else ""
        raise DecodeError(f"the answer cannot be read: {text}{more}", where=places[0][0]) from error


def _places(error: Exception, where: str) -> Iterator[tuple[str, str]]:
    """Each place of a document that is wrong, and why."""
    if isinstance(error, cattrs.ClassValidationError):
        for inner, field in error.group_exceptions()[0]:
            yield from _places(inner, f"{where}.{field.name}")
    elif isinstance(error, cattrs.IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _places(inner, f"{where}[{item.index!r}]")
    else:
        yield where, "the field is missing" if isinstance(error, KeyError) else str(error)


def _expected(what: str, value: object) -> ValueError:
    kinds: dict[object, str] = {dict: "an object", list: "an array", NoneType: "null"}
    return ValueError(f"expected {what}, got {kinds.get(type(value)) or repr(value)}")


def _whole_number(value: object, _: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # 70.0 is 70; 70.9 is not
        return int(value)
    raise _expected("a whole number", value)


def _number(value: object, _: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _expected("a number", value)


def _exactly(kind: type[T], what: str) -> Callable[[object, object], T]:
    def structure(value: object, _: object) -> T:
        if isinstance(value, kind):
            return value
        raise _expected(what, value)

    return structure


def _time(value: object, _: object) -> datetime:
    if not isinstance(value, str):
        raise _expected("a time", value)
    try:
        time = datetime.fromisoformat(value.upper())  # RFC 3339 allows a small t and z; more digits are cut
    except ValueError:
        raise _expected("a time such as 2024-01-01T11:11:11.1111Z", value) from None
    if time.tzinfo is None:
        raise _expected("a time with a zone", value)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise _expected("a time between the years 1 and 9999", value) from None


def _member(value: object, kind: type[OpenEnum]) -> OpenEnum:
    if isinstance(value, str):
        return kind(value)
    raise _expected("a string", value)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _is_reference(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and any(attrs.has(one) or _is_plain(one) for one in get_args(kind))


def _is_plain(kind: Any) -> bool:
    return get_origin(kind) is dict


def _reference(value: object, kind: Any) -> object:
    """A URL, or the resource itself where the request expanded it, or null."""
    kinds = get_args(kind)
    if type(value) in kinds:  # str and NoneType
        return value
    if isinstance(value, dict):
        resource: Any = next(filter(attrs.has, kinds), dict[str, Any])
        return _CONVERTER.structure(value, resource)
    raise _expected("a URL or an object" if str in kinds else "an object", value)


def _from_object(kind: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    structure = make_dict_structure_fn(kind, converter)

    def checked(value: object, kind: Any) -> object:
        if isinstance(value, dict):
            return structure(cast("dict[str, Any]", value), kind)
        raise _expected("an object", value)

    return checked


def _from_array(kind: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    structure = list_structure_factory(kind, converter)

    def checked(value: object, kind: Any) -> object:
        if isinstance(value, list):
            return structure(cast("list[object]", value), kind)
        raise _expected("an array", value)

    return checked


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook_factory(attrs.has, _from_object)
    converter.register_structure_hook_factory(_is_list, _from_array)
    converter.register_structure_hook_func(_is_reference, _reference)
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(OpenEnum, _member)
    converter.register_structure_hook(datetime, _time)
    converter.register_unstructure_hook(datetime, time_text)
    return converter


_CONVERTER = _converter()
