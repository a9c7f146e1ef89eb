"""The operations that all collections share, and the routes that lead to them."""

from collections.abc import Iterator
from typing import Any

import attrs

from evenergy.sandbox import paging, times, validation
from evenergy.sandbox.expansion import expansion
from evenergy.sandbox.logs import LogKind
from evenergy.sandbox.problems import not_found
from evenergy.sandbox.requests import Operation, Owned, Request
from evenergy.sandbox.responses import Response
from evenergy.sandbox.tables import Collection, Create, Seed, Table, Update


@attrs.frozen
class Route:
    """One operation; without a scope it serves anonymous callers too, "" is any token."""

    method: str
    path: str
    operation: Operation
    scope: str | None


def routes_of(collection: Collection[Any]) -> Iterator[Route]:
    """Yield the routes of a collection."""
    path = collection.path
    if collection.listed:
        yield Route("GET", path, list_resources(collection), collection.scope)
    if collection.alone:
        yield Route("GET", path + "/{id}", get_resource(collection), collection.scope)
    if isinstance(collection, Table):
        if collection.create is not None:
            yield Route("POST", path, create_item(collection, collection.create), collection.create.scope)
        if collection.update is not None:
            yield Route("PATCH", path + "/{id}", update_item(collection, collection.update), collection.update.scope)
        if collection.delete is not None:
            yield Route("DELETE", path + "/{id}", delete_item(collection), collection.delete)


def log_routes_of(kind: LogKind) -> Iterator[Route]:
    """Yield the routes of a collection of logs."""
    path = f"/{kind.collection}/{{id}}/{kind.name}"
    yield Route("GET", path, list_logs(kind), kind.scope)
    yield Route("GET", path + "/{key}", get_log(kind), kind.scope)


def list_resources(collection: Collection[Any]) -> Operation:
    """Return the operation that lists a collection."""

    def operation(request: Request) -> Response:
        tree = expansion(request, collection.expand)
        if collection.needs_user:
            request.needed_user()
        page = collection.page_of(request)
        return Response([collection.write(request, item, tree) for item in page.items], headers=page.headers)

    return operation


def get_resource(collection: Collection[Any]) -> Operation:
    """Return the operation that gives one resource."""

    def operation(request: Request) -> Response:
        tree = expansion(request, collection.expand)
        return Response(collection.write(request, _in_path(collection, request), tree, alone=True))

    return operation


def create_item(table: Table, create: Create) -> Operation:
    """Return the operation that creates an item of a table."""

    def operation(request: Request) -> Response:
        parent = None if table.parent is None else request.resource(table.parent, "parent")
        values = validation.checked(request.json(), create.checks(request), create.needed)
        owner = values.pop("user", request.user) if parent is None else parent.owner
        if owner is None and create.needs_user:
            owner = request.needed_user()
        tree = expansion(request, table.expand)
        extra = create.also(request, values) if create.also else {}
        item = table.add(request.state, Seed(owner, None if parent is None else parent.id, {**values, **extra}))
        return Response(table.write(request, item, tree, alone=True), status=201)

    return operation


def update_item(table: Table, update: Update) -> Operation:
    """Return the operation that changes the values of an item of a table."""

    def operation(request: Request) -> Response:
        item, tree = _in_path(table, request), expansion(request, table.expand)
        item.values.update(validation.checked(request.json(), update.checks(request)))
        return Response(table.write(request, item, tree, alone=True))

    return operation


def delete_item(table: Table) -> Operation:
    """Return the operation that removes an item of a table."""

    def operation(request: Request) -> Response:
        table.pool(request.state).remove(_in_path(table, request))
        return Response(None, status=204)

    return operation


def list_logs(kind: LogKind) -> Operation:
    """Return the operation that lists logs."""

    def operation(request: Request) -> Response:
        owner: Owned = request.resource(kind.collection)
        tree = expansion(request, kind.expand)
        page = paging.of_logs(request, kind, owner)
        return Response(kind.write(request, owner, page.items, tree), headers=page.headers)

    return operation


def get_log(kind: LogKind) -> Operation:
    """Return the operation that gives one log."""

    def operation(request: Request) -> Response:
        owner: Owned = request.resource(kind.collection)
        tree = expansion(request, kind.expand)
        key = times.parse(request.ids["key"])
        log = None if key is None else kind.find(request.state, owner, key)
        if log is None:
            raise not_found()
        return Response(kind.write(request, owner, [log], tree)[0])

    return operation


def _in_path(collection: Collection[Any], request: Request) -> Any:
    item = collection.find(request, request.ids["id"])
    if item is None or (
        collection.parent is not None and item.parent != request.resource(collection.parent, "parent").id
    ):
        raise not_found()
    return item
