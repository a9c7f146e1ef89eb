"""Values for the arguments of the map, each with its form on the wire, and values that must be rejected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Literal, get_args, get_origin
from urllib.parse import quote

import attrs

import evenergy
from evenergy import LatLong
from tests.operations._row import SINCE, ULID, UNTIL
from tests.operations._values import as_text

from .operation_map import Parameter

_UNSAFE = "a word/?x"
_KEY = "2024-01-01T11:11:11.1111Z"
_URL = "https://api.ev.energy/v2/anything"
_NAIVE = datetime(2024, 1, 1)  # noqa: DTZ001  it must be rejected
_POLYGON = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]}
_PLACE = {"latitude": 51.5, "longitude": -0.00001}


class _Geometry:
    __geo_interface__ = _POLYGON


def samples(parameter: Parameter, base_url: str, prefixes: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """Return values for an argument, each with what must stand at its place on the wire.

    In a query that is a list of texts, in a body JSON, elsewhere text.
    """
    kind, _, of = parameter.written.partition(":")
    pairs = list(_PAIRS[kind](parameter, of, base_url, prefixes))
    if parameter.place == "query" and kind != "repeat":
        return [(value, [str(wire).lower() if isinstance(wire, bool) else str(wire)]) for value, wire in pairs]
    return pairs


def invalid(parameter: Parameter) -> list[Any]:
    """Return values that must be rejected."""
    found: dict[str, list[Any]] = {
        "id": ["", f"xxxx{ULID}"],
        "url": ["", f"xxxx{ULID}"],
        "word": ["", ".."],
        "time": [_NAIVE],
        "time key": [_NAIVE, "latest"],
        "repeat": ["user"],
        "comma": [["ONE", "TWO,THREE"]],
    }
    if parameter.place == "header":
        return ["de\r\nX-Evil: 1"]
    values = found.get(parameter.written.partition(":")[0], [])
    if _is_word_id(parameter):  # its last segment would be taken as an id
        values = [*values, _UNSAFE]
    return [[value] for value in values] if _is_list_of_references(parameter) else values


def _is_word_id(parameter: Parameter) -> bool:
    return parameter.written == "word" and parameter.wire_name.endswith("_id")


def _is_list_of_references(parameter: Parameter) -> bool:
    return parameter.written.startswith("url:") and "Iterable" in parameter.classes


def _public(parameter: Parameter) -> list[Any]:
    return [kind for name in parameter.classes if (kind := getattr(evenergy, name, None)) is not None]


def _members(parameter: Parameter) -> list[Any]:
    """Return a member of each enumeration and list of literals that an argument takes."""
    enums = [next(iter(kind)) for kind in _public(parameter) if isinstance(kind, type) and issubclass(kind, Enum)]
    return enums + [get_args(kind)[0] for kind in _public(parameter) if get_origin(kind) is Literal]


def _named(parameter: Parameter, resource_id: str) -> list[Any]:
    """Return all that may name a resource."""
    models: list[Any] = [kind for kind in _public(parameter) if isinstance(kind, type) and attrs.has(kind)]
    return [
        resource_id,
        f"{_URL}/{resource_id}",
        f"{_URL}/{resource_id}/?x=1",
        *(model(id=resource_id) for model in models),
    ]


Pairs = Iterator[tuple[Any, Any]]


def _ids(parameter: Parameter, prefix: str, *_: Any) -> Pairs:
    for value in _named(parameter, prefix + ULID):
        yield value, prefix + ULID


def _urls(parameter: Parameter, collection: str, base_url: str, prefixes: Mapping[str, str]) -> Pairs:
    resource_id = prefixes[collection] + ULID
    for value in _named(parameter, resource_id):
        wire = f"{base_url}/{collection}/{resource_id}"
        yield ([value], [wire]) if _is_list_of_references(parameter) else (value, wire)


def _words(parameter: Parameter, *_: Any) -> Pairs:
    for word in ("WORD", *_members(parameter)):
        yield word, word
    if parameter.wire_name.endswith("_id"):
        yield f"{_URL}/WORD/", "WORD"
    else:  # a value, which may be any text
        yield "a word/?x", quote("a word/?x", safe="")


def _times(*_: Any) -> Pairs:
    yield SINCE, as_text(SINCE)
    yield UNTIL, as_text(UNTIL)


def _keys(*_: Any) -> Pairs:
    yield from _times()
    yield _KEY, _KEY
    yield f"{_URL}/{_KEY}", _KEY


def _texts(parameter: Parameter, *_: Any) -> Pairs:
    if parameter.place == "header":
        yield "en-GB", "en-GB"
        return
    members = _members(parameter)
    for member in members:
        yield member, str(member)
    if not members or "str" in parameter.classes:
        yield "a+b&c=d", "a+b&c=d"


def _numbers(*_: Any) -> Pairs:
    yield 50, 50


def _booleans(*_: Any) -> Pairs:
    yield True, True
    yield False, False


def _commas(parameter: Parameter, *_: Any) -> Pairs:
    yield ["ONE", "TWO"], "ONE,TWO"
    for member in _members(parameter):
        yield {member: 1, "NEW": 2}.keys(), f"{member},NEW"


def _places(*_: Any) -> Pairs:
    yield LatLong(**_PLACE), "51.5,-0.00001"


def _repeated(parameter: Parameter, *_: Any) -> Pairs:
    fields = [name for kind in _public(parameter) for name in get_args(kind)]
    yield fields, fields
    yield dict.fromkeys(fields[:1]).keys(), fields[:1]


def _json(parameter: Parameter, *_: Any) -> Pairs:
    is_many = parameter.type.startswith("Iterable")
    for value, wire in _JSON[next(name for name in _JSON if name in parameter.type)]():
        yield ((value,), [wire]) if is_many else (value, wire)


def _locations() -> Pairs:
    yield {"city": None, "any": [1]}, {"city": None, "any": [1]}
    yield evenergy.Location(city="Leeds", coordinates=LatLong(**_PLACE)), {"city": "Leeds", "coordinates": _PLACE}


def _route_points() -> Pairs:
    point = {**_PLACE, "name": "Home"}
    yield point, point
    yield _made("RoutePoint", point), point


def _geometries() -> Pairs:
    yield _POLYGON, _POLYGON
    yield _Geometry(), _POLYGON


def _regions() -> Pairs:
    yield _made("RegionGroupEntry", {"name": "A", "geometries": [_POLYGON]}), {"name": "A", "geometries": [_POLYGON]}


def _made(name: str, fields: Mapping[str, Any]) -> Any:
    return getattr(evenergy, name)(**fields)


# By what the type of an argument holds; the first that fits counts.
_JSON: dict[str, Any] = {
    "RoutePoint": _route_points,
    "RegionGroupEntry": _regions,
    "SupportsGeoInterface": _geometries,
    "Location": _locations,
    "LatLong": lambda: [(LatLong(**_PLACE), _PLACE)],
    "ConnectorType": lambda: [("NEW", "NEW"), (evenergy.ConnectorType.CCS, "CCS")],
    "Mapping[int, str]": lambda: [({7: "text"}, [{"id": 7, "value": "text"}])],
    "Mapping[str, bool]": lambda: [({"charging": True}, {"charging": True})],
    "Mapping[str, object]": lambda: [({"a": {"b": None}}, {"a": {"b": None}})],
}

_PAIRS: dict[str, Any] = {
    "id": _ids,
    "url": _urls,
    "word": _words,
    "time": _times,
    "time key": _keys,
    "text": _texts,
    "number": _numbers,
    "bool": _booleans,
    "comma": _commas,
    "latlong": _places,
    "repeat": _repeated,
    "json": _json,
}
