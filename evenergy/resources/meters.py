"""Boundary meters: their makes and models, and their status logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import BOUNDARY_METER, Kind
from ._logs import Logs

__all__ = [
    "BoundaryMeter",
    "BoundaryMeterExpand",
    "BoundaryMeterLogExpand",
    "BoundaryMeterMake",
    "BoundaryMeterModel",
    "BoundaryMeterModelExpand",
    "BoundaryMeterStatus",
    "BoundaryMeterStatusLog",
]

BOUNDARY_METER_MAKE = Kind("bmma", "boundary_meter_makes")
BOUNDARY_METER_MODEL = Kind("bmmo", "boundary_meter_models")

BoundaryMeterModelExpand: TypeAlias = Literal["make"]
"""References of a model of boundary meters that can be expanded."""

BoundaryMeterExpand: TypeAlias = Literal["model", "model.make", "latest_status_log"]
"""References of a boundary meter that can be expanded."""

BoundaryMeterLogExpand: TypeAlias = Literal["boundary_meter", "boundary_meter.model", "boundary_meter.model.make"]
"""References of a boundary meter's log that can be expanded."""


class BoundaryMeterStatus(OpenEnum):
    """Direction of the power between a home and the grid."""

    EXPORTING = Member("EXPORTING")
    IDLE = Member("IDLE")
    IMPORTING = Member("IMPORTING")
    UNKNOWN = Member("UNKNOWN")


@model
class BoundaryMeterMake:
    """Manufacturer of boundary meters."""

    id: str
    url: str | None = None
    name: str | None = None


@model
class BoundaryMeterModel:
    """Model of a make of boundary meters.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
    """

    id: str
    url: str | None = None
    name: str | None = None
    make: str | BoundaryMeterMake | None = None

    @property
    def make_id(self) -> str | None:
        """Return the id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@model
class BoundaryMeterStatusLog:
    """Power at a boundary meter at one time.

    Attributes:
        url: Ends in the time that names the log.
        sampled_at: The time at which it was measured.
        boundary_meter: The URL of the meter, or the meter when it was expanded.
        power_watts: The power: positive from the grid, negative to it; None when the meter did not report it.
        status: The direction of that power.
    """

    url: str | None = None
    sampled_at: Time | None = None
    boundary_meter: str | BoundaryMeter | None = None
    power_watts: int | None = None
    status: BoundaryMeterStatus | None = None

    @property
    def boundary_meter_id(self) -> str | None:
        """Return the id of the meter, whether it was expanded or not."""
        return reference_id(self.boundary_meter)


@model
class BoundaryMeter:
    """Meter between a home and the grid.

    Attributes:
        model: The URL of the model, or the model when it was expanded.
        created_at: The time at which it was linked.
        latest_status_log: The URL of the newest status log, which ends in its time, or the log when it was expanded;
            None when the meter never reported.
    """

    id: str
    url: str | None = None
    model: str | BoundaryMeterModel | None = None
    created_at: Time | None = None
    latest_status_log: str | BoundaryMeterStatusLog | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)


class BoundaryMeterMakes(Resource[M_co]):
    """Manufacturers of boundary meters. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, make_id: str, /) -> Request[BoundaryMeterMake]:
        """Return one make, by id or URL. API: ``GET /boundary_meter_makes/{boundary_meter_make_id}``."""
        return request(BoundaryMeterMake, "GET", BOUNDARY_METER_MAKE.path(make_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[BoundaryMeterMake]:
        """List all makes. API: ``GET /boundary_meter_makes``."""
        return list_request(BoundaryMeterMake, BOUNDARY_METER_MAKE.all, page_size=page_size)


class BoundaryMeterModels(Resource[M_co]):
    """Models of boundary meters. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, model_id: str, /, *, expand: Iterable[BoundaryMeterModelExpand] = ()) -> Request[BoundaryMeterModel]:
        """Return one model, by id or URL. API: ``GET /boundary_meter_models/{boundary_meter_model_id}``."""
        return request(BoundaryMeterModel, "GET", BOUNDARY_METER_MODEL.path(model_id), expand=expand)

    @paged
    def list(
        self,
        *,
        make_id: str | None = None,
        expand: Iterable[BoundaryMeterModelExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[BoundaryMeterModel]:
        """List all models, or those of a make. API: ``GET /boundary_meter_models``."""
        return list_request(
            BoundaryMeterModel,
            BOUNDARY_METER_MODEL.all,
            page_size=page_size,
            expand=expand,
            make_id=BOUNDARY_METER_MAKE.filter(make_id),
        )


class BoundaryMeterStatusLogs(Logs[M_co, BoundaryMeterStatusLog, BoundaryMeterLogExpand]):
    """Status logs of boundary meters, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = BOUNDARY_METER, "meter_id"
    _into, _name, _time = BoundaryMeterStatusLog, "status_logs", "sampled_at"


class BoundaryMeters(Resource[M_co]):
    """Boundary meters, and below them their logs. The methods raise what `evenergy.errors` lists."""

    status_logs: Child[BoundaryMeterStatusLogs[M_co]] = Child("meters:BoundaryMeterStatusLogs")
    """Status logs, newest first."""

    @operation
    def get(self, meter_id: str, /, *, expand: Iterable[BoundaryMeterExpand] = ()) -> Request[BoundaryMeter]:
        """Return one boundary meter, by id or URL. API: ``GET /boundary_meters/{boundary_meter_id}``."""
        return request(BoundaryMeter, "GET", BOUNDARY_METER.path(meter_id), expand=expand)

    @paged
    def list(
        self, *, expand: Iterable[BoundaryMeterExpand] = (), page_size: int | None = None
    ) -> ListRequest[BoundaryMeter]:
        """List all boundary meters that the credentials, or the client's ``user``, may see.

        With ``expand=["latest_status_log"]`` the newest log of each comes along, 100 meters a request.
        API: ``GET /boundary_meters``.
        """
        return list_request(BoundaryMeter, BOUNDARY_METER.all, page_size=page_size, expand=expand)
