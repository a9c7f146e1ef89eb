"""Command ``evenergy doctor``."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from typing import Final

import click

from evenergy.cli import accounts
from evenergy.cli.context import ClientCommand, Settings
from evenergy.cli.errors import Exit
from evenergy.cli.interrupts import run_async
from evenergy.cli.output import ALWAYS, Output, dict_shape, key_column, write_json

from . import api, local, network
from .findings import Finding, Status, skipped

_NAMES: Final = ("check", "status", "message", "advice")
_MARKS: Final = {Status.OK: "ok", Status.WARNING: "warning", Status.FAILED: "FAILED", Status.SKIPPED: "-"}
_COLOURS: Final = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "red", Status.SKIPPED: None}
_WIDTH: Final = 100  # columns of a line, at the most
_INDENT: Final = " " * 24


@click.command("doctor", cls=ClientCommand)
@click.option("--fleet", is_flag=True, help="Find out, with ten requests, what syncing relies on.")
@click.pass_obj
def doctor(settings: Settings, fleet: bool) -> None:
    """Find out why requests fail, and say what to do.

    It looks at this machine, the way to the API, and the credentials, with two requests. It ends with 0 unless requests
    cannot succeed. With --fleet it finds out what `evenergy sync` relies on and the API does not document.
    """
    if fleet:
        from .fleet import examine

        findings = settings.run(examine)
    elif settings.sandbox:
        findings = [skipped("sandbox", "a sandbox of one command has nothing to look at; --fleet --sandbox does")]
    else:
        findings = list(_findings(settings))
    _write(settings, findings)
    click.get_current_context().exit(next((one.exit_code for one in findings if one.exit_code), Exit.DONE))


def _findings(settings: Settings) -> Iterator[Finding]:
    """Yield all findings in order; what cannot be reached is not tried."""
    yield from local.variables()
    account, finding = local.account(settings)
    yield finding
    yield from local.files(account)
    route, proxy = network.route(account.base_url if account else accounts.effective_base_url(settings.base_url))
    way = [network.names(route, network.resolve)]
    way.append(skipped("tls", "not reached") if way[0].exit_code else network.tls(route))
    yield from (*way, proxy)
    blocked = any(one.exit_code for one in (*way, proxy))
    if account is None or blocked:
        reason = "not reached" if blocked else "there are no credentials"
        yield from (skipped(check, reason) for check in api.CHECKS)
    else:
        yield from run_async(api.examine(settings, account))
    yield from local.versions()


def _write(settings: Settings, findings: list[Finding]) -> None:
    if settings.fields is None and settings.format == "json":
        can = not any(one.exit_code for one in findings)
        write_json({"can_succeed": can, "findings": [one.data() for one in findings]})
    elif settings.fields is None and settings.format is None:
        for one in findings:
            _show(one)
    else:
        columns = [key_column(name.title(), name, importance=ALWAYS) for name in _NAMES]
        with Output(settings, dict_shape(columns, _NAMES)) as output:
            output.write(one.data() for one in findings)


def _show(finding: Finding) -> None:
    mark = f"{_MARKS[finding.status]:8}"
    styled = click.style(mark, fg=_COLOURS[finding.status]) if sys.stdout.isatty() else mark
    first, *rest = textwrap.wrap(finding.message, _WIDTH - len(_INDENT)) or [""]
    click.echo(f"{styled}{finding.check:16}{first}")
    for line in rest:
        click.echo(_INDENT + line)
    if finding.advice is not None:
        advice = f"→ {finding.advice}" if _is_unicode() else f"-> {finding.advice}"
        click.echo(textwrap.fill(advice, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT + "  "))


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in {"utf8", "utf16"}
