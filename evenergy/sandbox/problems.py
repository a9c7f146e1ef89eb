"""Errors as RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from evenergy.sandbox.responses import Response

TYPES = "https://api.ev.energy/v2/problems/"
_NEVER_FOUND = "There is no such resource, or it is not yours to see."


class ProblemError(Exception):
    """Error that is the response to a request."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
        field_errors: Mapping[str, Sequence[str]] | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.type = type
        self.title: str = type.replace("-", " ").capitalize() if type else HTTPStatus(status).phrase
        self.headers: Mapping[str, str] = headers or {}
        self.field_errors = field_errors
        self.extensions: Mapping[str, object] = extensions or {}

    def response(self, instance: str) -> Response:
        """Return it as the response to the request for the URL `instance`."""
        data: dict[str, object] = {"type": TYPES + self.type + "/"} if self.type else {}
        data |= {"title": self.title, "status": self.status, "detail": self.detail, "instance": instance}
        if self.field_errors:
            data["field_errors"] = self.field_errors
        data |= self.extensions
        return Response(data, status=self.status, headers=self.headers, content_type="application/problem+json")


def not_found() -> ProblemError:
    """Return the error for anything that is absent, or not the caller's."""
    return ProblemError(404, _NEVER_FOUND)


def invalid_page(parameter: str) -> ProblemError:
    """Return the error for a paging parameter that cannot be read."""
    detail = f"Cannot page by this value of {parameter}."
    return ProblemError(400, detail, type="pagination-parameters")


def invalid_query(parameter: str, message: str) -> ProblemError:
    """Return the error for a query parameter that cannot be read."""
    return invalid_fields({parameter: [message]})


def invalid_fields(field_errors: Mapping[str, Sequence[str]]) -> ProblemError:
    """Return the error for fields that break the rules."""
    detail = f"Not valid: {', '.join(field_errors)}"
    return ProblemError(400, detail, type="validation-failed", field_errors=field_errors)
