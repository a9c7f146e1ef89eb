"""From the bytes of an answer to values, and from values back to data.

There are two paths over the same classes. msgspec decodes straight into them, for less than plain dicts cost. What it
cannot take goes to cattrs, which takes what loses nothing (``70.0`` where a whole number belongs, times of any
offset or of more digits than a datetime holds) and says exactly where an answer is wrong. Both give equal values.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import attrs
import msgspec

from evenergy.errors import InvalidArgumentError

from .wire_types import JSON

T = TypeVar("T")

# What msgspec reads in its own way: it rounds more than six digits of a second, and leaves a time at its offset. A
# server writes all its times in one way, so the first of an answer tell. Reading all of a page would cost as much as a
# third of decoding it, to save what is left when the way changes within one: half a microsecond, or the same instant
# at its offset.
_TOLD_WITHIN = 2048  # bytes: small answers are read whole
_MORE_DIGITS = re.compile(rb"\.\d{7}\d*[Zz+-]")
_EAST = re.compile(rb'\+\d\d:?\d\d"')
_WEST = re.compile(rb'-\d\d:?\d\d"')
_ESCAPED_ASCII = re.compile(rb"\\u00[23]")  # which could hide one of these


def decode(body: bytes, into: type[T]) -> T:
    """The value of the given type that a JSON document holds.

    Raises:
        DecodeError: The document is none, or does not fit; ``where`` names the place.
    """
    return cast("T", decoder(cast("Any", into))(body))


@cache
def decoder(into: Any) -> Callable[[bytes], Any]:
    """What `decode` does for one type."""
    fast = msgspec.json.Decoder(into).decode
    has_times = "date-time" in repr(msgspec.json.schema(into))

    def decode(body: bytes) -> Any:
        try:
            if not (has_times and _has_odd_times(body)):
                return fast(body)
        except (ValueError, RecursionError):
            pass  # the second path takes it, or says exactly what is wrong
        from . import strict  # noqa: PLC0415  cattrs is imported when it is needed

        return strict.structure(body, into)

    return decode


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
    from . import strict  # noqa: PLC0415  likewise

    return strict.unstructure(value)
