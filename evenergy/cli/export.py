"""Command ``evenergy export``."""

from __future__ import annotations

from pathlib import Path

import click

from evenergy.fleet.export import export_parquet

from .context import LocalCommand, Settings
from .numbers import counted
from .output import ALWAYS, Output, dict_shape, key_column
from .sync import DATABASE


@click.command(
    "export",
    cls=LocalCommand,
    params=[
        DATABASE,
        click.Option(
            ["--parquet"],
            type=click.Path(file_okay=False, path_type=Path),
            required=True,
            metavar="DIR",
            help="The directory of the files.",
        ),
    ],
)
@click.pass_obj
def export(settings: Settings, db: Path, parquet: Path) -> None:
    """Write the logs of a database as Parquet, a file for each month; only months that changed are written.

    It prints the files that were written, and needs the extra arrow. Nothing is sent.

    \b
    evenergy export --db fleet.db --parquet logs
    """
    if not db.is_file():
        raise click.UsageError(f"there is no {db}: run `evenergy sync --db {db}` first")
    written = export_parquet(db, parquet)
    columns = [key_column("File", "file", importance=ALWAYS)]
    with Output(settings, dict_shape(columns, ["file", "bytes"])) as output:
        output.write({"file": str(path), "bytes": path.stat().st_size} for path in written)
    kept = len(list(parquet.glob("*.parquet"))) - len(written)
    settings.note(f"{counted(len(written), 'file')} written, {kept} up to date · no requests spent")
