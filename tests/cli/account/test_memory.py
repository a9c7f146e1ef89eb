from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from evenergy.cli import accounts
from evenergy.cli.memory import Memory
from evenergy.sandbox import Sandbox
from tests.cli.account.commands import export, run, sign_in

LOGS = ("logs", "--since", "3h", "--json")


def logs(sandbox: Sandbox) -> tuple[str, ...]:
    return (LOGS[0], sandbox.vehicle_ids[0], *LOGS[1:])


def limit_file(config: Path) -> Path:
    (found,) = (config / "memory").glob("*.limit.json")
    return found


def remembered() -> Memory:
    account = accounts.choose()
    assert account is not None
    return Memory(account, account.base_url, pytest.fail)


@pytest.mark.parametrize("by_profile", [True, False])
def test_the_second_run_requests_no_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, token_requests: list[str], by_profile: bool
) -> None:
    if by_profile:
        sign_in(sandbox)
        token_requests.clear()
    else:
        export(monkeypatch, sandbox)
        assert run(*logs(sandbox)).code == 0
        assert token_requests == ["client_credentials"]
        token_requests.clear()
    before = sandbox.requests
    assert run(*logs(sandbox)).code == 0
    assert run(*logs(sandbox)).code == 0
    assert token_requests == []
    assert sandbox.requests == before + 2


def test_the_second_run_knows_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=3) as sandbox:
        export(monkeypatch, sandbox)
        for _ in range(3):
            assert run(*logs(sandbox), "--max-wait", "0s").code == 0
        assert sandbox.requests == 3
        done = run(*logs(sandbox), "--max-wait", "0s")
        assert done.code == 5
        assert sandbox.requests == 3  # nothing was sent: it knows
        assert 3500 < done.json["error"]["retry_after"] <= 3600
        state = remembered().limit
        assert state is not None
        assert state.reading is not None
        assert state.reading[:2] == (3, 0)


def test_other_credentials_do_not_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(vehicles=1, days=1, rate_limit=1) as sandbox:
        export(monkeypatch, sandbox)
        assert run(*logs(sandbox)).code == 0
        assert remembered().limit is not None
        for name, value in {
            "EVENERGY_CLIENT_ID": "other",
            "EVENERGY_CLIENT_SECRET": "other-secret",
            "EVENERGY_BASE_URL": "http://127.0.0.1:9/v2",
            "EVENERGY_TOKEN": "tokentokentoken",
        }.items():
            with monkeypatch.context() as patched:
                patched.setenv(name, value)
                assert remembered().limit is None
                assert remembered().token_store.load() is None  # type: ignore[union-attr]
        assert remembered().token_store.load() is not None  # type: ignore[union-attr]


def test_a_user_who_signs_in_anew_begins_anew(sandbox: Sandbox) -> None:
    sign_in(sandbox)
    run(*logs(sandbox))
    assert remembered().limit is not None
    sign_in(sandbox)
    assert remembered().limit is None


def test_names_and_content_say_nothing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    limit = limit_file(config)
    assert "sandbox" not in limit.name
    assert sandbox.client_secret not in limit.read_text()
    assert "127.0.0.1" not in limit.read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (config / "memory").iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is broken and is ignored"),
        (b"", "is broken and is ignored"),
        (b"\xff\xff", "is broken and is ignored"),
        (b"[1]", "is broken and is ignored"),
        (b'{"version": 1, "content": {"limit": "many"}}', "is broken and is ignored"),
        (b'{"version": 7, "content": {}}', "is of version 7, not 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_ignored_with_one_warning(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path, content: bytes, words: str
) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    limit_file(config).write_bytes(content)
    done = run(*logs(sandbox))
    assert done.code == 0
    assert done.err.count("warning") == 1
    assert words in done.err
    assert run(*logs(sandbox)).err == ""  # it was replaced


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_a_file_that_others_can_read_is_ignored(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    limit_file(config).chmod(0o644)
    done = run(*logs(sandbox))
    assert (done.code, done.err.count("can be read by other users")) == (0, 1)


@pytest.mark.parametrize("change", ["broken", "mode"])
def test_a_token_that_cannot_be_used_is_replaced(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path, token_requests: list[str], change: str
) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    (token,) = (config / "memory").glob("*.token.json")
    if change == "mode":
        token.chmod(0o644)
    else:
        token.write_bytes(b'{"access_token": 7}')
    done = run(*logs(sandbox))
    assert (done.code, done.err.count("a new token is requested")) == (0, 1)
    assert len(token_requests) == 2
    assert run(*logs(sandbox)).err == ""
    assert len(token_requests) == 2


def test_a_directory_that_cannot_be_made(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    export(monkeypatch, sandbox, EVENERGY_CONFIG_DIR=str(tmp_path / "file" / "config"))
    done = run(*logs(sandbox))
    assert done.code == 0
    assert done.err.count("nothing is kept between runs") == 1


def test_old_memory_is_removed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    old = config / "memory" / "other.limit.json"
    old.touch(0o600)
    os.utime(old, (1e9, 1e9))
    run(*logs(sandbox))
    assert not old.exists()
    assert limit_file(config).exists()


def test_a_clock_that_was_set_back(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    export(monkeypatch, sandbox)
    run(*logs(sandbox))
    path = limit_file(config)
    kept = msgspec.json.decode(path.read_bytes())
    kept["content"]["saved_at"] += 600
    kept["content"]["limit"] = 1
    path.write_bytes(msgspec.json.encode(kept))
    assert run(*logs(sandbox)).code == 0
