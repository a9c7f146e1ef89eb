"""Recording of a sandbox that stands still, made once, and what sandboxes send at the same moment."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import attrs
import pytest

from evenergy import AsyncClient, ClientCredentials
from evenergy.recording.crawl import Crawl, Exchange
from evenergy.recording.files import Recording, RecordingDirectory
from evenergy.recording.record import redacted
from evenergy.recording.redact import Redactor
from evenergy.recording.shapes import Shapes, sandbox_shapes
from evenergy.sandbox import Sandbox


@attrs.frozen
class Recorded:
    """Recording of a sandbox.

    Attributes:
        exchanges: The responses as they came.
        recordings: The same, redacted, each with the name of its file.
        path: The directory.
        now: The time at which it was made, in POSIX seconds.
    """

    exchanges: list[Exchange]
    recordings: list[tuple[str, Recording]]
    path: Path
    now: float

    def named(self, path: str) -> int:
        """Return the place of the first recording of an operation."""
        return next(at for at, (_, one) in enumerate(self.recordings) if one.path == path and one.status == 200)


async def _recorded(path: Path, now: float) -> Recorded:
    async with Sandbox(rate_limit=1000, clock=lambda: now) as sandbox:
        auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
        async with AsyncClient(auth, base_url=sandbox.base_url) as client:
            exchanges = [one async for one in Crawl(client, requests=400)]
            redactor, files = Redactor(sandbox.base_url), RecordingDirectory(path)
            recordings = [redacted(one, redactor) for one in exchanges]
            named = [(files.write(one), one) for one in recordings]
            files.end(len(exchanges), 1)
    return Recorded(exchanges, named, path, now)


@pytest.fixture(scope="package")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Give the recording of a sandbox."""
    return asyncio.run(_recorded(tmp_path_factory.mktemp("recorded") / "recording", time.time()))


@pytest.fixture(scope="package")
def simulated(recorded: Recorded) -> Shapes:
    """Give what sandboxes send at the moment of the recording."""
    return asyncio.run(sandbox_shapes(lambda: recorded.now))
