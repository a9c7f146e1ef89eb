"""Command that prints which operations of a description the client covers.

Usage: python -m tests.contract [description]

The description is the one in ``EVENERGY_OPENAPI`` unless its path is given. The exit code is 1 when an operation that
the client claims is not in the description, or is another one there.
"""

import asyncio
import sys

from .coverage import differences, report
from .description import VARIABLE, configured, load
from .recording import record


def main(arguments: list[str]) -> int:
    path = arguments[0] if arguments else configured()
    if path is None or len(arguments) > 1:
        print(f"usage: python -m tests.contract [description]\nWithout it, {VARIABLE} names the description.")  # noqa: T201
        return 2
    description = load(path)
    wrong = list(differences(description, asyncio.run(record())))
    heading = ["", "Different from the client:"] if wrong else []
    for line in (*report(description), *heading, *wrong):
        print(line)  # noqa: T201  a command
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
