"""Imports of a command: nothing of the account before it is needed."""

from __future__ import annotations

import json
from pathlib import Path

from evenergy.sandbox import Sandbox
from tests.cli.shell import of, started, variables

HEAVY = ("evenergy.cli.login", "evenergy.cli.doctor", "evenergy.cli.keyring_store", "webbrowser", "keyring")
AT_END = "import atexit, json, sys; atexit.register(lambda: sys.stderr.write(json.dumps(sorted(sys.modules))));"


def imported(*arguments: str, **more: str) -> set[str]:
    environment = {**variables(None), **more}
    with started(*arguments, before=AT_END, env=environment) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return set(json.loads(err))


def test_the_version_imports_nothing() -> None:
    found = imported("--version")
    assert [name for name in found if name.startswith(("evenergy.cli.", "evenergy._transport"))] == [
        "evenergy.cli.main"
    ]
    assert not found & {"click", "platformdirs", "aiohttp", *HEAVY}


def test_a_request_imports_neither_sign_in_nor_doctor(sandbox: Sandbox, config: Path) -> None:
    found = imported("vehicles", EVENERGY_CONFIG_DIR=str(config), **of(sandbox))
    assert "evenergy.cli.memory" in found
    assert not found & {"platformdirs", *HEAVY}
