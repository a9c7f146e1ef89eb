"""Griffe extension: the signatures that the methods of both clients have.

Read statically, `Vehicles.get` returns a ``Request[Vehicle]``, because it describes a request. The decorators of
`evenergy._core.resource` make a method of each client of it, and each has its signature at run time. The extension
takes these, as two overloads: ``await client.vehicles.get(...) -> Vehicle``, and the same without ``await``.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import griffe

from evenergy import AsyncClient, Client
from evenergy._core.resource import Resource

OVERLOADED = ("request", "pages", "fan_out")
"""Methods of the clients that are overloaded in the source: what they return depends on their arguments."""


class ClientSignatures(griffe.Extension):
    """Signatures of methods as `AsyncClient` and `Client` have them."""

    def on_package(self, *, pkg: griffe.Module, loader: griffe.GriffeLoader, **kwargs: Any) -> None:
        """Give each method of a collection the signatures of both clients."""
        del loader, kwargs
        if pkg.name != "evenergy":
            return
        for path, awaited, blocking in collections():
            kind: Any = pkg[home(awaited).removeprefix("evenergy.")]
            for name in methods(awaited):
                _show(kind, name, path, getattr(awaited, name), getattr(blocking, name))
        api = pkg["client.Api"]
        for name in ("root", "webhook_portal"):
            _show(api, name, "client", getattr(AsyncClient, name), getattr(Client, name))
        for name in OVERLOADED:
            _show_overloads(api, name)


def home(collection: object) -> str:
    """Return the path of the class of a collection, as it stands in the source."""
    return f"{type(collection).__module__}.{type(collection).__qualname__}"


def collections(
    awaited: Any = AsyncClient, blocking: Any = Client, path: str = "client"
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each collection with its path: that of `AsyncClient`, and that of `Client`."""
    for name in dir(awaited):
        if not name.startswith("_") and isinstance(getattr(awaited, name), Resource):
            inner = (f"{path}.{name}", getattr(awaited, name), getattr(blocking, name))
            yield inner
            yield from collections(inner[1], inner[2], inner[0])


def methods(collection: object) -> list[str]:
    """Return the names of the public methods of a collection."""
    return [
        name for name in dir(collection) if not name.startswith("_") and inspect.isroutine(getattr(collection, name))
    ]


def _show(kind: Any, name: str, path: str, awaited: Callable[..., Any], blocking: Callable[..., Any]) -> None:
    """Replace a method of a class, which may be inherited, by one with the signatures of both clients."""
    found = kind.all_members[name]
    inherited: Any = found.final_target if found.is_alias else found
    if inherited.overloads or not inherited.decorators:
        return  # a method that is written as it is called
    own = copy.copy(inherited)
    kind.set_member(name, own)
    prefix = "await " if inspect.iscoroutinefunction(awaited) else ""
    own.overloads = [
        _form(own, f"{prefix}{path}.{name}", inspect.signature(awaited)),
        _form(own, f"{path}.{name}", inspect.signature(blocking)),
    ]
    own.parameters = own.overloads[0].parameters  # for the table of its docstring


def _show_overloads(api: Any, name: str) -> None:
    """Give a method that is overloaded in the source its calls, in place of coroutines."""
    own = copy.copy(api.all_members[name].final_target)
    api.set_member(name, own)
    forms: list[Any] = []
    for one in own.overloads or ():
        form = copy.copy(one)
        is_awaited = str(one.returns).startswith("Coroutine[")
        form.name = f"{'await ' if is_awaited else ''}client.{name}"
        form.returns = one.returns.slice.elements[-1] if is_awaited else one.returns
        forms.append(form)
    own.overloads = forms


def _form(method: Any, call: str, signature: inspect.Signature) -> Any:
    """Return a copy of a method with the name of a call, and with a signature of run time."""
    form = copy.copy(method)
    form.name, form.overloads = call, None
    form.returns = _annotation(signature.return_annotation, method.parent)
    form.parameters = griffe.Parameters(*(_parameter(one, method) for one in signature.parameters.values()))
    return form


def _parameter(one: inspect.Parameter, method: Any) -> griffe.Parameter:
    kind = griffe.ParameterKind(one.kind.description)
    annotation = _annotation(one.annotation, method.parent)
    return griffe.Parameter(one.name, annotation=annotation, kind=kind, default=_default(one, method))


def _default(one: inspect.Parameter, method: Any) -> str | None:
    """Return a default as the source has it; an empty mapping has a private name there."""
    if one.default is one.empty:
        return None
    if isinstance(one.default, Mapping):
        return "{}"
    written = {parameter.name: str(parameter.default) for parameter in method.parameters}
    return written.get(one.name, repr(one.default))


def _annotation(text: Any, scope: Any) -> Any:
    if text is inspect.Signature.empty:
        return None
    return griffe.get_expression(ast.parse(str(text), mode="eval").body, parent=scope, parse_strings=False)
