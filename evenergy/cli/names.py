"""Names of vehicles in tables: make and model come along with a listing, so that they cost no request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from evenergy.resources.catalogue import VehicleMake, VehicleModel, VehicleTrim
from evenergy.resources.vehicles import Vehicle, VehicleExpand

from .context import Settings
from .output import Column

T = TypeVar("T")

EXPANDED: Final[VehicleExpand] = "trim.model.make"
"""Reference to expand for the names."""


def shows_names(settings: Settings) -> bool:
    """Return whether the output has the names of vehicles: data in JSON and CSV is as the API lists it."""
    return settings.format is None and settings.fields is None


def name_of(vehicle: str | Vehicle | None) -> str | None:
    """Return make and model of a vehicle, else the user's name for it; None for one that came as its URL."""
    if not isinstance(vehicle, Vehicle):
        return None
    trim = vehicle.trim
    model = trim.model if isinstance(trim, VehicleTrim) else None
    if not isinstance(model, VehicleModel):
        return vehicle.description
    make = model.make.name if isinstance(model.make, VehicleMake) else None
    return " ".join(name for name in (make, model.name) if name) or vehicle.description


def name_column(name: Callable[[T], object], importance: int = 90) -> Column[T]:
    """Return the column of the names, which are cut where a terminal is narrow."""
    return Column("Make and model", name, importance=importance, brief_heading="Model", flexible=True)
