"""Operations of the library that read, found in the classes of its resources; nothing is sent to find them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from types import GenericAlias, SimpleNamespace
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs

import evenergy
from evenergy._core.resource import Async, Resource
from evenergy._transport.request import ListRequest, Request
from evenergy._transport.session import Session
from evenergy.client import BASE_URL, Api
from evenergy.errors import InvalidArgumentError


def _span() -> dict[str, Any]:
    """Return the keywords without a default, of operations that read: yesterday."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"start": today - timedelta(days=1), "end": today, "resolution": "PT30M"}


@attrs.frozen
class Operation:
    """Operation of the library that reads.

    Attributes:
        name: The method of a client, such as ``vehicles.get``.
        kind: The type of the result, or of an item of a listing.
        is_listing: Whether it lists a collection.
        ids: The number of ids that it takes.
        expand: The references that can be expanded.
    """

    name: str
    kind: Any
    is_listing: bool
    ids: int
    expand: tuple[str, ...]
    _describe: Callable[..., Request[Any]]
    _keywords: Mapping[str, Any]

    @property
    def result(self) -> Any:
        """Return the type of the response: of a listing an array, or an object around one."""
        if not self.is_listing:
            return self.kind
        items = GenericAlias(list, (self.kind,))
        return items | GenericAlias(dict, (str, items))

    def request(self, ids: Sequence[str], *, expand: Sequence[str] = ()) -> Request[Any] | None:
        """Return the request of a call with these ids; None where they do not fit."""
        if len(ids) != self.ids:
            return None
        more = {"expand": expand} if self.expand else {}
        try:
            found = self._describe(*ids, **self._keywords, **more)
        except InvalidArgumentError:
            return None
        return found if found.method == "GET" else None


@cache
def operations() -> tuple[Operation, ...]:
    """Return the operations of the library that describe one request, given ids alone; of any method."""
    return tuple(_operations(_Described(cast("Session", _NO_SESSION)), ""))


_known: dict[str, Operation] = {}
"""Operations that were looked up, by the path with ``{}`` for each id."""


def operation_at(pattern: str, path: str, ids: Sequence[str]) -> Operation | None:
    """Return the operation that sends a GET to a path; None where the library has none.

    Args:
        pattern: The path with ``{}`` for each id.
        path: The path, below the base URL.
        ids: The ids in the path, or that of the query where the path has none.
    """
    found = _known.get(pattern)
    for operation in operations() if found is None else ():
        request = operation.request(ids)
        if request is not None and request.path == path:
            _known[pattern] = found = operation
            break
    return found


class _Described(Api[Async]):
    """Client whose methods are looked at, and never sent."""


_NO_SESSION: Final = SimpleNamespace(options=SimpleNamespace(base_url=BASE_URL))
"""All that a description takes from a session."""


def _operations(resource: Any, above: str) -> Iterator[Operation]:
    for name in dir(resource):
        if name.startswith("_") or isinstance(inspect.getattr_static(resource, name), property):
            continue
        found, path = getattr(resource, name), f"{above}.{name}" if above else name
        if isinstance(found, Resource):
            yield from _operations(found, path)
        elif inspect.isroutine(found):
            yield from _operation(resource, found, path)


def _operation(resource: Any, method: Callable[..., Any], path: str) -> Iterator[Operation]:
    """Yield the operation of a method that describes one request."""
    describe = inspect.unwrap(method)
    result = _annotation(describe, "return")
    if get_origin(result) not in (Request, ListRequest):
        return
    kind = get_args(result)[0]
    if isinstance(kind, TypeVar):  # of logs, whose class has their own class at hand
        kind = resource._into  # noqa: SLF001  one library
    parameters = inspect.signature(describe).parameters
    given = {name: value for name, value in _span().items() if name in parameters}
    needed = {one.name for one in parameters.values() if one.kind is one.KEYWORD_ONLY and one.default is one.empty}
    if needed - given.keys():  # a write, or the start of an onboarding
        return
    ids = [one for one in parameters.values() if one.kind is one.POSITIONAL_ONLY and one.name != "self"]
    bound = functools.partial(describe, resource)
    yield Operation(path, kind, get_origin(result) is ListRequest, len(ids), _expand(resource, describe), bound, given)


def _expand(resource: Any, describe: Callable[..., Any]) -> tuple[str, ...]:
    """Return the references that an operation can expand."""
    if "expand" not in inspect.signature(describe).parameters:
        return ()
    literal = get_args(_annotation(describe, "expand"))[0]
    if isinstance(literal, TypeVar):  # likewise: it is one of the parameters of the class
        bases = [base for kind in type(resource).__mro__ for base in vars(kind).get("__orig_bases__", ())]
        literal = next(part for base in bases for part in get_args(base) if get_origin(part) is Literal)
    return get_args(literal)


def _annotation(function: Callable[..., Any], name: str) -> Any:
    """Return one annotation of a function; others may name what is imported for type checkers only."""
    text: str = inspect.get_annotations(function)[name]
    names = compile(text, name, "eval").co_names
    public = {one: getattr(evenergy, one) for one in names if hasattr(evenergy, one)}
    holder = type("Holder", (), {"__annotations__": {name: text}})
    return get_type_hints(holder, vars(inspect.getmodule(function)), public)[name]
