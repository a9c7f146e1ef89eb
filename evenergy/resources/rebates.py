"""Rebates of users, and the evidence for them. The provider marks most of these operations as internal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import IO, Literal, TypeAlias, cast

from evenergy._codec.model import model, secret_field
from evenergy._codec.wire_types import Member, OpenEnum, reference_id
from evenergy._core.resource import M_co, Resource, coroutine, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, request, unpaged_request
from evenergy._transport.upload import put_file
from evenergy.errors import DecodeError, InvalidArgumentError

from ._kinds import Kind

__all__ = [
    "RebateDataType",
    "RebateEvidenceDocument",
    "RebateEvidenceFile",
    "RebateEvidenceFileExpand",
    "RebateEvidenceSupportingData",
    "RebateEvidenceType",
    "RebateEvidenceUpload",
    "RebateType",
    "RebateTypeExpand",
    "UserRebate",
    "UserRebateExpand",
    "UserRebateStatus",
]

REBATE_EVIDENCE_FILE = Kind("rbef", "rebate_evidence_files")
REBATE_EVIDENCE_TYPE = Kind("rbet", "rebate_evidence_types")
REBATE_TYPE = Kind("rbtt", "rebate_types")
USER_REBATE = Kind("rbtu", "user_rebates")

RebateTypeExpand: TypeAlias = Literal["required_evidence"]
"""References of a type of rebate that can be expanded."""

UserRebateExpand: TypeAlias = Literal["rebate_type", "rebate_type.required_evidence"]
"""References of a user's rebate that can be expanded."""

RebateEvidenceFileExpand: TypeAlias = Literal["rebate_evidence_type"]
"""References of a file of evidence that can be expanded."""


class UserRebateStatus(OpenEnum):
    """Status of a user's application; it says nothing of its approval."""

    COMPLETE = Member("COMPLETE")
    NOT_STARTED = Member("NOT_STARTED")
    PENDING_IN_PROGRESS = Member("PENDING_IN_PROGRESS")
    PENDING_TYPE_SELECTED = Member("PENDING_TYPE_SELECTED")


class RebateDataType(OpenEnum):
    """Type of a value that supports evidence."""

    CURRENCY = Member("currency")
    STRING = Member("string")


@model
class RebateEvidenceSupportingData:
    """Value that supports evidence.

    Attributes:
        id: The key of the value in `update`; None where the API does not give it.
        required: Whether the user must enter it.
        value: The text that the user entered; None before.
    """

    id: int | None = None
    data_type: RebateDataType | None = None
    title: str | None = None
    description: str | None = None
    required: bool | None = None
    value: str | None = None


@model
class RebateEvidenceDocument:
    """Document that a user uploaded.

    Attributes:
        url: A signed URL that expires soon; repr() does not show it.
        name: The file's name.
    """

    url: str | None = secret_field()
    name: str | None = None


@model
class RebateEvidenceType:
    """Type of evidence.

    Attributes:
        upload_required: Whether the user must upload a file.
        file: The file that the user uploaded; None before.
        evidence_data: The values that the user enters.
    """

    id: str | None = None
    url: str | None = None
    title: str | None = None
    description: str | None = None
    upload_required: bool | None = None
    file: RebateEvidenceDocument | None = None
    evidence_data: list[RebateEvidenceSupportingData] | None = None


@model
class RebateType:
    """Type of rebate.

    Attributes:
        value_description: The value of the rebate, in words.
        icon: The URL of an icon.
        requirements: HTML, not to be shown unescaped without a look at it.
        required_evidence: The URLs of the types of evidence, or these when they were expanded.
    """

    id: str
    url: str | None = None
    title: str | None = None
    value_description: str | None = None
    icon: str | None = None
    description_long: str | None = None
    description_short: str | None = None
    requirements: str | None = None
    required_evidence: list[str | RebateEvidenceType] | None = None


@model
class UserRebate:
    """Rebate of a user. `create` and `update` return only its ``id`` and ``url``.

    Attributes:
        rebate_type: The URL of the type, or the type when it was expanded; None before one is chosen.
    """

    id: str
    url: str | None = None
    status: UserRebateStatus | None = None
    rebate_type: str | RebateType | None = None

    @property
    def rebate_type_id(self) -> str | None:
        """Return the id of the type, whether it was expanded or not."""
        return reference_id(self.rebate_type)


@model
class RebateEvidenceFile:
    """File of evidence. `finish_upload` returns only its ``id`` and ``url``.

    Attributes:
        rebate_evidence_type: The URL of the type of evidence, or the type when it was expanded.
    """

    id: str
    url: str | None = None
    file_name: str | None = None
    rebate_evidence_type: str | RebateEvidenceType | None = None

    @property
    def rebate_evidence_type_id(self) -> str | None:
        """Return the id of the type of evidence, whether it was expanded or not; None when that has none."""
        kind = self.rebate_evidence_type
        return kind.id if isinstance(kind, RebateEvidenceType) else reference_id(kind)


@model
class RebateEvidenceUpload:
    """Upload of a file that was started.

    Attributes:
        presigned_url: The URL for the file, a secret while it lasts: repr() does not show it.
    """

    id: str
    url: str | None = None
    presigned_url: str | None = secret_field()


class RebateTypes(Resource[M_co]):
    """Types of rebates. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self, rebate_type_id: str, /, *, expand: Iterable[RebateTypeExpand] = (), language: str | None = None
    ) -> Request[RebateType]:
        """Return one type, by id or URL. API: ``GET /rebate_types/{rebate_type_id}``."""
        return request(RebateType, "GET", REBATE_TYPE.path(rebate_type_id), expand=expand, language=language)

    @paged
    def list(self, *, expand: Iterable[RebateTypeExpand] = ()) -> ListRequest[RebateType]:
        """List all types, in one request. API: ``GET /rebate_types``."""
        return unpaged_request(RebateType, REBATE_TYPE.all, expand=expand)


class RebateEvidenceTypes(Resource[M_co]):
    """Types of evidence. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, evidence_type_id: str, /, *, language: str | None = None) -> Request[RebateEvidenceType]:
        """Return one type, by id or URL. API: ``GET /rebate_evidence_types/{rebate_evidence_type_id}``."""
        return request(RebateEvidenceType, "GET", REBATE_EVIDENCE_TYPE.path(evidence_type_id), language=language)

    @paged
    def list(self) -> ListRequest[RebateEvidenceType]:
        """List all types, in one request. API: ``GET /rebate_evidence_types``."""
        return unpaged_request(RebateEvidenceType, REBATE_EVIDENCE_TYPE.all)


class UserRebates(Resource[M_co]):
    """Rebates of users. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, rebate_id: str, /, *, expand: Iterable[UserRebateExpand] = ()) -> Request[UserRebate]:
        """Return one rebate, by id or URL. API: ``GET /user_rebates/{user_rebate_id}``."""
        return request(UserRebate, "GET", USER_REBATE.path(rebate_id), expand=expand)

    @paged
    def list(self, *, expand: Iterable[UserRebateExpand] = ()) -> ListRequest[UserRebate]:
        """List all rebates, or those of the client's ``user``, in one request. API: ``GET /user_rebates``."""
        return unpaged_request(UserRebate, USER_REBATE.all, expand=expand)

    @operation
    def create(self, *, rebate_type: RebateType | str) -> Request[UserRebate]:
        """Start a rebate of the user. API: ``POST /user_rebates``.

        Under client credentials it needs the client's ``user``.

        Args:
            rebate_type: A type, its id or its URL.
        """
        body = fields(rebate_type=REBATE_TYPE.url(self._base_url, rebate_type))
        return request(UserRebate, "POST", USER_REBATE.all, body=body, needs_user=True)

    @operation
    def update(
        self,
        rebate_id: str,
        /,
        *,
        rebate_type: RebateType | str,
        evidence_type: RebateEvidenceType | str,
        evidence_data: Mapping[int, str],
        expand: Iterable[UserRebateExpand] = (),
    ) -> Request[UserRebate]:
        """Enter the values of one type of evidence. API: ``PATCH /user_rebates/{user_rebate_id}``.

        Args:
            rebate_id: An id or a URL.
            rebate_type: The type of the rebate, its id or its URL.
            evidence_type: The type of evidence, its id or its URL.
            evidence_data: The values, by the ids of the `RebateEvidenceSupportingData`.
            expand: The references to expand.
        """
        body = fields(
            rebate_type=REBATE_TYPE.url(self._base_url, rebate_type),
            evidence_type=REBATE_EVIDENCE_TYPE.url(self._base_url, _named(evidence_type)),
            evidence_data=[{"id": key, "value": value} for key, value in evidence_data.items()],
        )
        return request(UserRebate, "PATCH", USER_REBATE.path(rebate_id), expand=expand, body=body)

    @operation
    def submit(self, rebate_id: str, /) -> Request[None]:
        """Submit a rebate. API: ``POST /user_rebates/{user_rebate_id}:submit``."""
        return request(NoneType, "POST", f"{USER_REBATE.path(rebate_id)}:submit")


class RebateEvidenceFiles(Resource[M_co]):
    """Files of evidence. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, file_id: str, /, *, expand: Iterable[RebateEvidenceFileExpand] = ()) -> Request[RebateEvidenceFile]:
        """Return one file, by id or URL. API: ``GET /rebate_evidence_files/{rebate_evidence_file_id}``."""
        return request(RebateEvidenceFile, "GET", REBATE_EVIDENCE_FILE.path(file_id), expand=expand)

    @paged
    def list(
        self, *, user_rebate: UserRebate | str | None = None, expand: Iterable[RebateEvidenceFileExpand] = ()
    ) -> ListRequest[RebateEvidenceFile]:
        """List all files, or those of a rebate, in one request. API: ``GET /rebate_evidence_files``."""
        rebate_id = None if user_rebate is None else USER_REBATE.id(user_rebate)
        return unpaged_request(RebateEvidenceFile, REBATE_EVIDENCE_FILE.all, expand=expand, user_rebate=rebate_id)

    @operation
    def start_upload(
        self, *, file_name: str, rebate_evidence_type: RebateEvidenceType | str, user_rebate: UserRebate | str
    ) -> Request[RebateEvidenceUpload]:
        """Start the upload of a file; `upload` does all three steps. API: ``POST /rebate_evidence_files:start_upload``.

        Args:
            file_name: The file's name.
            rebate_evidence_type: The type of evidence, its id or its URL.
            user_rebate: The rebate, its id or its URL.
        """
        return _start_upload(self._base_url, file_name, rebate_evidence_type, user_rebate)

    @operation
    def finish_upload(self, file_id: str, /) -> Request[RebateEvidenceFile]:
        """Finish the upload of a file that is in the store.

        API: ``POST /rebate_evidence_files/{rebate_evidence_file_id}:finish_upload``.
        """
        return _finish_upload(file_id)

    @coroutine
    async def upload(
        self,
        file: bytes | str | Path | IO[bytes],
        /,
        *,
        user_rebate: UserRebate | str,
        rebate_evidence_type: RebateEvidenceType | str,
        file_name: str | None = None,
        content_type: str | None = None,
    ) -> RebateEvidenceFile:
        """Upload a file of evidence: start it, send the file, and finish it. It costs two requests of the rate limit.

        The file goes to a store of another origin, without the token. That step is retried, since the store takes the
        whole file or nothing. Nothing is finished that was not uploaded.

        Args:
            file: The bytes, a path, or an open binary file that can seek; it is streamed and stays open.
            user_rebate: The rebate, its id or its URL.
            rebate_evidence_type: The type of evidence, its id or its URL.
            file_name: The file's name; that of the path unless it is given.
            content_type: The media type of the file.

        Raises:
            TransportError: The file was not stored.
            RequestTimeoutError: The client's ``deadline``, which bounds each of the three steps, was spent.
            EvEnergyError: As `evenergy.errors` lists.
        """
        name = file_name or _name_of(file)
        started = await self._session.send(_start_upload(self._base_url, name, rebate_evidence_type, user_rebate))
        if started.presigned_url is None:
            raise DecodeError("could not decode the response: it has no presigned_url", where="$.presigned_url")
        await self._session.bounded(
            put_file, self._session.connections, started.presigned_url, file, self._session.options, content_type
        )
        return await self._session.send(_finish_upload(started.id))


def _name_of(file: bytes | str | Path | IO[bytes]) -> str:
    if isinstance(file, str | Path):
        return Path(file).name
    raise InvalidArgumentError("expected file_name beside bytes or an open file, got none")


def _start_upload(
    base_url: str, file_name: str, evidence_type: RebateEvidenceType | str, user_rebate: UserRebate | str
) -> Request[RebateEvidenceUpload]:
    kind = REBATE_EVIDENCE_TYPE.url(base_url, _named(evidence_type))
    return request(
        RebateEvidenceUpload,
        "POST",
        f"{REBATE_EVIDENCE_FILE.all}:start_upload",
        body=fields(file_name=file_name, rebate_evidence_type=kind),
        user_rebate=USER_REBATE.id(user_rebate),
    )


def _finish_upload(file_id: str) -> Request[RebateEvidenceFile]:
    return request(RebateEvidenceFile, "POST", f"{REBATE_EVIDENCE_FILE.path(file_id)}:finish_upload")


def _named(kind: RebateEvidenceType | str) -> str:
    """Return the id of a type of evidence, which the API may leave out, or its URL."""
    return kind if isinstance(kind, str) else cast("str", kind.id or kind.url)
