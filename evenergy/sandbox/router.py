"""The router: from a path to the operations there. It is built once, for all sandboxes of a process."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import attrs

from evenergy.sandbox.operations import Route

_WILD = re.compile(r"{\w+}(:\w+)?")


@attrs.define(eq=False)
class _Node:
    """A place in the tree of paths: what follows literally, and what follows as an id with this ending."""

    literal: dict[str, "_Node"] = attrs.field(factory=dict[str, "_Node"])
    wild: dict[str, "_Node"] = attrs.field(factory=dict[str, "_Node"])
    routes: dict[str, Route] = attrs.field(factory=dict[str, Route])

    def find(self, segments: list[str]) -> tuple["_Node", list[str]] | None:
        """Return the place that a path leads to, and the ids in it; a word comes before an id in the same place."""
        if not segments:
            return (self, []) if self.routes else None
        first, rest = segments[0], segments[1:]
        if first in self.literal and (found := self.literal[first].find(rest)):
            return found
        for ending, node in self.wild.items():
            if first.endswith(ending) and (found := node.find(rest)):
                place, ids = found
                return place, [first.removesuffix(ending), *ids]
        return None


class Router:
    """The operations by path and method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def match(self, path: str) -> tuple[Mapping[str, Route], list[str]]:
        """Return the operations at a path by method, and the ids in it; none where there is nothing."""
        found = self._root.find([unquote(segment) for segment in path.removesuffix("/").split("/")[1:]])
        return ({}, []) if found is None else (found[0].routes, found[1])

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/")[1:]:
            wild = _WILD.fullmatch(segment)
            if wild is None:
                node = node.literal.setdefault(segment, _Node())
            else:
                node.wild.setdefault(wild[1] or "", _Node())
                # An id with an ending is tried before one without.
                node.wild = dict(sorted(node.wild.items(), reverse=True))
                node = node.wild[wild[1] or ""]
        node.routes[route.method] = route


def names_of(route: Route) -> list[str]:
    """Return the names of the ids in the path of an operation."""
    return re.findall(r"{(\w+)}", route.path)
