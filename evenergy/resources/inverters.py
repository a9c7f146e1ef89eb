"""Inverters of solar arrays: their makes and models, and onboarding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from evenergy._codec.model import model
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, fields, list_request, redirect_request, request

from ._kinds import INVERTER, USER, Kind

if TYPE_CHECKING:
    from .users import User

__all__ = [
    "Inverter",
    "InverterExpand",
    "InverterMake",
    "InverterModel",
    "InverterModelExpand",
    "InverterOnboarding",
    "InverterStatus",
    "InverterStatusLog",
]

INVERTER_MAKE = Kind("imak", "inverter_makes")
INVERTER_MODEL = Kind("imod", "inverter_models")

InverterExpand: TypeAlias = Literal["model", "model.make", "latest_status_log"]
"""References of an inverter that can be expanded."""

InverterModelExpand: TypeAlias = Literal["make"]
"""References of a model of inverters that can be expanded."""


class InverterStatus(OpenEnum):
    """Activity of an inverter, derived from its power."""

    CONSUMING = Member("CONSUMING")
    IDLE = Member("IDLE")
    PRODUCING = Member("PRODUCING")
    UNKNOWN = Member("UNKNOWN")


@model
class InverterMake:
    """Manufacturer of inverters.

    Attributes:
        icon: The URL of the logo; None when there is none.
        onboarding_url: The URL at which a user links an inverter of this make. It names no user under client
            credentials.
        inverter_models: The URL of the make's models, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    name: str | None = None
    icon: str | None = None
    onboarding_url: str | None = None
    inverter_models: str | None = None


@model
class InverterModel:
    """Model of a make of inverters.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
        onboarding_url: The URL at which a user links an inverter of this model. It names no user under client
            credentials.
    """

    id: str
    url: str | None = None
    name: str | None = None
    make: str | InverterMake | None = None
    onboarding_url: str | None = None

    @property
    def make_id(self) -> str | None:
        """Return the id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@model
class InverterStatusLog:
    """Power of an inverter at one time; it comes only as an inverter's expanded ``latest_status_log``.

    Attributes:
        sampled_at: The time at which it was measured.
        logged_at: The time at which it was received and stored.
        inverter: The URL of the inverter, or the inverter when it was expanded.
        solar_power_watts: The power of the sun; None when the inverter did not report it.
        status: The activity that this power means.
    """

    url: str | None = None
    sampled_at: Time | None = None
    logged_at: Time | None = None
    inverter: str | Inverter | None = None
    solar_power_watts: int | None = None
    status: InverterStatus | None = None

    @property
    def inverter_id(self) -> str | None:
        """Return the id of the inverter, whether it was expanded or not."""
        return reference_id(self.inverter)


@model
class Inverter:
    """Inverter of a solar array.

    Attributes:
        model: The URL of the model, or the model when it was expanded.
        created_at: The time at which it was linked.
        latest_status_log: The URL of the newest status log, or the log when it was expanded; None when the inverter
            never reported.
        onboarding_url: The URL at which its user links it again.
    """

    id: str
    url: str | None = None
    model: str | InverterModel | None = None
    created_at: Time | None = None
    latest_status_log: str | InverterStatusLog | None = None
    onboarding_url: str | None = None

    @property
    def model_id(self) -> str | None:
        """Return the id of the model, whether it was expanded or not."""
        return reference_id(self.model)


@model
class InverterOnboarding:
    """Onboarding of an inverter that was started.

    Attributes:
        url: The page on which the user agrees.
    """

    url: str | None = None


class InverterMakes(Resource[M_co]):
    """Manufacturers of inverters. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, make_id: str, /, *, language: str | None = None) -> Request[InverterMake]:
        """Return one make, by id or URL. API: ``GET /inverter_makes/{inverter_make_id}``."""
        return request(InverterMake, "GET", INVERTER_MAKE.path(make_id), language=language)

    @paged
    def list(
        self,
        *,
        available_for_user_id: str | None = None,
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[InverterMake]:
        """List all makes, or those that a user can link. API: ``GET /inverter_makes``."""
        user_id = USER.filter(available_for_user_id)
        return list_request(
            InverterMake, INVERTER_MAKE.all, page_size=page_size, language=language, available_for_user_id=user_id
        )


class InverterModels(Resource[M_co]):
    """Models of inverters. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self, model_id: str, /, *, expand: Iterable[InverterModelExpand] = (), language: str | None = None
    ) -> Request[InverterModel]:
        """Return one model, by id or URL. API: ``GET /inverter_models/{inverter_model_id}``."""
        return request(InverterModel, "GET", INVERTER_MODEL.path(model_id), expand=expand, language=language)

    @paged
    def list(
        self,
        *,
        make_id: str | None = None,
        expand: Iterable[InverterModelExpand] = (),
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[InverterModel]:
        """List all models, or those of a make. API: ``GET /inverter_models``."""
        return list_request(
            InverterModel,
            INVERTER_MODEL.all,
            page_size=page_size,
            expand=expand,
            language=language,
            make_id=INVERTER_MAKE.filter(make_id),
        )


class InverterOnboardings(Resource[M_co]):
    """Onboarding of inverters. The methods raise what `evenergy.errors` lists."""

    @operation
    def start(
        self,
        user_id: str,
        /,
        *,
        client_id: str,
        make_id: str | None = None,
        inverter_id: str | None = None,
        language: str | None = None,
    ) -> Request[InverterOnboarding]:
        """Start to link an inverter; the API responds with a redirect, whose target is returned and not followed.

        API: ``GET /inverter_onboarding``.

        Args:
            user_id: The user whose inverter it will be: an id or a URL.
            client_id: The application that links it.
            make_id: The make, by id or URL.
            inverter_id: The inverter to link again, by id or URL.
            language: A value for ``Accept-Language``, such as ``en-GB``.
        """
        return redirect_request(
            InverterOnboarding,
            "/inverter_onboarding",
            base_url=self._base_url,
            language=language,
            user_id=USER.id(user_id),
            client_id=client_id,
            make_id=INVERTER_MAKE.filter(make_id),
            inverter_id=INVERTER.filter(inverter_id),
        )


class Inverters(Resource[M_co]):
    """Inverters of solar arrays. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(
        self, inverter_id: str, /, *, expand: Iterable[InverterExpand] = (), language: str | None = None
    ) -> Request[Inverter]:
        """Return one inverter, by id or URL. API: ``GET /inverters/{inverter_id}``."""
        return request(Inverter, "GET", INVERTER.path(inverter_id), expand=expand, language=language)

    @paged
    def list(
        self,
        *,
        expand: Iterable[InverterExpand] = (),
        language: str | None = None,
        page_size: int | None = None,
    ) -> ListRequest[Inverter]:
        """List all inverters that the credentials, or the client's ``user``, may see. API: ``GET /inverters``."""
        return list_request(Inverter, INVERTER.all, page_size=page_size, expand=expand, language=language)

    @operation
    def create(self, *, model: InverterModel | str, user: User | str | UnsetType = UNSET) -> Request[Inverter]:
        """Add an inverter. API: ``POST /inverters``.

        Args:
            model: A model, its id or its URL.
            user: The owner: a user, an id or a URL; else the user of the token, or the client's ``user``.
        """
        body = fields(model=INVERTER_MODEL.url(self._base_url, model), user=USER.optional_url(self._base_url, user))
        return request(Inverter, "POST", INVERTER.all, body=body)
