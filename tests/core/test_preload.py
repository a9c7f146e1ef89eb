"""After `evenergy.preload()` nothing is imported, whatever is used and whatever fails."""

import json
import pkgutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

import evenergy.resources
from evenergy.sandbox import Sandbox

LIMIT = 60.0  # seconds: what takes longer hangs

SCRIPT = """
import builtins, sys
import evenergy
{preload}
known, imported = set(sys.modules), []
really_import = builtins.__import__

def watched(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name not in sys.modules:
        imported.append(name)
    return really_import(name, globals, locals, fromlist, level)

builtins.__import__ = watched
sandbox_url, secret, vehicle, odd_url, token_file = sys.argv[1:]
sandbox_url = sandbox_url.replace("127.0.0.1", "localhost")  # a name has to be resolved
auth = evenergy.ClientCredentials("sandbox", secret)
retry = evenergy.Retry(attempts=2, backoff=0.001)
failures = []

def attempt(work):
    try:
        work()
    except evenergy.EvEnergyError as error:
        failures.append(type(error).__name__)
        repr(error), str(error)

ODD = ["flaky", "broken", "odd-times", "cut", "redirect", "later", "slow", "denied"]

def use_blocking():
    with evenergy.Client(auth, base_url=sandbox_url) as client:
        for name in dir(client):
            getattr(client, name)
        found = client.vehicles.get(vehicle, expand=["user", "trim.model.make"])
        evenergy.to_dict(found)
        found.__dataclass_fields__
        repr(found), repr(client), client.rate_limit
        client.vehicles.list(page_size=2).collect(3)
        for log in client.vehicles.status_logs.list(vehicle, page_size=2):
            break
        client.vehicle_makes.list().collect(1)
        list(client.fan_out(client.vehicles.get, [vehicle, "nonsense"]))
        list(client.fan_out(client.vehicles.get, [vehicle] * 40, expand=["unknown"]))
        list(client.fan_out(lambda one: client.vehicles.get(one), [vehicle]))
        with client.with_options(user="user01HN2NJ9NMRZBXT1H6FT9N7735", timeout=5, deadline=5) as view:
            attempt(lambda: view.vehicles.get(vehicle))
    with evenergy.Client("t", base_url=odd_url, retry=retry, timeout=0.2, max_wait=1.0) as client:
        for path in ODD:
            attempt(lambda: client.request("GET", "/" + path, into=evenergy.VehicleStatusLog))
        attempt(lambda: client.request("POST", "/slow", json={{"a": 1}}))
        attempt(lambda: client.request("GET", "/limited"))  # last: nothing is sent afterwards
    for base in ("https" + odd_url.removeprefix("http"), "http://127.0.0.1:1/v2", "https://nobody.invalid/v2"):
        with evenergy.Client("t", base_url=base, retry=retry, allow_http=["nobody.invalid"]) as client:
            attempt(client.root)

async def use_async():
    async with evenergy.AsyncClient(auth, base_url=sandbox_url) as client:
        await client.vehicles.get(vehicle)
        async for outcome in client.fan_out(client.vehicles.status_logs.list, [vehicle], page_size=50):
            outcome.unwrap()
        await client.request("GET", "/vehicles")
        await client.pages("/vehicles", evenergy.Vehicle).collect(1)
    stored = evenergy.ClientCredentials("sandbox", secret, store=evenergy.FileTokenStore(token_file))
    async with evenergy.AsyncClient(stored, base_url=sandbox_url) as client:
        await client.root()
    grant = evenergy.AuthorizationCode("app", "https://app.example/callback")
    async with evenergy.AsyncClient(grant, base_url=sandbox_url, trust_env=True) as client:
        asyncio_error = await raised(client.root())

async def raised(call):
    try:
        await call
    except evenergy.EvEnergyError as error:
        failures.append(type(error).__name__)

for name in dir(evenergy):
    getattr(evenergy, name)
try:
    evenergy.Nothing
except AttributeError:
    pass
use_blocking()
if "asyncio" in sys.modules:
    sys.modules["asyncio"].run(use_async())
print(json := sorted(failures))
print(sorted((set(sys.modules) - known) | set(imported)))
"""


class Odd(BaseHTTPRequestHandler):
    """Responses that clients seldom see."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """Respond by the end of the path."""
        name = self.path.rpartition("/")[2]
        self.seen[name] += 1
        log = json.dumps({"url": "u", "sampled_at": "2024-01-01T11:11:11+01:00"}).encode()
        problem = b'{"title": "No", "status": 403, "field_errors": {"a": ["b"]}}'
        match name:
            case "flaky":
                self._send(503 if self.seen[name] == 1 else 200, b"{}")
            case "limited":
                self._send(429, b"{}", {"Retry-After": "1800"})
            case "broken":
                self._send(200, b'{"sampled_at": 5, "is_charging": "perhaps"}')
            case "odd-times":
                self._send(200, log)
            case "cut":
                self._send(200, b'{"url')
            case "redirect":
                self._send(301, b"", {"Location": "https://elsewhere.example/"})
            case "later":
                self._send(503, b"<html>", {"Retry-After": "Wed, 25 Nov 2099 22:41:00 GMT"})
            case "denied":
                self._send(403, problem, {"Content-Type": "application/problem+json"})
            case _:
                self.close_connection = True
                self.rfile.read(1)  # never comes: the client gives up

    do_POST = do_GET  # noqa: N815  the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def odd_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.daemon_threads = True
    Odd.seen.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v2"
    server.shutdown()
    server.server_close()


def imported(odd_url: str, token_file: Path, preload: str) -> tuple[set[str], set[str]]:
    """Return the errors that were met, and the modules that were imported meanwhile."""
    with Sandbox(vehicles=3, days=1, rate_limit=1000) as sandbox:
        arguments = [sandbox.base_url, sandbox.client_secret, sandbox.vehicle_ids[0], odd_url, str(token_file)]
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT.format(preload=preload), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
    assert run.returncode == 0, run.stderr
    failures, modules = run.stdout.splitlines()
    return set(json.loads(failures.replace("'", '"'))), set(json.loads(modules.replace("'", '"')))


def test_nothing_is_imported_after_preload(odd_url: str, tmp_path: Path) -> None:
    failures, modules = imported(odd_url, tmp_path / "token.json", "evenergy.preload()")
    assert failures >= {
        "AuthenticationError",
        "DecodeError",
        "OutcomeUnknownError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestTimeoutError",
        "ServerError",
        "TransportError",
    }
    assert modules == set()


def test_without_preload_modules_are_imported_at_first_use(odd_url: str, tmp_path: Path) -> None:
    _, modules = imported(odd_url, tmp_path / "token.json", "")
    assert modules >= {"evenergy.client", "evenergy.resources.vehicles", "evenergy._codec.strict", "tenacity"}


def test_preload_imports_no_server_and_no_command() -> None:
    script = "import sys, evenergy; evenergy.preload(); evenergy.preload(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    resources = {f"evenergy.resources.{module.name}" for module in pkgutil.iter_modules(evenergy.resources.__path__)}
    assert loaded >= {"evenergy.client", "evenergy._codec.strict", "tenacity", *resources}
    assert not loaded & {"evenergy.cli", "evenergy.sandbox", "evenergy.__main__", "aiohttp.web", "click"}
