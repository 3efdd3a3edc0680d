"""The workflow without a file system that its jobs share: files go through a store (Kubernetes)."""

import importlib.util
import shutil

import pytest
from soak.checks import drop_cost_and_dates
from support.toy_run import Toy

from tgas_neuro.runtime.files import read_json

pytestmark = pytest.mark.workflow


@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_storage_plugin_fs") is None,
    reason="snakemake-storage-plugin-fs is not installed",
)
@pytest.mark.skipif(shutil.which("rsync") is None, reason="that store copies with rsync")
def test_jobs_pass_nothing_but_declared_files(tmp_path, finished):
    """Every job reads copies of its declared inputs and leaves nothing but its declared outputs."""
    store, toy = tmp_path / "store", Toy(tmp_path / "toy")
    store.mkdir()
    toy.run(
        *("--default-storage-provider", "fs", "--default-storage-prefix", str(store)),
        *("--shared-fs-usage", "none"),
    )
    result, local = (
        drop_cost_and_dates(read_json(folder / "results/best_cell.json"))
        for folder in (store, finished.folder)
    )
    assert result == local
    assert not (toy.folder / "results/best_cell.json").exists()
    made = {path.relative_to(store) for path in store.rglob("*.json")}
    expected = {
        path.relative_to(finished.folder)
        for path in finished.folder.glob("results/**/*.json")
        # the one is for `status`, of the others no other job knows
        if path.name != "run.json" and "work" not in path.parts and "checked" not in path.parts
    }
    assert made == expected
