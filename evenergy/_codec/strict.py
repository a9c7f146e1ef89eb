"""Second decode path: cattrs over the same models, which converts nothing that would lose anything.

It is a module of its own because it is imported when it is first needed, which for most programs is never.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import (
    make_dict_structure_fn,
    make_mapping_structure_fn,  # pyright: ignore[reportUnknownVariableType]  partly untyped
    override,
)

from evenergy.errors import DecodeError, printable

from .wire_types import OpenEnum, in_utc

T = TypeVar("T")

_WORDS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
_FAILED = "could not decode the response"
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ]00:00(:00(\.0+)?)?([Zz]|[+-]00:?00)?")


def structure(body: bytes, into: type[T]) -> T:
    """Return the value of the given type that a JSON document holds.

    Raises:
        DecodeError: The document is malformed, or does not fit; ``where`` names the place.
    """
    document = _document(body)
    found = _structure(document, into, "$")
    if isinstance(found, DecodeError):
        raise found from found.__cause__
    return found


def structure_items(body: bytes, into: type[T], wrapped_in: str | None) -> list[T | DecodeError]:
    """Return the items of a JSON array, with a `DecodeError` in the place of each that does not fit.

    Args:
        body: The document.
        into: The type of an item.
        wrapped_in: The field of an object that holds the array; None when the document is the array.

    Raises:
        DecodeError: The document is malformed, or holds no array there.
    """
    document, where = _document(body), "$"
    items: object = document
    if wrapped_in is not None and isinstance(items, dict):
        items, where = cast("dict[str, object]", items).get(wrapped_in), f"$.{wrapped_in}"
    if not isinstance(items, list):
        raise DecodeError(f"{_FAILED}: {_expected('an array', items)} at {where}", where=where, raw=document)
    return [_structure(item, into, f"{where}[{at}]") for at, item in enumerate(cast("list[object]", items))]


def _document(body: bytes) -> object:
    try:
        document: object = msgspec.json.decode(body)
    except RecursionError:
        raise DecodeError(f"{_FAILED}: it is nested too deeply") from None
    except ValueError as error:
        raise DecodeError(f"{_FAILED}: it is not a whole JSON document: {error}", malformed=True) from error
    return document


def _structure(data: object, into: type[T], where: str) -> T | DecodeError:
    """Return the value that plain data holds, or the error, so that no frame of it holds what was read."""
    try:
        return _CONVERTER.structure(data, into)
    except Exception as cause:  # noqa: BLE001  cattrs raises groups of whatever its hooks raise
        _drop_frames(cause)
        places = list(_places(cause, where))
        text = "; ".join(f"{printable(why)} at {place}" for place, why in places[:3])
        more = f", and {len(places) - 3} more" if places[3:] else ""
        error = DecodeError(f"{_FAILED}: {text}{more}", where=places[0][0], raw=data)
        error.__cause__ = cause
        return error


def _drop_frames(error: Exception) -> None:
    """Drop the frames of an error, and of the errors in it: they hold what was read."""
    error.__traceback__ = None
    if isinstance(error, ExceptionGroup):
        for inner in cast("ExceptionGroup[Exception]", error).exceptions:
            _drop_frames(inner)


def _places(error: Exception, where: str) -> Iterator[tuple[str, str]]:
    """Return each place of a document that is wrong, and the reason."""
    if isinstance(error, cattrs.ClassValidationError):
        for inner, field in error.group_exceptions()[0]:
            yield from _places(inner, f"{where}.{field.name}")
    elif isinstance(error, cattrs.IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _places(inner, f"{where}[{item.index!r}]")
    else:
        yield where, "the field is missing" if isinstance(error, KeyError) else str(error)


def _expected(expected: str, value: object) -> ValueError:
    kinds: dict[object, str] = {dict: "an object", list: "an array", NoneType: "null"}
    return ValueError(f"expected {expected}, got {kinds.get(type(value)) or printable(repr(value))}")


def _int(value: object, _: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():  # 70.0 is 70; 70.9 is not
        return int(value)
    raise _expected("a whole number", value)


def _float(value: object, _: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _expected("a number", value)


def _time(value: object, _: object) -> datetime:
    if not isinstance(value, str):
        raise _expected("a time", value)
    try:
        time = datetime.fromisoformat(value.upper())  # RFC 3339 allows a small t and z; more digits are cut
    except ValueError:
        raise _expected("a time such as 2024-01-01T11:11:11.1111Z", value) from None
    try:
        return in_utc(time)  # the API's times are in UTC, and some of them come without a zone
    except OverflowError:
        raise _expected("a time between the years 1 and 9999", value) from None


def _date(value: object, _: object) -> date:
    if not isinstance(value, str):
        raise _expected("a date", value)
    midnight = _MIDNIGHT.fullmatch(value)
    try:
        return date.fromisoformat(midnight[1] if midnight else value)
    except ValueError:
        raise _expected("a date such as 2024-01-31", value) from None


def _member(value: object, kind: type[OpenEnum]) -> OpenEnum:
    if isinstance(value, str):
        return kind(value)
    raise _expected("a string", value)


def _is_list(kind: Any) -> bool:
    return kind is list or get_origin(kind) is list


def _is_mapping(kind: Any) -> bool:
    return kind is dict or get_origin(kind) is dict


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _is_struct(kind: Any) -> bool:
    """Return whether a class is one that a caller laid out with msgspec, and without attrs."""
    return isinstance(kind, msgspec.StructMeta) and not attrs.has(kind)


def _struct(value: object, kind: Any) -> object:
    if not isinstance(value, dict):
        raise _expected("an object", value)
    given = cast("dict[str, Any]", value)
    fields = [field for field in msgspec.structs.fields(kind) if field.encode_name in given]
    return kind(**{field.name: _CONVERTER.structure(given[field.encode_name], field.type) for field in fields})


def _data_of(kind: Any) -> type:
    """Return the type of the JSON data that a type is decoded from; ``object`` for data of several types."""
    if kind in (str, bool, int, float, NoneType):
        return cast("type", kind)
    if _is_list(kind):
        return list
    if attrs.has(kind) or _is_struct(kind) or _is_mapping(kind):
        return dict
    return str if isinstance(kind, type) and issubclass(kind, str | date) else object


def _from_union(union: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    """Return the hook for a union, in which the type of the JSON data tells the types apart."""
    kinds = [get_args(one)[0] if get_origin(one) is Annotated else one for one in get_args(union)]
    hooks: dict[type, Callable[[object], object]] = {}
    for kind in kinds:
        if kind is not NoneType:
            hooks.setdefault(_data_of(kind), _hook(kind, converter))
    names = [_WORDS[data] for data in hooks if data in _WORDS]
    expected = " or ".join(["a URL" if name == "a string" and "an object" in names else name for name in names])
    others = hooks.get(object) or (next(iter(hooks.values())) if len(hooks) == 1 else None)
    if int in hooks:
        hooks.setdefault(float, hooks[int])  # 70.0 is 70
    if float in hooks:
        hooks.setdefault(int, hooks[float])

    def structure(value: object, _: object) -> object:
        if value is None and NoneType in kinds:
            return None
        hook = hooks.get(type(value), others)
        if hook is None:
            raise _expected(expected, value)
        return hook(value)

    return structure


def _hook(kind: Any, converter: cattrs.Converter) -> Callable[[object], object]:
    if _data_of(kind) in (dict, list, object):  # found later: models refer to each other
        return lambda value: converter.structure(value, kind)
    structure = converter.get_structure_hook(kind)
    return lambda value: structure(value, kind)


def _only(data: type, structure: Callable[[Any, Any], object]) -> Callable[[object, Any], object]:
    """Return a hook that takes JSON data of one type, and rejects all other."""

    def checked(value: object, kind: Any) -> object:
        if isinstance(value, data):
            return structure(value, kind)
        raise _expected(_WORDS[data], value)

    return checked


def _itself(value: object, _: object) -> object:
    return value


def _from_object(kind: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    hidden: dict[str, Any] = {field.name: override(struct_hook=_unshown) for field in _resolved(kind) if not field.repr}
    return _only(dict, make_dict_structure_fn(kind, converter, **hidden))


def _resolved(kind: Any) -> tuple["attrs.Attribute[Any]", ...]:
    """Return the fields of a class, all with their types: those of its bases lack them at first."""
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(attrs.resolve_types(kind))
    return fields


def _unshown(value: object, kind: Any) -> object:
    """Return the value of a secret field, which no message may show."""
    with contextlib.suppress(Exception):
        return _CONVERTER.structure(value, kind)
    raise ValueError("the value, which is secret, does not fit")


def _from_array(kind: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    return _only(list, list_structure_factory(kind, converter))


def _from_mapping(kind: Any, converter: cattrs.Converter) -> Callable[[object, Any], object]:
    return _only(dict, make_mapping_structure_fn(kind, converter))


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook_factory(attrs.has, _from_object)
    converter.register_structure_hook_factory(_is_list, _from_array)
    converter.register_structure_hook_factory(_is_mapping, _from_mapping)
    converter.register_structure_hook_factory(_is_union, _from_union)
    converter.register_structure_hook_func(_is_struct, _struct)
    converter.register_structure_hook(int, _int)
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(bool, _only(bool, _itself))
    converter.register_structure_hook(str, _only(str, _itself))
    converter.register_structure_hook(OpenEnum, _member)
    converter.register_structure_hook(datetime, _time)
    converter.register_structure_hook(date, _date)
    return converter


_CONVERTER = _converter()
