from types import SimpleNamespace
from typing import Any

import pytest

from evenergy import InvalidArgumentError, RegionGroupEntry

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]}
LINE = {"type": "Polygon", "coordinates": [[[5, 5], [5, 6], [6, 6], [5, 5]]]}


def feature(name: object, geometry: object = SQUARE) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"area": name}, "geometry": geometry}


FEATURES = [feature("north"), feature(7, LINE), feature("north", LINE)]
COLLECTION = {"type": "FeatureCollection", "features": FEATURES}


@pytest.mark.parametrize(
    "features",
    [
        COLLECTION,
        FEATURES,
        SimpleNamespace(__geo_interface__=COLLECTION),
        (SimpleNamespace(__geo_interface__=one) for one in FEATURES),
    ],
    ids=["collection", "list", "frame", "objects"],
)
def test_features_of_one_name_are_one_region(features: object) -> None:
    regions = RegionGroupEntry.from_features(features, name="area", type="UTILITY")
    assert [(one.name, list(one.geometries), one.type) for one in regions] == [
        ("north", [SQUARE, LINE], "UTILITY"),
        ("7", [LINE], "UTILITY"),
    ]


@pytest.mark.parametrize("odd", [feature(None), feature("north", None), {"type": "Feature"}], ids=str)
def test_a_feature_without_a_name_or_a_geometry_is_rejected(odd: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="a property 'area'"):
        RegionGroupEntry.from_features([odd], name="area")
