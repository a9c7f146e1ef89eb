"""Domains: each imports the few whose models its own results hold, so that using one costs no other."""

import subprocess
import sys
from collections.abc import Iterator

from tests.house import DOMAINS

NEEDS = {
    "account": "users",
    "charging": "charging_diagnostics charging_intervals evses feeds tariffs users vehicles",
    "charging_sessions": "charging evses sub_sessions vehicles",
    "ct_clamps": "evses",
    "evse_logs": "evses",
    "evse_onboarding": "evse_catalogue evses onboarding",
    "evses": "evse_catalogue users vpp",
    "ocpp": "evses",
    "onboarding": "catalogue",
    "programs": "catalogue",
    "solar": "inverters users",
    "sub_sessions": "charging tariffs",
    "support": "support_categories users",
    "support_stats": "support_categories",
    "users": "sites tariffs",
    "vehicle_logs": "vehicles",
    "vehicles": "catalogue users vpp",
}
"""Domains that a domain needs directly; one that is not listed needs none."""

SCRIPT = """
import importlib, sys
import evenergy.resources._logs, evenergy.resources._intervals
prefix = "evenergy.resources."
for name in sys.argv[1:]:
    importlib.import_module(prefix + name)
    loaded = {one for one in sys.modules if one.startswith(prefix) and not one.startswith(prefix + "_")}
    print(name, *sorted(one.removeprefix(prefix) for one in loaded))
    for one in loaded:
        del sys.modules[one]
"""


def closure(name: str) -> set[str]:
    return {name}.union(*(closure(other) for other in NEEDS.get(name, "").split()))


def imported() -> Iterator[tuple[str, set[str]]]:
    """Yield each domain with the domains that its import brings."""
    run = subprocess.run([sys.executable, "-c", SCRIPT, *DOMAINS], capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        name, *loaded = line.split()
        yield name, set(loaded)


def test_a_domain_imports_no_other_that_it_does_not_need() -> None:
    found = dict(imported())
    assert found.keys() == DOMAINS.keys()
    assert found == {name: closure(name) for name in DOMAINS}
