"""Code blocks of Markdown pages, and the environment that they run in."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from evenergy.sandbox import Sandbox

ROOT = Path(__file__).parent.parent

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COST = re.compile(r"^# requests: (\d+)\b", re.MULTILINE)
_FILE = re.compile(r"# (\w+\.py)\n")


@attrs.frozen
class Block:
    """Code block of a page.

    Attributes:
        language: The word behind the fence.
        code: The text between the fences.
        line: The line of the page at which the text begins, from 1.
        output: The text of the ``text`` block right behind it, which it should print; None when there is none.
    """

    language: str
    code: str
    line: int
    output: str | None

    @property
    def requests(self) -> int | None:
        """Return the requests that the block says it costs, or None when it does not say."""
        said = _COST.search("".join(self.code.splitlines(keepends=True)[:2]))
        return int(said[1]) if said else None

    @property
    def is_test(self) -> bool:
        """Return whether pytest runs it."""
        return re.search(r"^(async )?def test_", self.code, re.MULTILINE) is not None

    @property
    def file(self) -> str | None:
        """Return the name of the file that it is, where its first line has one."""
        named = _FILE.match(self.code)
        return named[1] if named else None


def blocks(text: str) -> list[Block]:
    """Return the code blocks of a page."""
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        output = _OUTPUT.match(text, match.end())
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(match[1], match[2], line, output[1] if output else None))
    return found


def python_blocks(text: str) -> list[Block]:
    """Return the code blocks of a page that Python runs."""
    return [block for block in blocks(text) if block.language == "python"]


def environment(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables under which a program talks to a sandbox."""
    return {
        **os.environ,
        "EVENERGY_BASE_URL": sandbox.base_url,
        "EVENERGY_CLIENT_ID": sandbox.client_id,
        "EVENERGY_CLIENT_SECRET": sandbox.client_secret,
        "EVENERGY_WEBHOOK_SECRET": sandbox.webhook_secret,
    }
