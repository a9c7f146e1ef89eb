"""Runs the Python blocks of a page one after another, as a reader does, and prints what each did as JSON.

Usage: python -W error -m tests.page_runner PAGE, in a directory of its own. The blocks share one namespace, and a
sandbox that the variables of the environment name. Blocks for pytest are left out.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from evenergy.sandbox import Sandbox
from tests.blocks import Block, environment, python_blocks

_sandboxes: list[Sandbox] = []


class CountedSandbox(Sandbox):
    """Sandbox whose requests are counted with those of all others, also of those that a block makes itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _sandboxes.append(self)


def run(block: Block, page: str, namespace: dict[str, Any]) -> dict[str, object]:
    """Run a block; return its line, its requests, its output, and its traceback or None."""
    before, printed, failure = _requests(), io.StringIO(), None
    if block.file:
        Path(block.file).write_text(block.code, encoding="utf-8")
    try:
        code = compile("\n" * (block.line - 1) + block.code, page, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)  # noqa: S102  a block of the documentation
    except Exception:  # noqa: BLE001  it is reported
        failure = traceback.format_exc()
    return {
        "line": block.line,
        "requests": _requests() - before,
        "output": printed.getvalue(),
        "failure": failure,
    }


def _requests() -> int:
    return sum(one.requests for one in _sandboxes)


def main(page: str) -> None:
    """Run the blocks of a page."""
    sys.path.insert(0, str(Path.cwd()))  # blocks that are files are imported by others
    namespace: dict[str, Any] = {"__name__": "__main__"}
    sys.modules["evenergy.sandbox"].__dict__["Sandbox"] = CountedSandbox  # blocks find it there
    with CountedSandbox() as sandbox:
        os.environ.update(environment(sandbox))
        done = [run(one, page, namespace) for one in python_blocks(Path(page).read_text("utf-8")) if not one.is_test]
    print(json.dumps(done))  # noqa: T201  the report


if __name__ == "__main__":
    main(sys.argv[1])
