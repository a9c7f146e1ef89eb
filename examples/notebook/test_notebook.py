"""The notebook, executed from the first cell to the last in a kernel of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent / "month_of_a_fleet.ipynb"
LIMIT = 300  # seconds for a cell: what takes longer hangs

pytestmark = pytest.mark.filterwarnings("ignore")  # those of Jupyter


def read() -> Any:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def outputs(notebook: Any, kind: str) -> list[str]:
    """Return what the cells printed ("text"), or showed in one form, such as "image/png"."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    if kind == "text":
        return [output.text for output in shown if output.output_type == "stream" and output.name == "stdout"]
    return [output.data[kind] for output in shown if kind in output.get("data", {})]


def test_the_notebook_runs_and_shows_a_month_of_25_vehicles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    notebook = read()
    NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    (summary,) = outputs(notebook, "text")
    match = re.fullmatch(r"25 vehicles, 0 failed, (\d+) requests\n", summary)
    assert match is not None
    assert 25 < int(match[1]) < 1000
    logs, vehicles = (frame for frame in outputs(notebook, "text/plain") if frame.startswith("shape"))
    (count,) = re.findall(r"shape: \(([\d_]+), 5\)", logs)
    assert int(count.replace("_", "")) > 25 * 30
    assert vehicles.startswith("shape: (25, 5)")
    assert len(outputs(notebook, "image/png")) == 1


def test_no_output_is_stored() -> None:
    code = [cell for cell in read().cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
