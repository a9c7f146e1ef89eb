"""What every request below /v2 passes: who asks, how often, in which version, and as whom."""

import re
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import hdrs, web

from evenergy.sandbox.calls import Call, World
from evenergy.sandbox.fleet import User
from evenergy.sandbox.oauth import Authority, Grant
from evenergy.sandbox.problems import ProblemError
from evenergy.sandbox.replies import Reply
from evenergy.sandbox.routes import ROUTES, Route
from evenergy.sandbox.window import RollingWindow

ROOT = "/v2"
_ANONYMOUS_LIMIT = 50
_USER = re.compile(r"(?:https?://[^\s?#]+/users/)?(user[0-9A-HJKMNP-TV-Z]{26})/?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Front:
    """Lets requests in, and counts them."""

    def __init__(self, world: World, authority: Authority, rate_limit: int) -> None:
        self.answered: int = 0
        self._world = world
        self._authority = authority
        self._rate_limit = rate_limit
        self._windows: dict[tuple[str, str | None], RollingWindow] = {}

    def application(self) -> web.Application:
        """Make the application: the API, and beside it the authorization server."""
        app = web.Application(middlewares=[self._catch_unrouted])
        app.add_routes(self._authority.routes())
        for route in ROUTES:
            for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
                app.router.add_route(method, ROOT + route.path + "{slash:/?}", partial(self._answer, route))
        return app

    @web.middleware
    async def _catch_unrouted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        missing = request.match_info.http_exception
        if missing is None or not (request.path + "/").startswith(ROOT + "/"):
            return await handler(request)
        allowed = {"Allow": missing.headers[hdrs.ALLOW]} if hdrs.ALLOW in missing.headers else None
        detail = "This URL has no such method." if allowed else "There is nothing under this URL."

        def refuse(_: Call) -> Reply:
            raise ProblemError(missing.status, detail, headers=allowed)

        return await self._answer(Route(request.method, "", refuse, scope=""), request)

    async def _answer(self, route: Route, request: web.Request) -> web.Response:
        path = request.rel_url.raw_path.removeprefix(ROOT).rstrip("/")
        window = self._window("address", request.remote)
        try:
            grant = self._grant(route, request)
            if grant is not None:
                window = self._window("application" if grant.user is None else "user", grant.user)
            if wait := window.take():
                raise _too_many(wait)
            reply = route.operation(await self._call(request, path, route, grant))
        except ProblemError as problem:
            reply = problem.reply(self._world.base_url + path)
        response = reply.response()
        response.headers["EvEnergy-Version"] = "2"
        response.headers["X-RateLimit-Limit"] = str(window.limit)
        response.headers["X-RateLimit-Remaining"] = str(window.remaining)
        self.answered += 1
        return response

    def _window(self, kind: str, name: str | None) -> RollingWindow:
        if (kind, name) not in self._windows:
            limit = _ANONYMOUS_LIMIT if kind == "address" else self._rate_limit
            self._windows[kind, name] = RollingWindow(limit, self._world.clock)
        return self._windows[kind, name]

    def _grant(self, route: Route, request: web.Request) -> Grant | None:
        """Tell the caller; None is an anonymous one, where those are welcome."""
        credentials = request.headers.get(hdrs.AUTHORIZATION)
        if credentials is None:
            if route.scope is None:
                return None
            raise _unauthorized("Send an access token.")
        scheme, _, token = credentials.partition(" ")
        grant = self._authority.grant_of(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            raise _unauthorized("The access token is unknown, expired or revoked.")
        return grant

    async def _call(self, request: web.Request, path: str, route: Route, grant: Grant | None) -> Call:
        version = request.headers.get("EvEnergy-Version", "2")
        if version != "2":
            raise ProblemError(400, f"There is no version {version!r}.", type="unsupported-version")
        if grant is not None and route.scope and route.scope not in grant.scope.split():
            raise ProblemError(403, f"The access token lacks the scope {route.scope}.")
        try:
            body = await request.read() if route.method in ("POST", "PATCH") else b""
        except web.HTTPRequestEntityTooLarge:
            raise ProblemError(413, "The body is too large.") from None
        return Call(
            world=self._world,
            path=path,
            ids=request.match_info,
            query=request.query,
            language=request.headers.get(hdrs.ACCEPT_LANGUAGE, ""),
            body=body,
            anonymous=grant is None,
            user=None if grant is None else self._user(request.headers.get("EvEnergy-User"), grant),
        )

    def _user(self, header: str | None, grant: Grant) -> User | None:
        users = self._world.fleet.users
        if header is None:
            return None if grant.user is None else users[grant.user]
        named = _USER.fullmatch(header)
        user = users.get(named[1]) if named else None
        if user is None or grant.user not in (None, user.id):
            raise ProblemError(400, "EvEnergy-User must name a user that the access token can act as.")
        return user


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})


def _too_many(wait: int) -> ProblemError:
    detail = f"The rate limit is reached; a request is free again in {wait} s."
    return ProblemError(429, detail, type="rate-limit-exceeded", headers={hdrs.RETRY_AFTER: str(wait)})
