"""Logs of devices: the collections below a device whose items are named by a time."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from evenergy._codec.urls import Parameter
from evenergy._codec.validate import log_key, time_range
from evenergy._core.resource import M_co, Method, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import Kind

L = TypeVar("L")
X = TypeVar("X", bound=str)


class FilteredLogs(Resource[M_co], Generic[M_co, L, X]):
    """Logs of one kind, newest first, whose class adds a listing with filters of its own.

    Type parameters: the client, the log, and the references that can be expanded.
    """

    _of: ClassVar[Kind]
    _into: type[L]
    _name: ClassVar[str]
    _time: ClassVar[str]
    _argument: ClassVar[str]

    def __init_subclass__(cls) -> None:
        """Name the device and the log in the methods, for help()."""
        super().__init_subclass__()
        if "_into" not in vars(cls):  # the class of one client, which has the methods already
            return
        words = {"device_id": cls._argument, "L": cls._into.__name__, "X": "str"}
        for name in dir(cls):
            method = inspect.getattr_static(cls, name)
            if isinstance(method, Method) and name not in vars(cls):
                setattr(cls, name, method.renamed(words))

    @operation
    def get(self, device_id: str, time: datetime | str, /, *, expand: Iterable[X] = ()) -> Request[L]:
        """Return one log, by the time that names it. API: ``GET …/{device_id}/…_logs/{time}``.

        Args:
            device_id: An id or a URL.
            time: An aware datetime, or the last part of the log's ``url`` as it is there.
            expand: The references to expand.
        """
        return request(self._into, "GET", self._of.path(device_id, self._name, log_key(time)), expand=expand)

    def _between(
        self,
        device_id: str,
        since: datetime | None,
        until: datetime | None,
        *,
        page_size: int | None,
        expand: Iterable[X],
        **filters: Parameter,
    ) -> ListRequest[L]:
        """Return the request for the logs between two times, and of the given filters."""
        low, high = time_range(since, until)
        parameters: dict[str, Any] = {**filters, f"{self._time}__gte": low, f"{self._time}__lte": high}
        path = self._of.path(device_id, self._name)
        return list_request(self._into, path, page_size=page_size, expand=expand, **parameters)


class Logs(FilteredLogs[M_co, L, X]):
    """Logs of one kind, newest first, which can be listed between two times."""

    @paged
    def list(
        self,
        device_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        expand: Iterable[X] = (),
        page_size: int | None = None,
    ) -> ListRequest[L]:
        """List the logs of one device, newest first. API: ``GET …/{device_id}/…_logs``.

        Args:
            device_id: An id or a URL.
            since: The earliest time, as an aware datetime: when it was sampled, or stored where logs have only that.
            until: The latest time, likewise.
            expand: The references to expand.
            page_size: Logs for each request, 1 to 100; 100 unless it is given.
        """
        return self._between(device_id, since, until, page_size=page_size, expand=expand)
