"""Filters of lists: a query parameter becomes a predicate on items."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from evenergy.sandbox import times
from evenergy.sandbox.problems import invalid_query
from evenergy.sandbox.requests import Request
from evenergy.sandbox.simulation.geometry import LATITUDE, LONGITUDE

Predicate = Callable[[Any], bool]
Get = Callable[[Any], Any]
Filter = Callable[[Request, str, str], Predicate]
"""Takes the request, the name of the parameter and its text. Text that cannot be read is an error 400."""

Parse = Callable[[str, str], Any]
"""Takes the name of a parameter and its text."""

_INTEGER = re.compile(r"-?[0-9]{1,50}")
_PLACE = re.compile(r"([-+]?[0-9]{1,2}(?:\.[0-9]+)?),\s*([-+]?[0-9]{1,3}(?:\.[0-9]+)?)")


def stored(name: str) -> Get:
    """Return what reads the value of an item of a table."""
    return lambda item: item.values.get(name)


def moment_stored(name: str) -> Get:
    """Return what reads a time of an item of a table, as an instant."""

    def get(item: Any) -> int | None:
        written = item.values.get(name)
        return None if written is None else times.parse(written)

    return get


def equal(get: Get) -> Filter:
    """Return a filter for one value."""
    return lambda _, __, text: lambda item: get(item) == text


def among(get: Get) -> Filter:
    """Return a filter for any of the values between commas."""

    def build(_: Request, __: str, text: str) -> Predicate:
        values = text.split(",")
        return lambda item: get(item) in values

    return build


def holding(get: Get) -> Filter:
    """Return a filter for items whose list holds the value."""
    return lambda _, __, text: lambda item: text in get(item)


def boolean(get: Get) -> Filter:
    """Return a filter for true or false."""

    def build(_: Request, parameter: str, text: str) -> Predicate:
        expected = flag(parameter, text)
        return lambda item: bool(get(item)) is expected

    return build


def is_null(get: Get) -> Filter:
    """Return a filter for items without a value (true), or with one (false)."""
    return boolean(lambda item: get(item) is None)


def compared(get: Get, fits: Callable[[Any, Any], bool], parse: Parse) -> Filter:
    """Return a filter that compares values; items without one never fit."""

    def build(_: Request, parameter: str, text: str) -> Predicate:
        limit = parse(parameter, text)

        def predicate(item: Any) -> bool:
            value = get(item)
            return value is not None and fits(value, limit)

        return predicate

    return build


def time_range(name: str, get: Get) -> dict[str, Filter]:
    """Return the three filters for a time: both ends included."""
    return {
        f"{name}__gte": compared(get, operator.ge, moment),
        f"{name}__lte": compared(get, operator.le, moment),
        f"{name}__range": compared(get, lambda value, ends: ends[0] <= value <= ends[1], _moments),
    }


def moment(parameter: str, text: str) -> int:
    """Return the instant in a parameter."""
    found = times.parse(text)
    if found is None:
        raise invalid_query(parameter, "Write it like 2024-04-17T09:39:45.984584Z, with an offset or Z.")
    return found


def integer(parameter: str, text: str) -> int:
    """Return the whole number in a parameter."""
    if not _INTEGER.fullmatch(text):
        raise invalid_query(parameter, "Must be a whole number.")
    return int(text)


def flag(parameter: str, text: str) -> bool:
    """Return the truth value in a parameter."""
    if text not in ("true", "false"):
        raise invalid_query(parameter, "Must be true or false.")
    return text == "true"


def choice(*values: str) -> Parse:
    """Return what reads one of these texts."""

    def parse(parameter: str, text: str) -> str:
        if text not in values:
            raise invalid_query(parameter, f"Must be one of {', '.join(values)}.")
        return text

    return parse


def place(parameter: str, text: str) -> tuple[float, float]:
    """Return the latitude and longitude in a parameter."""
    found = _PLACE.fullmatch(text)
    if found is None or abs(float(found[1])) > LATITUDE or abs(float(found[2])) > LONGITUDE:
        raise invalid_query(parameter, "Write it as latitude,longitude.")
    return float(found[1]), float(found[2])


def _moments(parameter: str, text: str) -> tuple[int, int]:
    first, comma, last = text.partition(",")
    if not comma:
        raise invalid_query(parameter, "Write it as two times with a comma between.")
    return moment(parameter, first), moment(parameter, last)


def predicates(filters: Mapping[str, Filter], request: Request) -> list[Predicate]:
    """Return the predicates of a query."""
    return [build(request, name, request.query[name]) for name, build in filters.items() if name in request.query]
