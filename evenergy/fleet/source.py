"""Sources: the pair of operations that a fleet is read with, and how their pages become logs with keys."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast

import attrs
import msgspec

from evenergy._codec.decode import decode, decoder
from evenergy._codec.validate import time_range
from evenergy._codec.wire_types import Time
from evenergy._core.pagination import Page, Pages, follow
from evenergy._transport.request import ListRequest, list_request
from evenergy._transport.session import Session
from evenergy.errors import DecodeError
from evenergy.resources._kinds import Kind

from .marks import Log, LogPage, log_of
from .run import Read

T = TypeVar("T")

_EXPANDED: Final = "latest_status_log"
_TIME: Final[Callable[[bytes], datetime]] = decoder(Time)

_log = logging.getLogger(__name__)


class StatusLog(Protocol):
    """Status log of any device. Some kinds have a ``logged_at`` too."""

    @property
    def url(self) -> str | None:
        """Return the URL, which ends in the time that names the log."""
        ...

    @property
    def sampled_at(self) -> datetime | None:
        """Return the time at which it was measured."""
        ...


class Device(Protocol):
    """Device with its newest status log."""

    @property
    def id(self) -> str:
        """Return the id."""
        ...

    @property
    def url(self) -> str | None:
        """Return the URL."""
        ...

    @property
    def latest_status_log(self) -> StatusLog | None:
        """Return the newest log, or None when the device never reported."""
        ...


N = TypeVar("N", bound=Device)
L = TypeVar("L", bound=StatusLog)


@attrs.frozen
class Undecoded:
    """Log, or device of the list, that could not be decoded.

    Attributes:
        device_id: The device; None when the item does not tell its id.
        error: What is wrong with it.
    """

    device_id: str | None
    error: DecodeError


Entry: TypeAlias = L | Undecoded
"""Log, or what stands in the place of one that could not be decoded."""


@attrs.frozen
class Source(Generic[N, L]):
    """Pair of operations: the list of the devices with their newest log, and the logs of one device.

    Attributes:
        kind: The kind of device.
        now: The class of a device in the list.
        log: The class of a log.
        owner: The field of a log that names its device.
    """

    kind: Kind
    now: type[N]
    log: type[L]
    owner: str

    def devices(self, page_size: int | None = None) -> ListRequest[N]:
        """Return the request for the list."""
        return list_request(self.now, self.kind.all, page_size=page_size, expand=(_EXPANDED,))

    def logs(self, device_id: str, since: datetime, until: datetime | None) -> ListRequest[L]:
        """Return the request for the logs of one device, newest first."""
        low, high = time_range(since, until)
        path = self.kind.path(device_id, "status_logs")
        return list_request(self.log, path, sampled_at__gte=low, sampled_at__lte=high)


@attrs.frozen
class ListPage(Generic[L]):
    """One page of the list.

    Attributes:
        devices: Each device's id and newest log; None where it has none that can be noticed.
        lost: The items that stand for no log.
        next_url: The URL of the next page; None at the end.
    """

    devices: list[tuple[str, Log[Entry[L]] | None]]
    lost: list[Undecoded]
    next_url: str | None


@attrs.frozen
class LogsRead(Generic[L]):
    """One page of the logs of a device.

    Attributes:
        page: The logs, with keys.
        lost: The logs without a key that could not be decoded either.
    """

    page: LogPage[Entry[L]]
    lost: list[Undecoded]


class Reader(Generic[N, L]):
    """Reader of the pages of a source."""

    def __init__(self, source: Source[N, L], session: Session) -> None:
        self._source = source
        self._session = session
        self._has_warned = False

    def sweep(self, position: str | None) -> Pages[N]:
        """Return an iterator over the pages of the list, from the place where a sweep stopped, or from the first.

        Raises:
            DecodeError: The place is no URL.
        """
        request = self._source.devices()
        query = follow(request.query, position) or request.query
        return Pages(self._session, ListRequest(request.method, request.path, request.read, query))

    async def read(self, read: Read) -> LogsRead[L]:
        """Request one page of the logs of a device.

        Raises:
            EvEnergyError: As `evenergy.errors` lists.
        """
        request = self._source.logs(read.vehicle_id, read.since, read.until)
        page = await next_page(Pages(self._session, request))
        url = self._url(read.vehicle_id)
        logs = [self._keyed(log, url) for log in page.items]
        odd = [self._undecoded(Undecoded(read.vehicle_id, error), error.raw) for error in page.undecoded]
        keyed = [log for log in (*logs, *odd) if isinstance(log, Log)]
        lost = [item for item in odd if isinstance(item, Undecoded)]
        return LogsRead(LogPage(keyed, page.next_url is not None), lost)

    def listed(self, page: Page[N]) -> ListPage[L]:
        """Return the newest logs of a page of the list."""
        devices: list[tuple[str, Log[Entry[L]] | None]] = []
        lost: list[Undecoded] = []
        for device in page.items:
            log = device.latest_status_log
            url = device.url or self._url(device.id)
            devices.append((device.id, None if log is None else self._keyed(cast("L", log), url)))
        for error in page.undecoded:
            device_id, newest = self._newest(error)
            if isinstance(newest, Undecoded):
                lost.append(newest)
            if device_id is not None:
                devices.append((device_id, newest if isinstance(newest, Log) else None))
        return ListPage(devices, lost, page.next_url)

    def _newest(self, error: DecodeError) -> tuple[str | None, Log[Entry[L]] | Undecoded | None]:
        """Return the id and the newest log of a device that could not be decoded.

        Something else of the device may be wrong: then its log is as good as any.
        """
        raw = members(error.raw)
        device_id = raw.get("id")
        if not isinstance(device_id, str):
            return None, Undecoded(None, error)
        log = raw.get(_EXPANDED)
        undecoded = Undecoded(device_id, error)
        if isinstance(log, str):  # the log is not here, so it must not count as delivered
            return device_id, undecoded
        if log is None:
            return device_id, None
        try:
            return device_id, self._keyed(decode(msgspec.json.encode(log), self._source.log), self._url(device_id))
        except DecodeError:
            return device_id, self._undecoded(undecoded, log)

    def _keyed(self, log: L, device_url: str) -> Log[Entry[L]] | None:
        """Return a log with its key and its device; None, and a warning once, where nothing tells the key."""
        stored: datetime | None = getattr(log, "logged_at", None)
        if getattr(log, self._source.owner) is None:
            named: Any = msgspec.structs.replace(cast("Any", log), **{self._source.owner: device_url})
            log = named
        keyed: Log[Entry[L]] | None = log_of(log, sampled_at=log.sampled_at, logged_at=stored, url=log.url)
        if keyed is None and not self._has_warned:
            self._has_warned = True
            _log.warning("a status log of %s is skipped: it has neither sampled_at nor a time in its url", device_url)
        return keyed

    def _undecoded(self, entry: Undecoded, raw: object) -> Log[Entry[L]] | Undecoded:
        """Return the place of a log that could not be decoded, or the entry itself where nothing tells its key."""
        found = members(raw)
        url = found.get("url")
        keyed: Log[Entry[L]] | None = log_of(
            cast("Entry[L]", entry),
            sampled_at=_time(found.get("sampled_at")),
            logged_at=_time(found.get("logged_at")),
            url=url if isinstance(url, str) else None,
        )
        return entry if keyed is None else keyed

    def _url(self, device_id: str) -> str:
        return self._session.options.base_url + self._source.kind.path(device_id)


async def next_page(pages: Pages[T]) -> Page[T]:
    """Return the next page of a listing; an empty one after the last.

    Raises:
        DecodeError: The page, or its link to the next one, cannot be read.
    """
    page = await pages.next_page()
    for error in pages.turn.entries:  # of the link: the page would look like the last one
        if isinstance(error, DecodeError):
            raise error
    return Page([]) if page is None else page


def members(raw: object) -> dict[str, object]:
    """Return the members of a JSON object that could not be decoded; none of anything else."""
    return cast("dict[str, object]", raw) if isinstance(raw, dict) else {}


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return _TIME(msgspec.json.encode(value))
    except DecodeError:
        return None
