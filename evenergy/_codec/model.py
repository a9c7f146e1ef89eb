"""How the classes of values are laid out: by attrs for whoever looks at them, by msgspec for who fills them."""

from typing import TYPE_CHECKING, TypeVar

import attrs
import msgspec

__all__ = ["model"]

T = TypeVar("T")

if TYPE_CHECKING:
    from attrs import frozen as model
else:

    class _Layout(msgspec.StructMeta):
        """What makes the classes: each is a `msgspec.Struct` that attrs knows as one of its own."""

        def __new__(cls, name: str, bases: tuple[type, ...], parts: dict[str, object]) -> type:
            made = super().__new__(cls, name, bases, parts, frozen=True, gc=False)
            given = dict(zip(reversed(made.__struct_fields__), reversed(made.__struct_defaults__), strict=False))
            fields = {name: attrs.field(default=given.get(name, attrs.NOTHING)) for name in made.__struct_fields__}
            as_attrs = attrs.define(
                these=fields, frozen=True, slots=False, init=False, repr=False, eq=False, match_args=False
            )
            return as_attrs(made)

    def model(cls: type[T]) -> type[T]:
        """`attrs.frozen` for what the API answers with.

        attrs makes a class with slots anew, and so does this, as a `msgspec.Struct`: msgspec fills one in two thirds
        of the time that a dict takes, and Python's garbage collector does not watch it. (A value holds what JSON holds,
        which has no cycles; the price is that it takes no weak references.) attrs knows it as one of its own: `has`,
        `fields`, `evolve`, `asdict`, and its error when something is changed. A class derived from a value class takes
        this decorator, or none, and not `attrs.frozen`.
        """
        if isinstance(cls, _Layout):  # derived from another, and so made already
            return cls
        parts = {name: part for name, part in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        return _Layout(cls.__name__, (msgspec.Struct,), parts)
