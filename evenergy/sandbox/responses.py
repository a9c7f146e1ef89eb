"""The responses of operations."""

import json
from collections.abc import Mapping

import attrs
from aiohttp import web

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


@attrs.frozen
class Response:
    """A response before it becomes HTTP. Without data it has no body."""

    data: object
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    content_type: str = "application/json"

    def encode(self) -> web.Response:
        """Return it as HTTP."""
        if self.data is None:
            return web.Response(status=self.status, headers=self.headers)
        body = _encode(self.data).encode()
        return web.Response(body=body, status=self.status, headers=self.headers, content_type=self.content_type)
