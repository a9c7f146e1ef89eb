"""Solar arrays, and forecasts of the sun."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, request

from ._intervals import interval_end
from ._kinds import VEHICLE, Kind
from ._logs import Logs
from .inverters import Inverter
from .users import LatLong, User

__all__ = [
    "SolarArray",
    "SolarArrayExpand",
    "SolarArrayForecast",
    "SolarForecast",
    "SolarForecastLog",
    "SolarForecastLogExpand",
]

SOLAR_ARRAY = Kind("solr", "solar_arrays")
SOLAR_FORECAST = Kind("solf", "solar_forecasts")

SolarArrayExpand: TypeAlias = Literal["user", "inverter"]
"""References of a solar array that can be expanded."""

SolarForecastLogExpand: TypeAlias = Literal["solar_forecast"]
"""References of a forecast's log that can be expanded."""


@model
class SolarArrayForecast:
    """Forecast of the rest of a day for a solar array.

    Attributes:
        solar_watt_hours_until_midnight: The energy of the sun that can go into charging until midnight.
        percent_vehicle_battery_charge_until_midnight: The same as percentage points of a vehicle's battery; None
            unless the request named the vehicle.
        last_updated_at: The time at which it was calculated.
    """

    solar_watt_hours_until_midnight: int | None = None
    percent_vehicle_battery_charge_until_midnight: int | None = None
    last_updated_at: Time | None = None


@model
class SolarArray:
    """Solar array of a user.

    Attributes:
        capacity_watts: The power at full sun.
        inverter: The URL of the inverter, or the inverter when it was expanded; None when none is linked.
        forecast: The rest of the day; None for all but a few users.
        user: The URL of the owner, or the user when it was expanded.
    """

    id: str
    url: str | None = None
    capacity_watts: int | None = None
    inverter: str | Inverter | None = None
    forecast: SolarArrayForecast | None = None
    user: str | User | None = None

    @property
    def inverter_id(self) -> str | None:
        """Return the id of the inverter, whether it was expanded or not."""
        return reference_id(self.inverter)

    @property
    def user_id(self) -> str | None:
        """Return the id of the owner, whether it was expanded or not."""
        return reference_id(self.user)


@model
class SolarForecast:
    """Forecast of the sun for one place."""

    id: str
    url: str | None = None
    location: LatLong | None = None


@model
class SolarForecastLog:
    """Forecast of the sun for one interval, which may lie in the future.

    Attributes:
        url: Ends in the time that names the log, its ``started_at``.
        started_at: The beginning of the interval.
        sampled_at: The time at which the forecast was made.
        interval_seconds: The length of the interval.
        forecast_watts_per_kilowatt: The power for each kilowatt of capacity.
        solar_forecast: The URL of the forecast, or the forecast when it was expanded.
    """

    url: str | None = None
    started_at: Time | None = None
    sampled_at: Time | None = None
    interval_seconds: int | None = None
    forecast_watts_per_kilowatt: int | None = None
    solar_forecast: str | SolarForecast | None = None

    @property
    def solar_forecast_id(self) -> str | None:
        """Return the id of the forecast, whether it was expanded or not."""
        return reference_id(self.solar_forecast)

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval, or None where its beginning or its length is None."""
        return interval_end(self.started_at, self.interval_seconds)


class SolarArrays(Resource[M_co]):
    """Solar arrays of users. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self,
        array_id: str,
        /,
        *,
        vehicle_id: str | None = None,
        expand: Iterable[SolarArrayExpand] = (),
        language: str | None = None,
    ) -> Request[SolarArray]:
        """Return one solar array, by id or URL. API: ``GET /solar_arrays/{solar_array_id}``.

        Args:
            array_id: An id or a URL.
            vehicle_id: The vehicle for the percentage points in the forecast, by id or URL.
            expand: The references to expand.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        return request(
            SolarArray,
            "GET",
            SOLAR_ARRAY.path(array_id),
            expand=expand,
            language=language,
            vehicle_id=VEHICLE.filter(vehicle_id),
        )

    @paged
    def list(
        self,
        *,
        vehicle_id: str | None = None,
        expand: Iterable[SolarArrayExpand] = (),
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[SolarArray]:
        """List all solar arrays that the credentials, or the client's ``user``, may see. API: ``GET /solar_arrays``.

        Args:
            vehicle_id: The vehicle for the percentage points in the forecasts; it filters nothing.
            expand: The references to expand.
            language: A value for ``Accept-Language``, such as ``en-GB``.
            page_size: Arrays for each request, 1 to 100; 100 unless it is given.
        """
        return list_request(
            SolarArray,
            SOLAR_ARRAY.all,
            page_size=page_size,
            expand=expand,
            language=language,
            vehicle_id=VEHICLE.filter(vehicle_id),
        )

    @operation
    def create(self, *, capacity_watts: int | UnsetType = UNSET, language: str | None = None) -> Request[SolarArray]:
        """Add a solar array of the user. API: ``POST /solar_arrays``.

        Under client credentials it needs the client's ``user``.

        Args:
            capacity_watts: The power at full sun, 0 or more.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        body = fields(capacity_watts=capacity_watts)
        return request(SolarArray, "POST", SOLAR_ARRAY.all, language=language, needs_user=True, body=body)

    @operation
    def update(
        self,
        array_id: str,
        /,
        *,
        capacity_watts: int | UnsetType = UNSET,
        expand: Iterable[SolarArrayExpand] = (),
        language: str | None = None,
    ) -> Request[SolarArray]:
        """Change the given fields. API: ``PATCH /solar_arrays/{solar_array_id}``.

        Args:
            array_id: An id or a URL.
            capacity_watts: The power at full sun, 0 or more.
            expand: The references to expand.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        path, body = SOLAR_ARRAY.path(array_id), fields(capacity_watts=capacity_watts)
        return request(SolarArray, "PATCH", path, expand=expand, language=language, body=body)


class SolarForecastLogs(Logs[M_co, SolarForecastLog, SolarForecastLogExpand]):
    """Forecasts of the sun by interval. The methods raise what `evenergy.errors` lists."""

    _of, _argument = SOLAR_FORECAST, "forecast_id"
    _into, _name, _time = SolarForecastLog, "forecast_logs", "started_at"


class SolarForecasts(Resource[M_co]):
    """Forecasts of the sun by place. The methods raise what `evenergy.errors` lists."""

    forecast_logs: Child[SolarForecastLogs[M_co]] = Child("solar:SolarForecastLogs")
    """Forecasts by interval; they may lie in the future."""

    @operation
    def get(self, forecast_id: str, /) -> Request[SolarForecast]:
        """Return one forecast, by id or URL. API: ``GET /solar_forecasts/{solar_forecast_id}``."""
        return request(SolarForecast, "GET", SOLAR_FORECAST.path(forecast_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[SolarForecast]:
        """List all forecasts. API: ``GET /solar_forecasts``."""
        return list_request(SolarForecast, SOLAR_FORECAST.all, page_size=page_size)
