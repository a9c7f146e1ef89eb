"""How a vehicle comes to ev.energy: compatibility, onboarding, the waiting list."""

from __future__ import annotations

from types import NoneType
from typing import Final

from msgspec import UNSET, UnsetType

from .blocking import Facade, blocking
from .calls import call, fields
from .catalogue import VehicleMake, VehicleModel
from .checks import header, identifier, query
from .codec import OpenEnum
from .session import Session
from .values import frozen


class AuthMethod(OpenEnum):
    """How an app lets its user agree."""

    API = "api"
    NATIVE = "native"


@frozen
class VehicleOnboarding:
    """An onboarding that was started.

    Attributes:
        authorization_request_id: Names it when it is completed.
        url: Where the user agrees.
        auth_method: Whether to open the URL in a web view, or the provider's own SDK.
        scopes: What the SDK asks for; None when that does not apply.
        single_select: Whether the user may choose one vehicle only; None when that does not apply.
    """

    authorization_request_id: str
    url: str | None = None
    auth_method: AuthMethod | None = None
    scopes: list[str] | None = None
    single_select: bool | None = None


@frozen
class OnboardedVehicle:
    """A vehicle that an onboarding made; ``client.vehicles.get`` has the rest."""

    id: str
    url: str | None = None


@frozen
class CompletedOnboarding:
    """What an onboarding made."""

    vehicles: list[OnboardedVehicle] | None = None


@frozen
class VehicleCompatibility:
    """Whether a model works in a country.

    Attributes:
        recommendation_rank: Of the make, 1 the highest to 10; None ranks below all of these.
    """

    compatible: bool | None = None
    recommendation_rank: int | None = None


@frozen
class WaitlistEntry:
    """A place on the waiting list."""

    id: str


class VehicleOnboardings:
    """Linking vehicles. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def start(
        self,
        user_id: str,
        /,
        *,
        client_id: str,
        make_id: str | None = None,
        model_id: str | None = None,
        trim_id: str | None = None,
        redirect_uri: str | None = None,
    ) -> VehicleOnboarding:
        """Start linking a vehicle of a make, a model or a trim. API: ``GET /vehicle_onboarding``.

        It needs no token. For a web page, send the browser to the ``onboarding_url`` of a make, model or trim instead.

        Args:
            user_id: Whose vehicle it will be: an id or a URL.
            client_id: The application that links it.
            make_id: At least one of make, model and trim is needed.
            model_id: Likewise.
            trim_id: Likewise.
            redirect_uri: Where the user ends up; one that is registered with ev.energy.
        """
        parameters = query(
            user_id=identifier(user_id, "user"),
            client_id=header("client_id", client_id),
            make_id=None if make_id is None else identifier(make_id, "vmak"),
            model_id=None if model_id is None else identifier(model_id, "vmod"),
            trim_id=None if trim_id is None else identifier(trim_id, "trim"),
            response_type="json",
            redirect_uri=redirect_uri,
        )
        return await self._session.send(call(VehicleOnboarding, "GET", "vehicle_onboarding", query=parameters))

    async def complete(
        self,
        *,
        authorization_request_id: str,
        auth_code: str,
        smartcar_user_id: str | UnsetType | None = UNSET,
    ) -> CompletedOnboarding:
        """Finish what `start` began, with the code of the provider's SDK. API: ``POST /vehicle_onboarding/complete``.

        Args:
            authorization_request_id: From `start`; it is good once.
            auth_code: From the provider's SDK.
            smartcar_user_id: From Smartcar's SDK.
        """
        body = fields(
            authorization_request_uid=authorization_request_id, auth_code=auth_code, smartcar_user_id=smartcar_user_id
        )
        return await self._session.send(call(CompletedOnboarding, "POST", "vehicle_onboarding", "complete", body=body))

    async def send_link(self, *, email: str, make: VehicleMake | str) -> None:
        """Mail the user a link to onboard with. API: ``POST /vehicle_onboarding/onboarding_link``.

        Under client credentials it needs the client's ``user``.

        Args:
            email: Where to.
            make: A make, its id or its URL.
        """
        body = fields(email=email, make=identifier(make if isinstance(make, str) else make.id, "vmak"))
        path = ("vehicle_onboarding", "onboarding_link")
        return await self._session.send(call(NoneType, "POST", *path, body=body, needs_user=True))


class VehicleCompatibilities:
    """Whether vehicles work. Anonymous callers are answered too. The methods raise what `evenergy.errors` lists."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def check(
        self,
        model_id: str,
        /,
        *,
        country: str | None = None,
        program_id: str | None = None,
        client_id: str | None = None,
        language: str | None = None,
    ) -> VehicleCompatibility:
        """Whether a model works in a country. API: ``GET /vehicle_compatibility/check``.

        Args:
            model_id: An id or a URL.
            country: ISO 3166-1, two letters; else it is taken from the language, else it is US.
            program_id: Check within a program, in its own country.
            client_id: The application that asks.
            language: As in ``Accept-Language``, such as ``en-GB``.
        """
        parameters = query(
            vehicle_model_id=identifier(model_id, "vmod"),
            country=country,
            client_id=client_id,
            program_id=None if program_id is None else identifier(program_id, "prog"),
        )
        path = ("vehicle_compatibility", "check")
        return await self._session.send(call(VehicleCompatibility, "GET", *path, query=parameters, language=language))


class VehicleWaitlist:
    """Who wants to know when their vehicle works. Anonymous callers are answered too."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        *,
        email: str,
        vehicle_model: VehicleModel | str | UnsetType = UNSET,
        vehicle_make_name: str | UnsetType = UNSET,
        vehicle_model_name: str | UnsetType = UNSET,
        program_id: str | UnsetType = UNSET,
        client_id: str | None = None,
        language: str | None = None,
    ) -> WaitlistEntry:
        """Join the waiting list, with a model of the catalogue or the names of one. API: ``POST /vehicle_waitlist``.

        Args:
            email: Who is told.
            vehicle_model: A model, its id or its URL; or give both names.
            vehicle_make_name: In the user's words.
            vehicle_model_name: In the user's words.
            program_id: The program that it is for.
            client_id: The application that asks.
            language: As in ``Accept-Language``; the country is taken from it.
        """
        model = vehicle_model if isinstance(vehicle_model, str | UnsetType) else vehicle_model.id
        body = fields(
            email=email,
            vehicle_model_id=UNSET if isinstance(model, UnsetType) else identifier(model, "vmod"),
            vehicle_make_name=vehicle_make_name,
            vehicle_model_name=vehicle_model_name,
            program_id=UNSET if isinstance(program_id, UnsetType) else identifier(program_id, "prog"),
        )
        return await self._session.send(
            call(
                WaitlistEntry,
                "POST",
                "vehicle_waitlist",
                query=query(client_id=client_id),
                body=body,
                language=language,
            )
        )


class BlockingVehicleOnboardings(Facade[VehicleOnboardings]):
    """`VehicleOnboardings`, blocking."""

    start: Final = blocking(VehicleOnboardings.start)
    complete: Final = blocking(VehicleOnboardings.complete)
    send_link: Final = blocking(VehicleOnboardings.send_link)


class BlockingVehicleCompatibilities(Facade[VehicleCompatibilities]):
    """`VehicleCompatibilities`, blocking."""

    check: Final = blocking(VehicleCompatibilities.check)


class BlockingVehicleWaitlist(Facade[VehicleWaitlist]):
    """`VehicleWaitlist`, blocking."""

    create: Final = blocking(VehicleWaitlist.create)
