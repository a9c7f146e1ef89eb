from evenergy import CarbonFeed, CarbonIntensity, GridFeed, GridLevel

from ._row import CARBON_FEED, GRID_FEED, SINCE, UNTIL, Row

ROWS = (
    Row(
        "get-carbon_feeds",
        lambda c: c.carbon_feeds.list(page_size=50),
        "GET /carbon_feeds",
        CarbonFeed,
        "id",
    ),
    Row(
        "get-carbon_feeds-carbon_feed_id",
        lambda c: c.carbon_feeds.get(CARBON_FEED),
        f"GET /carbon_feeds/{CARBON_FEED}",
        CarbonFeed,
    ),
    Row(
        "get-carbon_feeds-carbon_feed_id-carbon_intensities",
        lambda c: c.carbon_feeds.carbon_intensities.list(CARBON_FEED, since=SINCE, until=UNTIL, page_size=50),
        f"GET /carbon_feeds/{CARBON_FEED}/carbon_intensities",
        CarbonIntensity,
        "time",
        names={"since": "started_at__gte", "until": "started_at__lte"},
    ),
    Row(
        "get-grid_feeds",
        lambda c: c.grid_feeds.list(page_size=50),
        "GET /grid_feeds",
        GridFeed,
        "id",
    ),
    Row(
        "get-grid_feeds-grid_feed_id",
        lambda c: c.grid_feeds.get(GRID_FEED),
        f"GET /grid_feeds/{GRID_FEED}",
        GridFeed,
    ),
    Row(
        "get-grid_feeds-grid_feed_id-levels",
        lambda c: c.grid_feeds.levels.list(GRID_FEED, since=SINCE, until=UNTIL, page_size=50),
        f"GET /grid_feeds/{GRID_FEED}/levels",
        GridLevel,
        "number",
        names={"since": "started_at__gte", "until": "started_at__lte"},
    ),
)
