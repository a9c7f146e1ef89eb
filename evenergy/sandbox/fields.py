"""Fields of tables: how a value is drawn, and how it is written."""

from collections.abc import Callable
from typing import Any

from evenergy.sandbox.expansion import refer, reference as written_reference
from evenergy.sandbox.logs import LogKind
from evenergy.sandbox.requests import Request, Tree
from evenergy.sandbox.tables import Draw, Field, Generator, Item, Table
from evenergy.sandbox.times import DAY, instant, text


def value(draw: Generator | None = None, *, alone: bool = False) -> Field:
    """Return a field that is written as it is stored."""
    return Field(_stored, draw or (lambda _: None), alone)


def hidden(draw: Generator | None = None) -> Field:
    """Return a field that is stored for others, and not written."""
    return Field(None, draw)


def computed(compute: Callable[[Request, Item], object], *, alone: bool = False) -> Field:
    """Return a field that follows from others."""
    return Field(lambda request, item, _, __: compute(request, item), None, alone)


def reference(collection: str, draw: Generator | None = None) -> Field:
    """Return a field that refers to a resource; its id is stored."""

    def write(request: Request, item: Item, name: str, tree: Tree | None) -> object:
        return written_reference(request, collection, item.values[name], tree)

    return Field(write, draw or (lambda _: None))


def references(collection: str, ids: Callable[[Request, Item], list[str]]) -> Field:
    """Return a field that refers to several resources."""

    def write(request: Request, item: Item, _: str, tree: Tree | None) -> object:
        return [written_reference(request, collection, id_, tree) for id_ in ids(request, item)]

    return Field(write)


def owner() -> Field:
    """Return a field that refers to the user whose it is."""

    def write(request: Request, item: Item, _: str, tree: Tree | None) -> object:
        return refer(request, "users", item.owner, tree)

    return Field(write)


def latest(kind: LogKind) -> Field:
    """Return a field that refers to the newest log."""
    return Field(lambda request, item, _, tree: kind.latest(request, item, tree))


def one_of(*values: Any) -> Generator:
    """Return what draws one of the values."""
    return lambda draw: draw.random.choice(values)


def whole(low: int, high: int, step: int = 1) -> Generator:
    """Return what draws a whole number, both ends included."""
    return lambda draw: draw.random.randrange(low, high + 1, step)


def any_of(table: Table) -> Generator:
    """Return what draws the id of an item of another table."""
    return lambda draw: draw.random.choice(list(table.pool(draw.state).items))


def named(table: Callable[[], Table], stored: str) -> Generator:
    """Return what looks up the id of the item of a table whose name is stored; None without one."""

    def find(draw: Draw) -> str | None:
        items = table().pool(draw.state).items.values()
        return next((item.id for item in items if item.given["name"] == draw.values[stored]), None)

    return find


def days_before(low: float, high: float) -> Generator:
    """Return what draws a time so many days before the sandbox's logs begin."""
    return lambda draw: text(
        instant(draw.state.fleet.begin - draw.random.uniform(low, high) * DAY) // 1_000_000 * 1_000_000
    )


def _stored(_: Request, item: Item, name: str, __: Tree | None) -> object:
    return item.values[name]
