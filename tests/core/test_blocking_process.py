"""The blocking client in processes of their own: signals, exit, and forks. Each is bounded, so that a hang fails."""

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

LIMIT = 60.0  # seconds: what takes longer hangs
PROMPT = 8.0  # seconds: less than any wait of the client for what does not end
FORK_WARNING = "ignore:This process:DeprecationWarning"  # from Python 3.12 on: this is what these tests are about

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM])
@pytest.mark.parametrize("call", CALLS)
def test_an_exception_of_a_handler_cancels_the_request(silent: Silent, call: str, number: signal.Signals) -> None:
    script = f"""
        signal.signal(signal.SIGALRM, signal.default_int_handler)  # as a time limit does
        client = connect()
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.stdin.read()
            client.close()
        """
    process = start(script, {"URL": silent.url, "TOKEN": "t"}, "-W", "error")
    assert silent.requested.acquire(timeout=LIMIT)
    process.send_signal(number)
    assert silent.left.acquire(timeout=LIMIT)  # while the client is open: the request was cancelled
    out, err = finish(process)
    assert out == "interrupted\n"
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("call", CALLS)
def test_close_in_a_handler_ends_the_call(silent: Silent, call: str) -> None:
    script = f"""
        client = connect()

        def handler(*_):
            began = time.monotonic()
            client.close()
            print(time.monotonic() - began, flush=True)

        signal.signal(signal.SIGTERM, handler)
        try:
            for outcome in {call}:
                outcome.unwrap()
        except evenergy.ClosedError:
            print("closed")
        """
    process = start(script, {"URL": silent.url, "TOKEN": "t"}, "-W", "error")
    assert silent.requested.acquire(timeout=LIMIT)
    process.send_signal(signal.SIGTERM)
    out, err = finish(process)
    seconds, said = out.split()
    assert float(seconds) < PROMPT
    assert (said, process.returncode, err) == ("closed", 0, "")


def test_ctrl_c_ends_a_script(silent: Silent) -> None:
    script = "with connect() as client: client.vehicles.get(VEHICLE)"
    process = start(script, {"URL": silent.url, "TOKEN": "t"})
    assert silent.requested.acquire(timeout=LIMIT)
    process.send_signal(signal.SIGINT)
    _, err = finish(process)
    assert process.returncode == -signal.SIGINT
    assert err.strip().endswith("KeyboardInterrupt")
    assert "ResourceWarning" not in err
    assert "InterruptedError" not in err  # of the wait, which is nobody's business


@pytest.mark.parametrize("options", [("-W", "default"), ()])
@pytest.mark.parametrize("end", ["", "del client", "sys.exit(0)"])
def test_a_script_that_never_closes_its_client_ends_and_warns_once(
    sandbox: Sandbox, options: tuple[str, ...], end: str
) -> None:
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
    assert time.time() - float(out) < PROMPT
    warnings = [line for line in err.splitlines() if "Warning" in line]
    assert len(warnings) == (1 if options else 0), err
    assert all("ResourceWarning: unclosed Client, made at <string>" in line for line in warnings)
    assert len(err.splitlines()) <= 2, err  # the warning and its line


def test_a_script_ends_while_a_thread_waits(silent: Silent) -> None:
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
    process = start(script, {"URL": silent.url, "TOKEN": "t"}, "-W", "default")
    assert silent.requested.acquire(timeout=LIMIT)
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
def test_a_forked_child_works_and_its_parent_goes_on(sandbox: Sandbox, work: str, end: str) -> None:
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


def test_a_fork_while_calls_are_in_flight(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        loop = client._loop
        in_flight, go, results = threading.Semaphore(0), asyncio.Event(), []

        async def hold(number):
            in_flight.release()
            await go.wait()
            return number

        threads = [threading.Thread(target=lambda n=n: results.append(loop.run(hold, n))) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in threads:
            in_flight.acquire()
        outcomes = client.fan_out(client.vehicles.get, [VEHICLE] * 100, concurrency=4)
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

        for _ in range(5):
            joined(forked(work))
        assert results == []
        loop.worker().loop.call_soon_threadsafe(go.set)
        for thread in threads:
            thread.join()
        assert sorted(results) == [0, 1, 2, 3]
        assert len([outcome.unwrap() for outcome in outcomes]) == 99
        client.close()
        """
    assert run(sandbox, script, "-W", "error") == ("", "")


IMPORTING = """
class Finder:
    # Tells that a module is about to be imported.

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "evenergy.resources.oauth":
            importing()

sys.meta_path.insert(0, Finder)
"""


def test_a_fork_waits_for_an_import_at_first_use(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        client.vehicles.get(VEHICLE)
        has_begun, may_go_on = threading.Event(), threading.Event()

        def importing():
            has_begun.set()
            may_go_on.wait()

        thread = threading.Thread(target=lambda: client.oauth)
        thread.start()
        has_begun.wait()
        os.register_at_fork(before=may_go_on.set)  # hooks run in reverse order, so this one runs before ours
        joined(forked(lambda: client.oauth))
        thread.join()
        client.close()
        """
    assert run(sandbox, IMPORTING + dedent(script), "-W", "error") == ("", "")


@pytest.mark.parametrize(
    "action",
    [
        "client.vehicle_onboarding",  # it needs an import too
        "client.oauth",
        "client.vehicles.get(VEHICLE)",
        "client.close()",
        "os.fork() or os._exit(try_to(lambda: client.vehicles.get(VEHICLE)))",
    ],
)
def test_a_handler_in_the_middle_of_an_import_ends_at_once(sandbox: Sandbox, action: str) -> None:
    script = f"""
        client = connect()
        client.vehicles.get(VEHICLE)

        def importing():
            os.kill(os.getpid(), signal.SIGUSR1)

        def try_to(work):
            try:
                work()
            except evenergy.EvEnergyError as error:
                assert "preload" in str(error), error
            return 0

        def handler(*_):
            began = time.monotonic()
            try_to(lambda: {action})
            assert time.monotonic() - began < {PROMPT}

        signal.signal(signal.SIGUSR1, handler)
        client.oauth
        try:
            client.vehicles.get(VEHICLE)
        except evenergy.ClosedError:
            assert "close" in {action!r}
        client.close()
        """
    assert run(sandbox, IMPORTING + dedent(script), "-W", "error") == ("", "")


def test_ctrl_c_in_the_middle_of_an_import_leaves_it_for_the_next_use(sandbox: Sandbox) -> None:
    script = """
        client = connect()
        interrupts = [1]

        def importing():
            if interrupts:
                interrupts.pop()
                os.kill(os.getpid(), signal.SIGINT)

        try:
            client.oauth
        except KeyboardInterrupt:
            client.oauth
            print("used")
        client.close()
        """
    assert run(sandbox, IMPORTING + dedent(script), "-W", "error") == ("used\n", "")


def test_a_pool_of_processes_shares_a_client(sandbox: Sandbox) -> None:
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
from evenergy._core.loop_thread import LoopThread

async def nothing():
    pass

loop = LoopThread(nothing, "unclosed")
go = asyncio.Event()

async def call():
    os.kill(os.getpid(), signal.SIGUSR1)
    await go.wait()
    return "response"

def handler(*_):
    running = loop.worker().loop
    interrupt()
    running.call_soon_threadsafe(go.set)

signal.signal(signal.SIGUSR1, handler)
"""


@pytest.mark.parametrize("waker", ["", "vars(os).pop('eventfd', None)"])
def test_a_signal_handler_makes_a_call_in_the_middle_of_another(sandbox: Sandbox, waker: str) -> None:
    script = f"""
        {waker}

        async def echo():
            return "echo"

        def interrupt():
            assert [loop.run(echo) for _ in range(3)] == ["echo"] * 3

        for _ in range(3):
            go.clear()
            assert loop.run(call) == "response"
        loop.close()
        """
    assert run(sandbox, INTERRUPTED + dedent(script), "-W", "error") == ("", "")


@pytest.mark.parametrize("waker", ["", "vars(os).pop('eventfd', None)"])
def test_a_signal_handler_forks_in_the_middle_of_a_call(sandbox: Sandbox, waker: str) -> None:
    script = f"""
        {waker}
        children = []

        def interrupt():
            children.append(os.fork())

        try:
            assert loop.run(call) == "response"
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

        loop.run(nothing)
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


GREEN = """
import types

module = types.ModuleType({name!r})
vars(module)[{function!r}] = lambda part: part == {part!r}
sys.modules[{name!r}] = module
client = evenergy.Client("t")
try:
    client.root()
except evenergy.EvEnergyError as error:
    print(error)
client.close()
"""


@pytest.mark.parametrize(
    ("name", "function", "part"),
    [
        ("gevent.monkey", "is_module_patched", "threading"),
        ("gevent.monkey", "is_module_patched", "select"),
        ("eventlet.patcher", "is_monkey_patched", "thread"),
    ],
)
def test_threads_of_another_library_are_rejected_at_once(sandbox: Sandbox, name: str, function: str, part: str) -> None:
    out, err = run(sandbox, GREEN.format(name=name, function=function, part=part), "-W", "error")
    assert out.startswith(f"Client needs real threads, and {name.partition('.')[0]} has replaced them")
    assert err == ""


@pytest.mark.parametrize(
    ("parts", "said"),
    [("", "Client needs real threads, and gevent"), ("thread=False, select=False", "{'vehicles'")],
)
def test_under_gevent_itself(sandbox: Sandbox, parts: str, said: str) -> None:
    pytest.importorskip("gevent")
    script = """
        try:
            print({name: url for name, url in client.root().items() if name == "vehicles"})
        except evenergy.EvEnergyError as error:
            print(error)
        client.close()
        """
    patch = f"import gevent.monkey; gevent.monkey.patch_all({parts})\n"
    out, _ = run(sandbox, patch + "client = connect()\n" + dedent(script))
    assert out.startswith(said)


AT_EXIT = """
import atexit

def late():
    try:
        print(client.vehicles.get(VEHICLE).id == VEHICLE)
    except evenergy.ClosedError as error:
        print("ClosedError")
    sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("client = connect(); late(); atexit.register(late)", {"True", "ClosedError"}),
        ("client = connect(); atexit.register(late); late()", {"ClosedError"}),
        ("client = connect(); atexit.register(late)", {"True", "ClosedError"}),
        ("client = connect(); atexit.register(client.close); atexit.register(late)", {"True", "ClosedError"}),
        ("os.environ['URL'] = NAMED; client = connect(); atexit.register(late)", {"ClosedError"}),
        ("os.environ['URL'] = NAMED; client = connect(); late(); atexit.register(late)", {"True", "ClosedError"}),
    ],
)
def test_a_call_at_exit_works_or_raises_closed_error(sandbox: Sandbox, script: str, said: set[str]) -> None:
    named = "NAMED = os.environ['URL'].replace('127.0.0.1', 'localhost')\n"
    out, err = run(sandbox, AT_EXIT + named + script, "-W", "ignore::ResourceWarning")
    *before, last = out.split()
    assert set(before) <= {"True"}
    assert last in said
    assert err == ""


def test_a_failure_in_a_thread_that_outlives_the_main_one_is_named(sandbox: Sandbox) -> None:
    script = """
        def work():
            threading.main_thread().join()
            try:
                client.root()
            except evenergy.EvEnergyError as error:
                print(type(error).__name__, flush=True)

        client = evenergy.Client("t", base_url="http://127.0.0.1:1/v2", retry=evenergy.Retry(attempts=1))
        evenergy.preload()
        threading.Thread(target=work).start()
        """
    out, err = run(sandbox, script, "-W", "ignore::ResourceWarning")
    assert (out, err) == ("TransportError\n", "")


def test_a_call_of_a_finalizer_at_exit_raises_closed_error(sandbox: Sandbox) -> None:
    script = """
        class Late:
            def __init__(self, client, error):
                self.client, self.error = client, error

            def __del__(self):
                try:
                    self.client.vehicles.get("vhcl01HRFF3SEVSCRAV9B3CHVDFN0H")
                except self.error:
                    os.write(1, b"ClosedError\\n")

        import os
        client = connect()
        client.vehicles.get(VEHICLE)
        used = Late(client, evenergy.ClosedError)
        unused = Late(connect(), evenergy.ClosedError)
        sys.modules["kept"] = [used, unused, used]  # until the interpreter takes the modules apart
        used.cycle, unused.cycle = used, unused
        """
    out, err = run(sandbox, script, "-W", "ignore::ResourceWarning")
    assert set(out.split()) <= {"ClosedError"}
    assert err == ""
