"""Fixtures: the sandbox on Home Assistant's own loop, and a user who logged in through the real flow."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from custom_components.ev_energy.const import DOMAIN
from homeassistant import block_async_io
from homeassistant.components.application_credentials import ClientCredential, async_import_client_credential
from homeassistant.config_entries import SOURCE_USER, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from yarl import URL

import evenergy
from evenergy.sandbox import Sandbox

type LogIn = Callable[[dict[str, Any]], Awaitable[Any]]


@pytest.fixture
def rate_limit() -> int:
    """Return the requests of an hour; a test may parametrize it."""
    return 1000


@pytest.fixture
async def sandbox(
    socket_enabled: None, rate_limit: int, monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant
) -> AsyncIterator[Sandbox]:
    """Serve a fleet on the loop of the test, so that no thread is left."""
    async with Sandbox(vehicles=12, days=1, rate_limit=rate_limit) as serving:
        monkeypatch.setenv("EVENERGY_BASE_URL", serving.base_url)
        yield serving


def blocking_calls(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the blocking calls on the event loop that the integration or the library made."""
    ours = re.compile(rf"integration '{DOMAIN}'|{re.escape(str(Path(evenergy.__file__).parent))}/")
    reports = [record.getMessage() for phase in ("setup", "call") for record in caplog.get_records(phase)]
    return [report for report in reports if "blocking call" in report and ours.search(report)]


@pytest.fixture(autouse=True)
def watched(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    disable_block_async_io: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[None]:
    """Fail a test during which the event loop was held up: by files, imports, certificates, sleep or sockets."""
    monkeypatch.setattr(block_async_io, "_IN_TESTS", False)  # else files and imports are not looked at
    block_async_io.enable()
    yield
    assert blocking_calls(caplog) == []


@pytest.fixture
async def credentials(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """Add the application credentials that a user would enter."""
    for component in ("application_credentials", "diagnostics"):  # before the web server starts
        assert await async_setup_component(hass, component, {})
    await async_import_client_credential(hass, DOMAIN, ClientCredential(sandbox.client_id, sandbox.client_secret))


@pytest.fixture
async def log_in(
    hass: HomeAssistant, credentials: None, hass_client_no_auth: Any, current_request_with_host: None
) -> LogIn:
    """Return a function that goes on from the step at which the browser is sent to ev.energy."""

    async def through_the_browser(result: dict[str, Any]) -> Any:
        assert result["type"] == "external"
        browser = await hass_client_no_auth()
        async with async_get_clientsession(hass).get(result["url"], allow_redirects=False) as response:
            back = URL(response.headers["Location"])
        assert (await browser.get(str(back.relative()))).status == 200
        return await hass.config_entries.flow.async_configure(result["flow_id"])

    return through_the_browser


@pytest.fixture
async def entry(hass: HomeAssistant, log_in: LogIn) -> ConfigEntry:
    """Return the entry of a user who logged in; it is set up."""
    result: Any = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (await log_in(result))["type"] == "create_entry"
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    return entry
