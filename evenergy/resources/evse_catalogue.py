"""Catalogue of chargers: their makes, the makes' models, and the firmware."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.wire_types import reference_id
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, list_request, request

from ._kinds import EVSE_MAKE, EVSE_MODEL, USER, Kind

__all__ = [
    "EVSEFirmwareVersion",
    "EVSEMake",
    "EVSEModel",
    "EVSEModelExpand",
]

EVSE_FIRMWARE_VERSION = Kind("evsf", "evse_firmware_versions")

EVSEModelExpand: TypeAlias = Literal["make"]
"""References of a model of chargers that can be expanded."""


@model
class EVSEMake:
    """Manufacturer of chargers.

    Attributes:
        display_name: The name to show to people; None when there is none beside ``name``.
        icon: The URL of the logo; None when there is none.
        onboarding_url: URL at which a user links a charger of this make; None when a model must be chosen first. It
            names the user only where the request did.
        is_beta: Whether the integration of the make is still tried out.
        evse_models: The URL of the make's models, fit for ``client.pages``.
    """

    id: str
    url: str | None = None
    name: str | None = None
    display_name: str | None = None
    icon: str | None = None
    onboarding_url: str | None = None
    is_beta: bool | None = None
    evse_models: str | None = None


@model
class EVSEModel:
    """Model of chargers of a make.

    Attributes:
        make: The URL of the make, or the make when it was expanded.
        display_name: The name to show to people; None when there is none beside ``name``.
        onboarding_url: URL at which a user links a charger of this model; None when it cannot be linked: only the
            vehicle can tell of the charging then.
    """

    id: str
    url: str | None = None
    name: str | None = None
    make: str | EVSEMake | None = None
    display_name: str | None = None
    onboarding_url: str | None = None

    @property
    def make_id(self) -> str | None:
        """Return the id of the make, whether it was expanded or not."""
        return reference_id(self.make)


@model
class EVSEFirmwareVersion:
    """Release of the firmware of chargers.

    Attributes:
        version: The manufacturer's own name of the release.
        public_version: The name to show to people; None when it is the same.
        change_log: The changes in a few words; None when nobody wrote them down.
        support_url: A page about the release; None when there is none.
    """

    id: str
    url: str | None = None
    version: str | None = None
    public_version: str | None = None
    change_log: str | None = None
    support_url: str | None = None


class EVSEMakes(Resource[M_co]):
    """Manufacturers of chargers. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, make_id: str, /) -> Request[EVSEMake]:
        """Return one make, by id or URL. API: ``GET /evse_makes/{evse_make_id}``."""
        return request(EVSEMake, "GET", EVSE_MAKE.path(make_id))

    @paged
    def list(self, *, available_for_user_id: str | None = None, page_size: int | None = None) -> ListRequest[EVSEMake]:
        """List all makes, or those that a user's region and program offer. API: ``GET /evse_makes``."""
        user_id = USER.filter(available_for_user_id)
        return list_request(EVSEMake, EVSE_MAKE.all, page_size=page_size, available_for_user_id=user_id)


class EVSEModels(Resource[M_co]):
    """Models of chargers. Anonymous calls are allowed too. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, model_id: str, /, *, expand: Iterable[EVSEModelExpand] = ()) -> Request[EVSEModel]:
        """Return one model, by id or URL. API: ``GET /evse_models/{evse_model_id}``."""
        return request(EVSEModel, "GET", EVSE_MODEL.path(model_id), expand=expand)

    @paged
    def list(
        self,
        *,
        available_for_user_id: str | None = None,
        make_id: str | None = None,
        expand: Iterable[EVSEModelExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[EVSEModel]:
        """List all models, or those of a make, or those that a user can have. API: ``GET /evse_models``."""
        return list_request(
            EVSEModel,
            EVSE_MODEL.all,
            page_size=page_size,
            expand=expand,
            available_for_user_id=USER.filter(available_for_user_id),
            make_id=EVSE_MAKE.filter(make_id),
        )


class EVSEFirmwareVersions(Resource[M_co]):
    """Releases of the firmware of chargers. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, version_id: str, /) -> Request[EVSEFirmwareVersion]:
        """Return one release, by id or URL. API: ``GET /evse_firmware_versions/{evse_firmware_version_id}``."""
        return request(EVSEFirmwareVersion, "GET", EVSE_FIRMWARE_VERSION.path(version_id))

    @paged
    def list(self, *, page_size: int | None = None) -> ListRequest[EVSEFirmwareVersion]:
        """List the releases for production; the API keeps others back. API: ``GET /evse_firmware_versions``."""
        return list_request(EVSEFirmwareVersion, EVSE_FIRMWARE_VERSION.all, page_size=page_size)
