"""Files of a recording: one for each response, and an index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec

from evenergy._version import VERSION
from evenergy.errors import EvEnergyError, InvalidArgumentError
from evenergy.token_store import write_private

from .routes import patterns

INDEX: Final = "index.json"


@attrs.frozen
class Recording:
    """Response of the API without the data of the account.

    Attributes:
        method: The HTTP method.
        path: The path of the operation, with ``{}`` for each id.
        url: The URL that was requested.
        status: The HTTP status.
        headers: The headers that say how the API behaves.
        body: The body as data; None for none, or one that is no JSON.
    """

    method: str
    path: str
    url: str
    status: int
    headers: dict[str, str]
    body: Any


class RecordingDirectory:
    """Directory that a recording is written to, in place of an earlier one.

    Args:
        path: The directory; it is made for its owner only.

    Raises:
        InvalidArgumentError: It holds something else than an earlier recording.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise InvalidArgumentError(f"{path} is no directory")
        self.path = path
        self._counts: Counter[str] = Counter()
        try:
            self._clear()
        except OSError as error:
            raise InvalidArgumentError(f"{path} cannot be used: {error.strerror or error}") from error

    def write(self, recording: Recording) -> str:
        """Write one response, and return the name of its file."""
        stem = "-".join(["get", *re.findall(r"[\w-]+", recording.path.replace("{}", "id"))])
        self._counts[stem] += 1
        name = f"{stem}{f'-{self._counts[stem]}' if self._counts[stem] > 1 else ''}.json"
        self._write(name, attrs.asdict(recording))
        return name

    def end(self, requests: int, operations: int) -> None:
        """Write the index."""
        self._write(
            INDEX,
            {
                "evenergy": VERSION,
                "recorded_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                "requests": requests,
                "operations": operations,
                "operations_of_the_api": len(patterns()),
                "files": self._counts.total(),
            },
        )

    def _write(self, name: str, data: object) -> None:
        text = msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"
        try:
            write_private(self.path / name, lambda: text, durable=False)
        except OSError as error:
            raise EvEnergyError(f"{self.path / name} could not be written: {error.strerror or error}") from error

    def _clear(self) -> None:
        """Remove the files of an earlier recording, and write an index, by which the directory is known as one."""
        if self.path.is_dir() and any(self.path.iterdir()) and not _is_recording(self.path):
            raise InvalidArgumentError(
                f"{self.path} is not empty, and holds no recording: name a directory that is new"
            )
        for one in self.path.glob("get*.json"):
            one.unlink(missing_ok=True)
        self.end(0, 0)


def read(path: Path) -> Iterator[tuple[str, Recording]]:
    """Yield the recordings of a directory, each with the name of its file.

    Raises:
        InvalidArgumentError: It holds no recording, or a file of it cannot be read.
    """
    if not _is_recording(path):
        raise InvalidArgumentError(f"{path} holds no recording: make one with `evenergy record {path}`")
    for file in sorted(path.glob("get*.json")):
        try:
            yield file.name, msgspec.convert(msgspec.json.decode(file.read_bytes()), Recording)
        except (OSError, ValueError) as error:
            raise InvalidArgumentError(f"{file} is no recording: {error}") from error


def _is_recording(path: Path) -> bool:
    try:
        index: object = msgspec.json.decode((path / INDEX).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(index, dict) and "evenergy" in index
