"""Rebates, the evidence that they need, and the upload of files."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from evenergy.sandbox import filters, paging, validation as v
from evenergy.sandbox.expansion import paths
from evenergy.sandbox.fields import any_of, computed, hidden, reference, references, value
from evenergy.sandbox.ids import digest
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError, invalid_fields, invalid_query
from evenergy.sandbox.requests import Data, Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.tables import Draw, Item, Seed, Table

_EVERY = 9  # one user of so many has applied for a rebate
_STATUSES = ("COMPLETE", "NOT_STARTED", "PENDING_TYPE_SELECTED", "PENDING_IN_PROGRESS")
_TIME = re.compile(r"[0-9]{1,12}")
_LIFE = 3600  # seconds, of a presigned URL
_EVIDENCE: tuple[tuple[str, str | None, bool, tuple[tuple[str, str, bool], ...]], ...] = (
    (
        "Invoice of the charger",
        "As PDF or photograph.",
        True,
        (("currency", "Price", True), ("string", "Number", False)),
    ),
    ("Photograph of the charger", None, True, ()),
    ("Proof of address", "A bill, no older than three months.", True, (("string", "Account", True),)),
)
_TYPES = (
    ("Home charger", "earn up to $500", ("Invoice of the charger", "Photograph of the charger")),
    ("Heat pump", "earn up to $1000", ("Proof of address",)),
)


def _evidence_data(draw: Draw) -> object:
    rows: Any = draw.values["rows"]
    return [
        # The description lacks the id, which a rebate's update needs.
        {"id": 10 * (digest(draw.item.id, 16) + 1) + number, "data_type": kind, "title": title, "description": title,
         "required": required, "value": None}
        for number, (kind, title, required) in enumerate(rows)
    ]  # fmt: skip


EVIDENCE_TYPES = Table(
    name="rebate_evidence_types",
    prefix="rbet",
    scope="",
    page=paging.unpaged,
    seeds=lambda _: (
        Seed(values={"title": title, "name": title, "description": text, "upload_required": upload, "rows": rows})
        for title, text, upload, rows in _EVIDENCE
    ),
    fields={
        "title": value(),
        "description": value(),
        "upload_required": value(),
        "file": value(),
        "rows": hidden(),
        "evidence_data": value(_evidence_data),
    },
)


def _evidence_of(request: Request, item: Item) -> list[str]:
    pool = EVIDENCE_TYPES.pool(request.state).items.values()
    return [one.id for one in pool if one.given["title"] in item.values["evidence"]]


REBATE_TYPES = Table(
    name="rebate_types",
    prefix="rbtt",
    scope="",
    page=paging.unpaged,
    expand=paths("required_evidence"),
    seeds=lambda _: (
        Seed(values={"title": title, "value_description": text, "evidence": evidence})
        for title, text, evidence in _TYPES
    ),
    fields={
        "title": value(),
        "value_description": value(),
        "icon": value(),
        "description_long": computed(lambda _, item: f"A rebate for a {item.values['title'].lower()}."),
        "description_short": value(),
        "requirements": computed(lambda _, __: "<html><ul><li>You live in the area</li></ul></html>"),
        "required_evidence": references("rebate_evidence_types", _evidence_of),
        "evidence": hidden(),
    },
)


def _applications(state: State) -> Iterator[Seed]:
    for user in list(state.fleet.users.values()):
        number, rest = divmod(user.order, _EVERY)
        if rest == 0:
            yield Seed(user, values={"status": _STATUSES[number % len(_STATUSES)]})


USER_REBATES = Table(
    name="user_rebates",
    prefix="rbtu",
    scope="",
    page=paging.unpaged,
    expand=paths("rebate_type", "rebate_type.required_evidence"),
    seeds=_applications,
    fields={
        "status": value(),
        "rebate_type": reference("rebate_types", any_of(REBATE_TYPES)),
        "evidence": hidden(lambda _: {}),
    },
)


def _files(state: State) -> Iterator[Seed]:
    for rebate in USER_REBATES.pool(state).items.values():
        if rebate.values["status"] == "COMPLETE":
            yield Seed(rebate.owner, rebate.id, {"file_name": "invoice.pdf", "uploaded": True})


FILES = Table(
    name="rebate_evidence_files",
    prefix="rbef",
    scope="",
    page=paging.unpaged,
    expand=paths("rebate_evidence_type"),
    filters={"user_rebate": filters.equal(lambda item: item.parent)},
    seeds=_files,
    fields={
        "file_name": value(),
        "rebate_evidence_type": reference("rebate_evidence_types", any_of(EVIDENCE_TYPES)),
        "uploaded": hidden(lambda _: False),
    },
)
COLLECTIONS = (EVIDENCE_TYPES, REBATE_TYPES, USER_REBATES, FILES)


def create_rebate(request: Request) -> Response:
    """Begin an application."""
    owner = request.needed_user()
    checks = {"rebate_type": v.reference_id("rebate_types", request.finder("rebate_types"))}
    values = v.checked(request.json(), checks, needed=checks)
    rebate = USER_REBATES.add(request.state, Seed(owner, values={**values, "status": "PENDING_TYPE_SELECTED"}))
    return Response(_named(request, USER_REBATES, rebate), status=201)


def update_rebate(request: Request) -> Response:
    """Add what the evidence says. All three fields are needed."""
    rebate: Item = request.resource("user_rebates")
    row = v.object_of({"id": v.integer(0, 10**9), "value": v.string(1000)}, ("id", "value"))
    checks = {
        "rebate_type": v.reference_id("rebate_types", request.finder("rebate_types")),
        "evidence_type": v.reference("rebate_evidence_types", request.finder("rebate_evidence_types")),
        "evidence_data": v.list_of(row, longest=100),
    }
    values = v.checked(request.json(), checks, needed=checks)
    rows: Sequence[dict[str, Any]] = values["evidence_data"]
    known = {one["id"] for one in values["evidence_type"].values["evidence_data"]}
    if unknown := [one["id"] for one in rows if one["id"] not in known]:
        raise invalid_fields({"evidence_data": [f"The evidence has no data with the ids {unknown}."]})
    rebate.values["evidence"].update({one["id"]: one["value"] for one in rows})
    rebate.values.update(rebate_type=values["rebate_type"], status="PENDING_IN_PROGRESS")
    return Response(_named(request, USER_REBATES, rebate))


def submit_rebate(request: Request) -> Response:
    """End an application."""
    rebate: Item = request.resource("user_rebates")
    rebate.values["status"] = "COMPLETE"
    return Response(None)


def start_upload(request: Request) -> Response:
    """Give the URL to which the file goes by PUT, without a token."""
    rebate: Item | None = USER_REBATES.find(request, request.query.get("user_rebate", ""))
    if rebate is None:
        raise invalid_query("user_rebate", "Must be the id of a rebate.")
    evidence = v.reference_id("rebate_evidence_types", request.finder("rebate_evidence_types"))
    checks = {"file_name": v.string(), "rebate_evidence_type": evidence}
    values = v.checked(request.json(), checks, needed=checks)
    file = FILES.add(request.state, Seed(rebate.owner, rebate.id, dict(values)))
    expires = int(request.state.clock() + _LIFE)
    url = f"{request.state.base_url.removesuffix('/v2')}/uploads/{file.id}"
    signed = f"{url}?expires={expires}&signature={signature(request.state, file.id, expires)}"
    return Response({**_named(request, FILES, file), "presigned_url": signed}, status=201)


def finish_upload(request: Request) -> Response:
    """Take the file over, if it has come."""
    file: Item = request.resource("rebate_evidence_files")
    if not file.values["uploaded"]:
        raise ProblemError(400, "No file was uploaded.")
    return Response(_named(request, FILES, file))


def signature(state: State, file_id: str, expires: int) -> str:
    """Return the signature of a URL for an upload."""
    return f"{digest(f'{state.fleet.seed}/{file_id}/{expires}', 128):032x}"


def take_upload(state: State, file_id: str, expires: str, given: str) -> bool:
    """Return whether an upload is allowed, and record that it came."""
    file = FILES.pool(state).items.get(file_id)
    if file is None or not _TIME.fullmatch(expires):
        return False
    if int(expires) <= state.clock() or given != signature(state, file_id, int(expires)):
        return False
    file.values["uploaded"] = True
    return True


def _named(request: Request, table: Table, item: Item) -> Data:
    """Return the id and the URL alone, as these operations do."""
    return {"id": item.id, "url": table.url_of(request, item)}


ROUTES = (
    Route("POST", "/user_rebates", create_rebate, ""),
    Route("PATCH", "/user_rebates/{id}", update_rebate, ""),
    Route("POST", "/user_rebates/{id}:submit", submit_rebate, ""),
    Route("POST", "/rebate_evidence_files:start_upload", start_upload, ""),
    Route("POST", "/rebate_evidence_files/{id}:finish_upload", finish_upload, ""),
)
