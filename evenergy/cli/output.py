"""Output of data: JSON, JSON lines, CSV, a table at a terminal, and lines with tabs in a pipe."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, cast

import attrs
import msgspec

from .errors import UsageError, document
from .nearest import nearest
from .numbers import grouped
from .stdout import write

if TYPE_CHECKING:
    from evenergy._codec.columns import Layout
    from evenergy.errors import EvEnergyError

    from .context import Settings

T = TypeVar("T")

_TIMES: Final = ("sampled_at", "logged_at")
UNKNOWN: Final = "–"  # noqa: RUF001  a dash is what tables have where nothing is known
_LOW, _HALF = 20, 50  # percent
_NEAR: Final = 5  # names of fields in a message
ALWAYS: Final = 100
"""Importance of a column that no terminal is too narrow for."""


@attrs.frozen
class Column(Generic[T]):
    """Column of a table.

    Attributes:
        heading: The heading at a terminal.
        value: A function that returns the cell as data, which a pipe gets.
        shown: A function that returns the text of a cell that is not None, for a terminal; None for `plain`.
        importance: A narrow terminal loses the column with the least of it first.
        style: A style of rich, or a function from a cell to one.
        right: Whether the cells stand on the right.
        brief: A function that returns a shorter text for a narrow terminal, or None.
        brief_heading: A shorter heading for a narrow terminal, or None.
        flexible: Whether the end of a text may be cut at a narrow terminal.
    """

    heading: str
    value: Callable[[T], object]
    shown: Callable[[Any], str] | None = None
    importance: int = 50
    style: str | Callable[[Any], str] = ""
    right: bool = False
    brief: Callable[[Any], str] | None = None
    brief_heading: str | None = None
    flexible: bool = False


@attrs.frozen
class Shape(Generic[T]):
    """Form of the values that a command prints.

    Attributes:
        names: The names of all fields, for CSV and ``--fields``.
        record: A function that returns the cells of a value by these names.
        data: A function that returns a value as JSON data.
        columns: The columns of the table.
    """

    names: Sequence[str]
    record: Callable[[T], Mapping[str, object]]
    data: Callable[[T], object]
    columns: Sequence[Column[T]]


def model_shape(model: type[T], columns: Sequence[Column[T]]) -> Shape[T]:
    """Return the form of a value class of this library.

    JSON is as in the API. Fields have the names of `evenergy.to_records`, in an order for people.
    """
    from evenergy import to_dict
    from evenergy._codec.columns import layout

    table = layout(cast("Any", model))
    names = table.names

    def record(value: T) -> dict[str, object]:
        return dict(zip(names, next(table.rows([value])), strict=True))

    return Shape(_ordered(table), record, cast("Callable[[T], object]", to_dict), columns)


def _ordered(table: Layout[Any]) -> list[str]:
    """Return the names of the fields of a class: what identifies a value first, long URLs last.

    A log has no id: the device and the time identify it, and its own URL repeats both.
    """
    names = table.names
    ids = [column.name for column in table.columns if column.is_id]
    device = [] if "id" in names or not set(_TIMES).intersection(names) else ids[:1]
    first = ["id", *device, *_TIMES]
    last = [*(name.removesuffix("_id") for name in device), "url"]
    middle = [name for name in names if name not in {*first, *last}]
    return [name for name in (*first, *middle, *last) if name in names]


def dict_shape(columns: Sequence[Column[dict[str, Any]]], names: Sequence[str]) -> Shape[dict[str, Any]]:
    """Return the form of values that are dictionaries already."""
    return Shape(names, lambda value: value, lambda value: value, columns)


def key_column(heading: str, key: str, **more: Any) -> Column[dict[str, Any]]:
    """Return the column of a key of dictionaries; ``more`` is as for `Column`."""
    return Column(heading, lambda record: record[key], **more)


def time_column(heading: str, value: Callable[[T], object], importance: int = 50) -> Column[T]:
    """Return the column of a time in UTC; without year and seconds at a narrow terminal, as in ``29 Mar 10:00``."""
    return Column(
        heading, value, importance=importance, brief=_short_time, brief_heading=heading.replace(" (UTC)", " UTC")
    )


def _short_time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%d %b %H:%M}"


class Output(Generic[T]):
    """Writer of values to standard output, in the format that was requested. Use it in a ``with`` statement.

    Args:
        settings: The options.
        shape: The form of the values.
        vertical: Whether it is one value, of which all fields are shown, one below the other.
        streams: Whether values are written as they come, at a terminal too, where no table can be made of them.

    Raises:
        UsageError: ``--fields`` names no field of the values.
    """

    def __init__(self, settings: Settings, shape: Shape[T], *, vertical: bool = False, streams: bool = False) -> None:
        self._format = settings.format
        self._fields = _checked(settings.fields, shape.names)
        self._shape = shape
        self._columns = shape.columns if self._fields is None else [_field_column(shape, name) for name in self._fields]
        self._at_terminal = sys.stdout.isatty()
        self._began = False
        self.kept: list[Any] = []
        """The values of ``--json``, as JSON data; the values of a table."""
        self._vertical = vertical
        self._streams = streams
        settings.begin(self)

    def write(self, values: Iterable[T]) -> None:
        """Write values: those of JSON lines, CSV and pipes at once, all others when the output ends."""
        match self._format:
            case "json":
                self.kept += map(self._data, values)
            case "jsonl":
                write("".join(f"{_json(self._data(value))}\n" for value in values))
            case "csv":
                self._write_csv(values)
            case _ if self._vertical or (self._at_terminal and not self._streams):
                self.kept += values
            case _:
                write("".join(self._tabbed(value) for value in values))

    def end(self) -> None:
        """Write what was kept, and no more."""
        if self._format == "json" and self._vertical:
            write_json(self.kept[0])
        elif self._format == "json":
            write(_array(self.kept, pretty=self._at_terminal))
        elif self._format == "csv":
            self._write_csv(())
        elif self._format is None and self._vertical and self.kept:
            self._write_fields(self.kept[0])
        elif self._format is None and self._at_terminal and self.kept:
            from .table import show  # it takes rich

            show(self._columns, self.kept)
        self.kept = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # An error ends JSON in another way, and what a terminal has got so far is shown above the error.
        if kind is None or self._format != "json":
            self.end()

    def _data(self, value: T) -> object:
        if self._fields is None:
            return self._shape.data(value)
        record = self._shape.record(value)
        return {name: record[name] for name in self._fields}

    def _write_csv(self, values: Iterable[T]) -> None:
        names = self._fields or self._shape.names
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._began:
            writer.writerow(names)
            self._began = True
        for value in values:
            record = self._shape.record(value)
            writer.writerow([plain(record[name]) for name in names])
        write(text.getvalue())

    def _write_fields(self, value: T) -> None:
        """Write the fields of one value: below each other, with a tab between name and cell in a pipe."""
        record = self._shape.record(value)
        names = self._fields or self._shape.names
        width = max(map(len, names))
        for name in names:
            cell = " ".join(self._field(record[name]).split())
            write(f"{name:{width}}  {cell or UNKNOWN}\n" if self._at_terminal else f"{name}\t{cell}\n")

    def _field(self, cell: object) -> str:
        if self._at_terminal and isinstance(cell, int) and not isinstance(cell, bool):
            return grouped(cell)
        return plain(cell)

    def _tabbed(self, value: T) -> str:
        cells = [plain(column.value(value)) for column in self._columns]
        separator = "  " if self._at_terminal else "\t"
        return separator.join(" ".join(cell.split()) for cell in cells) + "\n"


def charge_style(percentage: int) -> str:
    """Return the colour of a state of charge."""
    return "red" if percentage < _LOW else "yellow" if percentage < _HALF else "green"


def plain(cell: object) -> str:
    """Return a cell as text for programs: times in UTC as ISO 8601, true and false, nothing for None."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case datetime():
            return cell.isoformat().replace("+00:00", "Z")
        case date():
            return cell.isoformat()
        case str() | int() | float():
            return str(cell)
        case _:
            return _json(cell)


def write_error(form: str, output: Output[Any] | None, error: EvEnergyError) -> None:
    """Write an error as JSON, with the items that came before it where they are not written yet."""
    found: dict[str, object] = {"error": document(error)}
    if form == "json" and output is not None:
        found["items"] = output.kept
    write(f"{_json(found)}\n")


def write_json(data: object) -> None:
    """Write one JSON document, indented at a terminal."""
    text = msgspec.json.encode(data)
    write((msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text).decode() + "\n")


def _array(items: Sequence[object], *, pretty: bool) -> str:
    """Return an array with a line for each item; indented for people."""
    if pretty:
        return msgspec.json.format(msgspec.json.encode(items), indent=2).decode() + "\n"
    return "[" + ",".join(f"\n{_json(item)}" for item in items) + ("\n]\n" if items else "]\n")


def _json(data: object) -> str:
    return msgspec.json.encode(data).decode()


def _checked(fields: list[str] | None, names: Sequence[str]) -> list[str] | None:
    unknown = [name for name in fields or () if name not in names]
    if unknown:
        raise UsageError(f"--fields: there is no {unknown[0]}; {_instead(unknown[0], names)}")
    return fields


def _instead(unknown: str, names: Sequence[str]) -> str:
    """Return which fields there are: those near to an unknown one, or the first."""
    near = nearest(unknown, names, _NEAR)
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = len(names) - _NEAR
    return f"there are {', '.join(names[:_NEAR])}{f', and {more} more: --csv has all in its heading' * (more > 0)}"


def _field_column(shape: Shape[T], name: str) -> Column[T]:
    return Column(name, lambda value: shape.record(value)[name], importance=ALWAYS)
