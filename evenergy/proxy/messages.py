"""Messages of a gateway: what of a caller's request goes on, and what of a response comes back."""

import math
import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from evenergy._codec import urls, validate
from evenergy._transport.request import Request, Response
from evenergy.errors import (
    BudgetError,
    ClosedError,
    EvEnergyError,
    InvalidArgumentError,
    ProblemError,
    RateLimitError,
    RequestTimeoutError,
)

ROOT = "/v2"
_BACK = (
    *("Content-Type", "Content-Language", "Link", "Location", "Retry-After", "X-RateLimit-Limit"),
    *("X-RateLimit-Remaining",),
)
"""Headers of a response that come back to the caller."""
_WITH_URLS = frozenset({"Link", "Location"})
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


async def upstream_request(incoming: web.Request) -> Request[Response]:
    """Return what goes on of a request: method, path, query, body, and a short list of headers.

    Raises:
        InvalidArgumentError: It is no path of the API, or a header is invalid.
    """
    path = incoming.rel_url.raw_path
    if incoming.rel_url.absolute or not path.startswith(f"{ROOT}/"):
        raise InvalidArgumentError(f"expected a path below {ROOT}/")
    if any(unquote(segment) in {".", ".."} or "\\" in unquote(segment) for segment in path.split("/")):
        raise InvalidArgumentError("expected a path without dot segments")
    body = await incoming.read() if incoming.method in _WITH_BODY else None
    return Request(
        incoming.method,
        path.removeprefix(ROOT),
        _as_it_is,
        incoming.rel_url.raw_query_string,
        body or (b"" if body is not None else None),
        headers=_forwarded(incoming.headers),
        reads_redirect=True,
    )


def user_of(incoming: web.Request) -> str | None:
    """Return the id of the user in whose name a request is made, from its id or from any URL of it.

    Raises:
        InvalidArgumentError: It is no user.
    """
    value = incoming.headers.get("EvEnergy-User")
    return None if value is None else validate.identifier(value, "user")


def patience_of(incoming: web.Request) -> float | None:
    """Return the seconds that a caller would wait (``Prefer: wait=``, RFC 7240, section 4.3), or None without them."""
    found = _WAIT.search(incoming.headers.get("Prefer", ""))
    return None if found is None else float(found[1])


def response_of(found: Response, base_url: str, own_url: str) -> web.Response:
    """Return a response of the API, with its links to this gateway."""
    return web.Response(status=found.status, body=found.body, headers=_back(found.headers, base_url, own_url))


def error_response(error: EvEnergyError, base_url: str, own_url: str) -> web.Response:
    """Return an error as problem details (RFC 9457): the API's own as it said it, others by what failed."""
    headers = CIMultiDict[str]()
    if isinstance(error, ProblemError) and error.status is not None:
        members: dict[str, object] = {**error.extensions, **_members(error)}
        headers = _back(error.headers, base_url, own_url)
        status = error.status
    else:
        status = _status(error)
        members = {
            "type": "about:blank",
            "title": "The gateway has no response",
            "status": status,
            "detail": str(error),
        }
    if isinstance(error, RateLimitError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    headers["Content-Type"] = "application/problem+json"
    return web.Response(status=status, body=msgspec.json.encode(members), headers=headers)


def problem(status: int, title: str, detail: str, **headers: str) -> web.Response:
    """Return an error of the gateway itself."""
    members = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    body = msgspec.json.encode(members)
    return web.Response(status=status, body=body, content_type="application/problem+json", headers=headers)


def _status(error: EvEnergyError) -> int:
    match error:
        case InvalidArgumentError():
            return 400
        case RequestTimeoutError():
            return 504
        case BudgetError() | ClosedError():
            return 503
        case _:
            return 502


def _members(error: ProblemError) -> dict[str, object]:
    members = {
        "type": error.type,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": error.instance,
        "field_errors": error.field_errors or None,
        "notification": error.notification,
    }
    return {name: value for name, value in members.items() if value is not None}


def _forwarded(headers: Mapping[str, str]) -> Mapping[str, str]:
    language = headers.get("Accept-Language")
    return {} if language is None else {"Accept-Language": validate.header_text("Accept-Language", language)}


def _back(headers: Mapping[str, str], base_url: str, own_url: str) -> CIMultiDict[str]:
    given = {name: headers[name] for name in _BACK if name in headers}
    for name in _WITH_URLS & given.keys():
        for base in (base_url, f"{urls.PROVIDER}{ROOT}"):
            given[name] = given[name].replace(f"{base}/", f"{own_url}/")
    return CIMultiDict(given)


def _as_it_is(response: Response) -> Response:
    return response
