"""Runs of the command: in a pipe, at a terminal, and in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import attrs
import pytest

from evenergy.cli.main import main
from evenergy.sandbox import Sandbox

# With arguments of its own, so that the process ends in the usual way, and says what was left open.
RUN = "import sys; from evenergy.cli.main import main; main(sys.argv[1:])"


@attrs.frozen
class Ended:
    """End of a command."""

    code: int
    out: str
    err: str


def variables(sandbox: Sandbox | None, **more: str) -> dict[str, str]:
    """Return the environment for a process, with the credentials of a sandbox, or with none."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENERGY_")}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM"):
        kept.pop(name, None)
    given = {} if sandbox is None else of(sandbox)
    return {**kept, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", "TZ": "UTC", **given, **more}


def of(sandbox: Sandbox) -> dict[str, str]:
    return {
        "EVENERGY_BASE_URL": sandbox.base_url,
        "EVENERGY_CLIENT_ID": sandbox.client_id,
        "EVENERGY_CLIENT_SECRET": sandbox.client_secret,
    }


def started(*arguments: str, before: str = "", **options: Any) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen([sys.executable, "-c", before + RUN, *arguments], **(pipes | options))


def piped(environment: dict[str, str], *arguments: str, stdin: str = "", cwd: Any = None) -> Ended:
    """Run the command with pipes for all three streams."""
    with started(*arguments, env=environment, stdin=subprocess.PIPE, cwd=cwd) as process:
        out, err = process.communicate(stdin, timeout=120)
    return Ended(process.returncode, out, err)


def at_terminal(environment: dict[str, str], *arguments: str, width: int = 100, cwd: Any = None) -> tuple[int, str]:
    """Run the command at a pseudo-terminal, and return its exit code, and all that it wrote there."""
    process, near = on_terminal(environment, *arguments, width=width, cwd=cwd)
    written = b"".join(iter(lambda: chunk(near), b""))
    os.close(near)
    return process.wait(60), written.decode().replace("\r\n", "\n")


def on_terminal(
    environment: dict[str, str], *arguments: str, width: int = 100, cwd: Any = None
) -> tuple[subprocess.Popen[str], int]:
    """Start the command at a pseudo-terminal, and return the process, and our end of the terminal."""
    import pty  # noqa: PLC0415  there is none on Windows
    import termios  # noqa: PLC0415

    near, far = pty.openpty()
    termios.tcsetwinsize(far, (24, width))
    environment = {"TERM": "xterm-256color", **environment}
    process = started(*arguments, env=environment, stdin=far, stdout=far, stderr=far, start_new_session=True, cwd=cwd)
    os.close(far)
    return process, near


def chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says when the other side was closed
        return b""


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run the command in this process."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return Ended(end.value.code, out, err)
