from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.helpers import Api, Clock, Response, assert_problem, basic, serving

REDIRECT = "http://127.0.0.1:9/callback?from=here"
VERIFIER = "a-verifier-of-no-fewer-than-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def authorize(api: Api, **query: str) -> dict[str, str]:
    """Consent, and return the parameters of the redirect."""
    given = {"response_type": "code", "client_id": "sandbox", "redirect_uri": REDIRECT, "state": "s&s", **query}
    response = await api.get(api.origin + "/o/authorize/", params=given)
    assert response.status == 302
    location = response.headers["Location"]
    assert location.startswith(REDIRECT + "&")
    carried = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert carried.pop("from") == "here"
    assert carried.pop("state") == "s&s"
    return carried


async def exchange(api: Api, code: str, **form: str) -> Response:
    return await api.token(grant_type="authorization_code", code=code, **{"redirect_uri": REDIRECT, **form})


def assert_oauth_error(response: Response, error: str, status: int = 400) -> None:
    assert response.status == status
    assert response.json()["error"] == error
    assert response.headers["Cache-Control"] == "no-store"


async def test_grants_client_credentials() -> None:
    async with serving() as api:
        response = await api.token(grant_type="client_credentials", scope="vehicle:read")
        assert response.status == 200
        token = response.json()
        assert token.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 36000, "vehicle:read")
        assert (await api.bearing(token["access_token"]).get("/vehicles")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        basic("sandbox", "wrong"),
        basic("other", "wrong"),
        "Basic !!!",
        "Basic /w==",
        "Basic",
        "Bearer abc",
        "Basic c2FuZGJveA==",
    ],
)
async def test_rejects_a_wrong_client(header: str | None) -> None:
    async with serving() as api:
        headers = {} if header is None else {"Authorization": header}
        bare = api.bearing(None)
        form = {"grant_type": "client_credentials"}
        response = await bare.send("POST", api.origin + "/o/token/", data=form, headers=headers)
        assert_oauth_error(response, "invalid_client", 401)
        assert response.headers["WWW-Authenticate"].startswith("Basic")


async def test_accepts_the_secret_in_the_form() -> None:
    async with serving() as api:
        bare, url = api.bearing(None), api.origin + "/o/token/"
        client = {"client_id": api.sandbox.client_id, "client_secret": api.sandbox.client_secret}
        response = await bare.send("POST", url, data={"grant_type": "client_credentials", **client})
        assert response.status == 200
        token = response.json()["access_token"]
        assert (await api.bearing(token).get("/vehicles")).status == 200
        revoked = await bare.send("POST", api.origin + "/o/revoke_token/", data={"token": token, **client})
        assert revoked.status == 200
        assert_problem(await api.bearing(token).get("/vehicles"), 401)
        for wrong in ({"client_secret": "x"}, {"client_id": "x"}):
            form = {"grant_type": "client_credentials", **client, **wrong}
            assert_oauth_error(await bare.send("POST", url, data=form), "invalid_client", 401)


async def test_rejects_the_secret_in_two_places() -> None:
    async with serving() as api:
        response = await api.token(grant_type="client_credentials", client_secret=api.sandbox.client_secret)
        assert_oauth_error(response, "invalid_request")
        assert (await api.token(grant_type="client_credentials", client_id=api.sandbox.client_id)).status == 200


async def test_decodes_form_encoded_credentials() -> None:
    async with serving() as api:
        encoded = "%" + "%".join(f"{ord(letter):02x}" for letter in api.sandbox.client_secret)
        header = "Basic " + base64.b64encode(f"sand%62ox:{encoded}".encode()).decode()
        form = {"grant_type": "client_credentials"}
        response = await api.send("POST", api.origin + "/o/token/", data=form, headers={"Authorization": header})
        assert response.status == 200


async def test_rejects_bad_token_requests() -> None:
    async with serving() as api:
        assert_oauth_error(await api.token(), "invalid_request")
        assert_oauth_error(await api.token(grant_type="password"), "unsupported_grant_type")
        assert_oauth_error(await api.token(grant_type="authorization_code"), "invalid_request")
        assert_oauth_error(await api.token(grant_type="authorization_code", code="x"), "invalid_grant")
        assert_oauth_error(await api.token(grant_type="refresh_token", refresh_token="x"), "invalid_grant")
        assert_oauth_error(await api.token(grant_type="client_credentials", scope="moon:write"), "invalid_scope")


@pytest.mark.parametrize("body", [b"grant_type=%zz&\xff", b"grant_type=a&grant_type=b", b"a=1&" * 30])
async def test_rejects_unreadable_forms(body: bytes) -> None:
    async with serving() as api:
        headers = {
            "Authorization": basic(api.sandbox.client_id, api.sandbox.client_secret),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        assert_oauth_error(
            await api.send("POST", api.origin + "/o/token/", data=body, headers=headers), "invalid_request"
        )
        headers["Content-Type"] = "application/json"
        assert_oauth_error(
            await api.send("POST", api.origin + "/o/token/", data=body, headers=headers), "invalid_request"
        )


async def test_expires_tokens() -> None:
    clock = Clock()
    async with serving(clock=clock) as api:
        clock.now += 35_999.9
        assert (await api.get("/vehicles")).status == 200
        clock.now += 0.1
        response = await api.get("/vehicles")
        assert_problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_revokes_tokens() -> None:
    async with serving() as api:
        token = api.headers["Authorization"].removeprefix("Bearer ")
        headers = {"Authorization": basic(api.sandbox.client_id, api.sandbox.client_secret)}
        url = api.origin + "/o/revoke_token"
        assert (await api.send("POST", url, data={"token": token}, headers=headers)).status == 405
        assert (await api.get("/vehicles")).status == 200
        for _ in range(2):
            assert (await api.send("POST", url + "/", data={"token": token}, headers=headers)).status == 200
        assert_problem(await api.get("/vehicles"), 401)
        assert_oauth_error(await api.send("POST", url + "/", data={"token": token}), "invalid_client", 401)


async def test_exchanges_a_code_with_pkce() -> None:
    async with serving() as api:
        user = api.sandbox.user_ids[3]
        query = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "login_hint": user}
        carried = await authorize(api, **query)
        response = await exchange(api, carried["code"], code_verifier=VERIFIER)
        assert response.status == 200
        owner = api.bearing(response.json()["access_token"])
        assert [found["id"] for found in await owner.data("/users")] == [user]
        assert_oauth_error(await exchange(api, carried["code"], code_verifier=VERIFIER), "invalid_grant")
        carried = await authorize(api, **query)
        assert_oauth_error(await exchange(api, carried["code"], code_verifier=VERIFIER + "x"), "invalid_grant")
        carried = await authorize(api, **query)
        assert_oauth_error(await exchange(api, carried["code"]), "invalid_grant")


async def test_authorizes_the_first_user_without_a_hint() -> None:
    async with serving() as api:
        response = await exchange(api, (await authorize(api))["code"])
        owner = api.bearing(response.json()["access_token"])
        assert [found["id"] for found in await owner.data("/users")] == api.sandbox.user_ids[:1]


async def test_expires_codes_after_a_minute() -> None:
    clock = Clock(1000.0)
    async with serving(clock=clock) as api:
        fresh, old = await authorize(api), await authorize(api)
        clock.now += 59.9
        assert (await exchange(api, fresh["code"])).status == 200
        clock.now += 0.1
        assert_oauth_error(await exchange(api, old["code"]), "invalid_grant")


async def test_requires_the_same_redirect_uri() -> None:
    async with serving() as api:
        carried = await authorize(api)
        assert_oauth_error(await exchange(api, carried["code"], redirect_uri=REDIRECT + "x"), "invalid_grant")


async def test_rejects_bad_authorization_requests() -> None:
    async with serving() as api:
        assert (await authorize(api, response_type="token"))["error"] == "unsupported_response_type"
        assert (await authorize(api, code_challenge=CHALLENGE))["error"] == "invalid_request"
        plain = {"code_challenge": CHALLENGE, "code_challenge_method": "plain"}
        assert (await authorize(api, **plain))["error"] == "invalid_request"
        assert (await authorize(api, login_hint="nobody"))["error"] == "invalid_request"
        url = api.origin + "/o/authorize/"
        assert_oauth_error(await api.get(url, params={"client_id": "x", "redirect_uri": REDIRECT}), "invalid_request")
        for target in ("", "/callback", "http://x/#part", "http://[", "http://x/\r\nSet-Cookie: a"):
            query = {"client_id": "sandbox", "redirect_uri": target, "response_type": "code"}
            assert_oauth_error(await api.get(url, params=query), "invalid_request")


async def test_rotates_refresh_tokens() -> None:
    async with serving() as api:
        first = (await exchange(api, (await authorize(api, scope="vehicle:read"))["code"])).json()
        second = await api.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert second.status == 200
        assert second.json()["scope"] == "vehicle:read"
        assert second.json()["refresh_token"] != first["refresh_token"]
        again = await api.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
        assert_oauth_error(again, "invalid_grant")
        third = await api.token(grant_type="refresh_token", refresh_token=second.json()["refresh_token"])
        assert (await api.bearing(third.json()["access_token"]).get("/vehicles")).status == 200
