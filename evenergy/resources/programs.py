"""Programs of utilities: tiers, participation agreements, compatible vehicles, incentives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.validate import latitude_longitude
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import Child, M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request, unpaged_request

from ._kinds import PROGRAM, Kind
from .catalogue import VehicleModel

if TYPE_CHECKING:
    from .users import LatLong

__all__ = [
    "IncentiveScheme",
    "ParticipationAgreementVersion",
    "Program",
    "ProgramTier",
    "ProgramVehicleCompatibility",
    "ProgramVehicleCompatibilityExpand",
    "VehicleType",
]

PARTICIPATION_AGREEMENT_VERSION = Kind("pagv", "participation_agreement_versions")
PROGRAM_TIER = Kind("tier", "tiers")

ProgramVehicleCompatibilityExpand: TypeAlias = Literal["model"]
"""References of a compatible vehicle that can be expanded."""


class VehicleType(OpenEnum):
    """Kind of an electric vehicle: battery alone, or plug-in hybrid."""

    BEV = Member("BEV")
    PHEV = Member("PHEV")


@model
class Program:
    """Program of a utility.

    Attributes:
        description: The incentives and requirements, as plain text.
        logo: The URL of the logo.
        sponsor_name: The organisation that pays for it, often a utility.
        external_url: A public page on which people enrol; None when there is none.
    """

    id: str
    url: str | None = None
    name: str | None = None
    description: str | None = None
    logo: str | None = None
    sponsor_name: str | None = None
    external_url: str | None = None


@model
class ProgramTier:
    """Tier of a program.

    Attributes:
        short_name: A name for programs, unique within the program.
        logo_svg: The URL of the logo.
        description_short: HTML, not to be shown unescaped without a look at it.
        description_long: Likewise.
        smart_charging_enabled: Whether ev.energy decides when its vehicles charge.
        disable_changing_tariff: Whether users in it cannot change their tariff.
        visible: Whether users can see it.
        eligible: Whether the user can join it; None where the request names no user.
    """

    id: str
    url: str | None = None
    short_name: str | None = None
    name: str | None = None
    logo_svg: str | None = None
    description_short: str | None = None
    description_long: str | None = None
    smart_charging_enabled: bool | None = None
    disable_changing_tariff: bool | None = None
    visible: bool | None = None
    eligible: bool | None = None


@model
class ParticipationAgreementVersion:
    """Version of the agreement of a program.

    Attributes:
        version_number: The count of the version within its agreement.
        published: Whether users are shown this one now.
        content: HTML in the user's language, not to be shown unescaped without a look at it.
    """

    id: str
    url: str | None = None
    version_number: int | None = None
    published: bool | None = None
    content: str | None = None
    created_at: Time | None = None


@model
class ProgramVehicleCompatibility:
    """Model of vehicles that a program takes.

    Attributes:
        can_control_charge: Whether ev.energy can control its charging.
        model: The URL of the model, or the model when it was expanded.
        supported_countries: ISO 3166-1, two letters each.
        start_year: The first model year.
        end_year: The last model year; None while it is made.
    """

    can_control_charge: bool | None = None
    model: str | VehicleModel | None = None
    type: VehicleType | None = None
    supported_countries: list[str] | None = None
    start_year: int | None = None
    end_year: int | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)


@model
class IncentiveScheme:
    """Scheme by which a user earns an incentive.

    Attributes:
        description: The rules by which it is earned.
        visible: Whether the user can see it.
        available: Whether the user can earn it now: some can be earned a few times only.
    """

    id: str
    name: str | None = None
    description: str | None = None
    visible: bool | None = None
    available: bool | None = None


class ProgramVehicleCompatibilities(Resource[M_co]):
    """Vehicles that programs take. The methods raise what `evenergy.errors` lists."""

    @paged
    def list(
        self, program_id: str, /, *, expand: Iterable[ProgramVehicleCompatibilityExpand] = ()
    ) -> ListRequest[ProgramVehicleCompatibility]:
        """List the models that a program takes, in one request.

        API: ``GET /programs/{program_id}/vehicle_compatibility``.
        """
        path = PROGRAM.path(program_id, "vehicle_compatibility")
        return unpaged_request(ProgramVehicleCompatibility, path, expand=expand)


class ProgramTiers(Resource[M_co]):
    """Tiers of programs. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, program_id: str, tier_id: str, /) -> Request[ProgramTier]:
        """Return one tier, by id or URL. API: ``GET /programs/{program_id}/tiers/{tier_id}``."""
        return request(ProgramTier, "GET", PROGRAM.path(program_id, "tiers", PROGRAM_TIER.id(tier_id)))

    @paged
    def list(self, program_id: str, /, *, page_size: int | None = None) -> ListRequest[ProgramTier]:
        """List the tiers of a program. API: ``GET /programs/{program_id}/tiers``."""
        return list_request(ProgramTier, PROGRAM.path(program_id, "tiers"), page_size=page_size)


class ParticipationAgreementVersions(Resource[M_co]):
    """Agreements of programs. Anonymous calls can read them. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, program_id: str, version_id: str, /) -> Request[ParticipationAgreementVersion]:
        """Return one version, by id or URL.

        API: ``GET /programs/{program_id}/participation_agreement_versions/{participation_agreement_version_id}``.
        """
        return request(ParticipationAgreementVersion, "GET", _agreement(program_id, version_id))

    @paged
    def list(self, program_id: str, /, *, page_size: int | None = None) -> ListRequest[ParticipationAgreementVersion]:
        """List the versions of a program's agreement.

        API: ``GET /programs/{program_id}/participation_agreement_versions``.
        """
        path = PROGRAM.path(program_id, "participation_agreement_versions")
        return list_request(ParticipationAgreementVersion, path, page_size=page_size)

    @operation
    def current(self, program_id: str, /) -> Request[ParticipationAgreementVersion]:
        """Return the published version; a `NotFoundError` means that there is none.

        API: ``GET /programs/{program_id}/participation_agreement_versions/current``.
        """
        path = PROGRAM.path(program_id, "participation_agreement_versions", "current")
        return request(ParticipationAgreementVersion, "GET", path)

    @operation
    def accept(self, program_id: str, version_id: str, /) -> Request[None]:
        """Accept a version for the user; to accept it again changes nothing.

        It needs the user's own token: client credentials are rejected, also with ``user``. API: ``POST
        /programs/{program_id}/participation_agreement_versions/{participation_agreement_version_id}/accept``.
        """
        path = _agreement(program_id, version_id, "accept")
        return request(NoneType, "POST", path, body={}, needs_user=True)


class Programs(Resource[M_co]):
    """Programs of utilities. Anonymous calls can read them. The methods raise what `evenergy.errors` lists."""

    participation_agreement_versions: Child[ParticipationAgreementVersions[M_co]] = Child(
        "programs:ParticipationAgreementVersions"
    )
    """Agreements that users accept."""
    tiers: Child[ProgramTiers[M_co]] = Child("programs:ProgramTiers")
    """Tiers that users join."""
    vehicle_compatibility: Child[ProgramVehicleCompatibilities[M_co]] = Child("programs:ProgramVehicleCompatibilities")
    """Vehicles that they take."""

    @operation
    def get(self, program_id: str, /) -> Request[Program]:
        """Return one program, by id or URL. API: ``GET /programs/{program_id}``."""
        return request(Program, "GET", PROGRAM.path(program_id))

    @paged
    def list(
        self,
        *,
        coordinates: LatLong | None = None,
        postal_code: str | None = None,
        country_code: str | None = None,
    ) -> ListRequest[Program]:
        """List all programs, or those of a place; the API chooses how many a request brings. API: ``GET /programs``.

        Args:
            coordinates: The place; it excludes a postal code.
            postal_code: The place by its postal code, which needs the country.
            country_code: ISO 3166-1, two letters.
        """
        return unpaged_request(
            Program,
            PROGRAM.all,
            coordinates=latitude_longitude("coordinates", coordinates),
            postal_code=postal_code,
            country_code=country_code,
        )

    @operation
    def join(self, program_id: str, /) -> Request[Program]:
        """Let the user join a program, and leave the one from before. It is never sent twice.

        Under client credentials it needs the client's ``user``. A `NotFoundError` can mean that the program has no
        default tier. API: ``POST /programs/{program_id}/join``.
        """
        return request(Program, "POST", PROGRAM.path(program_id, "join"), needs_user=True)

    @operation
    def user_verification(self, program_id: str, /, *, data: Mapping[str, object]) -> Request[None]:
        """Send the data by which a program verifies the user before enrolment.

        Under client credentials it needs the client's ``user``. API: ``POST /programs/{program_id}/user_verification``.

        Args:
            program_id: An id or a URL.
            data: The fields that this program wants.
        """
        return request(NoneType, "POST", PROGRAM.path(program_id, "user_verification"), body=data, needs_user=True)

    @operation
    def post_enrollment_verification(self, program_id: str, /, *, data: Mapping[str, object]) -> Request[None]:
        """Send the data by which a program verifies the user after enrolment; as `user_verification`.

        API: ``POST /programs/{program_id}/post-enrollment-verification``.
        """
        path = PROGRAM.path(program_id, "post-enrollment-verification")
        return request(NoneType, "POST", path, body=data, needs_user=True)


class IncentiveSchemes(Resource[M_co]):
    """Schemes by which users earn incentives. The methods raise what `evenergy.errors` lists."""

    @paged
    def list(self) -> ListRequest[IncentiveScheme]:
        """List the schemes of the user; the API chooses how many a request brings. API: ``GET /incentive_schemes``.

        Under client credentials it needs the client's ``user``.
        """
        return unpaged_request(IncentiveScheme, "/incentive_schemes", needs_user=True)


def _agreement(program_id: str, version_id: str, *below: str) -> str:
    version = PARTICIPATION_AGREEMENT_VERSION.id(version_id)
    return PROGRAM.path(program_id, "participation_agreement_versions", version, *below)
