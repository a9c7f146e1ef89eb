"""Method of a fan-out: how it takes an item, what its result is, and which of its errors every item would get."""

import inspect
import re
import typing
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sized
from types import SimpleNamespace
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin
from urllib.parse import parse_qsl, urlsplit

from evenergy.errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    EvEnergyError,
    InvalidArgumentError,
    RateLimitError,
    printable,
)

from .pagination import Pager

Item = TypeVar("Item")

_CURSORS = frozenset({"page", "page_after", "page_before"})
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class ItemMethod(Generic[Item]):
    """Method that is called once for each item, with the keywords that all items share.

    A method that needs several positional arguments, such as two ids, takes them from items that are tuples.
    """

    def __init__(
        self, method: Callable[..., object], items: object, keywords: Mapping[str, object], *, is_ours: bool
    ) -> None:
        """Check what would fail for every item alike.

        Args:
            method: The method, or any function of one item.
            items: All items, to see that there are several.
            keywords: The shared keywords; an iterator among them is read here, or the first item would use it up.
            is_ours: Whether it is a method of a client: all its calls then share the client's credentials.

        Raises:
            InvalidArgumentError: The method does not take an item and these keywords, or the items are a single one.
        """
        if isinstance(items, str | bytes):
            raise InvalidArgumentError(f"expected several items, such as a list of ids, got the single {items!r}")
        if not isinstance(items, Iterable | AsyncIterable):
            raise InvalidArgumentError(f"expected several items, such as a list of ids, got {printable(repr(items))}")
        if not callable(method):
            raise InvalidArgumentError(f"expected a method, such as client.vehicles.get, got {method!r}")
        self.keywords: dict[str, object] = {name: _kept(value) for name, value in keywords.items()}
        self.total: int | None = len(items) if isinstance(items, Sized) else None
        self._method = method
        self.is_ours = is_ours
        self._names = _required(method, self.keywords)
        self._check_keywords()

    def arguments(self, item: Item) -> tuple[Any, ...]:
        """Return the positional arguments for an item.

        Raises:
            InvalidArgumentError: The method needs several, and the item is no tuple of so many.
        """
        count = len(self._names)
        if count <= 1:
            return (item,)
        if isinstance(item, tuple) and len(cast("tuple[object, ...]", item)) == count:
            return cast("tuple[Any, ...]", item)
        raise InvalidArgumentError(f"expected the item as a tuple ({', '.join(self._names)}), got {item!r}")

    def rejects_all(self, item: Item, error: Exception) -> bool:
        """Return whether every other item would get this error too, so that it makes no sense to go on."""
        if isinstance(error, RateLimitError):
            return True
        if isinstance(error, AuthenticationError | ClosedError):
            return self.is_ours  # a function may use other credentials for each item
        return isinstance(error, BadRequestError) and any(_names(error, name) for name in self._shared(item, error))

    def hint(self, error: Exception) -> str:
        """Return what a caller who wrote a wrong shared argument wants to know; empty where there is nothing."""
        if not (isinstance(error, BadRequestError) and "expand" in self.keywords and _names(error, "expand")):
            return ""
        fields = _expandable(self._method)
        return f"; this version of evenergy knows these fields of expand: {', '.join(fields)}" if fields else ""

    def _shared(self, item: Item, error: BadRequestError) -> Iterator[str]:
        """Return the names of all that the items share, in Python and in the API."""
        yield from self.keywords
        if self.is_ours and "?" not in str(item):  # else the item is a URL that brings its own query
            for name, _ in parse_qsl(urlsplit(error.url).query):
                if name not in _CURSORS:
                    yield name

    def _check_keywords(self) -> None:
        try:
            inspect.signature(self._method).bind(*(self._names or ["item"]), **self.keywords)
        except ValueError:
            return  # a built-in function that does not say what it takes
        except TypeError as error:
            owner, name = getattr(self._method, "__self__", None), getattr(self._method, "__name__", repr(self._method))
            name = name if owner is None else f"{type(owner).__name__}.{name}"
            raise InvalidArgumentError(f"{name} cannot be called with an item and these keywords: {error}") from None


async def collected(result: object) -> Any:
    """Return the value of what a method returned: what is awaited, all items of a pager, or a plain value."""
    if isinstance(result, Pager):
        return await cast("Pager[object]", result).collect()
    if isinstance(result, AsyncIterable):
        return [item async for item in cast("AsyncIterable[object]", result)]
    return await result if inspect.isawaitable(result) else result


def rejection_note(skipped: int | None, error: EvEnergyError, hint: str) -> str:
    """Return the words for the error that ends a fan-out."""
    count = "the" if skipped is None else str(skipped)
    return (
        f"the fan-out ended: {count} remaining items were skipped, as each would get this {type(error).__name__}{hint}"
    )


def _kept(value: object) -> object:
    return tuple(cast("Iterator[object]", value)) if isinstance(value, Iterator) else value


def _required(method: Callable[..., object], keywords: Mapping[str, object]) -> list[str]:
    """Return the names of the positional arguments that a method cannot do without."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except ValueError:
        return []  # a built-in function that does not say what it takes
    return [
        one.name
        for one in parameters
        if one.kind in _POSITIONAL and one.default is one.empty and one.name not in keywords
    ]


def _names(error: BadRequestError, name: str) -> bool:
    """Return whether a rejection names an argument: in ``field_errors``, or as a word of its detail."""
    words = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return any(words.search(text) for text in (*error.field_errors, error.detail or ""))


def _expandable(method: Callable[..., object]) -> list[str]:
    """Return the values that the annotation of ``expand`` lists."""
    function: Any = inspect.unwrap(getattr(method, "__func__", method))
    annotations = {"expand": getattr(function, "__annotations__", {}).get("expand")}
    try:
        hints = typing.get_type_hints(
            SimpleNamespace(__annotations__=annotations), getattr(function, "__globals__", {})
        )
    except (NameError, TypeError):
        return []  # not written for this library
    return sorted(_literals(hints["expand"], _type_arguments(getattr(method, "__self__", None))))


def _type_arguments(owner: object) -> dict[object, object]:
    """Return the arguments of the generic classes that the class of an object inherits from."""
    bases = [base for kind in type(owner).__mro__ for base in vars(kind).get("__orig_bases__", ())]
    return {
        parameter: argument
        for base in bases
        for parameter, argument in zip(getattr(get_origin(base), "__parameters__", ()), get_args(base), strict=False)
        if not isinstance(argument, TypeVar)  # handed on to a class further up, and already known
    }


def _literals(hint: object, arguments: Mapping[object, object]) -> Iterator[str]:
    hint = arguments.get(hint, hint) if isinstance(hint, TypeVar) else hint
    for argument in get_args(hint):
        if get_origin(hint) is Literal:
            yield str(argument)
        else:
            yield from _literals(argument, arguments)
