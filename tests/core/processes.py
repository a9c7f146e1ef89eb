"""Scripts with a blocking client in processes of their own. Each is bounded, so that a hang fails."""

import os
import signal
import socket
import subprocess
import sys
import threading
from textwrap import dedent

import pytest

from evenergy.sandbox import Sandbox

LIMIT = 60.0  # seconds: what takes longer hangs
PROMPT = 8.0  # seconds: less than any wait of the client for what does not end
FORK_WARNING = "ignore:This process:DeprecationWarning"  # from Python 3.12 on: this is what these tests are about
PREFACE = """
import asyncio, multiprocessing, os, signal, sys, threading, time
import evenergy

signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored, as in a job in the background

def connect():
    auth = os.environ["TOKEN"] if "TOKEN" in os.environ else evenergy.ClientCredentials("sandbox", os.environ["SECRET"])
    return evenergy.Client(auth, base_url=os.environ["URL"], timeout=10)

VEHICLE = os.environ.get("VEHICLE", "vhcl01HRFF3SEVSCRAV9B3CHVDFN0H")

def forked(work, end=os._exit):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            end(code)
    return pid

def joined(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


class Silent:
    """Server that reads requests and never responds."""

    def __init__(self) -> None:
        self.requested = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v2"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._hold, args=(connection,), daemon=True).start()

    def _hold(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                self.requested.release()
            self.left.release()


def start(script: str, environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *options, "-W", FORK_WARNING, "-c", PREFACE + dedent(script)],
        env={name: value for name, value in os.environ.items() if not name.startswith("EVENERGY")} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """Return what it said, once it has ended; with its children it is killed when it hangs."""
    try:
        return process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"it hangs: {process.communicate()}")


def run(sandbox: Sandbox, script: str, *options: str) -> tuple[str, str]:
    environment = {"URL": sandbox.base_url, "SECRET": sandbox.client_secret, "VEHICLE": sandbox.vehicle_ids[0]}
    process = start(script, environment, *options)
    said = finish(process)
    assert process.returncode == 0, said
    return said


CALLS = [
    "client.vehicles.get(VEHICLE)",
    "list(client.vehicles.list())",
    "list(client.fan_out(client.vehicles.get, [VEHICLE]))",
    "list(client.fan_out(lambda vehicle: client.vehicles.get(vehicle), [VEHICLE]))",
]
IMPORTING = """
class Finder:
    # Tells that a module is about to be imported.

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "evenergy.resources.oauth":
            importing()

sys.meta_path.insert(0, Finder)
"""
