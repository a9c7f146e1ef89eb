"""Collections as tables: a collection that nobody simulates is one row, over one reader and one writer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import attrs

from evenergy.sandbox import paging
from evenergy.sandbox.expansion import Expansions
from evenergy.sandbox.filters import Filter, predicates
from evenergy.sandbox.ids import make_id
from evenergy.sandbox.paging import Page
from evenergy.sandbox.requests import Data, Owned, Request, State, Tree
from evenergy.sandbox.seeded_random import SeededRandom
from evenergy.sandbox.simulation.fleet import User
from evenergy.sandbox.validation import Check

T = TypeVar("T", bound=Owned)

_ORDERINGS = ("name", "-name")

PageOf = Callable[[Request, Sequence[Any], str], Page[Any]]


@attrs.frozen(eq=False, kw_only=True)
class Collection(ABC, Generic[T]):
    """A collection: its place in the API, its scope, and how it is listed.

    Attributes:
        name: Its last part in the path, and for the top level its key among the collections.
        parent: The collection of the resource that it stands below.
        prefix: What its ids begin with; empty for words.
        scope: What a token needs; "" for any token, None for none.
        expand: The references that can be expanded.
        filters: The filters of lists, by query parameter.
        listed: Whether the collection can be listed.
        alone: Whether one resource can be read by its id.
        needs_user: Whether the list needs a user.
    """

    name: str
    prefix: str
    scope: str | None
    parent: str | None = None
    expand: Expansions = attrs.field(factory=dict[str, str | None])
    filters: Mapping[str, Filter] = attrs.field(factory=dict[str, Filter])
    listed: bool = True
    alone: bool = True
    needs_user: bool = False

    @property
    def path(self) -> str:
        """The path below /v2."""
        return f"/{self.name}" if self.parent is None else f"/{self.parent}/{{parent}}/{self.name}"

    @property
    def key(self) -> str:
        """The name by which references know it."""
        return self.name if self.parent is None else f"{self.parent}.{self.name}"

    @abstractmethod
    def page_of(self, request: Request) -> Page[T]:
        """Return the page that the query names, of the resources that the caller may see."""

    @abstractmethod
    def find(self, request: Request, id: str) -> T | None:
        """Return a resource that the caller may see, or None."""

    @abstractmethod
    def write(self, request: Request, item: T, tree: Tree, *, alone: bool = False) -> Data:
        """Return a resource as the API writes it; alone, with what lists leave out."""


@attrs.frozen(eq=False, kw_only=True)
class Listed(Collection[T]):
    """A collection that is listed from memory.

    Attributes:
        page: The function that cuts a page out of it: by id, by number, by link, or not at all.
        ordering: Whether lists can be ordered by name.
    """

    page: PageOf = paging.by_id
    ordering: bool = False

    @abstractmethod
    def items(self, request: Request) -> Sequence[T]:
        """Return the resources that the caller may see, in the collection's order."""

    def page_of(self, request: Request) -> Page[T]:
        """Return the page that the query names."""
        fitting, items = predicates(self.filters, request), self.items(request)
        if fitting:
            items = [item for item in items if all(fits(item) for fits in fitting)]
        ordering = request.query.get("ordering")
        if self.ordering and ordering in _ORDERINGS:  # an unknown one changes nothing
            items = sorted(items, key=attrgetter("name", "id"), reverse=ordering == "-name")
        return self.page(request, items, self.prefix)


@attrs.frozen
class Seed:
    """The beginning of an item: its owner, what it stands below, and the values that are not drawn."""

    owner: User | None = None
    parent: str | None = None
    values: Mapping[str, object] = attrs.field(factory=dict[str, object])
    id: str | None = None


class Item:
    """A resource of a table. Its values are drawn when they are first read, so that large pools are cheap."""

    __slots__ = ("_draw", "_values", "given", "id", "owner", "parent")

    def __init__(self, id: str, seed: Seed, draw: Callable[["Item"], Data]) -> None:
        self.id: str = id
        self.owner: User | None = seed.owner
        self.parent: str | None = seed.parent
        self.given: Mapping[str, object] = seed.values
        self._draw = draw
        self._values: Data | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Its stored values, by name."""
        if self._values is None:
            self._values = self._draw(self)
        return self._values


def owner_of(item: Item) -> User:
    """Return the owner of an item that always has one."""
    if item.owner is None:
        raise TypeError(f"{item.id} belongs to nobody")
    return item.owner


@attrs.frozen
class Draw:
    """The circumstances in which the value of a field is drawn."""

    state: State
    random: SeededRandom
    item: Item
    values: Data  # those that were drawn before


ABSENT = object()
"""The value of a field that is left out."""

Generator = Callable[[Draw], object]
Write = Callable[[Request, Item, str, Tree | None], object]


@attrs.frozen
class Field:
    """A field of a table: how its value is drawn, and how it is written.

    Without `write` it is only stored, without `draw` nothing is stored. `alone` fields are left out of lists.
    """

    write: Write | None = None
    draw: Generator | None = None
    alone: bool = False


class Pool:
    """The items of a table, by id, by owner, and by what they stand below."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.made: int = 0  # items so far, those that are gone too: the order of the next
        self.items: dict[str, Item] = {}
        self._owned: dict[str, dict[str, Item]] = {}
        self._below: dict[str, dict[str, Item]] = {}
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        """Add an item."""
        self.made += 1
        self.items[item.id] = item
        for index in self._indexes(item):
            index[item.id] = item

    def remove(self, item: Item) -> None:
        """Remove an item."""
        del self.items[item.id]
        for index in self._indexes(item):
            del index[item.id]

    def of(self, owner: User) -> list[Item]:
        """Return the items of a user."""
        return list(self._owned.get(owner.id, {}).values())

    def below(self, parent: str) -> list[Item]:
        """Return the items that stand below a resource."""
        return list(self._below.get(parent, {}).values())

    def _indexes(self, item: Item) -> Iterator[dict[str, Item]]:
        if item.owner is not None:
            yield self._owned.setdefault(item.owner.id, {})
        if item.parent is not None:
            yield self._below.setdefault(item.parent, {})


@attrs.frozen(eq=False, kw_only=True)
class Create:
    """The creation of an item: the fields of the body, those that are needed, and what else is stored."""

    checks: Callable[[Request], Mapping[str, Check]]
    needed: tuple[str, ...] = ()
    scope: str = ""
    needs_user: bool = False
    also: Callable[[Request, dict[str, Any]], Data] | None = None


@attrs.frozen(eq=False, kw_only=True)
class Update:
    """The change of an item: the fields of the body."""

    checks: Callable[[Request], Mapping[str, Check]]
    scope: str = ""


def no_seeds(_: State) -> Iterator[Seed]:
    """Yield nothing: the collection is empty until something is created."""
    return iter(())


@attrs.frozen(eq=False, kw_only=True)
class Table(Listed[Item]):
    """A collection whose items are drawn field by field.

    Attributes:
        fields: Its fields by name, in the order in which they are written. `id` and `url` come first, and need no row.
        seeds: What the items are drawn for, in their order.
        url: Whether its resources have a URL.
        create: How one is created; None where the API cannot.
        update: How one is changed.
        delete: The scope that deleting one needs; None where the API cannot.
    """

    fields: Mapping[str, Field]
    seeds: Callable[[State], Iterable[Seed]] = no_seeds
    url: bool = True
    create: Create | None = None
    update: Update | None = None
    delete: str | None = None

    def pool(self, state: State) -> Pool:
        """Return the items, which are drawn at the first call."""
        if self.key not in state.pools:
            state.pools[self.key] = Pool(self._item(state, order, seed) for order, seed in enumerate(self.seeds(state)))
        pool: Pool = state.pools[self.key]
        return pool

    def add(self, state: State, seed: Seed) -> Item:
        """Add an item, and return it."""
        pool = self.pool(state)
        item = self._item(state, pool.made, seed)
        pool.add(item)
        return item

    def _item(self, state: State, order: int, seed: Seed) -> Item:
        # What belongs to nobody is the same in every sandbox, as the provider's catalogue is.
        source = f"{self.key}/{order}" if seed.owner is None else f"{state.fleet.seed}/{self.key}/{order}"

        def draw(item: Item) -> Data:
            random, values = SeededRandom(f"{source}/values"), dict(seed.values)
            for name, field in self.fields.items():
                if name not in values and field.draw is not None:
                    values[name] = field.draw(Draw(state, random, item, values))
            return values

        id_ = seed.id or make_id(self.prefix, order, SeededRandom(source))
        return Item(id_, seed, draw)

    def items(self, request: Request) -> Sequence[Item]:
        """Return the resources that the caller may see."""
        pool = self.pool(request.state)
        if self.parent is not None:
            return [item for item in pool.below(request.resource(self.parent, "parent").id) if request.sees(item)]
        if request.user is not None:
            return [item for item in pool.items.values() if request.sees(item)]
        return list(pool.items.values())

    def find(self, request: Request, id: str) -> Item | None:
        """Return a resource that the caller may see, or None."""
        item = self.pool(request.state).items.get(id)
        return item if item is not None and request.sees(item) else None

    def write(self, request: Request, item: Item, tree: Tree, *, alone: bool = False) -> Data:
        """Return a resource as the API writes it."""
        data: Data = {"id": item.id}
        if self.url:
            data["url"] = self.url_of(request, item)
        for name, field in self.fields.items():
            if field.write is not None and (alone or not field.alone):
                written = field.write(request, item, name, tree.get(name))
                if written is not ABSENT:
                    data[name] = written
        return data

    def url_of(self, request: Request, item: Item) -> str:
        """Return the URL of a resource."""
        if self.parent is None:
            return request.url(self.name, item.id)
        return request.url(self.parent, item.parent or "", self.name, item.id)
