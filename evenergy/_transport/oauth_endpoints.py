"""OAuth endpoints of the provider: token, revocation and authorization.

OAuth 2.0 is RFC 6749, PKCE RFC 7636, revocation RFC 7009.
"""

import asyncio
import base64
import hashlib
import re
import secrets
from http import HTTPStatus
from typing import Any, TypeAlias, cast
from urllib.parse import quote_plus, urlencode

import msgspec
from multidict import CIMultiDict

from evenergy._codec.secret import Secret
from evenergy.auth import AuthorizationCode, AuthorizationRequest, ClientCredentials, Token
from evenergy.errors import (
    AuthenticationError,
    ClosedError,
    DecodeError,
    EvEnergyError,
    InvalidArgumentError,
    ProblemFields,
    RateLimitError,
    error_class,
)

from .exchange import Exchange
from .headers import retry_after
from .request import Request, Response, as_it_is

Grant: TypeAlias = ClientCredentials | AuthorizationCode

_CODE = re.compile(r"[a-z_]{1,40}")  # any other text may be an echo of the request
_INVALID_GRANT = "invalid_grant"
_FINAL = frozenset({"invalid_client", _INVALID_GRANT, "invalid_scope", "unauthorized_client"})
_SHOWN = ("Date", "Content-Type", "Retry-After")  # of a response's headers


class Form(dict[str, str]):
    """Fields of an OAuth request, which hold secrets."""

    def __repr__(self) -> str:
        return "<form>"


class OAuthHeaders:
    """Headers of a form for an OAuth endpoint."""

    def __init__(self, user_agent: str | None) -> None:
        self._user_agent = user_agent

    def of(self, _: Request[Any], basic: Secret | None) -> CIMultiDict[str]:
        """Return the headers of a form, with HTTP Basic where the client has a secret."""
        headers = CIMultiDict({"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"})
        if self._user_agent is not None:
            headers["User-Agent"] = self._user_agent
        if basic is not None:
            headers["Authorization"] = basic.reveal()
        return headers

    def authorization(self, basic: Secret | None) -> Secret | None:
        """Return the value of the Authorization header, or None for none."""
        return basic


class OAuthEndpoints:
    """OAuth endpoints of the provider on one origin, for one application."""

    def __init__(self, app: Grant, origin: str, exchange: Exchange) -> None:
        self.app: Grant = app
        self.token_url: str = app.token_url or f"{origin}/o/token/"
        self._origin = origin
        self._exchange = exchange

    def authorization_request(self, app: AuthorizationCode, state: str | None) -> AuthorizationRequest:
        """Return the URL that asks the user, with a challenge that only this process can meet."""
        verifier = secrets.token_urlsafe(64)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        state = state if state is not None else secrets.token_urlsafe(32)
        parameters = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": app.redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if app.scopes:
            parameters["scope"] = " ".join(app.scopes)
        return AuthorizationRequest(f"{self._origin}/o/authorize/?{urlencode(parameters)}", state, Secret(verifier))

    async def token(self, grant: Form) -> Token:
        """Request a new token for a grant.

        Raises:
            AuthenticationError: The endpoint rejected the grant for good.
            ServerError, TransportError, DecodeError: The endpoint has no token now.
        """
        found = _token_response(self.token_url, await self._post(self.token_url, grant))
        if isinstance(found, Token):
            return found
        raise found

    async def revoke(self, token: Token) -> None:
        """Revoke a token, and its refresh token first (RFC 7009)."""
        url = f"{self._origin}/o/revoke_token/"  # without the last slash the provider responds with 405
        for kind, value in (("refresh_token", token.refresh), ("access_token", token.access)):
            if value is not None:
                form = Form(token=value.reveal(), token_type_hint=kind)
                failed = _revocation_response(url, await self._post(url, form))
                if failed is not None:
                    raise failed

    async def _post(self, url: str, form: Form) -> Response:
        if self.app.client_secret is None:
            form = Form(form, client_id=self.app.client_id)
        request = Request("POST", url, as_it_is, body=urlencode(form).encode())
        response = await self._exchange.send(request, url, self._basic(), _always, asyncio.get_running_loop())
        if response is None:
            raise ClosedError("the client is closed")
        return response

    def _basic(self) -> Secret | None:
        """Return HTTP Basic of the form-encoded id and secret (RFC 6749, 2.3.1), or None for a public client."""
        if self.app.client_secret is None:
            return None
        pair = f"{quote_plus(self.app.client_id)}:{quote_plus(self.app.client_secret.reveal())}"
        return Secret("Basic " + base64.b64encode(pair.encode()).decode())


def is_invalid_grant(error: EvEnergyError) -> bool:
    """Return whether the token endpoint rejected the refresh token itself: it was used before, revoked, or expired."""
    return isinstance(error, AuthenticationError) and error.title.endswith(f": {_INVALID_GRANT}")


def _always(_: float) -> bool:
    return True


def _token_response(url: str, response: Response) -> Token | EvEnergyError:
    """Return the token or the error as a value: no frame that an error passes holds the endpoint's body."""
    document = _document(response.body)
    if response.status == HTTPStatus.OK and document.get("access_token"):
        try:
            return Token.from_dict(document)
        except InvalidArgumentError as error:
            return DecodeError(
                f"could not decode the token endpoint's response: {error}", status=response.status, url=url
            )
    return _token_error(response, document, url)


def _revocation_response(url: str, response: Response) -> EvEnergyError | None:
    return None if response.status == HTTPStatus.OK else _token_error(response, _document(response.body), url)


def _token_error(response: Response, document: dict[str, object], url: str) -> EvEnergyError:
    """Return the error for a response of an OAuth endpoint that is no success.

    Of the response only ``error`` and a few headers are shown; the rest may echo secrets.
    """
    status = response.status
    code = document.get("error")
    error = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
    if error in _FINAL:
        title = f"The token endpoint rejected the grant: {error}"
        hint = (
            "check client_id and client_secret" if error == "invalid_client" else "authorize again, or check the scopes"
        )
        return AuthenticationError(
            f"401 {title} · {hint} (POST {url})", **ProblemFields(status=401, title=title, method="POST", url=url)
        )
    headers = {name: response.headers[name] for name in _SHOWN if name in response.headers}
    title = f"The token endpoint failed{': ' + error if error else ''}"
    members = ProblemFields(status=status, title=title, method="POST", url=url, headers=headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(headers, status) or 0.0
        return RateLimitError(f"{status} {title} (POST {url})", retry_after=wait, **members)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or (error and status >= HTTPStatus.BAD_REQUEST):
        return error_class(status)(f"{status} {title} (POST {url})", **members)
    return DecodeError(
        f"the token endpoint's response ({status}) holds neither a token nor an OAuth error (POST {url})",
        status=status,
        method="POST",
        url=url,
        malformed=True,
    )


def _document(body: bytes) -> dict[str, object]:
    try:
        document: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", document) if isinstance(document, dict) else {}
