"""How the classes of values are laid out: by attrs for whoever looks at them, by msgspec for who fills them."""

from typing import TYPE_CHECKING, TypeVar

import attrs
import msgspec

__all__ = ["frozen"]

T = TypeVar("T")

if TYPE_CHECKING:
    from attrs import frozen
else:

    def frozen(cls: type[T]) -> type[T]:
        """`attrs.frozen` for what the API answers with.

        attrs makes a class with slots anew, and so does this, as a `msgspec.Struct`: msgspec fills one in two thirds
        of the time that a dict takes, and Python's garbage collector does not watch it. (A value holds what JSON holds,
        which has no cycles; the price is that it takes no weak references.) attrs knows it as one of its own: `has`,
        `fields`, `evolve`, `asdict`, and its error when something is changed.
        """
        parts = {name: part for name, part in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        made = msgspec.StructMeta(cls.__name__, (msgspec.Struct,), parts, frozen=True, gc=False)
        given = dict(zip(reversed(made.__struct_fields__), reversed(made.__struct_defaults__), strict=False))
        fields = {name: attrs.field(default=given.get(name, attrs.NOTHING)) for name in made.__struct_fields__}
        as_attrs = attrs.define(
            these=fields, frozen=True, slots=False, init=False, repr=False, eq=False, match_args=False
        )
        return as_attrs(made)
