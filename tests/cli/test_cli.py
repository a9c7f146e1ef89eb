from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

import evenergy
from evenergy import EvEnergyError
from evenergy.cli import demo, main

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = "from evenergy.cli.main import main; main()"
NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
UNKNOWN = "–"  # noqa: RUF001
on_unix = pytest.mark.skipif(sys.platform == "win32", reason="needs the signals and terminals of Unix")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENERGY_")}
    return {**kept, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1", **more}


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "env": environment(),
        "encoding": "utf-8",
    }
    return subprocess.Popen([sys.executable, "-c", *arguments], **(pipes | options))


def run(*arguments: str, **more: str) -> tuple[int, str, str]:
    """Return how a script with arguments ended, and what it wrote to standard output and standard error."""
    with started(*arguments, env=environment(**more)) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main.command(), arguments, catch_exceptions=False)


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    """Return how the command ended, and what it wrote to standard output and standard error."""
    with pytest.raises(SystemExit) as end:
        main.main(arguments)
    out, err = capsys.readouterr()
    return end.value.code, out, err


def reporting(monkeypatch: pytest.MonkeyPatch, *rows: demo.Row, hours: int = 24) -> None:
    async def told(*_: object) -> demo.Report:
        return demo.Report(NOW, hours, rows, demo.Totals(len(rows), 0, 1234, 1, 999, 0.5))

    monkeypatch.setattr(demo, "run", told)


@pytest.fixture
def served() -> Iterator[subprocess.Popen[str]]:
    with started(RUN, "sandbox", "--vehicles", "2") as process:
        yield process
        if process.poll() is None:
            process.kill()


def exported(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "unset EVENERGY_TOKEN EVENERGY_USER\n"
    lines = [process.stdout.readline() for _ in range(3)]
    return dict(line.strip().removeprefix("export ").split("=", 1) for line in lines)


def test_demo() -> None:
    result = invoke("demo", "--vehicles", "3")
    heading, *rows, summary = result.stdout.splitlines()
    assert result.exit_code == 0
    assert result.stderr == ""
    assert heading.split("  ")[0] == "Vehicle"
    assert "Last 24 hours" in heading
    assert len(rows) == 3
    for row in rows:
        assert re.match(r"vhcl[0-9A-Z]{26}  \w+ \S.* +\d+%  +(yes|no|\u2013)  ", row)
        assert re.search("[▁▂▃▄▅▆▇█]", row)
    assert re.fullmatch(r"3 vehicles · \d+ logs · 4 requests spent, 996 left · \d+\.\d\d s", summary.strip())


def test_demo_json() -> None:
    result = invoke("demo", "--vehicles", "2", "--hours", "3", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert [len(row["state_of_charge_by_hour"]) for row in document["vehicles"]] == [3, 3]
    assert document["totals"]["vehicles"] == 2
    assert document["totals"]["requests"] == 3
    assert document["totals"]["requests_left"] == 997


def test_demo_seed() -> None:
    first, second, other = (
        [
            row["id"]
            for row in json.loads(invoke("demo", "--vehicles", "2", "--json", "--seed", seed).stdout)["vehicles"]
        ]
        for seed in ("4", "4", "5")
    )
    assert first == second != other


def test_a_value_that_is_not_known_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    reporting(monkeypatch, demo.Row("vhcl1"))
    row = invoke("demo").stdout.splitlines()[1]
    assert row.split() == ["vhcl1", *[UNKNOWN] * 6]


def test_values_that_are_known_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = NOW - timedelta(minutes=75)
    by_hour = (*[None, 0] * 23, 100, None)
    reporting(monkeypatch, demo.Row("vhcl1", "Kia", "EV6", 64, True, False, 7240, seen, by_hour))
    row = invoke("demo").stdout.splitlines()[1]
    assert row.split() == ["vhcl1", "Kia", "EV6", "64%", "yes", "no", "7.2", "1h", "▁" * 23 + "█"]


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=-5), "0m"),
        (timedelta(seconds=59), "0m"),
        (timedelta(minutes=59), "59m"),
        (timedelta(minutes=60), "1h"),
        (timedelta(hours=47), "47h"),
        (timedelta(hours=48), "2d"),
    ],
)
def test_last_seen(monkeypatch: pytest.MonkeyPatch, ago: timedelta, text: str) -> None:
    reporting(monkeypatch, demo.Row("vhcl1", last_seen=NOW - ago))
    assert invoke("demo").stdout.splitlines()[1].split()[-1] == text


def test_no_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "A very long name " * 20
    reporting(monkeypatch, demo.Row("vhcl1", name, "X"))
    heading, row, _ = invoke("demo").stdout.splitlines()
    assert name in row
    assert heading.startswith("Vehicle")


def test_one_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    reporting(monkeypatch, demo.Row("vhcl1"), hours=1)
    heading, _, summary = invoke("demo").stdout.splitlines()
    assert heading.endswith("Last hour")
    assert summary.startswith("1 vehicle · 1,234 logs · 1 request spent, 999 left · 0.50 s")


def test_vehicle_that_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    reporting(monkeypatch, demo.Row("vhcl1", error="404 gone\nand away"), demo.Row("vhcl2"))
    code, out, err = ended(capsys, "demo")
    assert (code, err) == (1, "evenergy: no logs of 1 vehicle; the first: 404 gone and away\n")
    assert "vhcl2" in out


def test_error_of_the_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(*_: object) -> None:
        raise EvEnergyError("503 the API\nis away")

    monkeypatch.setattr(demo, "run", fail)
    assert ended(capsys, "demo") == (1, "", "evenergy: 503 the API is away\n")


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupt)
    code, out, err = ended(capsys, "demo")
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--vehicles", "0"),
        ("demo", "--vehicles", "many"),
        ("demo", "--hours", "-3"),
        ("demo", "--hours", "0"),
        ("demo", "--seed", "-1"),
        ("demo", "--nonsense"),
        ("sandbox", "--port", "65536"),
        ("sandbox", "--days", "0"),
        ("nonsense",),
    ],
)
def test_bad_values(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, out, err = ended(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("evenergy: ")
    assert err.count("\n") == 1
    assert any(word in err for word in arguments[-2:])


def test_good_end(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, "--version")
    assert code in (0, None)
    assert (out, err) == (f"evenergy {version('evenergy')}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 0
    for word in ("demo", "sandbox", "--version"):
        assert word in result.stdout


@pytest.mark.parametrize(("module", "command"), [("click", "--help"), ("rich", "demo")])
def test_without_the_extra(module: str, command: str) -> None:
    script = f"import sys; sys.modules[{module!r}] = None; {RUN}"
    code, out, err = run(script, command)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert 'pip install "evenergy[cli]"' in err


def test_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evenergy", "--version"], env=environment(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (f"evenergy {version('evenergy')}\n", "")


def test_piped() -> None:
    code, out, err = run(RUN, "demo", "--vehicles", "2", FORCE_COLOR="1", COLUMNS="40")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "─" not in out
    assert len(re.findall(r"^vhcl\w{26} .*[▁▂▃▄▅▆▇█]", out, re.MULTILINE)) == 2


def test_old_code_page() -> None:
    code, out, err = run(RUN, "demo", "--vehicles", "2", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (code, err) == (0, "")
    assert "2 vehicles" in out


@on_unix
@pytest.mark.parametrize("width", [80, 100, 120])
def test_terminal(width: int) -> None:
    seen = on_terminal(width, "demo", "--vehicles", "12")
    assert "Reading the logs" in seen
    assert "12/12" in seen
    assert "\x1b[32m" in seen  # colours
    table = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.rpartition("\x1b[2K")[2]).replace("\r", "").splitlines()
    rows = [line for line in table if line.startswith(("vhcl", "…"))]
    assert len(rows) == 12
    assert max(map(len, table)) <= width
    assert all(len(line.rstrip()) > 50 for line in rows)  # none of them goes on below
    assert table[-1].startswith("12 vehicles · ")
    assert table.index(rows[-1]) - table.index(rows[0]) == 11


def on_terminal(width: int, *arguments: str) -> str:
    import pty  # noqa: PLC0415  there is none on Windows
    import termios  # noqa: PLC0415

    near, far = pty.openpty()
    termios.tcsetwinsize(far, (24, width))
    kept = environment(TERM="xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        kept.pop(name, None)
    with started(RUN, *arguments, env=kept, stdin=far, stdout=far, stderr=far) as process:
        os.close(far)
        written = b"".join(iter(lambda: chunk(near), b""))
        os.close(near)
    assert process.returncode == 0
    return written.decode()


def chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says when the other side was closed
        return b""


def test_sandbox(served: subprocess.Popen[str]) -> None:
    variables = exported(served)
    assert set(variables) == {"EVENERGY_BASE_URL", "EVENERGY_CLIENT_ID", "EVENERGY_CLIENT_SECRET"}
    script = "import evenergy\nwith evenergy.Client() as api: print(len(api.vehicles.list().collect()))"
    assert run(script, **variables) == (0, "2\n", "")


def test_sandbox_with_webhooks_prints_the_secret_that_verifies_them() -> None:
    with started(RUN, "sandbox", "--vehicles", "1", "--webhook", "http://127.0.0.1:9/webhooks") as process:
        exported(process)
        assert process.stdout is not None
        name, _, secret = process.stdout.readline().strip().removeprefix("export ").partition("=")
        process.kill()
    assert name == "EVENERGY_WEBHOOK_SECRET"
    receiver = evenergy.WebhookReceiver(secret)
    body = b'{"type": "x", "timestamp": "2024-05-01T22:00:03Z", "data": {}}'
    assert receiver.read(body, receiver.headers(body)).type == "x"


def test_a_webhook_goes_to_a_url() -> None:
    result = invoke("sandbox", "--webhook", "localhost")
    assert result.exit_code == 2
    assert "http://127.0.0.1:8080/webhooks" in result.stderr


@on_unix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_sandbox_ends_quietly(served: subprocess.Popen[str], number: signal.Signals, code: int) -> None:
    url = exported(served)["EVENERGY_BASE_URL"]
    with urlopen(f"{url}/vehicle_makes", timeout=10) as answer:  # noqa: S310  the scheme is the sandbox's
        assert answer.status == 200
    served.send_signal(number)
    out, err = served.communicate(timeout=20)
    assert (served.returncode, out) == (code, "")
    assert err.strip() == "Serving 2 vehicles until Ctrl-C."


@on_unix
def test_demo_ends_quietly() -> None:
    script = """
import asyncio, os, signal
from evenergy.cli import main
from evenergy.cli import demo, main
real = demo.gather
async def gather(*arguments):
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
    return await real(*arguments)
demo.gather = gather
main.main(["demo", "--vehicles", "3000"])
"""
    code, out, err = run(script)
    assert (code, out, err.strip()) == (130, "", "")


def test_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = run(RUN, "sandbox", "--port", port)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"evenergy: cannot listen on port {port}: ")


def test_reader_that_leaves() -> None:
    with started(RUN, "demo", "--vehicles", "400", "--hours", "1") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert not process.stderr.read()
    assert process.returncode == 141


def test_progress_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told(vehicles: int, hours: int, seed: int, on_progress: demo.OnProgress) -> demo.Report:
        on_progress(0, 0, None)
        await asyncio.sleep(0)
        on_progress(1, 0, 1)
        return demo.Report(NOW, hours, (), demo.Totals(vehicles, 0, hours, seed, 0, 0.0))

    monkeypatch.setattr(demo, "run", told)
    totals: dict[str, Any] = json.loads(
        invoke("demo", "--vehicles", "9", "--hours", "8", "--seed", "7", "--json").stdout
    )["totals"]
    assert (totals["vehicles"], totals["logs"], totals["requests"]) == (9, 8, 7)
