"""Models of all shapes that the API has, and that its models do not have yet.

The annotations are no text here, unlike in the package: both must work.
"""

from datetime import date
from typing import Any

from evenergy import Vehicle, VehicleState, VehicleStatusLog
from evenergy._codec.model import model, secret_field
from evenergy._codec.wire_types import Time


@model
class Price:
    """Price of energy."""

    started_at: Time | None = None
    price: str | None = None


@model
class Tariff:
    """Tariff with the shapes of OPERATIONS that need care."""

    id: str
    valid_from: date | None = None
    prices: str | list[Price] | None = None
    delivered: Price | list[Price] | None = None
    scheduler: "str | Tariff | None" = None
    references: list[str | Vehicle] | None = None
    ratings: dict[str, VehicleState] | None = None
    groups: dict[str, bool] | None = None
    times: dict[str, Time] | None = None
    by_name: dict[str, Price] | None = None
    states: list[VehicleState] | None = None
    coordinates: list[list[list[float]]] | None = None
    counts: list[int] | None = None
    fields: dict[str, Any] | None = None
    payload: Any = None
    amount: int | float | None = None
    text_or_number: str | int | None = None
    supplier: str | dict[str, Any] | None = None


@model
class Upload:
    """Upload with a secret."""

    id: str
    presigned_url: str | None = secret_field()
    size: int | None = None


@model
class VehicleNow(Vehicle):
    """Vehicle whose latest log is always expanded."""

    latest_status_log: VehicleStatusLog | None = None
