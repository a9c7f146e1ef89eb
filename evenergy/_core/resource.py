"""Resources: operations written once, which one client awaits and the other blocks on.

A method describes a `Request` and sends nothing, so it is a pure function. Its decorator makes a method of both clients
of it: `operation` for one request, `paged` for a listing, `coroutine` for work of several requests, `in_two_forms` for
an object with methods of its own. The client that a resource belongs to is part of its type: ``Vehicles[Async]`` or
``Vehicles[Blocking]``.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Mapping
from types import FunctionType, new_class
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from evenergy._lazy import load
from evenergy._transport.request import ListRequest, Request
from evenergy._transport.session import Session

from .blocking import BlockingPager
from .loop_thread import LoopThread, loop_of
from .pagination import Pager

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)
C = TypeVar("C", bound=Callable[..., Any])
M_co = TypeVar("M_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")
T = TypeVar("T")


class Async:
    """Mark of the resources of `AsyncClient`."""


class Blocking:
    """Mark of the resources of `Client`."""


class Resource(Generic[M_co]):
    """Operations below one path of the API. The methods raise what `evenergy.errors` lists."""

    _mark: ClassVar[type[Async | Blocking] | None] = None

    def __init_subclass__(cls) -> None:
        """Give a class of one client the plain functions of that client, which mocks and help() see as methods."""
        super().__init_subclass__()
        marks = {get_args(base)[0] for base in vars(cls).get("__orig_bases__", ()) if get_args(base)}
        cls._mark = next(iter(marks & {Async, Blocking}), cls._mark)
        for name, method in _methods(cls) if cls._mark else ():
            setattr(cls, name, method.blocking if cls._mark is Blocking else method.awaited)

    def __repr__(self) -> str:
        words, _, _ = (inspect.getdoc(self) or "").partition("\n")
        return f"<{type(self).__name__}: {words}>"

    def __init__(self, session: Session, loop: LoopThread | None = None) -> None:
        self._session: Session = session
        self._loop: LoopThread | None = loop  # None for those of an `AsyncClient`

    @property
    def _base_url(self) -> str:
        return self._session.options.base_url


class Operation(Protocol[P, R_co]):
    """Method that sends one request, as type checkers see it."""

    @overload
    def __get__(self, resource: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, resource: Resource[Async], owner: type) -> Callable[P, Coroutine[Any, Any, R_co]]: ...
    @overload
    def __get__(self, resource: Resource[Blocking], owner: type) -> Callable[P, R_co]: ...


class Paged(Protocol[P, R]):
    """Method that pages through a collection, as type checkers see it."""

    @overload
    def __get__(self, resource: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, resource: Resource[Async], owner: type) -> Callable[P, Pager[R]]: ...
    @overload
    def __get__(self, resource: Resource[Blocking], owner: type) -> Callable[P, BlockingPager[R]]: ...


class InTwoForms(Protocol[P, A_co, B_co]):
    """Method that gives an object of another class in each client, as type checkers see it."""

    @overload
    def __get__(self, resource: None, owner: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, resource: Resource[Async], owner: type) -> Callable[P, A_co]: ...
    @overload
    def __get__(self, resource: Resource[Blocking], owner: type) -> Callable[P, B_co]: ...


def operation(describe: Callable[Concatenate[S, P], Request[R]]) -> Operation[P, R]:
    """Make a method that sends the request that the function describes."""

    async def send(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await _session(self).send(describe(self, *args, **kwargs))

    return coroutine(_like(describe, send))


def coroutine(method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> Operation[P, R]:
    """Make a method of a coroutine function, where one request is not enough."""

    @functools.wraps(method)
    def blocking(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return _thread(self).run(method, self, *args, **kwargs)

    return cast("Operation[P, R]", Method(method, blocking))


def paged(describe: Callable[Concatenate[S, P], ListRequest[R]]) -> Paged[P, R]:
    """Make a method that pages through the collection that the function describes."""

    def pager(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Pager[R]:
        return Pager(_session(self), describe(self, *args, **kwargs))

    def blocking(self: S, /, *args: P.args, **kwargs: P.kwargs) -> BlockingPager[R]:
        return BlockingPager(pager(self, *args, **kwargs), _thread(self))

    return cast("Paged[P, R]", Method(_like(describe, pager, "Pager"), _like(describe, blocking, "BlockingPager")))


def in_two_forms(
    blocking_form: Callable[[A, LoopThread], B],
) -> Callable[[Callable[Concatenate[Any, P], A]], InTwoForms[P, A, B]]:
    """Make a method of a function that returns an object of the async client, given the class of its blocking form."""

    def decorate(method: Callable[Concatenate[Any, P], A]) -> InTwoForms[P, A, B]:
        def blocking(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> B:
            return blocking_form(method(self, *args, **kwargs), _thread(self))

        return cast("InTwoForms[P, A, B]", Method(method, _like(method, blocking, blocking_form.__name__)))

    return decorate


class Method:
    """Two forms of a method; the resources of a client have that of the client."""

    def __init__(self, awaited: Callable[..., Any], blocking: Callable[..., Any]) -> None:
        self.__doc__ = awaited.__doc__
        self.awaited: Callable[..., Any] = awaited
        self.blocking: Callable[..., Any] = blocking
        vars(blocking)["awaited"] = awaited  # for `fan_out`

    def renamed(self, words: Mapping[str, str]) -> Method:
        """Return the same method with other names of arguments and types in help()."""
        return Method(_renamed(self.awaited, words), _renamed(self.blocking, words))


class Child(Generic[T]):
    """Resource of a resource, or of a client: imported and made at its first use.

    It names a module of `evenergy.resources`, or with a leading dot one of another folder: ``.fleet.devices:Fleet``.
    It is no `functools.cached_property`, because that has a lock on Python 3.11, which a fork may copy.
    """

    def __init__(self, where: str) -> None:
        self._module, _, self._class = where.partition(":")

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, parent: Resource[Any] | None, owner: type[Resource[Any]]) -> T:
        module = load(self._module if self._module.startswith(".") else f".resources.{self._module}")
        kind: Callable[[Session, LoopThread | None], T] = _of_client(getattr(module, self._class), _mark(owner))
        if parent is None:  # for help() and for mocks with a spec, which look at the class
            return kind(_NO_SESSION, None)
        return cast("T", vars(parent).setdefault(self._name, kind(_session(parent), loop_of(parent))))


@functools.cache
def _of_client(kind: Any, mark: Any) -> Any:
    """Return the class of a resource for one client; it is made once."""
    named = {"__doc__": kind.__doc__, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return new_class(kind.__name__, (kind[mark],), exec_body=lambda body: body.update(named))


_NO_SESSION = cast("Session", None)


def _methods(kind: type) -> list[tuple[str, Method]]:
    names = {name for base in kind.__mro__ for name, part in vars(base).items() if isinstance(part, Method)}
    found = [(name, inspect.getattr_static(kind, name)) for name in names]
    return [(name, method) for name, method in found if isinstance(method, Method)]


def _mark(owner: Any) -> Any:
    return owner._mark  # noqa: SLF001  one class


def _session(resource: Any) -> Session:
    session: Session = resource._session  # noqa: SLF001  one class
    return session


def _thread(resource: object) -> LoopThread:
    return cast("LoopThread", loop_of(resource))


def _renamed(method: C, words: Mapping[str, str]) -> C:
    def rename(text: object) -> str:
        return re.sub(r"\w+", lambda word: words.get(word[0], word[0]), str(text))

    make: Any = FunctionType
    copy = make(method.__code__, method.__globals__, method.__name__, method.__defaults__, method.__closure__)
    functools.update_wrapper(copy, method, assigned=("__module__", "__qualname__"))
    copy.__kwdefaults__, copy.__doc__ = method.__kwdefaults__, rename(method.__doc__)
    signature = inspect.signature(method)
    copy.__signature__ = signature.replace(
        parameters=[
            one.replace(name=rename(one.name), annotation=rename(one.annotation)) if one.name != "self" else one
            for one in signature.parameters.values()
        ],
        return_annotation=rename(signature.return_annotation),
    )
    return cast("C", copy)


def _like(describe: Callable[..., Any], method: C, result: str = "") -> C:
    """Return the method with the name, docstring and parameters of the function that describes it, for help()."""
    signature = inspect.signature(describe)
    described, _, value = str(signature.return_annotation).removesuffix("]").partition("[")  # of ``Request[value]``
    functools.wraps(describe)(method)
    returned = f"{result}[{value}]" if result and value else result or value or described
    vars(method)["__signature__"] = signature.replace(return_annotation=returned)
    return method
