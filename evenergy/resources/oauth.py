"""Authorization code flow, as methods of a client."""

from __future__ import annotations

import asyncio

from evenergy._codec.validate import secret
from evenergy._core.resource import M_co, Resource, coroutine
from evenergy._transport.oauth_endpoints import Form
from evenergy._transport.token_source import RefreshingTokenSource
from evenergy.auth import AuthorizationCode, AuthorizationRequest, Token
from evenergy.errors import InvalidArgumentError


class OAuth(Resource[M_co]):
    """Tokens of users (RFC 6749, RFC 7636, RFC 7009), for a client whose ``auth`` is an `AuthorizationCode`.

    The methods raise `InvalidArgumentError` for any other, and `AuthenticationError` when the provider rejects them.
    """

    def authorization_request(self, *, state: str | None = None) -> AuthorizationRequest:
        """Return the URL for the user's browser, and the secrets to keep until it comes back; nothing is sent.

        Args:
            state: A text that comes back with the code; a random one unless it is given.
        """
        return self._tokens().endpoints.authorization_request(self._app(), state)

    @coroutine
    async def exchange(self, code: str, /, *, code_verifier: str | None = None) -> Token:
        """Exchange the code that came back, within a minute, for a token, and use it from now on.

        Args:
            code: The code in the query of the redirect.
            code_verifier: The verifier of the `AuthorizationRequest`.
        """
        tokens, app = self._tokens(), self._app()
        form = _form(app, code, code_verifier)
        del code, code_verifier  # from here on no traceback of ours can show them
        if isinstance(form, InvalidArgumentError):
            raise form
        requested_at = asyncio.get_running_loop().time()
        token = await self._session.bounded(tokens.endpoints.token, form)
        await tokens.store(token, requested_at)
        return token

    @coroutine
    async def revoke(self) -> None:
        """Revoke the token, and its refresh token, at the provider; do nothing when there is none."""
        tokens = self._tokens()
        self._app()  # another grant has nothing to revoke
        token = await tokens.stored_token()
        if token is not None:
            await self._session.bounded(tokens.endpoints.revoke, token)
            await tokens.forget()

    def _tokens(self) -> RefreshingTokenSource:
        source = self._session.credentials.source
        if isinstance(source, RefreshingTokenSource):
            return source
        raise _wrong_auth()

    def _app(self) -> AuthorizationCode:
        app = self._tokens().endpoints.app
        if isinstance(app, AuthorizationCode):
            return app
        raise _wrong_auth()


def _form(app: AuthorizationCode, code: str, code_verifier: str | None) -> Form | InvalidArgumentError:
    """Return the form of an exchange, or the error: raised here, it would hold this frame."""
    try:
        form = Form(grant_type="authorization_code", code=secret("code", code), redirect_uri=app.redirect_uri)
        if code_verifier is not None:
            form["code_verifier"] = secret("code_verifier", code_verifier)
    except InvalidArgumentError as error:
        return error.with_traceback(None)
    return form


def _wrong_auth() -> InvalidArgumentError:
    return InvalidArgumentError("expected a client whose auth is an AuthorizationCode")
