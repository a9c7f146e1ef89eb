"""Prism, a server that is made from the description and says what of a request breaks it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

VARIABLE = "EVENERGY_PRISM"

_START = 300.0  # seconds; it takes four, and half a minute on a busy machine
_LOCAL = Path(__file__).parents[2] / "node_modules" / ".bin" / "prism"


def executable() -> str:
    """Return the path of Prism; a test that needs it is skipped when there is none."""
    given = os.environ.get(VARIABLE)
    if given:
        return given
    found = shutil.which("prism") or shutil.which(_LOCAL)
    if found is None:
        pytest.skip(f"no Prism: {VARIABLE} is not set, and `prism` is neither on the PATH nor in node_modules/.bin")
    return found


@contextmanager
def mocking(description: Path, log: Path) -> Generator[str]:
    """The origin of a Prism that serves the description while the block runs."""
    port = _free_port()
    command = [executable(), "mock", "--host", "127.0.0.1", "--port", str(port), str(description)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            _wait(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.2)
        else:
            return
        finally:
            connection.close()
    raise RuntimeError(f"Prism does not answer:\n{log.read_text(errors='replace')[-2000:]}")
