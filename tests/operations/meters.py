from typing import get_args

from evenergy import (
    BoundaryMeter,
    BoundaryMeterExpand,
    BoundaryMeterLogExpand,
    BoundaryMeterMake,
    BoundaryMeterModel,
    BoundaryMeterModelExpand,
    BoundaryMeterStatusLog,
)

from ._row import BOUNDARY_METER, BOUNDARY_METER_MAKE, BOUNDARY_METER_MODEL, SAMPLED, SINCE, UNTIL, Row

ROWS = (
    Row(
        "get-boundary_meter_makes",
        lambda c: c.boundary_meter_makes.list(page_size=50),
        "GET /boundary_meter_makes",
        BoundaryMeterMake,
        "id",
    ),
    Row(
        "get-boundary_meter_makes-boundary_meter_make_id",
        lambda c: c.boundary_meter_makes.get(BOUNDARY_METER_MAKE),
        f"GET /boundary_meter_makes/{BOUNDARY_METER_MAKE}",
        BoundaryMeterMake,
    ),
    Row(
        "get-boundary_meter_models",
        lambda c: c.boundary_meter_models.list(
            make_id=BOUNDARY_METER_MAKE, expand=get_args(BoundaryMeterModelExpand), page_size=50
        ),
        "GET /boundary_meter_models",
        BoundaryMeterModel,
        "id",
    ),
    Row(
        "get-boundary_meter_models-boundary_meter_model_id",
        lambda c: c.boundary_meter_models.get(BOUNDARY_METER_MODEL, expand=get_args(BoundaryMeterModelExpand)),
        f"GET /boundary_meter_models/{BOUNDARY_METER_MODEL}",
        BoundaryMeterModel,
    ),
    Row(
        "get-boundary_meters",
        lambda c: c.boundary_meters.list(expand=get_args(BoundaryMeterExpand), page_size=50),
        "GET /boundary_meters",
        BoundaryMeter,
        "id",
    ),
    Row(
        "get-boundary_meters-boundary_meter_id",
        lambda c: c.boundary_meters.get(BOUNDARY_METER, expand=get_args(BoundaryMeterExpand)),
        f"GET /boundary_meters/{BOUNDARY_METER}",
        BoundaryMeter,
    ),
    Row(
        "get-boundary_meters-boundary_meter_id-status_logs",
        lambda c: c.boundary_meters.status_logs.list(
            BOUNDARY_METER, since=SINCE, until=UNTIL, expand=get_args(BoundaryMeterLogExpand), page_size=50
        ),
        f"GET /boundary_meters/{BOUNDARY_METER}/status_logs",
        BoundaryMeterStatusLog,
        "time",
        names=SAMPLED,
    ),
    Row(
        "get-boundary_meters-boundary_meter_id-status_logs-timestamp",
        lambda c: c.boundary_meters.status_logs.get(BOUNDARY_METER, SINCE, expand=get_args(BoundaryMeterLogExpand)),
        f"GET /boundary_meters/{BOUNDARY_METER}/status_logs/2024-01-01T11:30:00Z",
        BoundaryMeterStatusLog,
    ),
)
