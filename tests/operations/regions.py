from evenergy import LatLong, Region, RegionGroup, RegionGroupEntry, RegionGroupValidation

from ._row import BASE, REGION, REGION_GROUP, Row

_AREA = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}

ROWS = (
    Row(
        "get-regions",
        lambda c: c.regions.list(
            name="a text",
            name__in=["a", "b"],
            region_group_id=REGION_GROUP,
            type="ELECTRICITY",
            contains=LatLong(51.5, -0.1),
            page_size=50,
        ),
        "GET /regions",
        Region,
        "id",
        query={"name__in": "a,b", "contains": "51.5,-0.1"},
    ),
    Row(
        "post-regions",
        lambda c: c.regions.create(name="a text", geometries=[_AREA], type="ELECTRICITY", region_groups=[REGION_GROUP]),
        "POST /regions",
        Region,
        body={"region_groups": [f"{BASE}/region_groups/{REGION_GROUP}"]},
    ),
    Row(
        "get-regions-region_id",
        lambda c: c.regions.get(REGION),
        f"GET /regions/{REGION}",
        Region,
    ),
    Row(
        "get-region_groups",
        lambda c: c.region_groups.list(name="a text", page_size=50),
        "GET /region_groups",
        RegionGroup,
        "id",
    ),
    Row(
        "post-region_groups",
        lambda c: c.region_groups.create(name="a text", regions=[RegionGroupEntry("north", [_AREA])]),
        "POST /region_groups",
        RegionGroup,
    ),
    Row(
        "get-region_groups-region_group_id",
        lambda c: c.region_groups.get(REGION_GROUP),
        f"GET /region_groups/{REGION_GROUP}",
        RegionGroup,
    ),
    Row(
        "post-region_groups:validate",
        lambda c: c.region_groups.validate(name="a text", regions=[RegionGroupEntry("north", [_AREA])]),
        "POST /region_groups:validate",
        RegionGroupValidation,
    ),
)
