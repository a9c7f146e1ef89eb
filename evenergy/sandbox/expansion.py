"""Expansion: references are URLs, or the resources themselves where the request says so."""

from collections.abc import Mapping

from evenergy.sandbox.problems import ProblemError, invalid_query
from evenergy.sandbox.requests import Owned, Request, Tree

Expansions = Mapping[str, str | None]
"""The paths that can be expanded, each with the scope that it needs beside the operation's."""


def paths(*names: str, **scoped: str) -> Expansions:
    """Return expansions: by name those without a scope of their own, by keyword those with one."""
    return {**dict.fromkeys(names), **scoped}


def expansion(request: Request, known: Expansions) -> Tree:
    """Return the fields of `expand`; a deeper path brings its parents along."""
    tree = Tree()
    for path in (value for name, value in request.query.items() if name == "expand"):
        if path not in known:
            raise invalid_query("expand", f"Cannot expand {path!r}.")
        scope = known[path]
        if scope is not None and request.scopes is not None and scope not in request.scopes:
            raise ProblemError(403, f"The access token lacks the scope {scope}, which expanding {path} needs.")
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, Tree())
    return tree


def reference(request: Request, collection: str, id: str | None, tree: Tree | None) -> object:
    """Return the URL of a resource, or with a tree the resource; None where there is none."""
    if id is None:
        return None
    return refer(request, collection, request.state.collections[collection].find(request, id), tree)


def refer(request: Request, collection: str, item: Owned | None, tree: Tree | None) -> object:
    """Return the URL of a resource at hand, or with a tree the resource; None where there is none."""
    if item is None:
        return None
    if tree is None:
        return request.url(collection, item.id)
    return request.state.collections[collection].write(request, item, tree)
