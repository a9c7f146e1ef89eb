"""Fields of request bodies."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from evenergy.sandbox import times
from evenergy.sandbox.problems import invalid_fields

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_REFERENCE = re.compile(r"https?://[^\s?#]+/(\w+)/(\w+)/?")


class WrongValueError(Exception):
    """A value that a check rejects."""


Check = Callable[[object], object]


def checked(body: Mapping[str, object], checks: Mapping[str, Check], needed: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a body, each with its check; fields without one are left out."""
    values: dict[str, Any] = {}
    errors = {name: ["This field is needed."] for name in needed if name not in body}
    for name, check in checks.items():
        try:
            if name in body:
                values[name] = check(body[name])
        except WrongValueError as wrong:
            errors[name] = [str(wrong)]
    if errors:
        raise invalid_fields(errors)
    return values


def integer(low: int, high: int) -> Check:
    """Return a check for a whole number between the two."""
    return _rule(lambda value: type(value) is int and low <= value <= high, f"Must be an integer from {low} to {high}.")


def boolean() -> Check:
    """Return a check for a boolean."""
    return _rule(lambda value: isinstance(value, bool), "Must be true or false.")


def string(longest: int = 200) -> Check:
    """Return a check for a text that is not empty."""
    message = f"Must be a text of 1 to {longest} characters."
    return _rule(lambda value: isinstance(value, str) and 0 < len(value.strip()) <= longest, message)


def email() -> Check:
    """Return a check for an email address."""
    return _rule(lambda value: isinstance(value, str) and bool(_EMAIL.fullmatch(value)), "Must be an email address.")


def one_of(*values: str) -> Check:
    """Return a check for one of these texts."""
    return _rule(lambda value: value in values, f"Must be one of {', '.join(values)}.")


def moment() -> Check:
    """Return a check for a time."""
    message = "Must be a time such as 2024-04-17T09:39:45Z."
    return _rule(lambda value: isinstance(value, str) and times.parse(value) is not None, message)


def distinct(*values: str) -> Check:
    """Return a check for a list of some of these texts."""

    def fits(value: object) -> bool:
        items = cast("list[object]", value)
        return isinstance(value, list) and all(items.count(item) == 1 and item in values for item in items)

    return _rule(fits, f"Must be a list of distinct values from {', '.join(values)}.")


def matching(pattern: str, message: str) -> Check:
    """Return a check for a text of this shape."""
    return _rule(lambda value: isinstance(value, str) and bool(re.fullmatch(pattern, value)), message)


def url() -> Check:
    """Return a check for a URL."""
    return matching(r"https?://[^\s]+", "Must be a URL.")


def number(low: float, high: float) -> Check:
    """Return a check for a number between the two."""

    def fits(value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    return _rule(fits, f"Must be a number from {low} to {high}.")


def one_number_of(*values: int) -> Check:
    """Return a check for one of these whole numbers."""
    return _rule(lambda value: type(value) is int and value in values, f"Must be one of {', '.join(map(str, values))}.")


def list_of(check: Check, longest: int, least: int = 0) -> Check:
    """Return a check for a list, each of whose items has to fit."""

    def checked_list(value: object) -> object:
        if not isinstance(value, list) or not least <= len(cast("list[object]", value)) <= longest:
            raise WrongValueError(f"Must be a list of {least} to {longest} items.")
        return [check(item) for item in cast("list[object]", value)]

    return checked_list


def object_of(checks: Mapping[str, Check], needed: Collection[str] = (), *, closed: bool = False) -> Check:
    """Return a check for an object, each of whose fields has to fit; a closed one has no others."""

    def checked_object(value: object) -> object:
        if not isinstance(value, dict):
            raise WrongValueError("Must be an object.")
        given = cast("dict[str, object]", value)
        missing = [name for name in needed if name not in given]
        unknown = [name for name in given if closed and name not in checks]
        if missing or unknown:
            raise WrongValueError(
                f"Missing: {', '.join(missing) or 'nothing'}; unknown: {', '.join(unknown) or 'nothing'}."
            )
        return {name: check(given[name]) for name, check in checks.items() if name in given}

    return checked_object


def mapping() -> Check:
    """Return a check for any object."""
    return _rule(lambda value: isinstance(value, dict), "Must be an object.")


def lat_long() -> Check:
    """Return a check for a place, of which it keeps latitude and longitude."""
    check = object_of({"latitude": number(-90, 90), "longitude": number(-180, 180)}, ("latitude", "longitude"))

    def place(value: object) -> object:
        given = cast("dict[str, float]", check(value))
        return given["latitude"], given["longitude"]

    return place


def nullable(check: Check) -> Check:
    """Return a check for null, too."""
    return lambda value: None if value is None else check(value)


def reference(collection: str, find: Callable[[str], Any | None]) -> Check:
    """Return a check for the full URL of a resource, which it resolves."""

    def check(value: object) -> object:
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        found = find(match[2]) if match is not None and match[1] == collection else None
        if found is None:
            raise WrongValueError(f"Must be the full URL of one of {collection}.")
        return found

    return check


def reference_id(collection: str, find: Callable[[str], Any | None]) -> Check:
    """Return a check for the full URL of a resource, of which it keeps the id."""
    check = reference(collection, find)
    return lambda value: cast("Any", check(value)).id


def _rule(fits: Callable[[object], bool], message: str) -> Check:
    def check(value: object) -> object:
        if not fits(value):
            raise WrongValueError(message)
        return value

    return check
