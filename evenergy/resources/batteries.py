"""Home batteries: their makes and models, and their status logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import HOME_BATTERY, Kind
from ._logs import Logs

__all__ = [
    "HomeBattery",
    "HomeBatteryExpand",
    "HomeBatteryLogExpand",
    "HomeBatteryMake",
    "HomeBatteryModel",
    "HomeBatteryModelExpand",
    "HomeBatteryOperationMode",
    "HomeBatteryStatus",
    "HomeBatteryStatusLog",
]

HOME_BATTERY_MAKE = Kind("bmak", "home_battery_makes")
HOME_BATTERY_MODEL = Kind("bmod", "home_battery_models")

HomeBatteryModelExpand: TypeAlias = Literal["make"]
"""References of a model of home batteries that can be expanded."""

HomeBatteryExpand: TypeAlias = Literal["model", "model.make", "latest_status_log"]
"""References of a home battery that can be expanded."""

HomeBatteryLogExpand: TypeAlias = Literal["home_battery", "home_battery.model", "home_battery.model.make"]
"""References of a home battery's log that can be expanded."""


class HomeBatteryStatus(OpenEnum):
    """Activity of a home battery, derived from its measurements."""

    CHARGING = Member("CHARGING")
    DISCHARGING = Member("DISCHARGING")
    FAULT = Member("FAULT")
    IDLE = Member("IDLE")
    UNKNOWN = Member("UNKNOWN")


class HomeBatteryOperationMode(OpenEnum):
    """Goal by which a home battery charges and discharges."""

    EXPORT_FOCUS = Member("EXPORT_FOCUS")
    IDLE = Member("IDLE")
    IMPORT_FOCUS = Member("IMPORT_FOCUS")
    SELF_RELIANCE = Member("SELF_RELIANCE")
    TIME_OF_USE = Member("TIME_OF_USE")
    UNKNOWN = Member("UNKNOWN")


@model
class HomeBatteryMake:
    """Manufacturer of home batteries.

    Attributes:
        icon: The URL of the logo; None when there is none.
        onboarding_url: The URL at which a user links a battery of this make; None when a model must be chosen first.
        models: The URL of the make's models, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    name: str | None = None
    icon: str | None = None
    onboarding_url: str | None = None
    models: str | None = None


@model
class HomeBatteryModel:
    """Model of a make of home batteries.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
        onboarding_url: The URL at which a user links a battery of this model; None when it cannot be linked.
    """

    id: str
    url: str | None = None
    name: str | None = None
    make: str | HomeBatteryMake | None = None
    onboarding_url: str | None = None

    @property
    def make_id(self) -> str | None:
        """Return the id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@model
class HomeBatteryStatusLog:
    """Status of a home battery at one time. Each measurement is None when the battery did not report it.

    Attributes:
        url: Ends in the time that names the log.
        sampled_at: The time at which it was measured.
        home_battery: The URL of the battery, or the battery when it was expanded.
        capacity_watt_hours: The energy that it holds when full.
        state_of_charge_percentage: The state of charge, 0 to 100.
        charge_rate_watts: The power: positive while it charges, negative while it discharges.
        discharge_limit_percentage: The state of charge below which it is not discharged, 0 to 100.
    """

    url: str | None = None
    sampled_at: Time | None = None
    home_battery: str | HomeBattery | None = None
    capacity_watt_hours: int | None = None
    state_of_charge_percentage: int | None = None
    charge_rate_watts: int | None = None
    discharge_limit_percentage: int | None = None
    status: HomeBatteryStatus | None = None
    operation_mode: HomeBatteryOperationMode | None = None

    @property
    def home_battery_id(self) -> str | None:
        """Return the id of the battery, whether it was expanded or not."""
        return reference_id(self.home_battery)


@model
class HomeBattery:
    """Home battery.

    Attributes:
        model: The URL of the model, or the model when it was expanded.
        created_at: The time at which it was linked.
        latest_status_log: The URL of the newest status log, which ends in its time, or the log when it was expanded;
            None when the battery never reported.
    """

    id: str
    url: str | None = None
    model: str | HomeBatteryModel | None = None
    created_at: Time | None = None
    latest_status_log: str | HomeBatteryStatusLog | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)


class HomeBatteryMakes(Resource[M_co]):
    """Manufacturers of home batteries. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, make_id: str, /, *, language: str | None = None) -> Request[HomeBatteryMake]:
        """Return one make, by id or URL. API: ``GET /home_battery_makes/{home_battery_make_id}``."""
        return request(HomeBatteryMake, "GET", HOME_BATTERY_MAKE.path(make_id), language=language)

    @paged
    def list(self, *, language: str | None = None, page_size: int | None = None) -> ListRequest[HomeBatteryMake]:
        """List all makes. API: ``GET /home_battery_makes``."""
        return list_request(HomeBatteryMake, HOME_BATTERY_MAKE.all, page_size=page_size, language=language)


class HomeBatteryModels(Resource[M_co]):
    """Models of home batteries. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self, model_id: str, /, *, expand: Iterable[HomeBatteryModelExpand] = (), language: str | None = None
    ) -> Request[HomeBatteryModel]:
        """Return one model, by id or URL. API: ``GET /home_battery_models/{home_battery_model_id}``."""
        path = HOME_BATTERY_MODEL.path(model_id)
        return request(HomeBatteryModel, "GET", path, expand=expand, language=language)

    @paged
    def list(
        self,
        *,
        make_id: str | None = None,
        expand: Iterable[HomeBatteryModelExpand] = (),
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[HomeBatteryModel]:
        """List all models, or those of a make. API: ``GET /home_battery_models``."""
        return list_request(
            HomeBatteryModel,
            HOME_BATTERY_MODEL.all,
            page_size=page_size,
            expand=expand,
            language=language,
            make_id=HOME_BATTERY_MAKE.filter(make_id),
        )


class HomeBatteryStatusLogs(Logs[M_co, HomeBatteryStatusLog, HomeBatteryLogExpand]):
    """Status logs of home batteries, newest first. The methods raise what `evenergy.errors` lists."""

    _of, _argument = HOME_BATTERY, "battery_id"
    _into, _name, _time = HomeBatteryStatusLog, "status_logs", "sampled_at"


class HomeBatteries(Resource[M_co]):
    """Home batteries, and below them their logs. The methods raise what `evenergy.errors` lists."""

    status_logs: Child[HomeBatteryStatusLogs[M_co]] = Child("batteries:HomeBatteryStatusLogs")
    """Status logs, newest first."""

    @operation
    def get(self, battery_id: str, /, *, expand: Iterable[HomeBatteryExpand] = ()) -> Request[HomeBattery]:
        """Return one home battery, by id or URL. API: ``GET /home_batteries/{home_battery_id}``."""
        return request(HomeBattery, "GET", HOME_BATTERY.path(battery_id), expand=expand)

    @paged
    def list(
        self, *, expand: Iterable[HomeBatteryExpand] = (), page_size: int | None = None
    ) -> ListRequest[HomeBattery]:
        """List all home batteries that the credentials, or the client's ``user``, may see.

        With ``expand=["latest_status_log"]`` the newest log of each comes along, 100 batteries a request.
        API: ``GET /home_batteries``.
        """
        return list_request(HomeBattery, HOME_BATTERY.all, page_size=page_size, expand=expand)
