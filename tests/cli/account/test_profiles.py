from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from evenergy import ClientCredentials
from evenergy._codec.secret import Secret
from evenergy.cli import accounts, profiles
from evenergy.cli.errors import SignInError, UsageError
from evenergy.cli.profiles import Profile, Vault
from evenergy.errors import EvEnergyError, InvalidArgumentError
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import export, run, sign_in

URL = "https://example.com/v2"
USER = "user01HN2NJ9NMRZBXT1H6FT9N7735"
OTHER = "user01HN2NJ9NMRZBXT1H6FT9N7736"


def saved(name: str = "default", **more: Any) -> Profile:
    given: dict[str, Any] = {"base_url": URL, "kind": "application", "client_id": "app"}
    profile = Profile(**(given | more))
    profiles.save(name, profile)
    Vault(name, profile.storage).save_secret(Secret("secretsecret"))
    return profile


def chosen(**options: str) -> tuple[str, str, str | None]:
    account = accounts.choose(options.get("profile"), options.get("base_url"), options.get("user"))
    assert account is not None
    return account.source, account.base_url, account.user


def test_nothing_is_nothing() -> None:
    assert accounts.choose() is None


def test_the_default_profile() -> None:
    saved(user=USER)
    assert chosen() == ("profile default", URL, USER)
    assert chosen(user=OTHER) == ("profile default", URL, OTHER)


def test_variables_go_before_the_default_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    saved(user=USER)
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentoken")
    assert chosen() == ("the environment", "https://api.ev.energy/v2", None)  # and not with the profile's URL or user
    monkeypatch.setenv("EVENERGY_BASE_URL", "https://other.example/v2")
    monkeypatch.setenv("EVENERGY_USER", OTHER)
    assert chosen() == ("the environment", "https://other.example/v2", OTHER)


def test_a_profile_on_the_command_line_goes_before_all_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    saved("work", user=USER)
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentoken")
    monkeypatch.setenv("EVENERGY_BASE_URL", "https://other.example/v2")
    monkeypatch.setenv("EVENERGY_USER", OTHER)
    assert chosen(profile="work") == ("profile work", URL, USER)


def test_a_profile_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    saved("work", user=USER)
    monkeypatch.setenv("EVENERGY_PROFILE", "work")
    monkeypatch.setenv("EVENERGY_USER", OTHER)
    assert chosen() == ("profile work", URL, OTHER)
    monkeypatch.setenv("EVENERGY_PROFILE", "gone")
    with pytest.raises(SignInError, match=r"no profile gone; there are work: run `evenergy login --profile gone`"):
        accounts.choose()


def test_no_token_of_a_profile_goes_to_another_server(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    saved()
    monkeypatch.setenv("EVENERGY_BASE_URL", sandbox.base_url)
    done = run("vehicles")
    assert (done.code, sandbox.requests) == (4, 0)
    assert f"profile default is for {URL}, so nothing was sent to {sandbox.base_url}" in done.err
    assert chosen(base_url="https://example.com:443/other")[1] == "https://example.com:443/other"


def test_the_user_of_a_named_profile_is_sent(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(sandbox, "--profile", "work", "--user", sandbox.user_ids[0])
    monkeypatch.setenv("EVENERGY_USER", USER)
    assert run("vehicles", "--profile", "work", "--json").code == 0
    assert run("vehicles", "--profile", "work", "--user", USER).code == 1


def test_half_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_CLIENT_SECRET", "secretsecret")
    done = run("vehicles")
    assert done.code == 2
    assert "EVENERGY_CLIENT_SECRET is set but EVENERGY_CLIENT_ID is not" in done.err


def test_a_secret_that_was_deleted() -> None:
    saved()
    Vault("default", "file").save_secret(None)
    account = accounts.choose()
    assert account is not None
    with pytest.raises(SignInError, match="no secret in"):
        account.auth()


def test_a_user_without_a_token() -> None:
    saved("me", kind="user", redirect_uri="http://127.0.0.1:1/callback")
    account = accounts.choose("me")
    assert account is not None
    with pytest.raises(SignInError, match=r"no token in .*: run `evenergy login --profile me`"):
        account.auth()


def test_profiles_are_kept(config: Path) -> None:
    first, second = saved(), saved("b", scopes=("vehicle:read",), user=USER)
    assert profiles.load() == {"default": first, "b": second}
    profiles.save("b", None)
    assert profiles.load() == {"default": first}
    assert b"secretsecret" not in (config / "profiles.json").read_bytes()
    assert stat.S_IMODE((config / "profiles.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no profiles"),
        (b"[]", "holds no profiles"),
        (b"\xff", "holds no profiles"),
        (b'{"version": 1}', "holds no profiles"),
        (b'{"version": 1, "profiles": {"default": {"kind": "robot"}}}', "holds no profiles"),
        (b'{"version": 2, "profiles": []}', "is of version 2, not 1: upgrade evenergy"),
    ],
)
def test_a_file_that_cannot_be_used(config: Path, content: bytes, words: str) -> None:
    config.mkdir()
    (config / "profiles.json").write_bytes(content)
    (config / "profiles.json").chmod(0o600)
    with pytest.raises(InvalidArgumentError, match=words):
        profiles.load()
    done = run("vehicles")
    assert (done.code, done.err.count("\n")) == (2, 1)


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_a_secret_that_others_can_read_is_not_used(config: Path) -> None:
    saved()
    (config / "secrets" / "default").chmod(0o640)
    done = run("vehicles")
    assert done.code == 2
    assert "chmod 600" in done.err


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "a b", "x" * 65, "é"])
def test_names_are_no_paths(name: str) -> None:
    with pytest.raises(UsageError):
        profiles.checked_name(name)


def test_the_platform_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENERGY_CONFIG_DIR")
    assert profiles.directory().name == "evenergy"
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    with pytest.raises(EvEnergyError, match=r"needs platformdirs, .*evenergy\[cli\]"):
        profiles.directory()


# The keyring


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give the content of a keyring in memory."""
    import keyring.backend  # noqa: PLC0415  only here

    content: dict[str, str] = {}

    class InMemory(keyring.backend.KeyringBackend):
        priority: Any = 1

        def get_password(self, service: str, username: str) -> str | None:
            return content.get(f"{service}/{username}")

        def set_password(self, service: str, username: str, password: str) -> None:
            content[f"{service}/{username}"] = password

        def delete_password(self, service: str, username: str) -> None:
            del content[f"{service}/{username}"]

    monkeypatch.setattr("keyring.core._keyring_backend", cast("Any", InMemory)())
    return content


def test_secret_and_token_in_the_keyring(
    sandbox: Sandbox, keys: dict[str, str], config: Path, token_requests: list[str]
) -> None:
    done = sign_in(sandbox, "--keyring")
    assert (done.code, "the keyring of the system" in done.err) == (0, True)
    assert keys.keys() == {"evenergy/default/secret", "evenergy/default/token"}
    assert not (config / "secrets").exists()
    assert run("vehicles").code == 0
    assert token_requests == ["client_credentials"]
    assert run("whoami", "--json").json["stored_in"] == "the keyring of the system"
    keys["evenergy/default/token"] = "{"
    assert run("vehicles").code == 0  # with a new token
    assert len(token_requests) == 2
    assert run("logout").code == 0
    assert not keys


def test_without_the_keyring(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    done = sign_in(sandbox, "--keyring")
    assert done.code == 1
    assert 'pip install "evenergy[keyring]"' in done.err


def test_a_keyring_that_is_locked(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.errors  # noqa: PLC0415  only here

    def fail(*texts: str) -> None:
        raise keyring.errors.KeyringLocked(" ".join(texts))

    monkeypatch.setattr("keyring.set_password", fail)
    done = sign_in(sandbox, "--keyring")
    assert done.code == 1
    assert "cannot be used (KeyringLocked): unlock it" in done.err
    assert sandbox.client_secret not in done.err


# whoami


def test_whoami_without_credentials() -> None:
    done = run("whoami")
    assert (done.code, done.out) == (4, "")
    assert "run `evenergy login`" in done.err


def test_whoami_sends_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token_requests: list[str]) -> None:
    export(monkeypatch, sandbox, EVENERGY_USER=sandbox.user_ids[0])
    done = run("whoami", "--json")
    assert done.code == 0
    assert done.json["kind"] == "application"
    assert done.json["user"] == sandbox.user_ids[0]
    assert done.json["token_expires_at"] is None
    assert (sandbox.requests, token_requests) == (0, [])


def test_whoami_of_a_profile(sandbox: Sandbox) -> None:
    sign_in(sandbox, "--scope", "vehicle:read")
    lines = run("whoami").out.splitlines()
    assert "Scopes of the token: vehicle:read" in lines
    assert f"Base URL:            {sandbox.base_url}" in lines
    heading, row = run("whoami", "--csv").out.splitlines()
    assert heading.startswith("profile,source,kind,client_id")
    assert row.startswith("default,profile default,application,sandbox")
    assert sandbox.requests == 1  # of the sign-in


def test_whoami_of_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENERGY_TOKEN", "tokentokentoken")
    done = run("whoami")
    assert "Kind:                token" in done.out
    assert "tokentokentoken" not in done.out + done.err


def test_equal_credentials_of_a_profile_share_one_store() -> None:
    saved()
    account = accounts.choose()
    assert account is not None
    assert isinstance(account.auth(), ClientCredentials)
    assert account.auth() == account.auth()
