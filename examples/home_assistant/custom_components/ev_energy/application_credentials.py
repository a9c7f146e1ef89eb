"""Application credentials: the OAuth client that the user registered with ev.energy."""

from __future__ import annotations

from typing import Any, override

from homeassistant.components.application_credentials import ClientCredential
from homeassistant.core import HomeAssistant
from homeassistant.helpers.config_entry_oauth2_flow import (
    AbstractOAuth2Implementation,
    LocalOAuth2ImplementationWithPkce,
)

from .const import SCOPES, oauth_url


class EvEnergyOAuth2Implementation(LocalOAuth2ImplementationWithPkce):
    """Authorization code flow with PKCE."""

    @property
    @override
    def extra_authorize_data(self) -> dict[str, Any]:
        """Return what the URL for the browser has beside the standard's parts."""
        return {"scope": " ".join(SCOPES), **super().extra_authorize_data}


async def async_get_auth_implementation(
    hass: HomeAssistant, auth_domain: str, credential: ClientCredential
) -> AbstractOAuth2Implementation:
    """Return the flow for an OAuth client."""
    return EvEnergyOAuth2Implementation(
        hass,
        auth_domain,
        credential.client_id,
        oauth_url("authorize"),
        oauth_url("token"),
        credential.client_secret,
    )
