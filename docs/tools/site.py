"""The documentation as a site: `python -m docs.tools.site` builds it strictly, and adds Markdown and llms.txt.

Markdown of a page is at its own URL with ``index.md`` behind it. The pages of the reference have the signatures and
docstrings there that the site shows.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import Enum
from operator import attrgetter
from pathlib import Path
from typing import Any

from evenergy import AsyncClient, Client

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]

_BLOCK = re.compile(r"^::: (\S+)\n(?:    options:\n(?:      .*\n)*)?", re.MULTILINE)
_SNIPPET = re.compile(r'^--8<-- "(.+)"\n', re.MULTILINE)


def pages() -> dict[str, list[str]]:
    """Return the paths of the pages below ``docs/`` as the navigation has them, by the heading they stand under."""
    found: dict[str, list[str]] = {}
    for section in CONFIG["nav"]:
        for heading, entries in section.items():
            found[heading] = list(_paths(entries))
    return found


def _paths(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values():
                yield from _paths(inner)


def markdown(path: str) -> str:
    """Return a page as Markdown that needs no generator: included files and the reference are written out."""
    text = (DOCS / path).read_text(encoding="utf-8")
    text = _SNIPPET.sub(lambda match: (ROOT / match[1]).read_text(encoding="utf-8"), text)
    return _BLOCK.sub(lambda match: "\n".join(_described(match[1], match[0])) + "\n", text)


def _described(path: str, block: str) -> Iterator[str]:
    heading = re.search(r"heading: (\S+)", block)
    if heading is None:
        yield from _object(path)
        return
    where = heading[1].removeprefix("client").removeprefix(".")
    yield f"## `{heading[1]}`\n"
    for name in re.findall(r"^        - (\S+)", block, re.MULTILINE):
        method = f"{where}.{name}" if where else name
        awaited, blocking = attrgetter(method)(AsyncClient), attrgetter(method)(Client)
        yield f"### `client.{method}`\n"
        if callable(awaited):
            prefix = "await " if inspect.iscoroutinefunction(awaited) else ""
            yield f"    {prefix}client.{method}{_signature(awaited)}"
            yield f"    client.{method}{_signature(blocking)}\n"
        yield f"{inspect.getdoc(awaited) or ''}\n"


def _object(path: str) -> Iterator[str]:
    """Yield the lines of a function, a class with its fields and methods, or an alias."""
    thing: Any = pkgutil.resolve_name(path)
    name = path.rpartition(".")[2]
    yield f"## `{name}`\n"
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        yield f"    {name} = {thing!r}\n"
        return
    if inspect.isclass(thing) and issubclass(thing, Enum):
        members = ", ".join(str(member.value) for member in thing)
        yield f"{inspect.getdoc(thing) or ''}\n\n    {members}\n"
        return
    yield f"    {name}{_signature(thing)}\n"
    yield f"{inspect.getdoc(thing) or ''}\n"
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not member.startswith("_") and inspect.isfunction(value):
            yield f"### `{name}.{member}{_signature(value)}`\n\n{inspect.getdoc(value) or ''}\n"


class _Plain(str):
    """Annotation that is shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(thing: Any) -> str:
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    parameters = [one.replace(annotation=_plain(one.annotation)) for one in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=_plain(signature.return_annotation)))


def _plain(annotation: Any) -> Any:
    if annotation is inspect.Signature.empty:
        return annotation
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = text.replace("Annotated[datetime.datetime, msgspec.Meta(tz=True)]", "datetime")
    return _Plain(re.sub(r"\b(?:evenergy|collections|typing)\.(?:\w+\.)*", "", text))


def index() -> str:
    """Return llms.txt: the pages with their first sentences, as https://llmstxt.org describes it."""
    lines = [f"# {CONFIG['site_name']}\n", f"> {CONFIG['site_description']}.\n"]
    lines.append(
        "Each link is the Markdown of a page. Python blocks run against `evenergy sandbox` without an account."
    )
    for heading, paths in pages().items():
        lines.append(f"\n## {heading}\n")
        for path in paths:
            title, first = _opening(markdown(path))
            lines.append(f"- [{title}]({address(path)}): {first}")
    return "\n".join([*lines, ""])


def address(path: str) -> str:
    """Return where the Markdown of a page is, beside llms.txt."""
    page = path.removesuffix(".md").removesuffix("index")
    return f"{page.rstrip('/')}/index.md".removeprefix("/")


def _opening(text: str) -> tuple[str, str]:
    """Return the title of a page, and its first sentence."""
    title, _, rest = text.removeprefix("# ").partition("\n")
    paragraph = next(
        part for part in rest.split("\n\n") if part.strip() and not part.strip().startswith(("#", "!", "["))
    )
    sentence = re.split(r"(?<=[.:])\s", " ".join(paragraph.split()))[0]
    return title, sentence.rstrip(".:") + "."


def add_markdown(site: Path) -> None:
    """Write llms.txt, and the Markdown of each page, into a site."""
    (site / "llms.txt").write_text(index(), encoding="utf-8")
    for paths in pages().values():
        for path in paths:
            file = site / address(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(markdown(path), encoding="utf-8")


def main() -> None:
    """Build the site, and exit with the status of the generator when it finds something wrong."""
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # the extensions of griffe import `docs.tools`
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    shutil.rmtree(ROOT / CONFIG["site_dir"] / "tools", ignore_errors=True)  # the generator takes all files of docs/
    add_markdown(ROOT / CONFIG["site_dir"])


if __name__ == "__main__":
    main()
