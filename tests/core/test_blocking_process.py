"""The blocking client in processes of their own: Ctrl-C, exit, and forks. Each is bounded, so that a hang fails."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from textwrap import dedent

import pytest

from evenergy.sandbox import Sandbox

LIMIT = 20.0  # seconds: what takes longer hangs
FORK_WARNING = "ignore:This process:DeprecationWarning"  # from Python 3.12 on: this is what these tests are about

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")

PREFACE = """
import multiprocessing, os, sys, threading, time
import evenergy

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
    """A server that reads requests and never answers."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
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
                self.asked.release()
            self.left.release()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=3, days=1, rate_limit=1_000_000) as sandbox:
        yield sandbox


def start(script: str, environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *options, "-W", FORK_WARNING, "-c", PREFACE + dedent(script)],
        env={name: value for name, value in os.environ.items() if not name.startswith("EVENERGY")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """What it said, once it has ended; with its children it is killed when it hangs."""
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


@pytest.mark.parametrize(
    "call",
    [
        "client.vehicles.get(VEHICLE)",
        "list(client.vehicles.list())",
        "list(client.fan_out(client.vehicles.get, [VEHICLE]))",
    ],
)
def test_ctrl_c_cancels_the_request(silent: Silent, call: str) -> None:
    script = f"""
        client = connect()
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted", time.monotonic(), flush=True)
            sys.stdin.read()
            client.close()
        """
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", PREFACE + dedent(script)],
        env=os.environ | {"URL": silent.url, "TOKEN": "t"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert silent.asked.acquire(timeout=LIMIT)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert silent.left.acquire(timeout=LIMIT)  # while the client is open: the request was cancelled
    out, err = finish(process)
    assert out.startswith("interrupted")
    assert float(out.split()[1]) - sent < 1
    assert (process.returncode, err) == (0, "")


def test_ctrl_c_ends_a_script(silent: Silent) -> None:
    script = "with connect() as client: client.vehicles.get(VEHICLE)"
    process = start(script, {"URL": silent.url, "TOKEN": "t"})
    assert silent.asked.acquire(timeout=LIMIT)
    process.send_signal(signal.SIGINT)
    _, err = finish(process)
    assert process.returncode == -signal.SIGINT
    assert err.strip().endswith("KeyboardInterrupt")
    assert "ResourceWarning" not in err


@pytest.mark.parametrize("options", [("-W", "default"), ("-X", "dev"), ()])
@pytest.mark.parametrize("end", ["", "del client", "sys.exit(0)"])
def test_a_script_that_never_closes_it(sandbox: Sandbox, options: tuple[str, ...], end: str) -> None:
    script = f"""
        client = connect()
        listing = client.vehicles.list(page_size=1)
        next(listing)
        outcomes = client.fan_out(client.vehicles.get, [VEHICLE] * 5)
        next(outcomes)
        print(time.time(), flush=True)
        {end}
        """
    out, err = run(sandbox, script, *options)
    assert time.time() - float(out) < 2
    warnings = [line for line in err.splitlines() if "Warning" in line]
    assert len(warnings) == (1 if options else 0), err
    assert all("ResourceWarning: unclosed Client, made at <string>" in line for line in warnings)
    assert len(err.splitlines()) <= 2, err  # the warning and its line


def test_exit_while_a_thread_waits(silent: Silent) -> None:
    script = """
        client = connect()

        def wait():
            try:
                client.vehicles.get(VEHICLE)
            except evenergy.ClosedError:
                print("closed", flush=True)

        threading.Thread(target=wait, daemon=True).start()
        sys.stdin.readline()
        """
    process = subprocess.Popen(
        [sys.executable, "-W", "default", "-c", PREFACE + dedent(script)],
        env=os.environ | {"URL": silent.url, "TOKEN": "t"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert silent.asked.acquire(timeout=LIMIT)
    _, err = finish(process)
    assert process.returncode == 0
    assert err.count("Warning: ") == 1, err


@pytest.mark.parametrize("end", ["os._exit", "sys.exit"])
@pytest.mark.parametrize(
    "work",
    [
        "pass",
        "client.vehicles.get(VEHICLE); client.close()",
        "[client.vehicles.get(VEHICLE) for _ in range(3)]; client.close()",
        "globals().pop('client')",
        "client.close()",
        "assert len(list(listing)) == 2; client.close()",
    ],
)
def test_fork(sandbox: Sandbox, work: str, end: str) -> None:
    script = f"""
        client = connect()
        listing = client.vehicles.list(page_size=1)
        next(listing)

        def work():
            {work}

        joined(forked(work, {end}))
        for _ in range(3):
            client.vehicles.get(VEHICLE)
        assert len(list(listing)) == 2
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


def test_fork_with_calls_in_flight_and_locks_held(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        go = threading.Event()
        counts = [0] * 4

        def use(n):
            while not go.is_set():
                client.vehicles.get(VEHICLE)
                counts[n] += 1

        threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        outcomes = client.fan_out(client.vehicles.get, [VEHICLE] * 1000)
        next(outcomes)

        def work():
            for _ in range(3):
                client.vehicles.get(VEHICLE)
            try:
                list(outcomes)
            except evenergy.ClosedError:
                client.close()
            else:
                raise SystemExit("an iterator of the parent's calls went on in the child")

        def locked():
            loop = client._loop
            with loop._lock, loop.worker().lock:
                held.set()
                done.wait()

        for _ in range(5):
            held, done = threading.Event(), threading.Event()
            holder = threading.Thread(target=locked)
            holder.start()
            held.wait()
            pid = forked(work)
            done.set()
            holder.join()
            joined(pid)
        before = list(counts)
        assert all(outcome.error is None for outcome in outcomes)
        go.set()
        for thread in threads:
            thread.join()
        assert all(now > then for now, then in zip(counts, before)), (counts, before)
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


def test_a_pool_of_processes(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        client.vehicles.get(VEHICLE)

        def job(_):
            return client.vehicles.get(VEHICLE).id

        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map(job, range(100), chunksize=5) == [VEHICLE] * 100
        assert client.vehicles.get(VEHICLE).id == VEHICLE
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


INTERRUPTED = """
import asyncio, signal
from evenergy._core.loop_thread import LoopThread

async def nothing():
    pass

loop = LoopThread(nothing, "unclosed")
go = asyncio.Event()

async def call():
    os.kill(os.getpid(), signal.SIGUSR1)
    await go.wait()
    return "answer"

def handler(*_):
    interrupt()
    loop.worker().loop.call_soon_threadsafe(go.set)

signal.signal(signal.SIGUSR1, handler)
"""


@pytest.mark.parametrize("bell", ["", "vars(os).pop('eventfd', None)"])
def test_a_signal_handler_makes_a_call_in_the_midst_of_another(sandbox: Sandbox, bell: str) -> None:
    script = f"""
        {bell}

        async def echo():
            return "echo"

        def interrupt():
            assert [loop.run(echo) for _ in range(3)] == ["echo"] * 3

        for _ in range(3):
            go.clear()
            assert loop.run(call) == "answer"
        loop.close()
        """
    assert run(sandbox, INTERRUPTED + dedent(script), "-W", "error") == ("", "")


@pytest.mark.parametrize("bell", ["", "vars(os).pop('eventfd', None)"])
def test_a_signal_handler_forks_in_the_midst_of_a_call(sandbox: Sandbox, bell: str) -> None:
    script = f"""
        {bell}
        children = []

        def interrupt():
            children.append(os.fork())

        try:
            assert loop.run(call) == "answer"
        except evenergy.ClosedError as error:
            os._exit(0 if children == [0] and "forked" in str(error) else 2)
        assert children != [0]
        joined(children[0])
        loop.run(nothing)
        loop.close()
        """
    assert run(sandbox, INTERRUPTED + dedent(script), "-W", "error") == ("", "")


def test_a_signal_handler_forks_before_the_call_is_known(sandbox: Sandbox) -> None:
    script = """
        children = []

        class Calls(set):
            def add(self, call):
                children.append(os.fork())
                super().add(call)

        loop.worker()._calls = Calls()
        try:
            loop.run(nothing)
        except evenergy.ClosedError:
            os._exit(0 if children == [0] else 2)
        assert children != [0]
        joined(children[0])
        loop.close()
        """
    assert run(sandbox, INTERRUPTED + dedent(script), "-W", "error") == ("", "")
