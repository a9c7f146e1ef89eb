from typing import get_args

from evenergy import SolarArray, SolarArrayExpand, SolarForecast, SolarForecastLog, SolarForecastLogExpand

from ._row import SINCE, SOLAR_ARRAY, SOLAR_FORECAST, UNTIL, VEHICLE, Row

ROWS = (
    Row(
        "get-solar-arrays",
        lambda c: c.solar_arrays.list(
            vehicle_id=VEHICLE, expand=get_args(SolarArrayExpand), language="en-GB", page_size=50
        ),
        "GET /solar_arrays",
        SolarArray,
        "id",
    ),
    Row(
        "post-solar-arrays",
        lambda c: c.solar_arrays.create(capacity_watts=7, language="en-GB"),
        "POST /solar_arrays",
        SolarArray,
        needs_user=True,
    ),
    Row(
        "get-solar-arrays-solar_array_id",
        lambda c: c.solar_arrays.get(
            SOLAR_ARRAY, vehicle_id=VEHICLE, expand=get_args(SolarArrayExpand), language="en-GB"
        ),
        f"GET /solar_arrays/{SOLAR_ARRAY}",
        SolarArray,
    ),
    Row(
        "patch-solar_arrays-solar_array_id",
        lambda c: c.solar_arrays.update(
            SOLAR_ARRAY, capacity_watts=7, expand=get_args(SolarArrayExpand), language="en-GB"
        ),
        f"PATCH /solar_arrays/{SOLAR_ARRAY}",
        SolarArray,
    ),
    Row(
        "get-solar-forecasts",
        lambda c: c.solar_forecasts.list(page_size=50),
        "GET /solar_forecasts",
        SolarForecast,
        "id",
    ),
    Row(
        "get-solar-forecasts-solar_forecast_id",
        lambda c: c.solar_forecasts.get(SOLAR_FORECAST),
        f"GET /solar_forecasts/{SOLAR_FORECAST}",
        SolarForecast,
    ),
    Row(
        "get-solar-forecasts-solar_forecast_id-forecast_logs",
        lambda c: c.solar_forecasts.forecast_logs.list(
            SOLAR_FORECAST, since=SINCE, until=UNTIL, expand=get_args(SolarForecastLogExpand), page_size=50
        ),
        f"GET /solar_forecasts/{SOLAR_FORECAST}/forecast_logs",
        SolarForecastLog,
        "time",
        names={"since": "started_at__gte", "until": "started_at__lte"},
    ),
    Row(
        "get-solar-forecasts-solar_forecast_id-forecast_logs-valid_period_start",
        lambda c: c.solar_forecasts.forecast_logs.get(SOLAR_FORECAST, SINCE, expand=get_args(SolarForecastLogExpand)),
        f"GET /solar_forecasts/{SOLAR_FORECAST}/forecast_logs/2024-01-01T11:30:00Z",
        SolarForecastLog,
    ),
)
