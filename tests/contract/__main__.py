"""Command that prints which operations of a description the client covers, and what a newer description changed.

Usage: python -m tests.contract [description]

The description is the one in ``EVENERGY_OPENAPI`` unless it is given: the path of a file, or an https URL. The exit
code is 1 when an operation is new or not as the client has it, or when a value of a response has changed.
"""

import asyncio
import sys
import urllib.request
from collections.abc import Iterable

from .coverage import differences, missing, report
from .description import VARIABLE, Described, Description, configured, load, parse
from .fields import changes
from .recording import record

_TIMEOUT = 60.0  # seconds


def read(place: str) -> Description:
    """Return the description in a file, or at a URL."""
    if not place.startswith("https://"):
        return load(place)
    with urllib.request.urlopen(place, timeout=_TIMEOUT) as response:  # noqa: S310  it is https
        return parse(response.read().decode())


def section(heading: str, lines: Iterable[str]) -> list[str]:
    """Return lines below a heading; nothing without lines."""
    found = list(lines)
    return ["", heading, *found] if found else []


def described_line(operation: Described) -> str:
    """Return the line for an operation that the client lacks; `request` and `pages` of a client send it anyway."""
    return f"{operation.method} {operation.path} ({operation.id})"


def main(arguments: list[str]) -> int:
    """Print the report, and return the exit code."""
    place = arguments[0] if arguments else configured()
    if place is None or len(arguments) > 1:
        print(  # noqa: T201
            f"usage: python -m tests.contract [description]\n"
            f"It is a path or an https URL; without it, {VARIABLE} names the description."
        )
        return 2
    description = read(place)
    new = section("New operations, which the client lacks:", map(described_line, missing(description)))
    wrong = section("Different from the client:", differences(description, asyncio.run(record())))
    changed = section("Changed in values of responses:", changes(description))
    for line in (*report(description), *new, *wrong, *changed):
        print(line)  # noqa: T201  a command
    return 1 if new or wrong or changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
