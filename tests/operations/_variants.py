"""Other arguments for the call of a row, made from the signature of its method: valid ones, and invalid ones."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

import attrs

import evenergy

from ._row import ULID, Call, Row

_ID = re.compile(r"[a-z]{4}[A-Z0-9]{26}")


def minimal_call(row: Row, method: Callable[..., object]) -> Call:
    """Return the call without the arguments that may be left out."""
    parameters = inspect.signature(method).parameters
    needed = {name: value for name, value in row.called.keywords.items() if parameters[name].default is _NO_DEFAULT}
    return attrs.evolve(row.called, keywords=needed)


def calls_with_none(row: Row, method: Callable[..., object]) -> Iterator[Call]:
    """Yield the call with None for each argument that may be None."""
    parameters = inspect.signature(method).parameters
    for name in row.called.keywords:
        if re.search(r"\bNone\b", str(parameters[name].annotation)):
            yield row.called.replaced(name, None)


def calls_with_references(row: Row, method: Callable[..., object]) -> Iterator[Call]:
    """Yield the call with other names for the same resources: a URL for each id, and a model where one may be given."""
    for place, value, annotation in _arguments(row, method):
        if _is_id(value):
            yield row.called.replaced(place, f"https://api.ev.energy/v2/anything/{value}/?expand=x")
            for model in re.findall(r"\w+", annotation):
                if attrs.has(getattr(evenergy, model, int)):
                    yield row.called.replaced(place, getattr(evenergy, model)(id=value))


def invalid_calls(row: Row, method: Callable[..., object]) -> Iterator[Call]:
    """Yield the call with each argument replaced by what must be rejected."""
    for place, value, annotation in _arguments(row, method):
        for invalid in _invalid(place, value, annotation):
            yield row.called.replaced(place, invalid)
    ends = row.called.keywords
    if "since" in ends and "until" in ends:
        yield row.called.replaced("since", ends["until"]).replaced("until", ends["since"])


def _arguments(row: Row, method: Callable[..., object]) -> Iterator[tuple[int | str, Any, str]]:
    """Yield the place, the value and the annotation of each argument."""
    parameters = inspect.signature(method).parameters
    positional = [str(one.annotation) for one in parameters.values() if one.kind is one.POSITIONAL_ONLY]
    yield from ((place, *pair) for place, pair in enumerate(zip(row.called.given, positional, strict=True)))
    yield from ((name, value, str(parameters[name].annotation)) for name, value in row.called.keywords.items())


def _invalid(place: int | str, value: object, annotation: str) -> Iterator[object]:
    if place == "expand":
        yield "user"  # a bare string
        yield ["no field"]
    elif place == "page_size":
        yield from (0, 101, True)
    elif place == "language":
        yield from ("", "de\r\nX-Evil: 1")
    elif _is_id(value):
        yield from ("", f"xxxx{ULID}", cast("str", value)[:-1], f"{value}/x")
    elif isinstance(value, datetime):
        yield value.replace(tzinfo=None)
    elif isinstance(value, str):
        yield "\ud800"  # which UTF-8 cannot encode
        if isinstance(place, int):
            yield from ("", "..")
    elif isinstance(value, Mapping):
        yield {"key": object()}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


_NO_DEFAULT: Any = inspect.Parameter.empty
