"""Checks of a recording: whether the library decodes it, and whether the sandbox behaves like it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import attrs
import msgspec

from evenergy._transport.request import Request, Response
from evenergy.errors import DecodeError
from evenergy.resources.charging import ChargingSubSession

from . import kinds
from .files import Recording
from .operations import Operation, operation_at
from .redact import API
from .routes import route_of, takes_id_in_query
from .walk import walk

_INDEX: Final = re.compile(r"\[\d+\]")
_DROPPED: Final = frozenset((ChargingSubSession, name) for name in ("grid_energy_delivered", "solar_energy_delivered"))
"""Fields that the API has deprecated, and that no class has for that reason."""


@attrs.frozen
class Finding:
    """Difference between the API, as it was recorded, and the library or the sandbox.

    Attributes:
        operation: The path of the operation.
        field: The path of the field; "" for the whole response.
        of: ``library`` or ``sandbox``.
        problem: The kind of difference, such as ``undecodable``.
        message: The difference in words.
        file: The first file that shows it.
    """

    operation: str
    field: str
    of: str
    problem: str
    message: str
    file: str


def library_findings(recordings: Iterable[tuple[str, Recording]]) -> list[Finding]:
    """Return where the library cannot decode a response, or drops a part of it."""
    found: dict[tuple[str, ...], Finding] = {}
    for file, recording in recordings:
        for one in _of_one(file, recording) if recording.status < HTTPStatus.BAD_REQUEST else ():
            found.setdefault((one.operation, one.field, one.problem, one.message), one)
    return list(found.values())


def operation_of(recording: Recording) -> tuple[Operation, tuple[str, ...]] | None:
    """Return the operation of the library for a response, and its ids; None where the library has none."""
    parts = urlsplit(recording.url.removeprefix(API))
    found = route_of(parts.path)
    if found is None:
        return None
    pattern, ids = found
    if takes_id_in_query(pattern):
        ids = tuple(value for _, value in parse_qsl(parts.query))[:1]
    operation = operation_at(pattern, parts.path, ids)
    return None if operation is None else (operation, ids)


def _of_one(file: str, recording: Recording) -> Iterator[Finding]:
    def finding(field: str, problem: str, message: str) -> Finding:
        return Finding(recording.path, field, "library", problem, message, file)

    found = operation_of(recording)
    request = found and found[0].request(found[1])
    if not found or request is None:
        yield finding("", "no operation", "the library has no such operation")
        return
    for error in _undecodable(request, recording):
        message = str(error).partition(": ")[2]
        yield finding(
            _path(error.where, found[0]), "undecodable", f"the library cannot decode it: {_INDEX.sub('[]', message)}"
        )
    for node in walk(recording.body, found[0].result):
        enumeration = kinds.enumeration_of(node.kind)
        if node.is_new and (node.model, node.field) not in _DROPPED:
            yield finding(shown(node.path), "new field", f"{node.model.__name__} has no such field: {node.type}")
        elif enumeration is not None and isinstance(node.value, str) and node.value not in kinds.values(enumeration):
            message = f"{enumeration.__name__} has no {node.value!r}: it comes through as a string"
            yield finding(shown(node.path), "new value", message)


def _undecodable(request: Request[object], recording: Recording) -> list[DecodeError]:
    """Let the library read a response, and return its errors."""
    try:
        result = request.read(Response(recording.status, recording.headers, msgspec.json.encode(recording.body)))
    except DecodeError as error:
        return [error]
    undecoded: list[DecodeError] = getattr(result, "undecoded", [])
    return undecoded


def shown(path: str) -> str:
    """Return the path of a field within an item of a listing."""
    return re.sub(r"^(\*?\[\])\.?", "", path)


def _path(where: str, operation: Operation) -> str:
    """Return the path of a field, given the place in a response at which the library found an error."""
    path = _INDEX.sub("[]", where).removeprefix("$").removeprefix(".")
    return re.sub(r"^\w*\[\]\.?", "", path) if operation.is_listing else path
