"""One shared budget on engines that exist: Dask, Celery, the shape of an Airflow task; and what travels between."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import evenergy
from evenergy import AsyncClient, Client, ClientCredentials, LocalBudget, Retry, SQLiteBudget
from evenergy.sandbox import Sandbox

LIMIT = 60
SINCE = datetime.now(UTC) - timedelta(hours=6)


@attrs.frozen
class Place:
    """Where the API is, and where the budget: plain data, which every engine can send to its workers."""

    base_url: str
    client_id: str
    client_secret: str
    budget: str

    def client(self, **options: Any) -> Client:
        """Return a client, made where it is used: on the worker."""
        auth = ClientCredentials(self.client_id, self.client_secret)
        return Client(auth, base_url=self.base_url, budget=SQLiteBudget(self.budget), max_wait=0, **options)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(vehicles=12, days=1, rate_limit=LIMIT) as sandbox:
        yield sandbox


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(sandbox.base_url, sandbox.client_id, sandbox.client_secret, str(tmp_path / "budget.db"))


# What travels


def test_values_errors_marks_pages_and_options_pickle(place: Place, sandbox: Sandbox) -> None:
    with place.client() as client:
        vehicle = client.vehicles.get(sandbox.vehicle_ids[0])
        page = next(iter(client.vehicles.list(page_size=5).pages()))
        found = list(client.fleet.new_status_logs(since=SINCE, budget=4))
        with pytest.raises(evenergy.NotFoundError) as missing:
            client.vehicles.get("vhcl" + 26 * "Z")
    options = [Retry(attempts=2), LocalBudget(reserve={"app": 0.3}), SQLiteBudget(place.budget, share="reports")]
    for one in (vehicle, page, found, *options[:2]):
        assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  ours
    assert repr(pickle.loads(pickle.dumps(options[2]))) == repr(options[2])  # noqa: S301  ours
    error = pickle.loads(pickle.dumps(missing.value))  # noqa: S301  ours
    assert (str(error), error.status) == (str(missing.value), 404)


@pytest.mark.parametrize("client", [AsyncClient("a-token"), Client("a-token")])
def test_a_client_does_not_pickle_and_says_what_to_do(client: AsyncClient | Client) -> None:
    with pytest.raises(TypeError, match="make one in each process") as failed:
        pickle.dumps(client)
    assert "a-token" not in str(failed.value)


# Dask: a task a vehicle; errors are results


def dask_logs(place: Place, vehicle_id: str) -> int | evenergy.EvEnergyError:
    """Return how many logs a vehicle has, or the error, so that one vehicle ends no other's task."""
    with place.client() as client:
        try:
            return len(client.vehicles.status_logs.list(vehicle_id, since=SINCE).collect())
        except evenergy.EvEnergyError as error:
            return error


@pytest.mark.filterwarnings("ignore")  # of Dask and tornado
def test_dask_workers_share_one_budget(place: Place, sandbox: Sandbox) -> None:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None)
    with cluster, distributed.Client(cluster) as engine:
        ids = [*sandbox.vehicle_ids, "vhcl" + 26 * "Z"] * 5
        results: list[Any] = engine.gather([engine.submit(dask_logs, place, vehicle, pure=False) for vehicle in ids])
    served = [one for one in results if isinstance(one, int)]
    errors: set[Any] = {type(one) for one in results if not isinstance(one, int)}
    assert errors == {evenergy.NotFoundError, evenergy.RateLimitError}
    assert len(served) + sum(isinstance(one, evenergy.NotFoundError) for one in results) == LIMIT
    limited = [one for one in results if isinstance(one, evenergy.RateLimitError)]
    assert not any(one.headers for one in limited), "the API itself rejected none"


# Celery: a limit is a retry at its time


CELERY = """
import sys
from celery import Celery
from tests.recipes.test_engines import Place, evenergy

app = Celery("recipe", broker=sys.argv[1] if len(sys.argv) > 2 else "memory://")
app.conf.task_always_eager = True
app.conf.task_eager_propagates = True
app.conf.task_store_eager_result = False


@app.task(bind=True, max_retries=3, acks_late=True)
def vehicle_name(self, place, vehicle_id):
    with Place(**place).client() as client:
        try:
            return client.vehicles.get(vehicle_id).id
        except evenergy.RateLimitError as error:
            raise self.retry(exc=error, countdown=error.retry_after)
"""


def test_a_celery_task_comes_back_when_the_limit_says(place: Place, sandbox: Sandbox) -> None:
    celery = pytest.importorskip("celery")
    namespace: dict[str, Any] = {}
    exec(compile(CELERY, "recipe", "exec"), namespace)  # noqa: S102  the recipe as it stands
    task = namespace["vehicle_name"]
    plain = attrs.asdict(place)
    for number in range(LIMIT):
        vehicle = sandbox.vehicle_ids[number % 12]
        assert task.apply(args=(plain, vehicle)).get() == vehicle
    countdowns: list[float] = []

    class RetriedError(Exception):
        pass

    def retry(*, exc: BaseException, countdown: float) -> BaseException:
        assert isinstance(exc, evenergy.RateLimitError)
        countdowns.append(countdown)
        return RetriedError()

    task.retry = retry
    assert isinstance(task, celery.Task)
    with pytest.raises(RetriedError):
        task.apply(args=(plain, sandbox.vehicle_ids[0])).get()
    assert 3500 < countdowns[0] <= 3600


# Airflow: a task gets marks and gives pages with their marks; it may be run again at any time


def airflow_task(place: Place, marks: dict[str, str], kept: list[str]) -> dict[str, str]:
    """Return the marks for the next run; they travel as plain text, such as by XCom."""
    after = dict(marks)
    with place.client() as client:
        for found in client.fleet.new_status_logs(marks=marks, since=SINCE):
            kept.extend(f"{log.vehicle} {log.sampled_at}" for log in found.logs)
            after |= found.marks
    return after


def test_an_airflow_task_is_safe_to_retry(place: Place) -> None:
    first, again, later = list[str](), list[str](), list[str]()
    marks = airflow_task(place, {}, first)
    assert pickle.loads(pickle.dumps(marks)) == marks  # noqa: S301  ours
    assert airflow_task(place, {}, again).keys() == marks.keys()
    assert set(first) <= set(again), "the same marks give the same logs"
    airflow_task(place, marks, later)
    assert not set(first) & set(later), "the next run repeats nothing"
