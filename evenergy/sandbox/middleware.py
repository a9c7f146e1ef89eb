"""The checks that every request below /v2 passes: credentials, rate limit, version, user."""

import re
from collections.abc import Mapping

from aiohttp import hdrs, web

from evenergy.sandbox.api.rebates import take_upload
from evenergy.sandbox.faults import ROOT, Failure, Faults, Handler
from evenergy.sandbox.oauth import Grant, OAuthServer
from evenergy.sandbox.operations import Route
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.rate_window import RollingWindow
from evenergy.sandbox.requests import Request, State
from evenergy.sandbox.responses import Response
from evenergy.sandbox.router import names_of
from evenergy.sandbox.routes import ROUTER
from evenergy.sandbox.simulation.fleet import User

_ANONYMOUS_LIMIT = 50
_USER = re.compile(r"(?:https?://[^\s?#]+/users/)?(user[0-9A-HJKMNP-TV-Z]{26})/?")


class Middleware:
    """The checks before an operation, and the count of requests."""

    def __init__(self, state: State, oauth_server: OAuthServer, rate_limit: int, faults: Faults) -> None:
        self.requests_served: int = 0
        self._state = state
        self._oauth_server = oauth_server
        self._rate_limit = rate_limit
        self._faults = faults
        self._windows: dict[tuple[str, str | None], RollingWindow] = {}

    def application(self) -> web.Application:
        """Return the application: the API, and beside it the authorization server."""
        app = web.Application(middlewares=[self._inject_faults])
        app.add_routes(self._oauth_server.routes())
        for path in (ROOT, ROOT + "{path:/.*}"):
            app.router.add_route("*", path, self._handle)
        app.router.add_put("/uploads/{id}", self._upload)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        """Take a file at its presigned URL, as the store of files does: without a token, and with errors in XML."""
        query = request.query
        if not take_upload(self._state, request.match_info["id"], query.get("expires", ""), query.get("signature", "")):
            denied = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
            return web.Response(status=403, text=denied, content_type="application/xml")
        async for _ in request.content.iter_any():
            pass
        return web.Response()

    @web.middleware
    async def _inject_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await self._faults.handle(request, handler, self._fail)

    def _fail(self, request: web.Request, failure: Failure) -> web.Response:
        if (request.path + "/").startswith(ROOT + "/"):
            self.requests_served += 1
        return failure.response(str(request.url), self._rate_limit)

    async def _handle(self, http: web.Request) -> web.Response:
        path = http.rel_url.raw_path.removeprefix(ROOT).rstrip("/")
        route, ids = _routed(http.method, http.rel_url.raw_path.removeprefix(ROOT))
        window = self._window("address", http.remote)
        try:
            grant = self._grant(route, http)
            if grant is not None:
                window = self._window("application" if grant.user is None else "user", grant.user)
            if wait := window.acquire():
                raise _too_many(wait)
            response = route.operation(await self._request(http, path, ids, route, grant))
        except ProblemError as problem:
            response = problem.response(self._state.base_url + path)
        encoded = response.encode()
        encoded.headers["EvEnergy-Version"] = "2"
        encoded.headers["X-RateLimit-Limit"] = str(window.limit)
        encoded.headers["X-RateLimit-Remaining"] = str(window.remaining)
        self.requests_served += 1
        return encoded

    def _window(self, kind: str, name: str | None) -> RollingWindow:
        if (kind, name) not in self._windows:
            limit = _ANONYMOUS_LIMIT if kind == "address" else self._rate_limit
            self._windows[kind, name] = RollingWindow(limit, self._state.clock)
        return self._windows[kind, name]

    def _grant(self, route: Route, http: web.Request) -> Grant | None:
        """Return the grant of the caller; None is an anonymous one, where those are allowed."""
        credentials = http.headers.get(hdrs.AUTHORIZATION)
        if credentials is None:
            if route.scope is None:
                return None
            raise _unauthorized("Send an access token.")
        scheme, _, token = credentials.partition(" ")
        grant = self._oauth_server.grant_of(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            raise _unauthorized("The access token is unknown, expired or revoked.")
        return grant

    async def _request(
        self, http: web.Request, path: str, ids: Mapping[str, str], route: Route, grant: Grant | None
    ) -> Request:
        version = http.headers.get("EvEnergy-Version", "2")
        if version != "2":
            raise ProblemError(400, f"There is no version {version!r}.", type="unsupported-version")
        if grant is not None and route.scope and route.scope not in grant.scope.split():
            raise ProblemError(403, f"The access token lacks the scope {route.scope}.")
        try:
            body = await http.read() if route.method in ("POST", "PATCH") else b""
        except web.HTTPRequestEntityTooLarge:
            raise ProblemError(413, "The body is too large.") from None
        return Request(
            state=self._state,
            path=path,
            ids=ids,
            query=http.query,
            language=http.headers.get(hdrs.ACCEPT_LANGUAGE, ""),
            body=body,
            scopes=None if grant is None else frozenset(grant.scope.split()),
            own_token=grant is not None and grant.user is not None,
            user=None if grant is None else self._user(http.headers.get("EvEnergy-User"), grant),
        )

    def _user(self, header: str | None, grant: Grant) -> User | None:
        users = self._state.fleet.users
        if header is None:
            return None if grant.user is None else users[grant.user]
        named = _USER.fullmatch(header)
        user = users.get(named[1]) if named else None
        if user is None or grant.user not in (None, user.id):
            raise ProblemError(400, "EvEnergy-User must name a user that the access token can act as.")
        return user


def _routed(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """Return the operation of a request, and the ids in its path; where there is none, one that says so."""
    routes, ids = ROUTER.match(path)
    route = routes.get("GET" if method == hdrs.METH_HEAD else method)
    if route is not None:
        return route, dict(zip(names_of(route), ids, strict=True))
    status, detail = (405, "This URL has no such method.") if routes else (404, "There is nothing under this URL.")
    allowed: dict[str, str] = {hdrs.ALLOW: ", ".join(sorted(routes))} if routes else {}

    def reject(_: Request) -> Response:
        raise ProblemError(status, detail, headers=allowed)

    return Route(method, path, reject, scope=""), {}


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})


def _too_many(wait: int) -> ProblemError:
    detail = f"The rate limit is reached; retry in {wait} s."
    return ProblemError(429, detail, type="rate-limit-exceeded", headers={hdrs.RETRY_AFTER: str(wait)})
