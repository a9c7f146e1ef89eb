"""Home Assistant's OAuth session as a token source: the lines for it, against a class of the same shape.

Home Assistant itself needs a newer Python than this library.
"""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import evenergy
from evenergy import AsyncClient
from tests.provider import Provider
from tests.server import MAKE_ID, serving


class OAuth2Session:
    """Shape of ``homeassistant.helpers.config_entry_oauth2_flow.OAuth2Session``: it has no ``access_token()``."""

    def __init__(self, entry: dict[str, Any], http: aiohttp.ClientSession, origin: str) -> None:
        self._entry = entry
        self._http = http
        self._url = f"{origin}/o/token/"
        self._lock = asyncio.Lock()

    @property
    def token(self) -> dict[str, Any]:
        """Return the token of the config entry."""
        token: dict[str, Any] = self._entry["token"]
        return token

    @property
    def valid_token(self) -> bool:
        """Return whether the token is valid for a while."""
        return bool(self.token["expires_at"] > time.time() + 20)

    async def async_ensure_token_valid(self) -> None:
        """Refresh the token when it has expired."""
        async with self._lock:
            if not self.valid_token:
                form = {"grant_type": "refresh_token", "refresh_token": self.token["refresh_token"]}
                async with self._http.post(self._url, data=form) as response:
                    new = await response.json()
                self._entry["token"] = {**self.token, **new, "expires_at": time.time() + new["expires_in"]}


def recipe() -> Any:
    """Return the class that the page gives."""
    page = (Path(__file__).parents[2] / "docs" / "home-assistant.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# requests: 0\n(class HomeAssistantToken:.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  it is the page's
    return names["HomeAssistantToken"]


async def test_the_session_of_home_assistant_is_a_token_source_with_five_lines() -> None:
    entry = {"token": {"access_token": "token-0", "refresh_token": "refresh-0", "expires_at": 1.0}}
    provider = Provider(rotates=True)
    async with serving(provider) as server, aiohttp.ClientSession() as http:
        session = OAuth2Session(entry, http, server.origin)
        async with AsyncClient(recipe()(session), session=http, base_url=server.url) as client:
            await asyncio.gather(*(client.vehicle_makes.get(MAKE_ID) for _ in range(20)))
    assert (provider.requested, provider.calls, provider.rejected) == (1, 20, 0)
    assert entry["token"]["refresh_token"] == "refresh-1"


async def test_without_them_it_is_rejected_when_the_client_is_made() -> None:
    async with aiohttp.ClientSession() as http:
        session: Any = OAuth2Session({}, http, "http://127.0.0.1:1")
        with pytest.raises(evenergy.InvalidArgumentError, match="async def access_token"):
            AsyncClient(session, session=http)
