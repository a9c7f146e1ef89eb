"""Tariffs: suppliers of electricity, their tariffs, and the prices over time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.validate import time_range
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._intervals import interval_end
from ._kinds import USER, Kind

__all__ = [
    "DailyPrices",
    "Price",
    "PriceSummary",
    "PriceTimes",
    "Supplier",
    "Tariff",
    "TariffExpand",
    "TariffOption",
    "TariffType",
]

SUPPLIER = Kind("supl", "suppliers")
TARIFF = Kind("tari", "tariffs")

TariffOption: TypeAlias = Literal["daily_prices"]
"""Parts of a tariff that the API gives only under contract."""

TariffExpand: TypeAlias = Literal["supplier", "scheduler_tariff", "prices"]
"""References of a tariff that can be expanded; ``prices`` only for a single tariff."""


class TariffType(OpenEnum):
    """Structure of a tariff's prices."""

    DUAL_RATE = Member("DUAL_RATE")
    DYNAMIC = Member("DYNAMIC")
    EXTERNALLY_MANAGED = Member("EXTERNALLY_MANAGED")
    FLAT_RATE = Member("FLAT_RATE")
    OTHER = Member("OTHER")
    THREE_RATE = Member("THREE_RATE")


@model
class Supplier:
    """Supplier of electricity.

    Attributes:
        icon: The URL of the logo; None when there is none.
        highlighted: Whether users often choose it.
    """

    id: str
    url: str | None = None
    name: str | None = None
    icon: str | None = None
    highlighted: bool | None = None


@model
class PriceTimes:
    """Times of day between which a price holds, local to the tariff's ``timezone_name``.

    Attributes:
        start: A text such as ``18:00:00``.
        end: Likewise; ``00:00:00`` is the midnight after the start, and an end before the start is on the next day.
    """

    start: str | None = None
    end: str | None = None


@model
class PriceSummary:
    """Price that holds at certain times of the day.

    Attributes:
        price: Decimal text in major units of the currency: ``0.10`` is ten pence.
        times: The times of day at which it holds.
    """

    price: str | None = None
    times: list[PriceTimes] | None = None


@model
class DailyPrices:
    """Prices of a tariff over the day; each is None when the tariff has none of that kind."""

    peak: PriceSummary | None = None
    mid_peak: PriceSummary | None = None
    off_peak: PriceSummary | None = None


@model
class Price:
    """Price of electricity in one interval.

    Attributes:
        started_at: The beginning of the interval.
        interval_seconds: The length of the interval.
        price_minor_units: The price of a kilowatt hour in minor units of the tariff's currency, such as pence.
    """

    started_at: Time | None = None
    interval_seconds: int | None = None
    price_minor_units: int | None = None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval, or None where its beginning or its length is None."""
        return interval_end(self.started_at, self.interval_seconds)


@model
class Tariff:
    """Tariff of a supplier.

    Attributes:
        supplier: The URL of the supplier, or the supplier when it was expanded.
        currency: ISO 4217, three letters.
        highlighted: Whether users often choose it.
        daily_prices: The prices over the day; None unless ``include_optional`` requested them.
        timezone_name: The IANA name of the time zone of all times of day in it.
        price_chart_url: A page of somebody else with a chart of the prices; None when there is none.
        gsp_group: The Grid Supply Point group in Great Britain; None elsewhere, or for tariffs of all groups.
        valid_from: The first day on which customers could choose it; None when it is not known.
        valid_until: The last such day; None while they still can.
        scheduler_tariff: The URL of the tariff by which charging is scheduled, or the tariff when it was expanded; None
            when that is this one.
        current_price: The price now in minor units; only of a single tariff.
        prices: The URL of the prices, or those of the last 24 hours when they were expanded; only of a single tariff.
    """

    id: str
    url: str | None = None
    supplier: str | Supplier | None = None
    name: str | None = None
    currency: str | None = None
    highlighted: bool | None = None
    type: TariffType | None = None
    daily_prices: DailyPrices | None = None
    timezone_name: str | None = None
    price_chart_url: str | None = None
    gsp_group: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    scheduler_tariff: str | Tariff | None = None
    current_price: int | None = None
    prices: str | list[Price] | None = None

    @property
    def supplier_id(self) -> str | None:
        """Return the id of the supplier, whether it was expanded or not."""
        return reference_id(self.supplier)

    @property
    def scheduler_tariff_id(self) -> str | None:
        """Return the id of the tariff by which charging is scheduled, whether it was expanded or not."""
        return reference_id(self.scheduler_tariff)


class Suppliers(Resource[M_co]):
    """Suppliers of electricity. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, supplier_id: str, /) -> Request[Supplier]:
        """Return one supplier, by id or URL. API: ``GET /suppliers/{supplier_id}``."""
        return request(Supplier, "GET", SUPPLIER.path(supplier_id))

    @paged
    def list(self, *, available_for_user_id: str | None = None, page_size: int | None = None) -> ListRequest[Supplier]:
        """List all suppliers, or those where a user lives. API: ``GET /suppliers``."""
        user_id = USER.filter(available_for_user_id)
        return list_request(Supplier, SUPPLIER.all, page_size=page_size, available_for_user_id=user_id)


class Prices(Resource[M_co]):
    """Prices of tariffs over time. The methods raise what `evenergy.errors` lists."""

    @paged
    def list(
        self,
        tariff_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> ListRequest[Price]:
        """List the prices of a tariff, newest first. API: ``GET /tariffs/{tariff_id}/prices``.

        Args:
            tariff_id: An id or a URL.
            since: The earliest beginning of an interval, as an aware datetime.
            until: The latest beginning of an interval, likewise.
            page_size: Prices for each request, 1 to 100; 100 unless it is given.
        """
        path, (low, high) = TARIFF.path(tariff_id, "prices"), time_range(since, until)
        return list_request(Price, path, page_size=page_size, started_at__gte=low, started_at__lte=high)


class Tariffs(Resource[M_co]):
    """Tariffs of suppliers. The methods raise what `evenergy.errors` lists."""

    prices: Child[Prices[M_co]] = Child("tariffs:Prices")
    """Prices over time, newest first."""

    @operation
    def get(
        self, tariff_id: str, /, *, available_for_user_id: str | None = None, expand: Iterable[TariffExpand] = ()
    ) -> Request[Tariff]:
        """Return one tariff, by id or URL. API: ``GET /tariffs/{tariff_id}``.

        With ``expand=["prices"]`` the prices of the last 24 hours come along; that needs the scope
        ``tariff:prices:read``.
        """
        user_id = USER.filter(available_for_user_id)
        return request(Tariff, "GET", TARIFF.path(tariff_id), expand=expand, available_for_user_id=user_id)

    @paged
    def list(
        self,
        *,
        supplier_id: str | None = None,
        valid: bool | None = None,
        gsp_group: str | None = None,
        available_for_user_id: str | None = None,
        include_optional: TariffOption | None = None,
        expand: Iterable[TariffExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[Tariff]:
        """List tariffs. API: ``GET /tariffs``.

        Args:
            supplier_id: The supplier, by id or URL.
            valid: True for those that customers can still choose, False for the others.
            gsp_group: The Grid Supply Point group in Great Britain.
            available_for_user_id: The user who can choose it, by id or URL.
            include_optional: The parts that the API gives only under contract.
            expand: The references to expand.
            page_size: Tariffs for each request, 1 to 100; 100 unless it is given.
        """
        return list_request(
            Tariff,
            TARIFF.all,
            page_size=page_size,
            expand=expand,
            supplier_id=SUPPLIER.filter(supplier_id),
            valid=valid,
            gsp_group=gsp_group,
            available_for_user_id=USER.filter(available_for_user_id),
            include_optional=include_optional,
        )
