"""Store of a token in a file: for its owner only, replaced as a whole, locked, on POSIX and on Windows."""

import contextlib
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import evenergy
from evenergy import FileTokenStore, Token, token_store
from tests.provider import token

TOKEN = token(1, expires_at=1_900_000_000.5)
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows keeps files apart by their directory")


def test_a_token_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "made" / "too" / "token.json")
    assert store.load() is None
    store.save(TOKEN)
    assert store.load() == TOKEN
    assert Token.from_dict(json.loads(store.path.read_text())) == TOKEN
    store.save(None)
    store.save(None)
    assert store.load() is None
    assert list(store.path.parent.iterdir()) == []


@POSIX
def test_files_and_directories_are_for_their_owner_only(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "made" / "token.json")
    umask = os.umask(0)
    try:
        store.save(TOKEN)
        with store.lock():
            pass
    finally:
        os.umask(umask)
    assert store.path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in store.path.parent.iterdir()} == {0o600}


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_can_read_is_not_used(mode: int, tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    store.save(TOKEN)
    store.path.chmod(mode)
    with pytest.raises(evenergy.InvalidArgumentError, match=r"can be read by other users.*chmod 600") as raised:
        store.load()
    assert str(store.path) in str(raised.value)
    store.path.chmod(0o600)
    assert store.load() == TOKEN


@POSIX
def test_a_file_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    store.save(TOKEN)
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    with pytest.raises(evenergy.InvalidArgumentError, match="belongs to another user"):
        store.load()


@POSIX
def test_no_link_is_followed(tmp_path: Path) -> None:
    store, target = FileTokenStore(tmp_path / "token.json"), FileTokenStore(tmp_path / "target.json")
    target.save(TOKEN)
    store.path.symlink_to(target.path)
    with pytest.raises(evenergy.EvEnergyError, match="could not be read"):
        store.load()
    store.save(token(2))
    assert target.load() == TOKEN
    assert store.load() == token(2)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"access_token": 5}', b'{"access_token": "a b"}', b"\xff", b"[" * 100_000]
)
def test_broken_content_is_ignored_with_a_warning(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    store.save(TOKEN)
    store.path.write_bytes(content)
    assert store.load() is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"{store.path} does not hold a token and is ignored"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    store.save(TOKEN)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(evenergy.EvEnergyError, match="could not be written: No space left on device"):
        store.save(token(2))
    assert store.load() == TOKEN
    assert [file.name for file in tmp_path.iterdir()] == ["token.json"]


def test_a_file_that_the_system_denies_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(evenergy.EvEnergyError, match="directory could not be read"):
        FileTokenStore(tmp_path / "directory").load()
    with pytest.raises(evenergy.EvEnergyError, match="could not be written"):
        FileTokenStore(tmp_path / "file" / "token.json").save(TOKEN)
    with pytest.raises(evenergy.EvEnergyError, match="could not be locked"), FileTokenStore(tmp_path / "file/x").lock():
        pass


def test_the_path_is_kept_when_the_directory_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert FileTokenStore("token.json").path == tmp_path / "token.json"
    assert FileTokenStore("~/token.json").path == tmp_path / "home" / "token.json"
    for bad in ("", None, 5, b"x"):
        with pytest.raises(evenergy.InvalidArgumentError, match="path of a file"):
            FileTokenStore(bad)  # type: ignore[arg-type]  # which is the mistake


def test_the_lock_keeps_other_threads_out_until_it_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    tried, inside, most = threading.Event(), 0, 0

    def work() -> None:
        nonlocal inside, most
        tried.set()
        for _ in range(20):
            with store.lock():
                inside += 1
                most = max(most, inside)
                inside -= 1

    monkeypatch.setattr(token_store, "_PAUSE", 0.0001)
    threads = [threading.Thread(target=work) for _ in range(4)]
    with store.lock():
        for thread in threads:
            thread.start()
        tried.wait(20)
        assert most == 0
    for thread in threads:
        thread.join(20)
    assert most == 1


def test_a_lock_that_is_never_free_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileTokenStore(tmp_path / "token.json")
    monkeypatch.setattr(token_store, "_LOCK_TIME", 0.0)
    with (
        store.lock(),
        pytest.raises(evenergy.EvEnergyError, match="somebody else held the lock"),
        FileTokenStore(store.path).lock(),
    ):
        raise AssertionError
    with store.lock():
        pass


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    script = """
import os, sys
from evenergy import FileTokenStore
FileTokenStore(sys.argv[1]).lock().__enter__()
os._exit(9)
"""
    path = tmp_path / "token.json"
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60).returncode == 9
    with FileTokenStore(path).lock():
        pass


class Msvcrt(types.ModuleType):
    """Locks of Windows, as its C library has them."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.locked: set[tuple[int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        assert count == 1
        where = os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR)
        if mode == self.LK_UNLCK:
            self.locked.remove(where)
        elif where in self.locked:
            raise PermissionError(13, "Permission denied")
        else:
            self.locked.add(where)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Msvcrt:
    """The library as it is on Windows."""
    module = Msvcrt()
    monkeypatch.setitem(sys.modules, "msvcrt", module)
    monkeypatch.setitem(sys.modules, "fcntl", None)  # it cannot be imported
    monkeypatch.setattr(token_store, "_IS_WINDOWS", True)
    monkeypatch.setattr(token_store, "_PAUSE", 0.0001)
    return module


def test_the_lock_of_windows(windows: Msvcrt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "_LOCK_TIME", 0.0)
    store = FileTokenStore(tmp_path / "token.json")
    with store.lock():
        assert len(windows.locked) == 1
        with pytest.raises(evenergy.EvEnergyError, match="somebody else held the lock"), store.lock():
            raise AssertionError
    assert not windows.locked
    store.save(TOKEN)
    store.path.chmod(0o644)  # which means nothing there
    assert store.load() == TOKEN


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("times", [3, 1000])
def test_a_file_that_another_process_has_open_on_windows(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, tries = Path.replace, 0

    def busy(self: Path, target: Path) -> Path:
        nonlocal tries
        tries += 1
        if tries <= times:
            raise PermissionError(13, "Access is denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    store = FileTokenStore(tmp_path / "token.json")
    with contextlib.ExitStack() as stack:
        if times == 1000:
            stack.enter_context(pytest.raises(evenergy.EvEnergyError, match="could not be written: Access is denied"))
        store.save(TOKEN)
    assert (store.load() == TOKEN) == (times == 3)


def test_a_store_shows_no_token(tmp_path: Path) -> None:
    store: Any = FileTokenStore(tmp_path / "token.json")
    store.save(TOKEN)
    assert "token-1" not in repr(store)


@pytest.mark.skipif(os.name == "nt", reason="modes are those of Unix")
def test_missing_directories_are_made_for_the_owner_only(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "a" / "b" / "token.json")
    store.save(Token.from_dict({"access_token": "access"}))
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]
