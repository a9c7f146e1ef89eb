"""OAuth 2: the authorization server, which lives outside /v2."""

import hmac
import json
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import attrs
from aiohttp import web

from evenergy.sandbox.routes import SCOPES

_TOKEN_LIFE = 36_000
_CODE_LIFE = 60
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class OAuthError(Exception):
    """An error of the token or authorization endpoint (RFC 6749, 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def response(self) -> web.Response:
        """Return it as a response."""
        headers = dict(_NO_STORE)
        if self.error == "invalid_client":
            headers["WWW-Authenticate"] = 'Basic realm="sandbox"'
        data = {"error": self.error, "error_description": self.description}
        return web.json_response(data, status=401 if self.error == "invalid_client" else 400, headers=headers)


@attrs.frozen
class Grant:
    """The holder of a token: the application alone, or one of its users."""

    user: str | None
    scope: str
    expires: float


@attrs.frozen
class _Code:
    user: str
    scope: str
    redirect_uri: str
    challenge: str | None
    expires: float


class OAuthServer:
    """The authorization server of the sandbox's one application."""

    def __init__(
        self, client_id: str, client_secret: str, users: Mapping[str, object], clock: Callable[[], float]
    ) -> None:
        self._client = (client_id, client_secret)
        self._users = users
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the three endpoints."""
        return [
            web.post("/o/token/", self._token),
            web.get("/o/authorize/", self._authorize),
            web.post("/o/revoke_token/", self._revoke),
            web.post("/o/revoke_token", _slash_missing),
        ]

    def grant_of(self, token: str) -> Grant | None:
        """Return the grant of a token, or None once it has ended."""
        grant = self._access.get(token)
        return grant if grant is not None and self._clock() < grant.expires else None

    async def _token(self, http: web.Request) -> web.Response:
        try:
            form = await _form(http)
            self._authenticate(http, form)
            return web.json_response(self._granted(form), headers=_NO_STORE)
        except OAuthError as error:
            return error.response()

    async def _revoke(self, http: web.Request) -> web.Response:
        try:
            form = await _form(http)
            self._authenticate(http, form)
            token = _needed(form, "token")
        except OAuthError as error:
            return error.response()
        self._access.pop(token, None)
        self._refresh.pop(token, None)
        return web.Response()

    async def _authorize(self, http: web.Request) -> web.Response:
        query = http.query
        redirect_uri = query.get("redirect_uri", "")
        # Nobody is sent to a place that a stranger named.
        if query.get("client_id") != self._client[0]:
            return OAuthError("invalid_request", "Unknown client_id.").response()
        if not _is_target(redirect_uri):
            return OAuthError("invalid_request", "redirect_uri must be an absolute URI without a fragment.").response()
        try:
            parameters = {"code": self._consent(query, redirect_uri)}
        except OAuthError as error:
            parameters = {"error": error.error, "error_description": error.description}
        if "state" in query:
            parameters["state"] = query["state"]
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return web.Response(status=302, headers={"Location": redirect_uri + joint + urlencode(parameters)})

    def _consent(self, query: Mapping[str, str], redirect_uri: str) -> str:
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code.")
        challenge = query.get("code_challenge")
        if challenge is not None and (
            query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge)
        ):
            raise OAuthError("invalid_request", "code_challenge must be 43 characters, its method S256.")
        user = query.get("login_hint") or next(iter(self._users))
        if user not in self._users:
            raise OAuthError("invalid_request", "login_hint must be the id of a user.")
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(user, _scope(query), redirect_uri, challenge, self._clock() + _CODE_LIFE)
        return code

    def _authenticate(self, http: web.Request, form: Mapping[str, str]) -> None:
        """Check the client's secret, which comes by HTTP Basic or in the form (RFC 6749, 2.3.1)."""
        header = http.headers.get("Authorization")
        if header is None:
            client: tuple[str, ...] = (form.get("client_id", ""), form.get("client_secret", ""))
        elif "client_secret" in form:
            raise OAuthError("invalid_request", "Send the secret by HTTP Basic or in the form, not both.")
        else:
            client = _basic(header)
        given, expected = (json.dumps(parts).encode() for parts in (client, self._client))
        if not hmac.compare_digest(given, expected):
            raise OAuthError("invalid_client", "The client is unknown, or its secret is wrong.")

    def _granted(self, form: Mapping[str, str]) -> dict[str, object]:
        match _needed(form, "grant_type"):
            case "client_credentials":
                return self._issue(None, _scope(form))
            case "authorization_code":
                return self._by_code(form)
            case "refresh_token":
                return self._by_refresh(form)
            case _:
                known = "client_credentials, authorization_code or refresh_token"
                raise OAuthError("unsupported_grant_type", f"grant_type must be {known}.")

    def _by_code(self, form: Mapping[str, str]) -> dict[str, object]:
        # Whatever comes of it, a code is spent once it was shown.
        code = self._codes.pop(_needed(form, "code"), None)
        if code is None or self._clock() >= code.expires:
            raise OAuthError("invalid_grant", "The code is unknown, spent or expired.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri is not the one that the code was sent to.")
        if code.challenge is not None and code.challenge != _challenge_of(form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "code_verifier does not fit the challenge.")
        return self._issue(code.user, code.scope, renewable=True)

    def _by_refresh(self, form: Mapping[str, str]) -> dict[str, object]:
        grant = self._refresh.pop(_needed(form, "refresh_token"), None)
        if grant is None:
            raise OAuthError("invalid_grant", "The refresh token is unknown, revoked or was used before.")
        return self._issue(grant.user, grant.scope, renewable=True)

    def _issue(self, user: str | None, scope: str, *, renewable: bool = False) -> dict[str, object]:
        token, grant = secrets.token_urlsafe(24), Grant(user, scope, self._clock() + _TOKEN_LIFE)
        self._access[token] = grant
        token_response: dict[str, object] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": _TOKEN_LIFE,
            "scope": scope,
        }
        if renewable:
            refresh_token = secrets.token_urlsafe(24)
            self._refresh[refresh_token] = grant
            token_response["refresh_token"] = refresh_token
        return token_response


async def _slash_missing(_: web.Request) -> web.Response:
    return web.Response(status=405)


async def _form(http: web.Request) -> dict[str, str]:
    if http.content_type != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send a form: application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl((await http.read()).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise OAuthError("invalid_request", "The form cannot be read.") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise OAuthError("invalid_request", "A parameter was sent twice.")
    return form


def _basic(header: str) -> tuple[str, ...]:
    """Return the client and its secret in a header; anything that cannot be read is no client."""
    scheme, _, encoded = header.partition(" ")
    try:
        pair = b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        pair = ""
    # Both parts are form-encoded before they are joined.
    return tuple(unquote_plus(part) for part in pair.split(":", 1)) if scheme.lower() == "basic" else ()


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"{name} is missing.")
    return form[name]


def _scope(form: Mapping[str, str]) -> str:
    scopes = form.get("scope", "").split() or SCOPES
    if not set(scopes) <= set(SCOPES):
        raise OAuthError("invalid_scope", f"The scopes here are {', '.join(SCOPES)}.")
    return " ".join(scopes)


def _is_target(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    plain = uri.isascii() and uri.isprintable() and " " not in uri
    return plain and bool(parts.scheme) and bool(parts.netloc or parts.path) and "#" not in uri


def _challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
