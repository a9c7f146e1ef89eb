"""Fixtures of the recipes."""

from collections.abc import Generator

import pytest

from tests.webhooks.helpers import models_of_charging


@pytest.fixture(scope="module", autouse=True)
def charging() -> Generator[None]:
    with models_of_charging():
        yield
