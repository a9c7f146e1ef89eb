"""Columns of the models: their names and types in tables, derived from the class alone."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from enum import Enum, auto
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import attrs
import msgspec

from evenergy.errors import InvalidArgumentError, printable

from .model import is_model
from .wire_types import JSON, in_utc, reference_id

T = TypeVar("T")

Cell: TypeAlias = "JSON | datetime | date"
"""Value of one column in one row."""


class ColumnType(Enum):
    """Type of a column. Every column is nullable."""

    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    TIME = auto()
    """Aware datetimes in UTC."""
    DATE = auto()
    JSON = auto()
    """Lists, and objects of any shape."""


@attrs.frozen
class Column:
    """Column of a table.

    Attributes:
        name: The field's name; behind the names of the fields above it, with underscores, where models are nested.
        type: The type of its values.
        is_id: True for the id of the resource that the column behind it names by its URL.
    """

    name: str
    type: ColumnType
    is_id: bool = False


@attrs.frozen
class Layout(Generic[T]):
    """Columns of one model, and the rows of its values.

    Attributes:
        model: The class.
        columns: The columns, in the order of the fields.
    """

    model: type[T]
    columns: tuple[Column, ...]
    _read: Callable[[object], list[Cell]] = attrs.field(repr=False)

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    def rows(self, values: Iterable[object]) -> Iterator[list[Cell]]:
        """Yield the cells of each value.

        Raises:
            InvalidArgumentError: One is no instance of the class, or holds something that is no JSON data.
        """
        read, model = self._read, self.model
        for value in values:
            if not isinstance(value, model):
                raise InvalidArgumentError(
                    f"expected values of one class, {model.__name__}, got {type(value).__name__} among them"
                )
            yield read(value)


@cache
def layout(model: Any) -> Layout[Any]:
    """Return the columns of a model.

    A reference has a column with its URL, and one with its id before it where the model has that as a property. It has
    the same two when it was expanded, so that the columns depend on nothing but the class. A model that is always
    embedded has its columns here, behind its field's name.

    Raises:
        InvalidArgumentError: It is no model of this library.
    """
    if not is_model(model):
        raise InvalidArgumentError(f"expected a class such as VehicleStatusLog, got {printable(repr(model))}")
    columns, read = _described(model, ())
    return Layout(model, tuple(columns), read)


_Reader: TypeAlias = Callable[[Any], Any]


def _described(model: Any, above: tuple[Any, ...]) -> tuple[list[Column], Callable[[object], list[Cell]]]:
    """Return the columns of a class, and the function that reads its rows."""
    fields = msgspec.structs.fields(model)
    names = {field.name for field in fields}
    columns: list[Column] = []
    converted: list[tuple[int, _Reader]] = []  # one cell by another
    spread: list[tuple[int, _Reader]] = []  # one cell by several, the last first
    for at, field in enumerate(fields):
        parts = frozenset(_alternatives(field.type))
        name, inner = field.name, _embedded(parts, (*above, model))
        if inner is not None:
            inner_columns, read = _described(inner, (*above, model))
            columns += [Column(f"{name}_{one.name}", one.type, one.is_id) for one in inner_columns]
            spread.insert(0, (at, _embedded_reader(read, len(inner_columns))))
            continue
        kind, reader = _plain(parts)
        if _has_id(model, name, kind) and f"{name}_id" not in names:
            columns.append(Column(f"{name}_id", kind, is_id=True))
            spread.insert(0, (at, _id_and_url))
        elif reader is not None:
            converted.append((at, reader))
        columns.append(Column(name, kind))
    return columns, _row_reader([field.name for field in fields], converted, spread)


def _row_reader(
    fields: list[str], converted: list[tuple[int, _Reader]], spread: list[tuple[int, _Reader]]
) -> Callable[[object], list[Cell]]:
    take: _Reader = attrgetter(*fields) if len(fields) > 1 else lambda value: (getattr(value, fields[0]),)

    def read(value: object) -> list[Cell]:
        cells = list(take(value))
        for at, reader in converted:
            cell = cells[at]
            if cell is not None:
                cells[at] = reader(cell)
        for at, reader in spread:
            cells[at : at + 1] = reader(cells[at])
        return cells

    return read


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield the types of a union, without None and what `Annotated` adds."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        for part in get_args(kind):
            yield from _alternatives(part)
    elif origin is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif kind not in (types.NoneType, msgspec.UnsetType):
        yield kind


def _embedded(parts: frozenset[Any], above: tuple[Any, ...]) -> Any:
    """Return the model of a field that holds nothing else, or None; a model within itself stays JSON."""
    if len(parts) != 1:
        return None
    (kind,) = parts
    return kind if is_model(kind) and kind not in above else None


def _has_id(model: Any, name: str, kind: ColumnType) -> bool:
    return kind is ColumnType.TEXT and isinstance(getattr(model, f"{name}_id", None), property)


_SIMPLE: dict[frozenset[Any], tuple[ColumnType, _Reader | None]] = {
    frozenset({str}): (ColumnType.TEXT, None),
    frozenset({datetime}): (ColumnType.TIME, in_utc),
    frozenset({bool}): (ColumnType.BOOLEAN, None),
    frozenset({int}): (ColumnType.INTEGER, None),
    frozenset({float}): (ColumnType.NUMBER, None),
    frozenset({int, float}): (ColumnType.NUMBER, float),
    frozenset({date}): (ColumnType.DATE, None),
}


def _plain(parts: frozenset[Any]) -> tuple[ColumnType, _Reader | None]:
    """Return the type of a field, and what turns its value into a cell; None for nothing."""
    if parts in _SIMPLE:
        return _SIMPLE[parts]
    if parts and all(isinstance(part, type) and issubclass(part, str) for part in parts):
        return ColumnType.TEXT, _text
    if str in parts and all(part is str or is_model(part) for part in parts):
        return ColumnType.TEXT, _url
    return ColumnType.JSON, _json


_text: _Reader = str.__str__
"""The plain string of a member of an enumeration, which is one itself."""


def _url(reference: Any) -> str | None:
    return reference if isinstance(reference, str) else cast("str | None", getattr(reference, "url", None))


def _id_and_url(reference: Any) -> tuple[str | None, str | None]:
    return (None, None) if reference is None else (reference_id(reference), _url(reference))


def _json(value: object) -> JSON:
    try:
        return cast("JSON", msgspec.to_builtins(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"expected JSON data in a field, got {type(value).__name__}: {error}") from None


def _embedded_reader(read: Callable[[object], list[Cell]], width: int) -> _Reader:
    missing: list[Cell] = [None] * width
    return lambda value: missing if value is None else read(value)
