"""The description, and servers that are started once for all contract tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recorder import Recorder, serving

from .description import VARIABLE, Description, configured, load
from .prism import mocking
from .recording import forwarding


@pytest.fixture(scope="session")
def description_path() -> Path:
    path = configured()
    if path is None:
        pytest.skip(f"{VARIABLE} does not name the provider's description")
    return Path(path)


@pytest.fixture(scope="session")
def description(description_path: Path) -> Description:
    return load(description_path)


@pytest.fixture(scope="session")
def prism(description_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the origin of Prism."""
    with mocking(description_path, tmp_path_factory.mktemp("prism") / "prism.log") as origin:
        yield origin


@pytest.fixture(scope="session")
def recorder(prism: str) -> Iterator[Recorder]:
    """Give a recording server before Prism; a test that sets another handler sets it back."""
    with serving(Recorder(forwarding(prism))) as recorder:
        yield recorder
