"""Rows of the table: a call, the request that it must send, and the response with its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cached_property
from operator import attrgetter
from types import EllipsisType
from typing import Any, Literal, TypeAlias, TypeVar, cast, get_args

import attrs
from msgspec import UNSET

from evenergy import AsyncClient, Client
from evenergy._core.resource import Async
from evenergy.resources._logs import Logs

from ._values import minimal, plain, spelled

L = TypeVar("L")
X = TypeVar("X", bound=str)

Paging: TypeAlias = Literal["id", "time", "number", "link", "none"]
"""Families of listings, by the links to their other pages; ``none`` for a listing of one page."""

API = "https://api.ev.energy/v2"
WHOLE_BODY = "*"
"""Wire name of a keyword that is the body itself."""

BASE = "{base}"
"""Placeholder of the client's base URL in an expected body."""

ULID = "01HRFF3SEVSCRAV9B3CHVDFN0H"
CHARGER = f"evse{ULID}"
MAKE = f"vmak{ULID}"
MODEL = f"vmod{ULID}"
SUB_SESSION = f"csub{ULID}"
TRIM = f"trim{ULID}"
BOUNDARY_METER = f"bmet{ULID}"
BOUNDARY_METER_MAKE = f"bmma{ULID}"
BOUNDARY_METER_MODEL = f"bmmo{ULID}"
CARBON_FEED = f"cabf{ULID}"
CHARGING_SESSION = f"cses{ULID}"
CHARGING_SUB_SESSION = f"csub{ULID}"
CT_CLAMP = f"ctcl{ULID}"
EVSE = f"evse{ULID}"
EVSE_FIRMWARE_VERSION = f"evsf{ULID}"
EVSE_MAKE = f"emak{ULID}"
EVSE_MODEL = f"emod{ULID}"
EVSE_SITE = f"site{ULID}"
GRID_FEED = f"grfd{ULID}"
HEM_SYSTEM = f"hems{ULID}"
HOME_BATTERY = f"hoba{ULID}"
HOME_BATTERY_MAKE = f"bmak{ULID}"
HOME_BATTERY_MODEL = f"bmod{ULID}"
INVERTER = f"invt{ULID}"
INVERTER_MAKE = f"imak{ULID}"
INVERTER_MODEL = f"imod{ULID}"
NOTIFICATION = f"notf{ULID}"
PARTICIPATION_AGREEMENT_VERSION = f"pagv{ULID}"
PROGRAM = f"prog{ULID}"
PROGRAM_TIER = f"tier{ULID}"
REBATE_EVIDENCE_FILE = f"rbef{ULID}"
REBATE_EVIDENCE_TYPE = f"rbet{ULID}"
REBATE_TYPE = f"rbtt{ULID}"
REGION = f"regn{ULID}"
REGION_GROUP = f"rgrp{ULID}"
SAVED_ROUTE = f"savr{ULID}"
SOLAR_ARRAY = f"solr{ULID}"
SOLAR_FORECAST = f"solf{ULID}"
SUBSCRIPTION = f"subs{ULID}"
SUBSCRIPTION_OFFERING = f"subo{ULID}"
SUPPLIER = f"supl{ULID}"
SUPPORT_TICKET = f"tick{ULID}"
SUPPORT_TICKET_MESSAGE = f"tmsg{ULID}"
TARIFF = f"tari{ULID}"
TIMEZONE = f"tzon{ULID}"
USER = f"user{ULID}"
USER_REBATE = f"rbtu{ULID}"
VEHICLE = f"vhcl{ULID}"

SINCE = datetime(2024, 1, 1, 12, 30, tzinfo=timezone(timedelta(hours=1)))
UNTIL = datetime(2024, 1, 2, 0, 0, 0, 500_000, tzinfo=UTC)

SAMPLED = {"since": "sampled_at__gte", "until": "sampled_at__lte"}
LOGGED = {"since": "logged_at__gte", "until": "logged_at__lte"}
"""Wire names of the ends of a time."""

_LARGEST_PAGE = 100
_WITH_SIZE = ("id", "time", "number")
_ABSENT = object()


@attrs.frozen
class Call:
    """Call of a method of a client: its name, such as ``vehicles.get``, and its arguments."""

    method: str
    given: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    def on(self, client: AsyncClient | Client) -> Any:
        """Make the call: return a coroutine or a pager of an `AsyncClient`, a value or a pager of a `Client`."""
        return attrgetter(self.method)(client)(*self.given, **self.keywords)

    def __str__(self) -> str:
        arguments = [repr(one) for one in self.given] + [f"{name}={value!r}" for name, value in self.keywords.items()]
        return f"{self.method}({', '.join(arguments)})"

    def replaced(self, place: int | str, value: object) -> Call:
        """Return the call with another argument: of a position, or of a keyword."""
        if isinstance(place, str):
            return attrs.evolve(self, keywords={**self.keywords, place: value})
        return attrs.evolve(self, given=(*self.given[:place], value, *self.given[place + 1 :]))


@attrs.frozen
class Sent:
    """Request on the wire; the query is sorted by name, because the order of names means nothing."""

    line: str
    query: list[tuple[str, str]]
    body: Any
    language: str | None


@attrs.frozen
class Row:
    """Call of an operation, and the request that it must send.

    The keywords say most of the request: those of a GET or DELETE go to the query, those of a POST or PATCH to the
    body; ``expand`` always goes to the query, ``language`` to ``Accept-Language``; a listing with pages asks for 100
    items. The other fields of a row say where a request differs from that.

    Attributes:
        id: The operation's id in the description. The first row of an id gives every argument of the method.
        call: The call. Both clients make it.
        line: The method and the path, byte for byte.
        result: The class of the result, or of the items of a listing. Further rows of an id have that of the first.
        paging: The family of a listing, likewise.
        query: Parameters of the query in place of the keywords', or beside them; None for one that is not sent.
        body: Fields of the body, likewise; ``{}`` where an empty object is sent.
        names: The wire names of keywords that have another name.
        needs_user: Whether the API rejects it under client credentials without a user, likewise.
        response: The JSON of the response; unless it is given, the least that fits the result.
        status: The status of the response; 204 for a result of None, unless it is given.
    """

    id: str
    call: Callable[[AsyncClient], object]
    line: str
    result: type | EllipsisType | None = ...
    paging: Paging | None = None
    query: Mapping[str, object] = attrs.field(factory=dict[str, object], kw_only=True)
    body: Mapping[str, object] | None = attrs.field(default=None, kw_only=True)
    names: Mapping[str, str] = attrs.field(factory=dict[str, str], kw_only=True)
    needs_user: bool = attrs.field(default=False, kw_only=True)
    response: object = attrs.field(default=UNSET, kw_only=True)
    status: int | None = attrs.field(default=None, kw_only=True)

    @cached_property
    def called(self) -> Call:
        """The call as data."""
        return cast("Call", self.call(cast("AsyncClient", _Spy())))

    @property
    def responds(self) -> tuple[Any, int]:
        """The JSON and the status of the response."""
        status = self.status or (204 if self.result is None else 200)
        if self.response is not UNSET or self.result is None:
            return self.response, status
        item = minimal(self.result)
        return ([item] if self.paging else item), status

    def sent(self, base_url: str, call: Call | None = None) -> Sent:
        """Return the request of the row's own call, or of one with other arguments.

        ``query`` and ``body`` stand for the row's own arguments: they say nothing of an argument that is another one.
        """
        call = call or self.called
        own, given = self.called.keywords, {self.names.get(n, n): value for n, value in call.keywords.items()}
        other = {self.names.get(n, n) for n in own if call.keywords.get(n, _ABSENT) is not own[n]}
        query = {name: value for name, value in self.query.items() if name not in other}
        body = {name: value for name, value in (self.body or {}).items() if name not in other}
        language = given.pop("language", None)
        given |= given.pop(WHOLE_BODY, {})
        beside = given if self._is_read else {name: given[name] for name in given if name in {"expand", *self.query}}
        wire = {**beside, **query}
        if self.paging in _WITH_SIZE and self.query.get("page_size", _LARGEST_PAGE) is not None:
            wire["page_size"] = wire.get("page_size") or _LARGEST_PAGE
        return Sent(
            self.line,
            [(name, text.replace(BASE, base_url)) for name in sorted(wire) for text in spelled(wire[name])],
            _based({n: v for n, v in {**given, **body}.items() if n not in beside}, base_url)
            if self._has_body
            else None,
            language,
        )

    @property
    def _is_read(self) -> bool:
        return self.line.startswith(("GET ", "DELETE "))

    @property
    def _has_body(self) -> bool:
        in_body = self.called.keywords.keys() - {"expand", "language", *self.query}
        return self.body is not None or (bool(in_body) and not self._is_read)


def logs(
    operation_id: str,
    collection: Callable[[AsyncClient], Logs[Async, L, X]],
    line: str,
    result: type[L],
    expand: object,
    *,
    names: Mapping[str, str] = SAMPLED,
    one: str = "timestamp",
) -> tuple[Row, Row]:
    """Return the rows of logs of a device: their listing, and one log by its time.

    Args:
        operation_id: The id of the listing.
        collection: The logs below a client.
        line: The method and the path of the listing.
        result: The class of a log.
        expand: The literals of what can be expanded.
        names: `SAMPLED` or `LOGGED`.
        one: The end of the id of the other operation.
    """
    device, every = line.split("/")[2], get_args(expand)
    return (
        Row(
            operation_id,
            lambda c: collection(c).list(device, since=SINCE, until=UNTIL, expand=every, page_size=50),
            line,
            result,
            "time",
            names=names,
        ),
        Row(
            f"{operation_id}-{one}",
            lambda c: collection(c).get(device, SINCE, expand=every),
            f"{line}/2024-01-01T11:30:00Z",
            result,
        ),
    )


class _Spy:
    """Client whose methods return their call."""

    def __init__(self, *path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> _Spy:
        return _Spy(*self._path, name)

    def __call__(self, *given: Any, **keywords: Any) -> Call:
        return Call(".".join(self._path), given, keywords)


def _based(fields: dict[str, Any], base_url: str) -> Any:
    known = {name: plain(value) for name, value in fields.items() if value is not UNSET}
    return json.loads(json.dumps(known).replace(BASE, base_url))
