"""Messages of rejected arguments."""

from collections.abc import Callable
from typing import Any

import pytest

from evenergy import InvalidArgumentError


def rejected(check: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    """Return the message of the rejection."""
    with pytest.raises(InvalidArgumentError) as caught:
        check(*args, **kwargs)
    return str(caught.value)
