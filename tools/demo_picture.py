"""The picture of `evenergy demo` as SVG: `python -m tools.demo_picture docs/demo.svg`.

The command runs as in a terminal of 100 columns, and rich draws what it printed.
"""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100
COMMAND = ("demo", "--vehicles", "12")


def picture() -> str:
    """Return the SVG."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "evenergy", *COMMAND]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(done.stdout.rstrip()))
    return console.export_svg(title=f"evenergy {' '.join(COMMAND)}", unique_id="evenergy")


def main() -> None:
    """Write the picture."""
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
