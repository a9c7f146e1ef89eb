"""Types on the wire: JSON data, times, open enumerations and references."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Protocol, Self, TypeAlias, TypeVar

import msgspec

from evenergy.errors import EvEnergyError, printable

T = TypeVar("T")

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
"""Data that a JSON document holds."""

Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""Aware datetime, in UTC once it is decoded."""


class Identified(Protocol):
    """Resource with an id."""

    @property
    def id(self) -> str:
        """Return the id."""
        ...


if TYPE_CHECKING:
    # For type checkers an open enumeration is text with named values, and no `enum.Enum`: they call the code behind a
    # `match` over all members of an enumeration unreachable, where a member belongs that the API added since.

    class Member:
        """Member of an open enumeration: ``DRIVING = Member("DRIVING")``."""

        def __init__(self, value: str) -> None: ...
        def __get__(self, instance: object, owner: type[T]) -> T: ...

    class _OpenEnumType(type):
        def __iter__(cls: type[T]) -> Iterator[T]: ...
        def __len__(cls) -> int: ...
        def __contains__(cls, value: object) -> bool: ...
        def __getitem__(cls: type[T], name: str) -> T: ...
        @property
        def __members__(cls: type[T]) -> Mapping[str, T]: ...

    class OpenEnum(str, metaclass=_OpenEnumType):
        """Enumeration that the API may extend: an unknown value equals its string, and is kept."""

        __slots__ = ()

        def __new__(cls, value: str) -> Self: ...
        @property
        def name(self) -> str: ...
        @property
        def value(self) -> str: ...

else:
    Member = str

    class OpenEnum(StrEnum):
        """Enumeration that the API may extend: an unknown value equals its string, and is kept."""

        __hash__ = str.__hash__  # equal to a string, so it must hash as one

        @classmethod
        def _missing_(cls, value: object) -> Self | None:
            if not isinstance(value, str):
                return None
            member = str.__new__(cls, value)
            member._name_ = member._value_ = value
            return member


def reference_id(reference: str | Identified | None) -> str | None:
    """Return the id behind a reference: a URL's last segment, or the expanded resource's own."""
    if isinstance(reference, str):
        return _segments(reference)[-1]
    return None if reference is None else reference.id


def expanded(reference: str | T | None) -> T:
    """Return the model behind a reference, such as the `Vehicle` of ``log.vehicle``.

    Raises:
        EvEnergyError: The reference is only a URL, since the request did not expand it, or None.
    """
    if reference is None:
        raise EvEnergyError("expected an expanded resource, got None: the API sent no reference")
    if isinstance(reference, str):
        raise EvEnergyError(
            f"expected an expanded resource, got the URL {printable(reference)}: pass"
            f" expand=[{_expansion(reference)!r}] to the request, with the fields above it before it where it is"
            " nested, such as 'vehicle.trim'"
        )
    return reference


def in_utc(time: datetime) -> datetime:
    """Return the same instant in UTC; a naive time is in UTC."""
    if time.tzinfo is UTC:
        return time
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def time_text(time: datetime) -> str:
    """Return a datetime as the API writes it: in UTC, with ``Z`` and all its digits. A naive one is in UTC."""
    return in_utc(time).isoformat().replace("+00:00", "Z")


_WORD = re.compile("[a-z_]+")
_SHORT = ("model", "make", "trim", "offering")
"""References that are named by the last word of their collection: ``trim`` for one of ``vehicle_trims``."""


def _expansion(url: str) -> str:
    """Return the field that a reference with this URL has most likely."""
    *above, last = _segments(url)
    if _WORD.fullmatch(last):  # a collection: the field has its name
        return last
    collection = next(filter(_WORD.fullmatch, reversed(above)), "")
    if collection == "status_logs":
        return "latest_status_log"
    one = f"{collection[:-3]}y" if collection.endswith("ies") else collection.removesuffix("s")
    return next((short for short in _SHORT if one.endswith(f"_{short}")), one)


def _segments(url: str) -> list[str]:
    return url.partition("?")[0].rstrip("/").split("/")
