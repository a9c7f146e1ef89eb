"""The picture of `evenergy demo` as SVG: `python -m docs.tools.demo_picture docs/demo.svg`. It needs a POSIX system.

The command runs at a terminal of 120 columns, and rich draws what it printed.
"""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 120
COMMAND = ("demo", "--vehicles", "12")


def printed() -> str:
    """Return what the command prints at a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "evenergy", *COMMAND]
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(its)
        parts: list[bytes] = []
        while part := read(ours):
            parts.append(part)
    if process.returncode:
        raise SystemExit(process.returncode)
    return b"".join(parts).decode().replace("\r\n", "\n").rstrip()


def read(terminal: int) -> bytes:
    """Return the next bytes; none at the end, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def main() -> None:
    """Write the picture."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(printed()), soft_wrap=True)
    svg = console.export_svg(title=f"evenergy {' '.join(COMMAND)}", unique_id="evenergy")
    Path(sys.argv[1]).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
