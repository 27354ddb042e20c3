"""The notebooks run from top to bottom, and are committed as executed."""

from pathlib import Path

import nbformat
import pytest
import sklearn
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
if sklearn.__version__ < "1.9":  # which has no callbacks
    NOTEBOOKS = [path for path in NOTEBOOKS if "callbacks" not in path.stem]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert path.stat().st_size < 250_000
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=600, resources=resources).execute()


def test_there_are_notebooks():
    assert NOTEBOOKS
