"""Figures about support tickets."""

from __future__ import annotations

from datetime import date
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._core.resource import M_co, Resource, operation
from evenergy._transport.request import Request, request

from .support_categories import SupportTicketCategory, SupportTicketSubcategory

__all__ = [
    "SupportTicketCategoryShare",
    "SupportTicketPriorities",
    "SupportTicketPriorityShare",
    "SupportTicketResolution",
    "SupportTicketSankey",
    "SupportTicketSankeyLink",
    "SupportTicketSankeyNode",
    "SupportTicketSourceShare",
    "SupportTicketSources",
    "SupportTicketStatusShare",
    "SupportTicketStatuses",
    "SupportTicketSubcategoryShare",
    "SupportTicketTopCategories",
    "SupportTicketVolume",
    "SupportTicketVolumePeriod",
    "SupportTicketVolumePoint",
]

SupportTicketVolumePeriod: TypeAlias = Literal["day", "month", "week"]
"""Period by which tickets are counted."""


@model
class SupportTicketSankeyNode:
    """Category or subcategory in a diagram of flows.

    Attributes:
        label: The name for people.
    """

    id: str
    label: str | None = None


@model
class SupportTicketSankeyLink:
    """Flow of tickets from a category to a subcategory.

    Attributes:
        source: The id of the category's node.
        target: The id of the subcategory's node.
        value: The number of tickets.
    """

    source: str | None = None
    target: str | None = None
    value: int | None = None


@model
class SupportTicketSankey:
    """Diagram of the flows of tickets from categories to subcategories."""

    nodes: list[SupportTicketSankeyNode] | None = None
    links: list[SupportTicketSankeyLink] | None = None


@model
class SupportTicketVolumePoint:
    """Number of tickets that were created in one period.

    Attributes:
        date: The first day of the period.
        count: The number of tickets.
    """

    date: date | None = None
    count: int | None = None


@model
class SupportTicketVolume:
    """Number of tickets over time."""

    time_series: list[SupportTicketVolumePoint] | None = None


@model
class SupportTicketResolution:
    """Resolution of tickets.

    Attributes:
        resolution_rate: The share of tickets that are resolved, from 0 to 1.
        avg_resolution_time_hours: The mean time to resolve a ticket; None when none is resolved.
        median_resolution_time_hours: The median time, likewise.
    """

    resolution_rate: float | None = None
    avg_resolution_time_hours: float | None = None
    median_resolution_time_hours: float | None = None
    total_resolved: int | None = None
    total_unresolved: int | None = None


@model
class SupportTicketStatusShare:
    """Share of the tickets of one status.

    Attributes:
        percentage: The share of all tickets, from 0 to 1.
    """

    status: str | None = None
    count: int | None = None
    percentage: float | None = None


@model
class SupportTicketStatuses:
    """Tickets by status."""

    breakdown: list[SupportTicketStatusShare] | None = None


@model
class SupportTicketPriorityShare:
    """Share of the tickets of one priority.

    Attributes:
        percentage: The share of all tickets, from 0 to 1.
    """

    priority: str | None = None
    count: int | None = None
    percentage: float | None = None


@model
class SupportTicketPriorities:
    """Tickets by priority."""

    breakdown: list[SupportTicketPriorityShare] | None = None


@model
class SupportTicketSourceShare:
    """Share of the tickets from one source.

    Attributes:
        percentage: The share of all tickets, from 0 to 1.
    """

    source: str | None = None
    count: int | None = None
    percentage: float | None = None


@model
class SupportTicketSources:
    """Tickets by source."""

    breakdown: list[SupportTicketSourceShare] | None = None


@model
class SupportTicketCategoryShare:
    """Share of the tickets of one category.

    Attributes:
        percentage: The share of all tickets, from 0 to 1.
    """

    category: SupportTicketCategory | None = None
    count: int | None = None
    percentage: float | None = None


@model
class SupportTicketSubcategoryShare:
    """Share of the tickets of one subcategory.

    Attributes:
        percentage: The share of all tickets, from 0 to 1.
    """

    subcategory: SupportTicketSubcategory | None = None
    category: SupportTicketCategory | None = None
    count: int | None = None
    percentage: float | None = None


@model
class SupportTicketTopCategories:
    """Categories and subcategories with the most tickets."""

    categories: list[SupportTicketCategoryShare] | None = None
    subcategories: list[SupportTicketSubcategoryShare] | None = None


class SupportTicketStats(Resource[M_co]):
    """Figures about support tickets. The methods raise what `evenergy.errors` lists."""

    @operation
    def sankey(self) -> Request[SupportTicketSankey]:
        """Return the flows of tickets from categories to subcategories. API: ``GET /support-ticket-stats/sankey``."""
        return request(SupportTicketSankey, "GET", "/support-ticket-stats/sankey")

    @operation
    def volume(self, *, group_by: SupportTicketVolumePeriod | None = None) -> Request[SupportTicketVolume]:
        """Return the number of tickets over time, by day unless another period is given.

        API: ``GET /support-ticket-stats/volume``.
        """
        return request(SupportTicketVolume, "GET", "/support-ticket-stats/volume", group_by=group_by)

    @operation
    def resolution(self) -> Request[SupportTicketResolution]:
        """Return the share of resolved tickets, and the time that they took.

        API: ``GET /support-ticket-stats/resolution``.
        """
        return request(SupportTicketResolution, "GET", "/support-ticket-stats/resolution")

    @operation
    def status(self) -> Request[SupportTicketStatuses]:
        """Return the tickets by status. API: ``GET /support-ticket-stats/status``."""
        return request(SupportTicketStatuses, "GET", "/support-ticket-stats/status")

    @operation
    def priority(self) -> Request[SupportTicketPriorities]:
        """Return the tickets by priority. API: ``GET /support-ticket-stats/priority``."""
        return request(SupportTicketPriorities, "GET", "/support-ticket-stats/priority")

    @operation
    def source(self) -> Request[SupportTicketSources]:
        """Return the tickets by source. API: ``GET /support-ticket-stats/source``."""
        return request(SupportTicketSources, "GET", "/support-ticket-stats/source")

    @operation
    def top_categories(self, *, limit: int | None = None) -> Request[SupportTicketTopCategories]:
        """Return the categories and subcategories with the most tickets, at most ``limit`` of each.

        API: ``GET /support-ticket-stats/top-categories``.
        """
        return request(SupportTicketTopCategories, "GET", "/support-ticket-stats/top-categories", limit=limit)
