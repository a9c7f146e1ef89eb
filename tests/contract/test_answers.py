"""What the schemas allow, the client reads, and gives back as it came."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

import evenergy
from evenergy import AsyncClient
from evenergy.codec import decode

from .answers import documents, same, same_value
from .description import Description
from .mistakes import VIOLATIONS
from .models import MODELS, Model
from .operations import OPERATIONS, USER, Operation
from .recording import TOKEN, Recorder, forwarding, perform

_THOROUGH = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # a vehicle with all expanded is large
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_a_schema_allows_is_read(description: Description, model: Model) -> None:
    @_THOROUGH
    @given(documents(description, {"$ref": MODELS[model]}))
    def reads(document: dict[str, Any]) -> None:
        value = decode(json.dumps(document).encode(), model)
        back = evenergy.to_dict(value)
        assert same_value(model, document, back), (document, back)
        assert decode(json.dumps(back).encode(), model) == value

    reads()
