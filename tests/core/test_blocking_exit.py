"""The blocking client at the end of its process, and under threads of other libraries."""

import os
import subprocess
import sys
import time
from textwrap import dedent

import pytest

from evenergy.sandbox import Sandbox
from tests.core.processes import LIMIT, PROMPT, Silent, finish, run, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks as POSIX has them")


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


def test_a_client_that_outlives_the_modules_ends_in_silence(silent: Silent) -> None:
    """A function that another module keeps holds the script's names until the modules are gone."""
    script = """
        import os, socket
        import evenergy
        client = evenergy.Client("t", base_url=os.environ["URL"], timeout=0.01, retry=evenergy.Retry(attempts=1))
        socket.keep = lambda: client
        try:
            client.vehicle_makes.list().collect()
        except evenergy.EvEnergyError:
            client.close()
        """
    command = [sys.executable, "-W", "error", "-c", dedent(script)]
    done = subprocess.run(
        command, env=os.environ | {"URL": silent.url}, capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert done.stderr == ""


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
    no_thread = sys.version_info[:3] in {(3, 12, 0), (3, 12, 1)}  # starts there any more (python/cpython#113964)
    assert (out, err) == ("ClosedError\n" if no_thread else "TransportError\n", "")


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
