"""A search as an offline run of Weights & Biases, which `wandb sync` sends if its user wants it."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tgas_neuro.loggers.rows import SearchLog
from tgas_neuro.runtime.files import calc_digest

FOLDER = "wandb"
PROJECT = "tgas-neuro"


def write_run(log: SearchLog) -> None:
    """Write the offline run of a search, a step for each candidate, in place of the one before.

    It is written beside and renamed: whoever reads it finds a whole one.
    """
    folder = log.folder / FOLDER
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".new-*"):  # of a killed process
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as new:
        (whole,) = _write_offline(log, Path(new)).glob("offline-run-*")
        old = list(folder.glob("offline-run-*"))
        for one in old:
            if one.name == whole.name:  # it was begun in the same second
                one.rename(Path(new) / "old")
        whole.rename(folder / whole.name)
    for one in old:
        if one.name != whole.name:
            shutil.rmtree(one)


def _write_offline(log: SearchLog, folder: Path) -> Path:
    """Write an offline run below `folder`, and return the folder that holds it."""
    os.environ["WANDB_ERROR_REPORTING"] = "false"  # nothing is sent
    import wandb

    options: dict[str, Any] = {"silent": True, "console": "off", "disable_git": True}
    run = wandb.init(
        mode="offline",
        dir=str(folder),
        project=PROJECT,
        id=calc_digest(log.name)[:16],
        name=log.name,
        settings=wandb.Settings(**options),
    )
    best = None
    for number, row in enumerate(log.rows, start=1):
        reward = row["reward"]
        if reward is not None and row["complete"]:
            best = max(reward, reward if best is None else best)
        values = {name: one for name, one in row.items() if one is not None} | (
            {} if best is None else {"best": best}
        )
        run.log(values, step=number)
    run.finish()
    wandb.teardown()  # its process writes the rest of the file after finish has returned
    return folder / FOLDER
