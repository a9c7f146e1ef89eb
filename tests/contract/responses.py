"""Responses that the schemas allow, and the comparison of a value with the response that it came from.

The strategies are made here: the library for it, hypothesis-jsonschema, fails with Hypothesis of 2026 and knows no 3.1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias, cast, get_args, get_origin

import attrs
from hypothesis import strategies as st

from tests.operations._values import Model, alternatives, hints

from .description import Description, Schema

JSON: TypeAlias = Any
Strategy: TypeAlias = "st.SearchStrategy[JSON]"

# So far from the ends that no zone takes them beyond what a datetime holds; naive, as the strategy wants them.
_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2, 9998))

_SCALARS: Strategy = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_EXTRAS: st.SearchStrategy[dict[str, JSON]] = st.dictionaries(
    st.text(max_size=8).map("x-{}".format), _SCALARS | st.lists(_SCALARS, max_size=2), max_size=2
)


def documents(description: Description, schema: Schema, inside: tuple[str, ...] = ()) -> Strategy:
    """Return a strategy for a schema, and for later additions of the provider: values of enumerations, fields.

    Formats other than times and dates, and patterns, are plain text. A resource is not expanded inside of itself: there
    it stays a URL. Keywords that only forbid combinations of what is allowed are left out.
    """
    reference: str = schema.get("$ref", "")
    if reference:
        inside = (*inside, reference)
        schema = description.resolve(schema)
    choices: list[Schema] = schema.get("oneOf") or schema.get("anyOf") or []
    if choices:
        return st.one_of(*(documents(description, one, inside) for one in choices if one.get("$ref") not in inside))
    given = schema.get("type", [])
    if "enum" in schema:
        known = st.sampled_from(schema["enum"])
        return known | st.text(max_size=12) if not given or "string" in given else known
    if "allOf" in schema:
        (first, *others) = schema["allOf"]
        if not others and not description.properties(first):  # words about an enumeration
            return documents(description, first, inside)
        return _objects(description, schema, inside)
    return st.one_of(
        *(_typed(description, schema, name, inside) for name in ([given] if isinstance(given, str) else given))
    )


def instants() -> st.SearchStrategy[str]:
    """Return a strategy for times of RFC 3339: in any zone, with up to nine digits, with letters of either case."""
    seconds = st.datetimes(_FIRST, _LAST).map(lambda time: time.isoformat(timespec="seconds"))
    offsets = st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 14), st.integers(0, 59))
    digits = st.just("") | st.from_regex(r"\.[0-9]{1,9}", fullmatch=True)
    written = st.builds("{}{}{}".format, seconds, digits, st.just("Z") | offsets)
    return written | written.map(str.lower)


def _typed(description: Description, schema: Schema, name: str, inside: tuple[str, ...]) -> Strategy:
    if name == "object":
        return _objects(description, schema, inside)
    if name == "array":
        return st.lists(documents(description, schema["items"], inside), max_size=3)
    if name == "string":
        longest: int | None = schema.get("maxLength")
        formats = {"date-time": instants(), "date": st.dates().map(str)}
        return formats.get(schema.get("format", ""), st.text(max_size=min(longest or 12, 12)))
    if name == "integer":
        whole = st.integers(schema.get("minimum"), schema.get("maximum"))
        return whole | st.integers(*_small(schema)).map(float)  # 70.0 is an integer of JSON
    return {"null": st.none(), "boolean": st.booleans(), "number": st.floats(allow_nan=False, allow_infinity=False)}[
        name
    ]


def _small(schema: Schema) -> tuple[int, int]:
    return schema.get("minimum", -(2**53)), schema.get("maximum", 2**53)


def _objects(description: Description, schema: Schema, inside: tuple[str, ...]) -> Strategy:
    fields = {name: documents(description, one, inside) for name, one in description.properties(schema).items()}
    needed = description.required(schema) | {"id"}  # which the description forgets to require of many resources
    of_others: Schema | bool = schema.get("additionalProperties", True)
    if isinstance(of_others, dict):  # a map
        return st.dictionaries(st.text(max_size=8), documents(description, of_others, inside), max_size=3)
    modelled = st.fixed_dictionaries(
        {name: one for name, one in fields.items() if name in needed},
        optional={name: one for name, one in fields.items() if name not in needed},
    )
    extras = st.just(dict[str, JSON]()) if of_others is False else _EXTRAS
    return st.tuples(extras, modelled).map(lambda pair: pair[0] | pair[1])


def same(annotation: Any, came: JSON, back: JSON) -> bool:
    """Return whether the data of a value is that of the response, as far as the annotation models it."""
    parts = alternatives(annotation)
    if came is None or back is None:
        return came is back
    if isinstance(came, dict):
        model = next(filter(attrs.has, parts), None)
        return bool(came == back) if model is None else same_value(model, cast("dict[str, JSON]", came), back)
    if isinstance(came, list):
        item = next(get_args(part)[0] for part in parts if get_origin(part) is list)
        items: list[JSON] = came  # pyright: ignore[reportUnknownVariableType]  it was Any
        return len(items) == len(back) and all(same(item, one, other) for one, other in zip(items, back, strict=True))
    if datetime in parts:
        return bool(back.endswith("Z")) and _instant(came) == _instant(back)
    return bool(came == back) and isinstance(came, bool) is isinstance(back, bool)


def same_value(model: Model, came: dict[str, JSON], back: dict[str, JSON]) -> bool:
    """Return the same for the object of a class: an absent field is null, an unknown one is dropped."""
    fields = hints(model)
    return set(back) == set(fields) and all(same(fields[name], came.get(name), back[name]) for name in fields)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper()).astimezone(UTC)
