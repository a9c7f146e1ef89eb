"""Polygons as GeoJSON has them: rings of [longitude, latitude], the first one the outline, the others holes."""

import math
from collections.abc import Sequence
from itertools import pairwise

LATITUDE, LONGITUDE = 90.0, 180.0  # degrees, at most
_CORNERS = 3  # of a ring, at least
_EARTH = 6371.0  # kilometres

Ring = list[list[float]]
Polygon = list[Ring]


def square(latitude: float, longitude: float, half: float) -> Polygon:
    """Return a square around a place, so many degrees to each side."""
    south, north, west, east = latitude - half, latitude + half, longitude - half, longitude + half
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return [[[round(x, 4), round(y, 4)] for x, y in corners]]


def problems_of(polygon: Sequence[Sequence[Sequence[float]]]) -> list[str]:
    """Return what is wrong with a polygon."""
    found: list[str] = []
    for ring in polygon:
        if list(ring[0]) != list(ring[-1]):
            found.append("A ring is not closed.")
        if any(abs(x) > LONGITUDE or abs(y) > LATITUDE for x, y in ring):
            found.append("A position is no [longitude, latitude].")
        if len({(x, y) for x, y in ring}) < _CORNERS:
            found.append("A ring has no area.")
    return found


def contains(polygons: Sequence[Polygon], latitude: float, longitude: float) -> bool:
    """Return whether a place lies strictly inside, which is outside of holes and on no edge."""
    return any(_inside(polygon[0], latitude, longitude) and not any(
        _inside(hole, latitude, longitude) for hole in polygon[1:]
    ) for polygon in polygons)  # fmt: skip


def area(polygons: Sequence[Polygon]) -> float:
    """Return the area in square kilometres."""
    return sum(abs(_ring_area(polygon[0])) - sum(abs(_ring_area(hole)) for hole in polygon[1:]) for polygon in polygons)


def _inside(ring: Ring, y: float, x: float) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        cross = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if cross == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return False
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _ring_area(ring: Ring) -> float:
    total = 0.0
    for (x1, y1), (x2, y2) in pairwise(ring):
        total += math.radians(x2 - x1) * (2 + math.sin(math.radians(y1)) + math.sin(math.radians(y2)))
    return total * _EARTH**2 / 2
