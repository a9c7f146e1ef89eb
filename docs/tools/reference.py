"""The pages of the reference, written from the package: `python -m docs.tools.reference`.

Each public name of `evenergy._names` has a place on one of them, and each collection of the clients too.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from docs.tools.signatures import collections, home, methods
from evenergy import AsyncClient, _names

DOCS = Path(__file__).parents[1]

PAGES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "clients": (
        "Clients",
        "The two clients, and what their methods return.",
        ("client", "_core", "_transport", "_lazy", "_codec", "msgspec"),
    ),
    "auth": ("Credentials", "Credentials, tokens, and stores for tokens.", ("auth", "token_store")),
    "errors": ("Errors", "All errors that the library raises.", ("errors",)),
    "budgets": (
        "Budgets",
        "Budgets that processes share, and the gateway.",
        ("budgets", "_transport.budget", "_transport.shares"),
    ),
    "fleet": ("Fleet", "`client.fleet`, its values, and its database.", ("fleet",)),
    "tables": ("Tables", "Tables of values, and the source for dlt.", ("records",)),
    "webhooks": ("Webhooks", "Verification of webhooks, and their events.", ("webhooks",)),
    "sandbox": ("Sandbox", "The server on your machine that behaves like the API, and its controls.", ()),
}
"""Pages beside those of the API's resources: title, first sentence, and the modules whose public names stand there.

A module that is named goes before the package that it is in.
"""

EXTRA = {
    "budgets": ("evenergy.proxy.Proxy",),
    "tables": ("evenergy.dlt.source",),
    "sandbox": ("evenergy.sandbox.server.Sandbox", "evenergy.sandbox.controls.Controls"),
}
"""Objects that are public and not in the table of names."""

UNSET = """## UNSET

The default of an argument that a PATCH leaves alone; None is sent as null, where the API allows it. It is msgspec's.
"""


def pages() -> dict[str, str]:
    """Return the Markdown of each page of the reference, by its path below ``docs/``."""
    written = {f"reference/{name}.md": _page(*PAGES[name][:2], _of_page(name)) for name in PAGES}
    for domain in domains():
        title, _, _ = (importlib.import_module(f"evenergy.resources.{domain}").__doc__ or "").strip().partition("\n")
        heading, _, _ = title.rstrip(".").partition(":")
        written[f"reference/api/{domain}.md"] = _page(heading.partition(",")[0], title, _of_domain(domain))
    return written


def domains() -> list[str]:
    """Return the modules of the API's resources."""
    return sorted(module.rpartition(".")[2] for module in _names.MODULES if module.startswith(".resources."))


def _page(title: str, first: str, blocks: Iterator[str]) -> str:
    return "\n".join([f"# {title}\n", f"{first}\n", *blocks])


def _of_page(name: str) -> Iterator[str]:
    for path in EXTRA.get(name, ()):
        yield _block(path)
    if name == "clients":
        yield _block("evenergy.AsyncClient")
        yield _block("evenergy.Client")
        members = ["rate_limit", *(name for name in methods(AsyncClient) if name != "close")]
        yield _block("evenergy.client.Api", "client", members)
    if name == "fleet":
        yield from _collections("evenergy.fleet.devices")
    for module, names in _names.MODULES.items():
        if _page_of(module) == name:
            for one in names:
                if one not in {"AsyncClient", "Client"}:
                    yield UNSET if one == "UNSET" else _block(f"evenergy.{one}")


def _page_of(module: str) -> str | None:
    """Return the page on which the public names of a module stand, or None for a module of the API's resources."""
    places = {place: page for page, (_, _, modules) in PAGES.items() for place in modules}
    path = module.removeprefix(".")
    return places.get(path) or places.get(path.partition(".")[0])


def _of_domain(domain: str) -> Iterator[str]:
    yield from _collections(f"evenergy.resources.{domain}")
    for one in _names.MODULES[f".resources.{domain}"]:
        yield _block(f"evenergy.{one}")


def _collections(module: str) -> Iterator[str]:
    for path, awaited, _ in collections():
        if type(awaited).__module__ == module:
            yield _block(home(awaited), path, methods(awaited))


def _block(path: str, heading: str = "", members: list[str] | None = None) -> str:
    lines = [f"::: {path}"]
    if heading:
        lines += ["    options:", f"      heading: {heading}", f"      toc_label: {heading}", "      show_bases: false"]
        lines += ["      merge_init_into_class: false", "      show_symbol_type_heading: false"]
        lines += ["      members:", *(f"        - {name}" for name in members or ())]
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the pages, and remove those of modules that are gone."""
    written = pages()
    for old in (DOCS / "reference").rglob("*.md"):
        if old.relative_to(DOCS).as_posix() not in {*written, "reference/index.md"}:
            old.unlink()
    for path, text in written.items():
        (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
