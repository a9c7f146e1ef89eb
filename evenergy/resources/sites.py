"""Charging sites that many share, and the systems that manage them."""

from __future__ import annotations

from evenergy._codec.model import model
from evenergy._codec.urls import segments
from evenergy._codec.validate import word_id
from evenergy._codec.wire_types import Member, OpenEnum
from evenergy._core.resource import M_co, Resource, operation, paged
from evenergy._transport.request import ListRequest, Request, request, unpaged_request

from ._kinds import Kind

__all__ = ["CPMS", "CPMSProvider", "EVSESite"]

EVSE_SITE = Kind("site", "evse_sites")


class CPMS(OpenEnum):
    """Charge point management system."""

    CHARGEPOINT = Member("CHARGEPOINT")
    SWTCH = Member("SWTCH")


@model
class EVSESite:
    """Site with chargers that many share.

    Attributes:
        evses: The URLs of the chargers there.
        cpms_connection: The management system that the site is connected to; None when there is none.
        cpms_connection_display_name: The name of that system for people.
        user_connected: Whether the user is connected to that system; None where the request names no user.
    """

    id: str
    url: str | None = None
    evses: list[str] | None = None
    cpms_connection: CPMS | None = None
    cpms_connection_display_name: str | None = None
    user_connected: bool | None = None


@model
class CPMSProvider:
    """Provider of a charge point management system; its id is a word, such as ``CHARGEPOINT``.

    Attributes:
        icon: The URL of the logo.
    """

    id: str
    url: str | None = None
    name: str | None = None
    icon: str | None = None


class EVSESites(Resource[M_co]):
    """Charging sites that many share. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, site_id: str, /) -> Request[EVSESite]:
        """Return one site, by id or URL. API: ``GET /evse_sites/{evse_site_id}``."""
        return request(EVSESite, "GET", EVSE_SITE.path(site_id))

    @paged
    def list(self) -> ListRequest[EVSESite]:
        """List all sites; the API chooses how many a request brings. API: ``GET /evse_sites``."""
        return unpaged_request(EVSESite, EVSE_SITE.all)


class CPMSProviders(Resource[M_co]):
    """Providers of charge point management systems. The methods raise what `evenergy.errors` lists."""

    @operation
    def get(self, provider_id: CPMS | str, /) -> Request[CPMSProvider]:
        """Return one provider, by its word. API: ``GET /cpms_providers/{cpms_provider_id}``."""
        path = segments("cpms_providers", word_id("provider_id", provider_id))
        return request(CPMSProvider, "GET", path)

    @paged
    def list(self) -> ListRequest[CPMSProvider]:
        """List all providers; the API chooses how many a request brings. API: ``GET /cpms_providers``."""
        return unpaged_request(CPMSProvider, "/cpms_providers")
