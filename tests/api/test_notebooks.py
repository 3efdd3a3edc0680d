"""The notebooks of docs/notebooks, executed at small size: simulated recordings, called so."""

import os

import nbformat
import pytest
from nbclient import NotebookClient
from soak.soak import PROJECT

NOTEBOOKS = sorted((PROJECT / "docs/notebooks").glob("*.ipynb"))
SIMULATED = {
    "recordings": "SIMULATED recordings: nothing here says anything about brains.",
    "score_a_network": "Compared with SIMULATED recordings",
    "search": "The teacher and the images are SIMULATED",
}


def execute(path, folder):
    """Text of every cell's outputs."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute()
    texts = []
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        texts.append("".join(one.get("text", "") for one in outputs))
        texts[-1] += "".join(one.get("data", {}).get("text/plain", "") for one in outputs)
    return texts


def test_there_are_three():
    assert {path.stem for path in NOTEBOOKS} == set(SIMULATED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.fixture
def quick(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_with_simulated_recordings(path, small, quick, monkeypatch):
    monkeypatch.delenv("TGAS_TEST_DATA", raising=False)
    text = "\n".join(execute(path, small))
    assert SIMULATED[path.stem] in text


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_with_macaque_recordings(path, real_data, small, quick, monkeypatch):
    monkeypatch.setenv("TGAS_TEST_DATA", str(real_data))
    text = "\n".join(execute(path, small))
    assert "acaque" in text and SIMULATED[path.stem] not in text
