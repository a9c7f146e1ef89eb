"""Code that handles members which an enumeration does not have yet.

mypy (strict, with unreachable code reported) and pyright (strict) check this file, so that no branch here is called
unreachable and no comparison useless, although all members are handled before it.
"""

# mypy: warn-unreachable, enable-error-code="redundant-expr,comparison-overlap,exhaustive-match"

from __future__ import annotations

import inspect
from enum import StrEnum
from pathlib import Path
from typing import assert_type

import pytest

import evenergy
from evenergy import Integration, Vehicle, VehicleClass
from evenergy._codec.wire_types import OpenEnum

NEW = VehicleClass("SUBMARINE")


def matched(kind: VehicleClass) -> str:
    match kind:
        case VehicleClass.PASSENGER:
            return "car"
        case VehicleClass.COMMERCIAL:
            return "van"
        case _:
            return f"new: {kind.value}"


def matched_or_none(kind: VehicleClass | None) -> str:
    match kind:
        case None:
            return "none"
        case VehicleClass.PASSENGER | VehicleClass.COMMERCIAL:
            return "known"
        case "SUBMARINE":
            return "boat"
        case VehicleClass():
            return f"new: {kind.name}"


def compared(kind: VehicleClass) -> str:
    if kind == VehicleClass.PASSENGER:
        return "car"
    elif kind == VehicleClass.COMMERCIAL:  # noqa: RET505  a chain, as many write it
        return "van"
    elif kind == "SUBMARINE":
        return "boat"
    else:
        return f"new: {kind}"


def identified(kind: VehicleClass) -> str:
    if kind is VehicleClass.PASSENGER:
        return "car"
    if kind is VehicleClass.COMMERCIAL:
        return "van"
    return f"new: {kind.upper()}"


def contained(kind: VehicleClass) -> str:
    if kind in (VehicleClass.PASSENGER, VehicleClass.COMMERCIAL):
        return "known"
    return {VehicleClass.PASSENGER: "car", "SUBMARINE": "boat"}.get(kind, "new")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (VehicleClass.PASSENGER, ["car", "known", "car", "car", "known"]),
        (VehicleClass.COMMERCIAL, ["van", "known", "van", "van", "known"]),
        (NEW, ["new: SUBMARINE", "boat", "boat", "new: SUBMARINE", "boat"]),
        (VehicleClass("x"), ["new: x", "new: x", "new: x", "new: X", "new"]),
    ],
)
def test_a_member_is_handled_known_or_not(kind: VehicleClass, expected: list[str]) -> None:
    assert [check(kind) for check in (matched, matched_or_none, compared, identified, contained)] == expected


def test_an_open_enumeration_is_typed_as_one() -> None:
    assert_type(VehicleClass.PASSENGER, VehicleClass)
    assert_type(VehicleClass("PASSENGER"), VehicleClass)
    assert_type(VehicleClass["PASSENGER"], VehicleClass)
    assert_type(VehicleClass.PASSENGER.value, str)
    assert_type(VehicleClass.PASSENGER.name, str)
    assert_type(list(VehicleClass), list[VehicleClass])
    kind: VehicleClass | None = Vehicle("v", vehicle_class=VehicleClass.PASSENGER).vehicle_class
    text: str = VehicleClass.PASSENGER
    assert kind is VehicleClass.PASSENGER
    assert text == "PASSENGER"
    assert len(VehicleClass) == 2
    assert VehicleClass.PASSENGER in VehicleClass
    assert VehicleClass.__members__["PASSENGER"] is VehicleClass["PASSENGER"] is kind
    assert issubclass(VehicleClass, StrEnum)


def test_every_member_of_every_enumeration_is_declared_as_one() -> None:
    public = (getattr(evenergy, name) for name in dir(evenergy))
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, OpenEnum)]
    assert {VehicleClass, Integration} <= set(kinds)
    for kind in kinds:
        source = inspect.getsource(kind)
        for member in kind.__members__:
            assert f"    {member} = Member(" in source, (
                f"{kind.__name__}.{member} in {Path(inspect.getfile(kind)).name}"
            )
