"""The pytest fixture `evenergy_sandbox`."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenergy.sandbox import Sandbox


@pytest.fixture
def evenergy_sandbox() -> "Iterator[Sandbox]":
    """Serve a sandbox for one test, from a thread of its own, so that blocking tests and coroutines can use it."""
    # pytest loads this plugin wherever the package is installed; only tests that ask for the server pay for aiohttp.
    from evenergy.sandbox import Sandbox  # noqa: PLC0415  as said

    with Sandbox() as sandbox:
        yield sandbox
