"""Onboarding of vehicles: compatibility, links to ev.energy, the waiting list."""

from __future__ import annotations

from types import NoneType

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.validate import header_value
from evenergy._codec.wire_types import Member, OpenEnum
from evenergy._core.resource import M_co, Resource, operation
from evenergy._transport.request import Request, fields, request

from ._kinds import PROGRAM, USER, VEHICLE_MAKE, VEHICLE_MODEL, VEHICLE_TRIM
from .catalogue import VehicleMake, VehicleModel

__all__ = [
    "AuthMethod",
    "CompletedOnboarding",
    "OnboardedVehicle",
    "VehicleCompatibility",
    "VehicleOnboarding",
    "WaitlistEntry",
]


class AuthMethod(OpenEnum):
    """Way in which an app lets its user agree."""

    API = Member("api")
    NATIVE = Member("native")


@model
class VehicleOnboarding:
    """Onboarding that was started.

    Attributes:
        authorization_request_id: The id that completes it.
        url: The page on which the user agrees.
        auth_method: Whether to open the URL in a web view, or the provider's own SDK.
        scopes: The scopes for the SDK; None when that does not apply.
        single_select: Whether the user may choose one vehicle only; None when that does not apply.
    """

    authorization_request_id: str
    url: str | None = None
    auth_method: AuthMethod | None = None
    scopes: list[str] | None = None
    single_select: bool | None = None


@model
class OnboardedVehicle:
    """Vehicle that an onboarding made; ``client.vehicles.get`` has the rest."""

    id: str
    url: str | None = None


@model
class CompletedOnboarding:
    """Result of an onboarding."""

    vehicles: list[OnboardedVehicle] | None = None


@model
class VehicleCompatibility:
    """Compatibility of a model with a country.

    Attributes:
        recommendation_rank: Of the make, 1 the highest to 10; None ranks below all of these.
    """

    compatible: bool | None = None
    recommendation_rank: int | None = None


@model
class WaitlistEntry:
    """Place on the waiting list."""

    id: str


class VehicleOnboardings(Resource[M_co]):
    """Onboarding of vehicles. The methods raise what `evenergy.errors` lists."""

    @operation
    def start(
        self,
        user_id: str,
        /,
        *,
        client_id: str,
        make_id: str | None = None,
        model_id: str | None = None,
        trim_id: str | None = None,
        redirect_uri: str | None = None,
    ) -> Request[VehicleOnboarding]:
        """Start to link a vehicle of a make, a model or a trim. API: ``GET /vehicle_onboarding``.

        It needs no token. For a web page, send the browser to the ``onboarding_url`` of a make, model or trim instead.
        When the maker's service gives no address for this user, it is an `UnprocessableEntityError`.

        Args:
            user_id: The user whose vehicle it will be: an id or a URL.
            client_id: The application that links it.
            make_id: The make; at least one of make, model and trim is needed.
            model_id: The model.
            trim_id: The trim.
            redirect_uri: The page on which the user ends up; one that is registered with ev.energy.
        """
        return request(
            VehicleOnboarding,
            "GET",
            "/vehicle_onboarding",
            user_id=USER.id(user_id),
            client_id=header_value("client_id", client_id),
            make_id=VEHICLE_MAKE.filter(make_id),
            model_id=VEHICLE_MODEL.filter(model_id),
            trim_id=VEHICLE_TRIM.filter(trim_id),
            response_type="json",
            redirect_uri=redirect_uri,
        )

    @operation
    def complete(
        self,
        *,
        authorization_request_id: str,
        auth_code: str,
        smartcar_user_id: str | UnsetType | None = UNSET,
    ) -> Request[CompletedOnboarding]:
        """Complete an onboarding with the code of the provider's SDK. API: ``POST /vehicle_onboarding/complete``.

        It is never retried. An onboarding that has expired, or a code that the provider rejects, is an
        `UnprocessableEntityError`: begin again with `start`.

        Args:
            authorization_request_id: The id that `start` returned; it is good once.
            auth_code: The code of the provider's SDK.
            smartcar_user_id: The user id of Smartcar's SDK.
        """
        body = fields(
            authorization_request_uid=authorization_request_id, auth_code=auth_code, smartcar_user_id=smartcar_user_id
        )
        return request(CompletedOnboarding, "POST", "/vehicle_onboarding/complete", body=body)

    @operation
    def send_link(self, *, email: str, make: VehicleMake | str) -> Request[None]:
        """Mail the user a link to onboard with. API: ``POST /vehicle_onboarding/onboarding_link``.

        Under client credentials it needs the client's ``user``.

        Args:
            email: The address.
            make: A make, its id or its URL.
        """
        body = fields(email=email, make=VEHICLE_MAKE.id(make))
        return request(NoneType, "POST", "/vehicle_onboarding/onboarding_link", body=body, needs_user=True)


class VehicleCompatibilities(Resource[M_co]):
    """Compatibility of vehicles. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def check(
        self,
        model_id: str,
        /,
        *,
        country: str | None = None,
        program_id: str | None = None,
        client_id: str | None = None,
        language: str | None = None,
    ) -> Request[VehicleCompatibility]:
        """Return the compatibility of a model with a country. API: ``GET /vehicle_compatibility/check``.

        Args:
            model_id: An id or a URL.
            country: ISO 3166-1, two letters; else it is taken from the language, else it is US.
            program_id: The program within which to check, in its own country.
            client_id: The application that requests it.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        return request(
            VehicleCompatibility,
            "GET",
            "/vehicle_compatibility/check",
            language=language,
            vehicle_model_id=VEHICLE_MODEL.id(model_id),
            country=country,
            client_id=client_id,
            program_id=PROGRAM.filter(program_id),
        )


class VehicleWaitlist(Resource[M_co]):
    """Waiting list of vehicles that are not supported yet. Anonymous calls are allowed too."""

    @operation
    def create(
        self,
        *,
        email: str,
        vehicle_model: VehicleModel | str | UnsetType = UNSET,
        vehicle_make_name: str | UnsetType = UNSET,
        vehicle_model_name: str | UnsetType = UNSET,
        program_id: str | UnsetType = UNSET,
        client_id: str | None = None,
        language: str | None = None,
    ) -> Request[WaitlistEntry]:
        """Join the waiting list, with a model of the catalogue or the names of one. API: ``POST /vehicle_waitlist``.

        Args:
            email: The address that is notified.
            vehicle_model: A model, its id or its URL; or give both names.
            vehicle_make_name: The make in the user's words.
            vehicle_model_name: The model in the user's words.
            program_id: The program that it is for.
            client_id: The application that requests it.
            language: A value for ``Accept-Language``; the country is taken from it.
        """
        body = fields(
            email=email,
            vehicle_model_id=VEHICLE_MODEL.optional_id(vehicle_model),
            vehicle_make_name=vehicle_make_name,
            vehicle_model_name=vehicle_model_name,
            program_id=PROGRAM.optional_id(program_id),
        )
        return request(WaitlistEntry, "POST", "/vehicle_waitlist", body=body, language=language, client_id=client_id)
