"""Option ``--plot``, and where a picture goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from .stdout import write

if TYPE_CHECKING:
    from .context import Settings
    from .pictures.picture import Picture


def _file(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and value != "-" and not value.lower().endswith((".png", ".svg")):
        raise click.BadParameter(f"expected a file that ends in .png or .svg, or - for this terminal, got {value!r}")
    return value


PLOT: Final = click.Option(
    ["--plot"],
    metavar="FILE",
    callback=_file,
    help="Draw a picture instead of a table: FILE.png, FILE.svg, or - for this terminal.",
)
WIDTH: Final = click.Option(
    ["--plot-width"],
    type=click.IntRange(200, 10_000),
    default=1200,
    show_default=True,
    metavar="PIXELS",
    help="Width of the picture in a file.",
)


def check_plot(settings: Settings, target: str | None) -> None:
    """Raise `click.UsageError` where both a picture and a format for data were requested."""
    if target is not None and settings.format is not None:
        raise click.UsageError(f"--plot and --{settings.format} exclude each other: give one")


def plotted(settings: Settings, target: str, picture: Picture, width: int) -> None:
    """Draw a picture to a file, or to standard output."""
    if target == "-":
        write(picture.print())
        return
    picture.save(target, width)
    settings.note(f"wrote {target}")
