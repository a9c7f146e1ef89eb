"""Onboarding of chargers: compatibility, links to ev.energy, the waiting list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.validate import header_value
from evenergy._core.resource import M_co, Resource, operation
from evenergy._transport.request import Request, fields, request

from ._kinds import EVSE_MAKE, EVSE_MODEL, PROGRAM, USER
from .evse_catalogue import EVSEModel
from .evses import EVSE, EVSEExpand
from .onboarding import WaitlistEntry

__all__ = [
    "EVSECompatibility",
    "EVSEOnboarding",
    "EVSEProvider",
]

EVSEProvider: TypeAlias = Literal["ChargePoint", "EO", "Easee", "EnelX", "SyncEV", "Wallbox", "Zaptec"]
"""Manufacturers whose chargers can be imported by serial number; others are linked by their user."""


@model
class EVSEOnboarding:
    """Onboarding that was started.

    Attributes:
        url: The page on which the user links the charger, for a browser or a web view.
    """

    url: str | None = None


@model
class EVSECompatibility:
    """Compatibility of a model with a country.

    Attributes:
        beta: Whether its support is still tried out; False for a model that is not compatible.
        recommendation_rank: Of the make, 1 the highest to 10; None ranks below all of these.
    """

    compatible: bool | None = None
    beta: bool | None = None
    recommendation_rank: int | None = None


class EVSEOnboardings(Resource[M_co]):
    """Onboarding of chargers. The methods raise what `evenergy.errors` lists."""

    @operation
    def start(
        self,
        user_id: str,
        /,
        *,
        client_id: str,
        make_id: str | None = None,
        model_id: str | None = None,
        redirect_uri: str | None = None,
    ) -> Request[EVSEOnboarding]:
        """Start to link a charger of a make or a model. API: ``GET /evse_onboarding``.

        It needs no token. The API rejects it with a 400 when both make and model are missing.

        Args:
            user_id: The user whose charger it will be: an id or a URL.
            client_id: The application that links it.
            make_id: The make.
            model_id: The model.
            redirect_uri: The page on which the user ends up, with the charger's id as ``evse_uid`` in its query; one
                that is registered with ev.energy.
        """
        return request(
            EVSEOnboarding,
            "GET",
            "/evse_onboarding",
            user_id=USER.id(user_id),
            client_id=header_value("client_id", client_id),
            make_id=EVSE_MAKE.filter(make_id),
            model_id=EVSE_MODEL.filter(model_id),
            response_type="json",
            redirect_uri=redirect_uri,
        )

    @operation
    def import_evse(
        self, *, provider: EVSEProvider, serial_number: str, expand: Iterable[EVSEExpand] = ()
    ) -> Request[EVSE]:
        """Link a charger by its serial number to the user, whom the manufacturer must know by the same email address.

        API: ``POST /evse_onboarding/import``. Under client credentials it needs the client's ``user``. The API
        responds with a 404 when the manufacturer knows no such charger of the user's, and with a 422 when the charger
        is linked already, the manufacturer's service failed, or the provider takes no serial numbers.

        Args:
            provider: The manufacturer.
            serial_number: The number on the charger.
            expand: The references to expand.
        """
        body = fields(provider=provider, serial_number=serial_number)
        return request(EVSE, "POST", "/evse_onboarding/import", expand=expand, body=body, needs_user=True)


class EVSECompatibilities(Resource[M_co]):
    """Compatibility of chargers. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def check(
        self,
        model_id: str,
        /,
        *,
        country: str | None = None,
        client_id: str | None = None,
        program_id: str | None = None,
        language: str | None = None,
    ) -> Request[EVSECompatibility]:
        """Return the compatibility of a model with a country. API: ``GET /evse_compatibility/check``.

        Args:
            model_id: An id or a URL.
            country: ISO 3166-1, two letters; else it is taken from the language, else it is US.
            client_id: The application that requests it.
            program_id: The program within which to check, in its own country; ``country`` and ``language`` do not
                count then.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        return request(
            EVSECompatibility,
            "GET",
            "/evse_compatibility/check",
            language=language,
            evse_model_id=EVSE_MODEL.id(model_id),
            country=country,
            client_id=client_id,
            program_id=PROGRAM.filter(program_id),
        )


class EVSEWaitlist(Resource[M_co]):
    """Waiting list of chargers that are not supported yet. Anonymous calls are allowed too."""

    @operation
    def create(
        self,
        *,
        email: str,
        program_id: str | UnsetType = UNSET,
        evse_model: EVSEModel | str | UnsetType = UNSET,
        evse_make_name: str | UnsetType = UNSET,
        evse_model_name: str | UnsetType = UNSET,
        client_id: str | None = None,
        language: str | None = None,
    ) -> Request[WaitlistEntry]:
        """Join the waiting list, with a model of the catalogue or the names of one. API: ``POST /evse_waitlist``.

        The API rejects anything but a model alone or both names alone with a 400.

        Args:
            email: The address that is notified.
            program_id: The program that it is for; its country counts then.
            evse_model: A model, its id or its URL; or give both names.
            evse_make_name: The make in the user's words.
            evse_model_name: The model in the user's words.
            client_id: The application that requests it.
            language: A value for ``Accept-Language``; the country is taken from it.
        """
        body = fields(
            email=email,
            program_id=PROGRAM.optional_id(program_id),
            evse_model_id=EVSE_MODEL.optional_id(evse_model),
            evse_make_name=evse_make_name,
            evse_model_name=evse_model_name,
        )
        return request(WaitlistEntry, "POST", "/evse_waitlist", body=body, language=language, client_id=client_id)
