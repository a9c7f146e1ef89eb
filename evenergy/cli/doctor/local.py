"""Checks of this machine: variables, profile, files, versions and extras."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evenergy._version import VERSION
from evenergy.cli import accounts, profiles
from evenergy.cli.accounts import Account
from evenergy.cli.context import Settings
from evenergy.cli.errors import Exit, SignInError, exit_code
from evenergy.errors import EvEnergyError

from .findings import Finding, failed, ok, warning

_KNOWN: Final = frozenset(
    {
        *accounts.CREDENTIALS,
        accounts.BASE_URL,
        accounts.USER,
        accounts.PROFILE,
        accounts.BUDGET,
        accounts.PROXY_KEY,
        "EVENERGY_CONFIG_DIR",
        "EVENERGY_LOG",
        "EVENERGY_WEBHOOK_SECRET",
    }
)
_SHOWN: Final = frozenset({accounts.BASE_URL, accounts.USER, accounts.PROFILE, "EVENERGY_CONFIG_DIR"})
_SIGN_IN: Final = "run `evenergy login`, or set EVENERGY_CLIENT_ID and EVENERGY_CLIENT_SECRET"
_PACKAGES: Final = ("aiohttp", "attrs", "cattrs", "msgspec", "tenacity", "click", "rich", "platformdirs")
_EXTRAS: Final = {
    "arrow": "pyarrow",
    "dlt": "dlt",
    "keyring": "keyring",
    "pandas": "pandas",
    "plot": "matplotlib",
    "polars": "polars",
    "redis": "redis",
}
"""Extras, each with the package that it brings."""


def variables() -> Iterator[Finding]:
    """Yield what is wrong with the variables of the environment, or one finding that lists them."""
    check = "variables"
    found = {name: value for name, value in sorted(os.environ.items()) if name.startswith("EVENERGY_")}
    wrong = [*_broken(found), *_ambiguous(found)]
    yield from wrong
    if not wrong:
        texts = [f"{name}={value}" if name in _SHOWN else f"{name} (hidden)" for name, value in found.items()]
        yield ok(check, ", ".join(texts) or "none of EVENERGY_… is set")


def _broken(found: dict[str, str]) -> Iterator[Finding]:
    check = "variables"
    for name, value in found.items():
        if name not in _KNOWN:
            yield warning(
                check, f"{name} is no variable of evenergy", "correct its name: `evenergy help environment` lists them"
            )
        elif not value.strip():
            yield warning(check, f"{name} is set and empty, so it is ignored", f"unset {name}, or give it a value")
    for name in accounts.CREDENTIALS:
        value = found.get(name, "").strip()
        if value[:1] in {'"', "'"} or value.lower().startswith("bearer "):
            wrong = "begins with a quotation mark" if value[:1] in {'"', "'"} else 'begins with "Bearer"'
            yield failed(check, f"{name} {wrong}", f"set {name} to the bare value", Exit.USAGE)
    client = [name for name in (accounts.CLIENT_ID, accounts.CLIENT_SECRET) if found.get(name, "").strip()]
    if len(client) == 1 and not found.get(accounts.TOKEN, "").strip():
        missing = accounts.CLIENT_SECRET if client[0] == accounts.CLIENT_ID else accounts.CLIENT_ID
        yield failed(check, f"{client[0]} is set but {missing} is not", "set both, or neither", Exit.USAGE)


def _ambiguous(found: dict[str, str]) -> Iterator[Finding]:
    check = "variables"
    given = [name for name in accounts.CREDENTIALS if found.get(name, "").strip()]
    if accounts.TOKEN in given and len(given) > 1:
        yield warning(
            check, f"{accounts.TOKEN} goes before {given[1]}", f"unset the one that is not meant: {' or '.join(given)}"
        )
    if given and found.get(accounts.PROFILE, "").strip():
        yield warning(
            check,
            f"{given[0]} goes before the profile of {accounts.PROFILE}",
            f"unset {given[0]}, or name the profile with --profile",
        )


def account(settings: Settings) -> tuple[Account | None, Finding]:
    """Return the account that commands use, and the finding about it."""
    check = "profile"
    try:
        found = accounts.choose(settings.profile, settings.base_url, settings.user)
    except SignInError as error:
        return None, failed(check, str(error), _SIGN_IN, Exit.SIGN_IN)
    except EvEnergyError as error:
        return None, failed(check, str(error), "do what the message says, then run it again", exit_code(error))
    if found is None:
        return None, failed(check, "there are no credentials", _SIGN_IN, Exit.SIGN_IN)
    kind, client_id = found.kind
    of = "" if client_id is None else f" {client_id}"
    return found, ok(check, f"{found.source}: {kind}{of}, for {found.base_url}")


def files(account: Account | None) -> Iterator[Finding]:
    """Yield what is wrong with the files that hold secrets, or one finding that all is well."""
    check = "files"
    directory = profiles.directory()
    vault = None if account is None else account.vault
    paths = [profiles.path(), *(vault.paths() if vault is not None else ())]
    there = [path for path in (directory, *paths) if path.exists()]
    wrong = [finding for path in there for finding in _mode(path)]
    yield from wrong
    if not wrong:
        place = f"{directory} is readable by you only" if there else f"{directory} is not there yet"
        yield ok(check, "secret and token are in the keyring of the system" if vault and not vault.paths() else place)


def _mode(path: Path) -> Iterator[Finding]:
    if os.name == "nt":  # the directory of the user's profile is theirs
        return
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():
        yield failed("files", f"{path} belongs to another user", "remove it, or run as its owner", Exit.USAGE)
    elif path.is_dir() and mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield warning("files", f"{path} can be written by others (mode {mode:o})", f"chmod 700 {path}")
    elif not path.is_dir() and mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield failed(
            "files", f"{path} can be read by others (mode {mode:o}), so it is not used", f"chmod 600 {path}", Exit.USAGE
        )


def versions() -> Iterator[Finding]:
    """Yield the versions, and the extras that are there and missing."""
    found = [f"evenergy {VERSION}", f"Python {platform.python_version()}"]
    found += [f"{name} {version}" for name in _PACKAGES if (version := _version(name)) is not None]
    yield ok("versions", ", ".join(found))
    there = [extra for extra, package in _EXTRAS.items() if _version(package) is not None]
    missing = [extra for extra in _EXTRAS if extra not in there]
    words = f"installed: {', '.join(there) or 'none'}"
    if missing:
        words += f'; not installed: {", ".join(missing)} (pip install "evenergy[{missing[0]}]")'
    yield ok("extras", words)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
