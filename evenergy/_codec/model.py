"""Layout of the models: attrs for the programs that look at them, msgspec for the decoder that fills them."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import msgspec

from evenergy._lazy import load

__all__ = ["is_model", "model", "secret_field"]

T = TypeVar("T")


class _Secret:
    """Default of a field that repr() does not show."""

    def __init__(self, default: object) -> None:
        self.default = default


def secret_field(default: object = None) -> Any:
    """Return a field that repr() does not show, since its value is a secret or long.

    Args:
        default: The default; ``attrs.NOTHING`` for none.
    """
    return _Secret(default)


def is_model(kind: object) -> bool:
    """Return whether a class is one of this library's models, or one that a caller laid out as those are."""
    return isinstance(kind, msgspec.StructMeta) and attrs.has(kind)


if TYPE_CHECKING:
    from attrs import frozen as model
else:

    class _Layout(msgspec.StructMeta):
        """Metaclass of the models: each is a `msgspec.Struct` that attrs knows as one of its own."""

        def __new__(cls, name: str, bases: tuple[type, ...], parts: dict[str, object]) -> type:
            parts = _AS_DATACLASS | parts
            secrets = {field for field, value in parts.items() if isinstance(value, _Secret)}
            if secrets:
                parts = {"__repr__": _repr, "__rich_repr__": _shown} | _with_defaults(parts)
            made = super().__new__(cls, name, bases, parts, frozen=True, gc=False)
            given = dict(zip(reversed(made.__struct_fields__), reversed(made.__struct_defaults__), strict=False))
            hidden = secrets | (_hidden(bases) - parts.keys() - parts.get("__annotations__", {}).keys())
            fields = {
                name: attrs.field(default=given.get(name, attrs.NOTHING), repr=name not in hidden)
                for name in made.__struct_fields__
            }
            as_attrs = attrs.define(
                these=fields, frozen=True, slots=False, init=False, repr=False, eq=False, match_args=False
            )
            return as_attrs(made)

    class _OfDataclass:
        """Attribute that a dataclass has, made when it is first read.

        pandas and Polars look for it: a frame of models then has a column for each field, where it would have one
        column of objects.
        """

        def __init__(self, name: str) -> None:
            self.name = name

        def __get__(self, instance: object, owner: type) -> object:
            return getattr(_dataclass(owner), self.name)

    _AS_DATACLASS = {name: _OfDataclass(name) for name in ("__dataclass_fields__", "__dataclass_params__")}

    @cache
    def _dataclass(kind: type) -> type:
        """Return a dataclass with the fields of a model, and no methods."""
        library: Any = load("dataclasses")

        def with_default(field: msgspec.structs.FieldInfo) -> object:
            if field.default is not msgspec.NODEFAULT:
                return library.field(default=field.default)
            if field.default_factory is not msgspec.NODEFAULT:
                return library.field(default_factory=field.default_factory)
            return library.field()

        fields = [(field.name, field.type, with_default(field)) for field in msgspec.structs.fields(kind)]
        made: type = library.make_dataclass(kind.__name__, fields, init=False, repr=False, eq=False)
        return made

    def _with_defaults(parts: dict[str, object]) -> dict[str, object]:
        plain = {name: part.default if isinstance(part, _Secret) else part for name, part in parts.items()}
        return {name: part for name, part in plain.items() if part is not attrs.NOTHING}

    def _hidden(bases: tuple[type, ...]) -> set[str]:
        return {field.name for base in bases if attrs.has(base) for field in attrs.fields(base) if not field.repr}

    def _shown(self: attrs.AttrsInstance) -> Iterator[tuple[str, object]]:
        return ((field.name, getattr(self, field.name)) for field in attrs.fields(type(self)) if field.repr)

    def _repr(self: attrs.AttrsInstance) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _shown(self))})"

    def model(cls: type[T]) -> type[T]:
        """Lay out a class as a model: `attrs.frozen` for the API's resources.

        attrs makes a class with slots anew, and so does this, as a `msgspec.Struct`: msgspec fills one in two thirds
        of the time that a dict takes, and Python's garbage collector does not watch it. (A model holds JSON data,
        which has no cycles; the price is that it takes no weak references.) attrs knows it as one of its own: `has`,
        `fields`, `evolve`, `asdict`, and its error when something is changed. A class derived from a model takes
        this decorator, or none, and not `attrs.frozen`; it may narrow the type of a field.
        """
        if isinstance(cls, _Layout):  # derived from another, and so made already
            return cls
        parts = {name: part for name, part in vars(cls).items() if name not in ("__dict__", "__weakref__")}
        return _Layout(cls.__name__, (msgspec.Struct,), parts)
