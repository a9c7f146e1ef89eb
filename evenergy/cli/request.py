"""Command ``evenergy request``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import click

from .context import App, ClientCommand, Settings
from .numbers import counted
from .output import dict_shape, write_json


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"expected name=value, got {value!r}")
        found.setdefault(name, []).append(text)
    return found


@click.command(
    "request",
    cls=ClientCommand,
    params=[
        click.Argument(["method"], metavar="METHOD"),
        click.Argument(["path"], metavar="PATH"),
        click.Option(
            ["--param"],
            metavar="NAME=VALUE",
            multiple=True,
            callback=_pairs,
            help="A parameter of the query; repeatable.",
        ),
        click.Option(["--body"], metavar="FILE", type=click.File("rb"), help="The JSON body; - for standard input."),
        click.Option(["--paginate"], is_flag=True, help="Read all pages, and print one array of their items."),
    ],
)
@click.pass_obj
def request(
    settings: Settings, method: str, path: str, param: dict[str, list[str]], body: IO[bytes] | None, paginate: bool
) -> None:
    """Send any request, with the token, rate limit and retries of all others, and print its JSON.

    A POST, PATCH or DELETE is sent without a question.

    \b
    evenergy request GET /vehicles --param expand=user --paginate
    evenergy request PATCH /vehicles/ID --body changes.json
    """
    method = method.upper()
    document = None if body is None else _document(body)
    if paginate and (method != "GET" or body is not None):
        raise click.UsageError("--paginate is for GET without a body")
    if settings.format == "csv" or settings.fields:
        raise click.UsageError("request prints JSON: --csv and --fields are for the other commands")

    async def run(app: App) -> None:
        if paginate:
            await _all_pages(app, path, param)
            return
        response = await app.client.request(method, path, params=param, json=document)
        if response.body.strip():
            write_json(response.json())

    settings.run(run)


def _document(body: IO[bytes]) -> object:
    try:
        return json.loads(body.read())
    except ValueError as error:
        raise click.BadParameter(f"{Path(body.name).name} is no JSON: {error}", param_hint="--body") from error


async def _all_pages(app: App, path: str, param: dict[str, list[str]]) -> None:
    app.settings.use_json()
    parameters: dict[str, Any] = dict(param)
    if "page_size" in parameters:
        parameters["page_size"] = int(parameters["page_size"][-1])
    pages = app.client.pages(path, dict[str, Any], **parameters).pages()
    count = 0
    with app.output(dict_shape([], [])) as output:
        async with app.progress("items") as progress:
            async for page in pages:
                output.write(page.items)
                count += len(page.items)
                progress.update(count)
    app.ended(counted(count, "item"))
