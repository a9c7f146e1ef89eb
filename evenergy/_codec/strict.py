"""The second path of the codec: cattrs over the same classes, with rules that coerce nothing in silence.

It is a module of its own because it is imported when it is first needed, which for most programs is never.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, NoReturn, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn

from evenergy.errors import DecodeError, InvalidArgumentError, printable

from .secret import Secret
from .wire_types import JSON, OpenEnum, time_text

T = TypeVar("T")


def structure(body: bytes, into: type[T]) -> T:
    """The value of the given type that a JSON document holds.

    Raises:
        DecodeError: The document is none, or does not fit; ``where`` names the place.
    """
    try:
        document: object = msgspec.json.decode(body)
    except RecursionError:
        raise DecodeError("the answer is nested too deeply to be read") from None
    except ValueError as error:
        raise DecodeError(f"the answer is not a whole JSON document: {error}", malformed=True) from error
    try:
        return _CONVERTER.structure(document, into)
    except Exception as error:  # cattrs raises groups of whatever its hooks raise
        _drop_frames(error)
        places = list(_places(error, "$"))
        text = "; ".join(f"{printable(why)} at {where}" for where, why in places[:3])
        more = f", and {len(places) - 3} more" if places[3:] else ""
        raise DecodeError(f"the answer cannot be read: {text}{more}", where=places[0][0]) from error


def unstructure(value: attrs.AttrsInstance) -> dict[str, JSON]:
    """The plain JSON data of a value.

    Raises:
        InvalidArgumentError: It holds what is no JSON data: a secret, or bytes.
    """
    return cast("dict[str, JSON]", _CONVERTER.unstructure(value))


def _drop_frames(error: Exception) -> None:
    """Let go the frames of an error, and of those in it: they hold what was read."""
    error.__traceback__ = None
    if isinstance(error, ExceptionGroup):
        for inner in cast("ExceptionGroup[Exception]", error).exceptions:
            _drop_frames(inner)


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


def _is_struct(kind: Any) -> bool:
    """A class that a caller laid out with msgspec, and without attrs."""
    return isinstance(kind, msgspec.StructMeta) and not attrs.has(kind)


def _struct(value: object, kind: Any) -> object:
    if not isinstance(value, dict):
        raise _expected("an object", value)
    given = cast("dict[str, Any]", value)
    fields = [field for field in msgspec.structs.fields(kind) if field.encode_name in given]
    return kind(**{field.name: _CONVERTER.structure(given[field.encode_name], field.type) for field in fields})


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
    converter.register_structure_hook_func(_is_struct, _struct)
    converter.register_structure_hook(int, _whole_number)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(OpenEnum, _member)
    converter.register_structure_hook(datetime, _time)
    converter.register_unstructure_hook(datetime, time_text)
    converter.register_unstructure_hook(Secret, _no_data)
    converter.register_unstructure_hook(bytes, _no_data)
    return converter


def _no_data(held: object) -> NoReturn:
    raise InvalidArgumentError(f"expected a value such as a Vehicle, got one that holds {type(held).__name__.lower()}")


_CONVERTER = _converter()
