"""What the contract tests share: the description, and servers that are started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .description import VARIABLE, Description, configured, load
from .prism import mocking
from .recording import Recorder, forwarding, serving


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
    """The origin of Prism."""
    with mocking(description_path, tmp_path_factory.mktemp("prism") / "prism.log") as origin:
        yield origin


@pytest.fixture(scope="session")
def recorder(prism: str) -> Iterator[Recorder]:
    """A recording server before Prism; its handler is set back after each test that sets another."""
    with serving(Recorder(forwarding(prism))) as recorder:
        yield recorder
