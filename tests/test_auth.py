"""Credentials: what is accepted as one, and that none shows its secret."""

import copy
import pickle
from typing import Any

import pytest

import evenergy
from evenergy import AsyncClient, AuthorizationCode, BearerToken, Client, ClientCredentials, Token

SECRETS = [
    BearerToken("very-secret-1"),
    ClientCredentials("app", "very-secret-1"),
    AuthorizationCode("app", "https://x", client_secret="very-secret-1"),
    Token.from_dict({"access_token": "very-secret-1", "refresh_token": "very-secret-2"}),
]


@pytest.mark.parametrize("holder", SECRETS, ids=lambda holder: type(holder).__name__)
def test_an_object_that_holds_a_secret_shows_it_nowhere(holder: object) -> None:
    assert "very-secret" not in repr(holder) + str(holder)
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(holder)
    with pytest.raises(TypeError, match="pickled"):
        copy.deepcopy(holder)


@pytest.mark.parametrize("token", ["", "tok en", "tok\nen", "tökèn", "tok\x00"])
def test_a_token_that_could_break_a_header_is_refused_and_not_shown(token: str) -> None:
    for make in (BearerToken, AsyncClient, Client):
        with pytest.raises(evenergy.InvalidArgumentError) as raised:
            make(token)
        assert not token.strip() or token not in str(raised.value)


def test_a_token_with_the_scheme_before_it_is_refused_with_the_cure() -> None:
    with pytest.raises(evenergy.InvalidArgumentError, match="without 'Bearer '") as raised:
        AsyncClient("Bearer abc-abc")
    assert "abc-abc" not in str(raised.value)


@pytest.mark.parametrize("secret", ["", "sec\nret", "sec\x00ret", "secret\ud800", None])
def test_a_secret_that_cannot_be_sent_is_refused_and_not_shown(secret: Any) -> None:
    for pair in (("app", secret), (secret, "hush")):
        with pytest.raises(evenergy.InvalidArgumentError) as raised:
            ClientCredentials(*pair)
        assert not secret or secret not in str(raised.value)


@pytest.mark.parametrize(
    "data", [{}, {"access_token": ""}, {"access_token": 5}, {"access_token": "t", "refresh_token": 5}]
)
def test_a_stored_token_that_is_none_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(evenergy.InvalidArgumentError):
        Token.from_dict(data)
