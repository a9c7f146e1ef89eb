"""The blocking client and handlers of signals, also in the middle of calls and of imports."""

import signal
import sys
from textwrap import dedent

import pytest

from evenergy.sandbox import Sandbox
from tests.core.processes import CALLS, IMPORTING, LIMIT, PROMPT, Silent, finish, run, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")


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
