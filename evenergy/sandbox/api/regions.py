"""Regions and their groups."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from evenergy.sandbox import filters, validation as v
from evenergy.sandbox.expansion import expansion
from evenergy.sandbox.fields import computed, hidden, value
from evenergy.sandbox.filters import Predicate
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.simulation.geometry import Polygon, area, contains, problems_of, square
from evenergy.sandbox.simulation.places import CITIES
from evenergy.sandbox.tables import Draw, Item, Seed, Table
from evenergy.sandbox.times import instant, now_text, text

_READ, _WRITE = "region:read", "region:write"
_TYPES = ("OTHER", "ELECTRICITY")
_GROUPS = ("Great Britain", "Elsewhere")
_MADE = 3_000_000.0  # seconds before the sandbox's logs begin
_RINGS, _POINTS, _POLYGONS, _REGIONS = 100, 25_000, 500, 500


def _begun(draw: Draw) -> object:
    return text(instant(draw.state.fleet.begin - _MADE))


def _group_urls(request: Request, region: Item) -> list[str]:
    return [request.url("region_groups", id_) for id_ in region.values["groups"]]


def _geometry(_: Request, region: Item) -> Data:
    return {"type": "MultiPolygon", "coordinates": region.values["polygons"]}


def _in_group(_: Request, __: str, group_id: str) -> Predicate:
    return lambda region: group_id in region.values["groups"]


def _containing(_: Request, parameter: str, written: str) -> Predicate:
    latitude, longitude = filters.place(parameter, written)
    return lambda region: contains(region.values["polygons"], latitude, longitude)


def _regions(state: State) -> list[Seed]:
    groups = list(GROUPS.pool(state).items)
    return [
        Seed(
            values={
                "name": f"{city.name} area",
                "type": (*_TYPES, None)[number % 3],
                "polygons": [square(city.latitude, city.longitude, 0.2)],
                "groups": [groups[city.country != "GB"]],
            }
        )
        for number, city in enumerate(CITIES)
    ]


GROUPS = Table(
    name="region_groups",
    prefix="rgrp",
    scope=_READ,
    filters={"name": filters.equal(filters.stored("name"))},
    seeds=lambda _: (Seed(values={"name": name}) for name in _GROUPS),
    fields={
        "name": value(),
        "regions": computed(lambda request, group: [_url(request, region) for region in _members(request, group.id)]),
        "regions_collection": computed(lambda request, group: request.url("regions", region_group_id=group.id)),
        "created_at": value(_begun),
    },
)
REGIONS = Table(
    name="regions",
    prefix="regn",
    scope=_READ,
    filters={
        "name": filters.equal(filters.stored("name")),
        "name__in": filters.among(filters.stored("name")),
        "region_group_id": _in_group,
        "type": filters.compared(filters.stored("type"), lambda one, other: one == other, filters.choice(*_TYPES)),
        "contains": _containing,
    },
    seeds=_regions,
    fields={
        "name": value(),
        "type": value(),
        "region_groups": computed(_group_urls),
        "created_at": value(_begun),
        "updated_at": value(_begun),
        "geometry": computed(_geometry, alone=True),
        "polygons": hidden(),
        "groups": hidden(),
    },
)
COLLECTIONS = (GROUPS, REGIONS)


def _members(request: Request, group_id: str) -> list[Item]:
    return [region for region in REGIONS.pool(request.state).items.values() if group_id in region.values["groups"]]


def _url(request: Request, region: Item) -> str:
    return request.url("regions", region.id)


def _entry_checks() -> dict[str, v.Check]:
    position = v.list_of(v.number(-1e9, 1e9), longest=2, least=2)
    polygon = v.list_of(v.list_of(position, longest=_POINTS, least=4), longest=_RINGS, least=1)

    def geometry(given: object) -> list[Polygon]:
        """Take a polygon or several, as a list of polygons."""
        kind = v.object_of({"type": v.one_of("Polygon", "MultiPolygon")}, ("type",))(given)
        single = kind == {"type": "Polygon"}
        coordinates = polygon if single else v.list_of(polygon, longest=_POLYGONS, least=1)
        check = v.object_of({"coordinates": coordinates}, ("coordinates",))
        found: Any = cast("dict[str, Any]", check(given))["coordinates"]
        return [found] if single else found

    return {
        "name": v.string(),
        "type": v.nullable(v.one_of(*_TYPES)),
        "geometries": v.list_of(geometry, longest=1000, least=1),
    }


def _checked(request: Request, checks: Mapping[str, v.Check], needed: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a body; one that breaks the rules is a 422 here."""
    try:
        return v.checked(request.json(), checks, needed)
    except ProblemError as error:
        if not error.field_errors:
            raise
        raise ProblemError(422, error.detail, type="validation-failed", field_errors=error.field_errors) from None


def _polygons(entry: Mapping[str, Any]) -> list[Polygon]:
    return [polygon for geometry in entry["geometries"] for polygon in geometry]


def _named(table: Table, request: Request, name: str) -> Item | None:
    return next((item for item in table.pool(request.state).items.values() if item.values["name"] == name), None)


def _reject_geometry(entries: Sequence[Mapping[str, Any]]) -> None:
    for entry in entries:
        if found := [problem for polygon in _polygons(entry) for problem in problems_of(polygon)]:
            detail = f"The geometry of {entry['name']!r} cannot be repaired: {' '.join(found)}"
            raise ProblemError(422, detail, type="invalid-geometry")


def _reject_names(request: Request, entries: Sequence[Mapping[str, Any]]) -> None:
    taken = {entry["name"]: _named(REGIONS, request, entry["name"]) for entry in entries}
    conflicts = [{"name": name, "existing_region": _url(request, item)} for name, item in taken.items() if item]
    if conflicts:
        detail = "There are regions with these names."
        raise ProblemError(409, detail, type="region-name-conflict", extensions={"conflicts": conflicts})


def _add(request: Request, entry: Mapping[str, Any], groups: list[str]) -> Item:
    now = now_text(request.state.clock)
    values = {
        "name": entry["name"],
        "type": entry.get("type"),
        "polygons": _polygons(entry),
        "groups": groups,
        "created_at": now,
        "updated_at": now,
    }
    return REGIONS.add(request.state, Seed(values=values))


def create_region(request: Request) -> Response:
    """Add a region, whose geometries become one."""
    group = v.reference_id("region_groups", request.finder("region_groups"))
    checks, tree = {**_entry_checks(), "region_groups": v.list_of(group, longest=100)}, expansion(request, {})
    values = _checked(request, checks, ("name", "geometries"))
    _reject_geometry([values])
    _reject_names(request, [values])
    region = _add(request, values, values.get("region_groups", []))
    return Response(REGIONS.write(request, region, tree, alone=True), status=201)


def _group_body(request: Request) -> dict[str, Any]:
    entry = v.object_of(_entry_checks(), ("name", "geometries"))
    checks = {"name": v.string(), "regions": v.list_of(entry, longest=_REGIONS, least=1)}
    return _checked(request, checks, ("name", "regions"))


def create_group(request: Request) -> Response:
    """Add a group with all its regions, or nothing."""
    values, tree = _group_body(request), expansion(request, {})
    entries: list[dict[str, Any]] = values["regions"]
    repeated = [name for name, count in Counter(entry["name"] for entry in entries).items() if count > 1]
    if repeated:
        raise ProblemError(422, f"Names that stand twice: {', '.join(repeated)}", type="duplicate-region-names")
    existing = _named(GROUPS, request, values["name"])
    if existing is not None:
        extensions = {"existing_region_group": request.url("region_groups", existing.id)}
        detail = "There is a group with this name."
        raise ProblemError(409, detail, type="region-group-name-conflict", extensions=extensions)
    _reject_geometry(entries)
    _reject_names(request, entries)
    now = now_text(request.state.clock)
    group = GROUPS.add(request.state, Seed(values={"name": values["name"], "created_at": now}))
    for entry in entries:
        _add(request, entry, [group.id])
    return Response(GROUPS.write(request, group, tree, alone=True), status=201)


def validate_group(request: Request) -> Response:
    """Return what creating a group would find. It changes nothing, and findings are no error."""
    values = _group_body(request)
    counts = Counter(entry["name"] for entry in values["regions"])
    regions = [_validated(request, entry, repeated=counts[entry["name"]] > 1) for entry in values["regions"]]
    taken = _named(GROUPS, request, values["name"]) is not None
    group: Data = {
        "name": values["name"],
        "status": "NAME_EXISTS" if taken else "AVAILABLE",
        "problems": ["There is a group with this name."] if taken else [],
    }
    valid = not taken and all(region["status"] == "OK" for region in regions)
    return Response({"valid": valid, "group": group, "regions": regions})


def _validated(request: Request, entry: Mapping[str, Any], *, repeated: bool) -> Data:
    polygons, existing = _polygons(entry), _named(REGIONS, request, entry["name"])
    broken = [problem for polygon in polygons for problem in problems_of(polygon)]
    computed_: Data | None = None
    if not broken:
        size = round(area(polygons), 2)
        computed_ = {
            "geometry_count": len(entry["geometries"]),
            "resulting_polygon_count": len(polygons),
            "area_sq_km": size,
        }
    if existing is not None:
        url = {"existing_region": _url(request, existing)}
        status, problems = "NAME_EXISTS", ["There is a region with this name."]
    else:
        url = {}
        status = "INVALID_GEOMETRY" if broken else "INVALID" if repeated else "OK"
        problems = broken or (["The name stands twice."] if repeated else [])
    return {"name": entry["name"], "status": status, "problems": problems, "computed": computed_, **url}


ROUTES = (
    Route("POST", "/regions", create_region, _WRITE),
    Route("POST", "/region_groups", create_group, _WRITE),
    Route("POST", "/region_groups:validate", validate_group, _WRITE),
)
