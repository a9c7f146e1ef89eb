"""Invalid secrets: no error of what was given one shows it, neither in its text nor in a frame of its traceback."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import evenergy
from evenergy import AsyncClient, AuthorizationCode, BearerToken, Client, ClientCredentials, Token, WebhookReceiver
from tests.test_secrets import everything

HIDDEN = "hushhushhush"
BAD = f"{HIDDEN}\r\n"
BAD_PROXY = f"me:{HIDDEN}@proxy.example:3128"  # without http:// before it
CLIENTS: tuple[Callable[..., AsyncClient | Client], ...] = (AsyncClient, Client)

MAKERS: dict[str, Callable[[], object]] = {
    "bearer": lambda: BearerToken(BAD),
    "credentials": lambda: ClientCredentials("app", BAD),
    "credentials beside another fault": lambda: ClientCredentials("a\napp", HIDDEN),
    "credentials with a wrong keyword": lambda: cast("Any", ClientCredentials)("app", HIDDEN, secret=HIDDEN),
    "grant": lambda: AuthorizationCode("app", "https://x", client_secret=BAD),
    "grant beside another fault": lambda: AuthorizationCode("app", "https://x y", client_secret=HIDDEN),
    "token": lambda: Token.from_dict({"access_token": BAD}),
    "refresh token": lambda: Token.from_dict({"access_token": HIDDEN, "refresh_token": BAD}),
    "a token that is none": lambda: Token.from_dict({"access_token": HIDDEN, "refresh_token": [HIDDEN]}),
    "webhooks": lambda: WebhookReceiver([f"whsec_{BAD}!"]),
    "webhooks beside another fault": lambda: WebhookReceiver("whsec_" + HIDDEN, tolerance=-1),
}


def found(make: Callable[[], object]) -> str:
    """Return all that the error of a call shows."""
    with pytest.raises((evenergy.InvalidArgumentError, TypeError)) as raised:
        make()
    return everything(raised.value)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_no_constructor_shows_an_invalid_secret(make: Callable[[], object]) -> None:
    assert HIDDEN not in found(make)


OPTIONS: dict[str, dict[str, Any]] = {
    "token": {"auth": BAD},
    "token beside another fault": {"auth": HIDDEN, "timeout": -1},
    "proxy": {"proxy": BAD_PROXY},
    "proxy with a line end": {"proxy": f"http://me:{BAD}@proxy.example"},
    "headers": {"headers": {"X-Key": BAD}},
    "a wrong keyword": {"auth": HIDDEN, "password": HIDDEN},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("kind", CLIENTS)
def test_no_client_shows_an_invalid_secret(kind: Callable[..., object], options: dict[str, Any]) -> None:
    assert HIDDEN not in found(lambda: kind(**options))


@pytest.mark.parametrize("options", [{"auth": BAD}, {"headers": {"X-Key": BAD}}, {"auth": HIDDEN, "timeout": -1}])
@pytest.mark.parametrize("kind", CLIENTS)
def test_no_view_shows_an_invalid_secret(kind: Callable[..., AsyncClient | Client], options: dict[str, Any]) -> None:
    client: Any = kind()
    assert HIDDEN not in found(lambda: client.with_options(**options))


VARIABLES: dict[str, dict[str, str]] = {
    "token": {"EVENERGY_TOKEN": BAD},
    "secret": {"EVENERGY_CLIENT_ID": "app", "EVENERGY_CLIENT_SECRET": BAD},
    "secret without an id": {"EVENERGY_CLIENT_SECRET": HIDDEN},
    "proxy": {"https_proxy": BAD_PROXY},
}


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES.keys())
@pytest.mark.parametrize("kind", CLIENTS)
def test_no_client_shows_an_invalid_secret_of_the_environment(
    kind: Callable[..., object], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert HIDDEN not in found(lambda: kind(trust_env=True))


def test_no_receiver_shows_an_invalid_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_WEBHOOK_SECRET", f"whsec_{HIDDEN}!")
    assert HIDDEN not in found(WebhookReceiver)


@pytest.mark.parametrize("secrets", [{"code": BAD}, {"code": HIDDEN, "code_verifier": BAD}])
def test_no_exchange_shows_an_invalid_code(secrets: dict[str, str]) -> None:
    async def exchange(code: str, **options: Any) -> None:
        async with AsyncClient(AuthorizationCode("app", "https://x")) as client:
            await client.oauth.exchange(code, **options)

    assert HIDDEN not in found(lambda: asyncio.run(exchange(**secrets)))


def test_a_stored_token_that_is_invalid_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token.json"
    path.write_text(f'{{"access_token": "{HIDDEN}\\n"}}')
    path.chmod(0o600)
    assert evenergy.FileTokenStore(path).load() is None
    assert "does not hold a token" in caplog.text
    assert HIDDEN not in caplog.text
