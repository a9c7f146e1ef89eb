"""The authorization code flow, as methods of a client."""

from __future__ import annotations

import asyncio
from typing import Final

from .auth import AuthorizationCode, AuthorizationRequest, Token
from .blocking import Facade, blocking
from .checks import secret
from .errors import InvalidArgumentError
from .session import Session
from .tokens import Form, RenewedToken


class OAuth:
    """Tokens of users (RFC 6749, RFC 7636, RFC 7009), for a client whose ``auth`` is an `AuthorizationCode`.

    The methods raise `InvalidArgumentError` for any other, and `AuthenticationError` when the provider refuses.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def authorization_request(self, *, state: str | None = None) -> AuthorizationRequest:
        """Where to send the user's browser, and what to keep until it comes back; nothing is sent.

        Args:
            state: Comes back with the code; a random one unless it is given.
        """
        return self._tokens().endpoints.authorization_request(self._app(), state)

    async def exchange(self, code: str, /, *, code_verifier: str | None = None) -> Token:
        """Make a token of the code that came back, within a minute, and use it from now on.

        Args:
            code: From the query of the redirect.
            code_verifier: From the `AuthorizationRequest`.
        """
        tokens, app = self._tokens(), self._app()
        form = Form(grant_type="authorization_code", code=secret("code", code), redirect_uri=app.redirect_uri)
        if code_verifier is not None:
            form["code_verifier"] = secret("code_verifier", code_verifier)
        del code, code_verifier  # from here on no traceback of ours can show them
        asked = asyncio.get_running_loop().time()
        token = await self._session.in_time(tokens.endpoints.token(form))
        await tokens.adopt(token, asked)
        return token

    async def revoke(self) -> None:
        """End the token, and what renews it, at the provider; nothing happens when there is none."""
        tokens, token = self._tokens(), self._app().token
        if token is not None:
            await self._session.in_time(tokens.endpoints.revoke(token))
            tokens.forget()

    def _tokens(self) -> RenewedToken:
        source = self._session.bucket.source
        if isinstance(source, RenewedToken):
            return source
        raise _wrong_auth()

    def _app(self) -> AuthorizationCode:
        app = self._tokens().endpoints.app
        if isinstance(app, AuthorizationCode):
            return app
        raise _wrong_auth()


def _wrong_auth() -> InvalidArgumentError:
    return InvalidArgumentError("expected a client whose auth is an AuthorizationCode")


class BlockingOAuth(Facade[OAuth]):
    """`OAuth`, blocking."""

    exchange: Final = blocking(OAuth.exchange)
    revoke: Final = blocking(OAuth.revoke)

    def authorization_request(self, *, state: str | None = None) -> AuthorizationRequest:
        """Where to send the user's browser, and what to keep until it comes back; nothing is sent."""
        return self._twin.authorization_request(state=state)
