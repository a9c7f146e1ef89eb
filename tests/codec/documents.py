"""JSON documents that fit a type, nearly fit it, or do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from evenergy import DecodeError
from evenergy._codec.wire_types import OpenEnum

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=3,
)


@st.composite
def utc_times(draw: st.DrawFn) -> str:
    """Draw times as the API writes them: in UTC, with 0 to 6 digits."""
    time, digits = draw(st.datetimes()), draw(st.integers(0, 6))
    return (
        time.strftime(f"{time.year:04}-%m-%dT%H:%M:%S")
        + (f".{time.microsecond:06}"[: digits + 1] if digits else "")
        + "Z"
    )


@st.composite
def odd_times(draw: st.DrawFn) -> str:
    """Draw times as others write them."""
    time = draw(utc_times()).removesuffix("Z")
    digits = draw(st.sampled_from(["", ".1234567", ".9999999", ".000000000"]))
    zone = draw(st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+01:00", "-0930", "+14:00"]))
    return time.partition(".")[0] + digits + zone


def documents(kind: Any, times: st.SearchStrategy[str], depth: int = 2) -> st.SearchStrategy[Any]:
    """Return JSON data that fits a type."""
    plain: dict[object, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-(2**63), 2**64 - 1),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000),
        bool: st.booleans(),
        datetime: times,
        date: st.dates().map(date.isoformat),
        NoneType: st.none(),
        Any: anything,
    }
    if kind in plain:
        return plain[kind]
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if depth > 0 or not attrs.has(one)]
        return st.one_of([documents(one, times, depth - 1) for one in kinds])
    if get_origin(kind) is list:
        return st.lists(documents(get_args(kind)[0], times, depth), max_size=3)
    if get_origin(kind) is dict:
        return st.dictionaries(texts, documents(get_args(kind)[1], times, depth), max_size=2)
    if issubclass(kind, OpenEnum):
        return st.sampled_from([member.value for member in kind]) | texts
    fields = {name: documents(hint, times, depth) for name, hint in get_type_hints(kind).items()}
    needed = [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]
    optional = {**{name: fields[name] for name in fields if name not in needed}, "x_unknown": anything}
    return st.fixed_dictionaries({name: fields[name] for name in needed}, optional=optional)


def spoiled(document: Any, draw: st.DrawFn) -> Any:
    """Return the document with one value of it replaced by anything."""
    keys: list[Any] = []
    if hasattr(document, "keys"):
        keys += document.keys()
    elif hasattr(document, "append"):
        keys += range(len(document))
    if not keys or draw(st.booleans()):
        return draw(anything)
    key = draw(st.sampled_from(keys))
    document[key] = spoiled(document[key], draw)
    return document


@st.composite
def bodies(draw: st.DrawFn, kind: Any, times: st.SearchStrategy[str]) -> bytes:
    """Draw JSON that fits a type, or nearly."""
    document = draw(documents(kind, times))
    if draw(st.booleans()):
        document = spoiled(document, draw)
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode()


def outcome(decode: Callable[[bytes, Any], object], body: bytes, kind: Any) -> str:
    """Return what came of it, with all its types."""
    try:
        return repr(decode(body, kind))
    except DecodeError as error:
        return f"{error} {error.where} {error.malformed}"
