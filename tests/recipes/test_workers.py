"""One shared budget behind workers that are processes of their own: Celery over a Redis, and Ray."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import evenergy
from evenergy.sandbox import Sandbox
from tests.budgets.servers import needs_redis, server

LIMIT, VEHICLES = 20, 5

RECIPE = """
import os

import celery

import evenergy

app = celery.Celery("fleet", broker=os.environ["BROKER"], backend=os.environ["BROKER"])


@app.task(bind=True, name="last_seen", max_retries=3, acks_late=True)
def last_seen(self, vehicle_id):
    with evenergy.Client(budget=evenergy.SQLiteBudget(os.environ["BUDGET"]), max_wait=0) as client:
        try:
            log = client.vehicles.get(vehicle_id, expand=["latest_status_log"]).latest_status_log
        except evenergy.RateLimitError as error:
            raise self.retry(exc=error, countdown=error.retry_after)
        return log.sampled_at.isoformat()
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=VEHICLES, days=1, rate_limit=LIMIT) as sandbox:
        yield sandbox


def variables(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    return {
        "EVENERGY_BASE_URL": sandbox.base_url,
        "EVENERGY_CLIENT_ID": sandbox.client_id,
        "EVENERGY_CLIENT_SECRET": sandbox.client_secret,
        "BUDGET": str(folder / "budget.db"),
    }


@contextmanager
def workers(count: int, folder: Path, environment: dict[str, str]) -> Generator[None]:
    """Run so many workers of the recipe."""
    (folder / "fleet.py").write_text(RECIPE, encoding="utf-8")
    command = [sys.executable, "-m", "celery", "-A", "fleet", "worker", "--pool", "solo", "--without-mingle"]
    running = [
        subprocess.Popen(
            [*command, "-n", f"worker{number}@here"],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(count)
    ]
    try:
        yield
    finally:
        for worker in running:
            worker.kill()
            worker.wait()


@needs_redis
@pytest.mark.filterwarnings("ignore")  # of Celery and kombu
def test_celery_workers_share_one_budget_and_come_back_when_it_says(sandbox: Sandbox, tmp_path: Path) -> None:
    celery = pytest.importorskip("celery")
    with server(tmp_path / "redis") as port:
        broker = f"redis://127.0.0.1:{port}/0"
        app = celery.Celery("fleet", broker=broker, backend=broker)
        with workers(2, tmp_path, {**variables(sandbox, tmp_path), "BROKER": broker}):
            tasks: list[str] = [app.send_task("last_seen", [one]).id for one in sandbox.vehicle_ids * 6]
            ends = time.monotonic() + 60
            while not (states := Counter(app.backend.get_state(task) for task in tasks)).keys() <= {"SUCCESS", "RETRY"}:
                assert time.monotonic() < ends, states
                time.sleep(0.05)
            errors = [app.backend.get_result(task) for task in tasks if app.backend.get_state(task) == "RETRY"]
        app.close()
    assert states == {"SUCCESS": LIMIT, "RETRY": VEHICLES * 6 - LIMIT}
    # Celery's JSON brings back the name of an error, and its text.
    assert all(type(error).__name__ == "RateLimitError" and "Not sent" in str(error) for error in errors)


@pytest.mark.filterwarnings("ignore")  # of Ray
def test_ray_tasks_share_one_budget(sandbox: Sandbox, tmp_path: Path) -> None:
    ray: Any = pytest.importorskip("ray", reason="Ray is 79 MB, and not among the test dependencies: pip install ray")
    environment = variables(sandbox, tmp_path)

    def last_seen(vehicle_id: str) -> Any:
        with evenergy.Client(budget=evenergy.SQLiteBudget(environment["BUDGET"]), max_wait=0) as client:
            try:
                log: Any = client.vehicles.get(vehicle_id, expand=["latest_status_log"]).latest_status_log
            except evenergy.EvEnergyError as error:
                return error
            return log.sampled_at

    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": environment})
    try:
        task = ray.remote(last_seen)
        results: list[Any] = ray.get([task.remote(one) for one in [*sandbox.vehicle_ids, "vhcl" + 26 * "Z"] * 5])
    finally:
        ray.shutdown()
    kinds = Counter(type(one).__name__ for one in results)
    assert kinds.keys() == {"datetime", "NotFoundError", "RateLimitError"}
    assert kinds["datetime"] + kinds["NotFoundError"] == LIMIT
    assert not any(one.headers for one in results if isinstance(one, evenergy.RateLimitError))
