"""Feeds that steer charging: the carbon intensity of electricity, and the levels of a grid."""

from __future__ import annotations

from datetime import datetime

from evenergy._codec.model import model
from evenergy._codec.validate import time_range
from evenergy._codec.wire_types import Time
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._intervals import interval_end
from ._kinds import CARBON_FEED, Kind

__all__ = ["CarbonFeed", "CarbonIntensity", "GridFeed", "GridLevel"]

GRID_FEED = Kind("grfd", "grid_feeds")


@model
class CarbonFeed:
    """Feed of carbon intensities for one area."""

    id: str
    url: str | None = None
    name: str | None = None


@model
class CarbonIntensity:
    """Carbon intensity of electricity in one interval.

    Attributes:
        started_at: The beginning of the interval.
        interval_seconds: The length of the interval.
        created_at: The time at which the figure was stored.
    """

    started_at: Time | None = None
    interval_seconds: int | None = None
    co2_intensity_grams_per_kilowatt_hour: int | None = None
    created_at: Time | None = None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval, or None where its beginning or its length is None."""
        return interval_end(self.started_at, self.interval_seconds)


@model
class GridFeed:
    """Feed of levels by which a utility steers charging.

    Attributes:
        reference_code: A name for programs, the same in the provider's sandbox and in production.
        priority: The rank among feeds that overlap for a user, from 1 to 10.
    """

    id: str
    url: str | None = None
    name: str | None = None
    reference_code: str | None = None
    priority: int | None = None


@model
class GridLevel:
    """Level of a grid in one interval.

    Attributes:
        value: From 1 to 100: 50 is neutral, more discourages charging, less encourages it.
        started_at: The beginning of the interval; None when it has no lower bound.
        interval_seconds: The length of the interval; None when one of its bounds is missing.
        created_at: The time at which the level was stored.
    """

    value: int | None = None
    started_at: Time | None = None
    interval_seconds: int | None = None
    created_at: Time | None = None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the interval, or None where one of its bounds is missing."""
        return interval_end(self.started_at, self.interval_seconds)


class CarbonIntensities(Resource[M_co]):
    """Carbon intensities over time. The methods raise what `evenergy.errors` lists."""

    @paged
    def list(
        self,
        feed_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> ListRequest[CarbonIntensity]:
        """List the carbon intensities of a feed, newest first.

        API: ``GET /carbon_feeds/{carbon_feed_id}/carbon_intensities``.

        Args:
            feed_id: An id or a URL.
            since: The earliest beginning of an interval, as an aware datetime.
            until: The latest beginning of an interval, likewise.
            page_size: Intervals for each request, 1 to 100; 100 unless it is given.
        """
        path, (low, high) = CARBON_FEED.path(feed_id, "carbon_intensities"), time_range(since, until)
        return list_request(
            CarbonIntensity,
            path,
            page_size=page_size,
            wrapped_in="carbon_intensities",
            started_at__gte=low,
            started_at__lte=high,
        )


class CarbonFeeds(Resource[M_co]):
    """Feeds of carbon intensities. The methods raise what `evenergy.errors` lists."""

    carbon_intensities: Child[CarbonIntensities[M_co]] = Child("feeds:CarbonIntensities")
    """Carbon intensities over time, newest first."""

    @operation
    def get(self, feed_id: str, /) -> Request[CarbonFeed]:
        """Return one feed, by id or URL. API: ``GET /carbon_feeds/{carbon_feed_id}``."""
        return request(CarbonFeed, "GET", CARBON_FEED.path(feed_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[CarbonFeed]:
        """List all feeds of carbon intensities. API: ``GET /carbon_feeds``."""
        return list_request(CarbonFeed, CARBON_FEED.all, page_size=page_size)


class GridLevels(Resource[M_co]):
    """Levels of grids over time. The methods raise what `evenergy.errors` lists."""

    @paged
    def list(
        self,
        feed_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> ListRequest[GridLevel]:
        """List the levels of a feed. API: ``GET /grid_feeds/{grid_feed_id}/levels``.

        Args:
            feed_id: An id or a URL.
            since: The earliest beginning of an interval, as an aware datetime.
            until: The latest beginning of an interval, likewise.
            page_size: Levels for each request, 1 to 100; 100 unless it is given.
        """
        path, (low, high) = GRID_FEED.path(feed_id, "levels"), time_range(since, until)
        return list_request(GridLevel, path, page_size=page_size, started_at__gte=low, started_at__lte=high)


class GridFeeds(Resource[M_co]):
    """Feeds of levels of grids. The methods raise what `evenergy.errors` lists."""

    levels: Child[GridLevels[M_co]] = Child("feeds:GridLevels")
    """Levels over time."""

    @operation
    def get(self, feed_id: str, /) -> Request[GridFeed]:
        """Return one feed, by id or URL. API: ``GET /grid_feeds/{grid_feed_id}``."""
        return request(GridFeed, "GET", GRID_FEED.path(feed_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[GridFeed]:
        """List all feeds of levels of grids. API: ``GET /grid_feeds``."""
        return list_request(GridFeed, GRID_FEED.all, page_size=page_size)
