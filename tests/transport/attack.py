"""Thousands of random worlds, for minutes: ``python -m tests.transport.attack --worlds 5000``."""

import argparse
import time
import traceback

from tests.transport.worlds import AloneWorld, ChaosWorld, Figures


def attack(kind: type[AloneWorld | ChaosWorld], first: int, worlds: int) -> int:
    """Play worlds, report those that break a law, and return their number."""
    total, broken, started = Figures(), 0, time.monotonic()
    for seed in range(first, first + worlds):
        try:
            total.add(kind(seed).play())
        except Exception:  # noqa: BLE001  whatever it is, it is what we look for
            broken += 1
            print(f"{kind.__name__}({seed})\n{traceback.format_exc(limit=-3)}", flush=True)  # noqa: T201
    seconds = time.monotonic() - started
    print(f"{kind.__name__}: {worlds} worlds, {broken} broken, {total}, {seconds:.0f} s", flush=True)  # noqa: T201
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.transport.attack", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000, help="how many of each kind (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    options = parser.parse_args()
    broken = [attack(kind, options.first, options.worlds) for kind in (AloneWorld, ChaosWorld)]
    raise SystemExit(any(broken))


if __name__ == "__main__":
    main()
