"""Fleets of devices: what is new of all of them, for as few requests as possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, Literal, overload

from evenergy._codec import validate
from evenergy._core.blocking import BlockingPager
from evenergy._core.pagination import Pager
from evenergy._core.resource import Child, M_co, Method, Resource, in_two_forms
from evenergy.errors import InvalidArgumentError
from evenergy.resources._kinds import BOUNDARY_METER, EVSE, HOME_BATTERY, VEHICLE
from evenergy.resources.batteries import HomeBatteryStatusLog
from evenergy.resources.evses import EVSEStatusLog
from evenergy.resources.meters import BoundaryMeterStatusLog
from evenergy.resources.vehicles import VehicleStatusLog

from . import clock, planner
from .logs import BlockingNewStatusLogs, NewStatusLogs
from .planner import Plan
from .run import Options, SyncRun
from .source import Entry, L, N, Source
from .values import WATCHED, BoundaryMeterNow, EVSENow, HomeBatteryNow, VehicleNow, WatchField
from .watch import BlockingWatch, Watch

_NO_MARKS: Final[Mapping[str, str]] = MappingProxyType({})
_NOTHING_KNOWN: Final[Mapping[str, VehicleNow]] = MappingProxyType({})


class DeviceFleet(Resource[M_co], Generic[M_co, N, L]):
    """All devices of one kind at once.

    Type parameters: the client, the device with its newest log, and the log.
    """

    _source: ClassVar[Source[Any, Any]]

    def __init_subclass__(cls) -> None:
        """Name the device and the log in the methods, for help()."""
        super().__init_subclass__()
        if "_source" not in vars(cls):  # the class of one client, which has the methods already
            return
        words = {"N": cls._source.now.__name__, "L": cls._source.log.__name__}
        for name, method in vars(DeviceFleet).items():
            if isinstance(method, Method):
                setattr(cls, name, method.renamed(words))

    @in_two_forms(BlockingPager)
    def snapshot(self, *, page_size: int | None = None) -> Pager[N]:
        """List all devices, each with its newest status log: 100 devices a request.

        A device whose log comes as a URL raises `DecodeError` when its turn comes.

        Args:
            page_size: Devices for each request, 1 to 100; 100 unless it is given.
        """
        return Pager(self._session, self._source.devices(page_size))

    @in_two_forms(BlockingNewStatusLogs)
    def new_status_logs(
        self,
        marks: Mapping[str, str] = _NO_MARKS,
        *,
        since: datetime | None = None,
        within: timedelta = timedelta(0),
        lookback: timedelta = timedelta(hours=6),
        budget: int | None = None,
        concurrency: int = 32,
    ) -> NewStatusLogs[L]:
        """Return an iterator over the status logs that were never delivered: the list first, then single devices.

        The newest log of each device costs a request for 100 devices, the logs between it and the last one a request a
        device. Store the logs of each `NewLogs` first, then its marks, or both in one transaction. A log comes out if
        it was stored at most ``lookback`` after it was sampled, or after the first newer log of its device was stored.

        Args:
            marks: The marks as they were stored, by device; empty the first time. They are read once and not changed.
            since: Where the logs of a device without a mark begin, as an aware datetime in the past; None for its
                newest log. Earlier than before: the history in between is read too, as the budget allows.
            within: How much later than the newest log of a device its other logs may come, so that one request brings
                more of them. Zero: complete after every run.
            lookback: How late a log may be stored and still be found.
            budget: The most requests of this run, 2 or more, retries included; None for no bound.
            concurrency: Requests in flight at once.

        Raises:
            InvalidArgumentError: An argument is out of its range, or a mark cannot be read.
        """
        options = Options.of(now=clock.utc_now(), since=since, within=within, lookback=lookback, budget=budget)
        run: SyncRun[Entry[L]] = SyncRun(marks, options)
        return NewStatusLogs(self._source, self._session, run, validate.positive_int("concurrency", concurrency))


class EVSEFleet(DeviceFleet[M_co, EVSENow, EVSEStatusLog]):
    """All chargers at once. The methods raise what `evenergy.errors` lists."""

    _source = Source(EVSE, EVSENow, EVSEStatusLog, "evse")


class HomeBatteryFleet(DeviceFleet[M_co, HomeBatteryNow, HomeBatteryStatusLog]):
    """All home batteries at once. The methods raise what `evenergy.errors` lists."""

    _source = Source(HOME_BATTERY, HomeBatteryNow, HomeBatteryStatusLog, "home_battery")


class BoundaryMeterFleet(DeviceFleet[M_co, BoundaryMeterNow, BoundaryMeterStatusLog]):
    """All boundary meters at once. The methods raise what `evenergy.errors` lists."""

    _source = Source(BOUNDARY_METER, BoundaryMeterNow, BoundaryMeterStatusLog, "boundary_meter")


class Fleet(DeviceFleet[M_co, VehicleNow, VehicleStatusLog]):
    """All vehicles at once. The methods raise what `evenergy.errors` lists."""

    _source = Source(VEHICLE, VehicleNow, VehicleStatusLog, "vehicle")

    _boundary_meters: Child[BoundaryMeterFleet[M_co]] = Child(".fleet.devices:BoundaryMeterFleet")
    _evses: Child[EVSEFleet[M_co]] = Child(".fleet.devices:EVSEFleet")
    _home_batteries: Child[HomeBatteryFleet[M_co]] = Child(".fleet.devices:HomeBatteryFleet")

    @overload
    def of(self, kind: Literal["boundary_meters"], /) -> BoundaryMeterFleet[M_co]: ...
    @overload
    def of(self, kind: Literal["evses"], /) -> EVSEFleet[M_co]: ...
    @overload
    def of(self, kind: Literal["home_batteries"], /) -> HomeBatteryFleet[M_co]: ...
    def of(self, kind: str, /) -> Any:
        """Return all devices of another kind at once, with the methods `snapshot` and `new_status_logs`.

        Args:
            kind: ``"boundary_meters"``, ``"evses"`` or ``"home_batteries"``.

        Raises:
            InvalidArgumentError: There is no such kind.
        """
        match kind:
            case "boundary_meters":
                return self._boundary_meters
            case "evses":
                return self._evses
            case "home_batteries":
                return self._home_batteries
            case _:
                raise InvalidArgumentError(f"expected 'boundary_meters', 'evses' or 'home_batteries', got {kind!r}")

    def plan(
        self,
        vehicles: int,
        *,
        changed: float = 0,
        logs: float = 1,
        every: timedelta,
        within: timedelta = timedelta(0),
        limit: int | None = None,
    ) -> Plan:
        """Return the cost of runs of `new_status_logs`, and how often the rate limit allows them. It sends nothing.

        Args:
            vehicles: The size of the fleet.
            changed: Vehicles with news in a run: an ``int`` is their number, a ``float`` from 0 to 1 their share. With
                ``within`` it bounds the reads of a run, and 0 sets no bound.
            logs: Logs that the read of a vehicle brings, those of the lookback included.
            every: The interval between the beginnings of two runs.
            within: As in `new_status_logs`: a vehicle is read at most once in this time.
            limit: Requests in a rolling hour; None for the limit that the API last reported, or 1000 before that.

        Raises:
            InvalidArgumentError: An argument is out of its range.
        """
        told = self._session.credentials.limiter.rate_limit
        if limit is None and told is not None:
            limit = told.limit
        return planner.plan(vehicles, changed=changed, logs=logs, every=every, within=within, limit=limit)

    @in_two_forms(BlockingWatch)
    def watch(
        self,
        *,
        budget: int,
        every: timedelta = timedelta(minutes=5),
        charging: timedelta = timedelta(minutes=1),
        fields: Collection[WatchField] = WATCHED,
        known: Mapping[str, VehicleNow] = _NOTHING_KNOWN,
    ) -> Watch:
        """Return an endless iterator over the changes of the fleet, which lists it again and again.

        Args:
            budget: The most requests in any hour, retries included. A sweep waits until there is room for all of it.
            every: The interval between the beginnings of two sweeps.
            charging: The interval while a vehicle charges.
            fields: The fields to watch. None in a field is no change: the vehicle did not report it.
            known: The vehicles as an earlier watch handed them out (``watch.known``): only what differs is a change.

        Raises:
            InvalidArgumentError: An argument is out of its range.
        """
        return Watch(
            self._source, self._session, budget=budget, every=every, charging=charging, fields=fields, known=known
        )
