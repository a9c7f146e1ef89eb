"""Uploads to a presigned URL: another origin, which gets the file, and neither the token nor a header of the client."""

import asyncio
import io
import random
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import IO, TypeAlias

import aiohttp
from yarl import URL

from evenergy._codec import urls
from evenergy.errors import ClosedError, EvEnergyError, InvalidArgumentError, TransportError

from . import failures
from .attempts import TRANSIENT
from .connections import Connections
from .session import Options
from .timeouts import ExpiredError

Source: TypeAlias = bytes | str | Path | IO[bytes]
"""File to upload: its bytes, its path, or an open binary file that can seek."""

_REDIRECTS = HTTPStatus.MULTIPLE_CHOICES.value
_CHUNK = 2**18  # bytes


async def put_file(
    connections: Connections, url: str, source: Source, options: Options, content_type: str | None
) -> None:
    """Send a file to a presigned URL by PUT, and retry it: the store takes the whole file or nothing.

    Raises:
        InvalidArgumentError: The file cannot be read.
        TransportError: The file was not stored; the message shows the host alone, since the URL is a secret.
    """
    target, retry = _target(url), options.retry
    for attempt in range(1, retry.attempts + 1):
        try:
            await _put(connections, target, source, content_type, options.timeout)
        except TransportError as error:
            if attempt == retry.attempts or not error.transient:
                raise
            await asyncio.sleep(random.uniform(0, min(retry.backoff * 2 ** (attempt - 1), retry.max_backoff)))
        else:
            return


async def _put(
    connections: Connections, target: URL, source: Source, content_type: str | None, seconds: float | None
) -> None:
    loop, where = asyncio.get_running_loop(), f"{target.scheme}://{target.host}"
    http, proxy = connections.session(loop), connections.network.proxies(where)
    file = await loop.run_in_executor(None, _opened, source)
    status: int | None = None
    failed: EvEnergyError | None = None
    try:
        size = await loop.run_in_executor(None, _size, file)
        with connections.timeouts.watch(seconds, loop, loop.time()):
            async with http.put(
                target,
                data=_chunks(file),
                headers={"Content-Length": str(size), "Content-Type": content_type or "application/octet-stream"},
                skip_auto_headers=("User-Agent",),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
                ssl=True if connections.network.ssl is None else connections.network.ssl,
                proxy=None if proxy is None else proxy.url,
                middlewares=connections.middlewares(None),
            ) as response:
                status = response.status
        if status is None:
            raise ExpiredError
    except failures.FAILURES as error:
        if connections.closed:
            failed = ClosedError(f"the client was closed during the upload (PUT {where})")
        else:
            failed = failures.transport_error(error, method="PUT", url=where, timeout=seconds)
    finally:
        if file is not source:
            await loop.run_in_executor(None, file.close)
    if failed is not None:
        raise failed  # here, where no frame of aiohttp is attached
    if status is not None and not HTTPStatus.OK.value <= status < _REDIRECTS:
        transient = status in TRANSIENT or status == HTTPStatus.TOO_MANY_REQUESTS
        raise TransportError(
            f"the file was not stored: {status} (PUT {where})", method="PUT", url=where, transient=transient
        )


def _target(url: str) -> URL:
    """Return the presigned URL, which must be https, or on loopback."""
    parts = URL(url, encoded=True)
    urls.base_url(f"{parts.scheme}://{parts.authority}")
    return parts


def _opened(source: Source) -> IO[bytes]:
    try:
        if isinstance(source, bytes):
            return io.BytesIO(source)
        return Path(source).open("rb") if isinstance(source, str | Path) else source
    except OSError as error:
        raise InvalidArgumentError(f"expected a file that can be read, got {source!r}: {error.strerror}") from None


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)  # from the start, also at a retry
    return size


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    while chunk := await loop.run_in_executor(None, file.read, _CHUNK):
        yield chunk
