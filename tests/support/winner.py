"""What the stages of a run write, made by hand, for tests of what is made from it."""

from pathlib import Path

import numpy as np
import torch
import xarray as xr
import yaml

from support.final_settings import FINAL
from support.networks import build_small
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.config.final import Target
from tgas_neuro.config.premature import ImageFolder
from tgas_neuro.final.result.best_cell import make_best_cell, write_best_cell
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.files import write_json
from tgas_neuro.teacher.teacher import Teacher


def change(config, section, **changes):
    """A configuration with other values in one of its sections."""
    return config.model_copy(update={section: getattr(config, section).model_copy(update=changes)})


def build_region(n_stimuli, **attrs):
    """What is read of a region of the teacher file."""
    attrs = {"simulated": 0, "stimuli_digest": "ef", **attrs}
    return xr.Dataset(coords={"stimulus": np.arange(n_stimuli)}, attrs=attrs)


def build_parts(genotype):
    """The inputs, as the stages write them."""
    crossed = {"raw": 0.3, "corrected": 0.4, "layers": ["cell_0", "cell_1"]}
    plain = {"raw": 0.33, "corrected": 0.44, "layer": "cell_1"}
    region = {"corrected_for_noise": True, "crossed": crossed, "paper": plain}
    leaders = [
        {"id": f"g0_c{k}", "hash": genotype.hash, "state": "ok", "P": 0.2, "TG": 0.35,
         "TG_untrained": None, "regions": {"V4": 0.4, "IT": 0.3}, "reward": 0.55 - k / 100,
         "params": 1000, "macs": 20000}
        for k in range(12)
    ]  # fmt: skip
    best = {
        "id": "g0_c0",
        "hash": genotype.hash,
        "genotype": genotype.to_json(),
        "reward": 0.55,
        "guidance": "p_plus_tg",
        "alpha": 2.0,
        "layer_choice": "crossed",
        "record": {
            "premature": {
                "accuracy": 0.2,
                "loss": 2.0,
                "epochs": 1,
                "n_train": 90,
                "n_held_back": 10,
                "stopped_at": None,
            },
            "dates": {"started": "before"},
            "teacher": {
                "TG": {"crossed": 0.35, "paper": 0.44},
                "regions": {
                    "V4": region | {"layers": {"cell_0": 0.2}},
                    "IT": region | {"corrected_for_noise": False, "ceiling": None},
                },
            },
        },
        "leaderboard": leaders,
        "states": {"ok": 13, "diverged": 2},
        "cost": {"images_seen": 1000, "seconds": 3.0},
    }
    teacher = Teacher(
        {
            "V4": build_region(640, ceiling=0.85, reliability=0.72, n_sites=50,
                               dataset="cowley2023_v4, mine", description="recorded"),
            "IT": build_region(92, ceiling=np.nan, reliability=np.nan, n_sites=674,
                               dataset="kriegeskorte2008_it",
                               description="recorded, RDM as published"),
        },
        {},
    )  # fmt: skip
    metrics = {
        "top1": 0.25, "top5": 0.5, "top1_interval": [0.2, 0.3], "loss": 3.0, "n_images": 200,
        "n_train_images": 900, "n_classes": 100, "params": 5000, "macs": 90000, "epochs": 4,
        "per_class": {"n_images": [2], "top1": [1], "top5": [2]},
        "evaluated": "weights",
        "best": {"epoch": 3, "top1": 0.26, "chosen_on": "validation images"},
        "network": vars(Skeleton(8, 1, 2, 100, 32)),
        "digests": {"training_images": "ab"}, "cost": {"seconds": 9.0}, "dates": {"ended": "now"},
    }  # fmt: skip
    path = Path(__file__).parents[2] / "config.yaml"
    config = check_configuration(yaml.safe_load(path.read_text(encoding="utf-8")))
    config = change(config, "search", strategy="tpe", space="cell", generations=3, candidates=5,
                    seed=0, layer_choice="crossed", alpha=1.0)  # fmt: skip
    config = change(config, "premature", data=ImageFolder(kind="image_folder", path="tiny"))
    config = change(config, "final", target=Target(macs="90k"),
                    data=ImageFolder(kind="image_folder", path="data/tiny.tar.gz"))  # fmt: skip
    return {
        "best": best,
        "teacher": teacher,
        "metrics": metrics,
        "config": config,
        "names": {"teacher": "cowley2023_v4_recordings-01234567", "search": "cell_tpe-89abcdef",
                  "final": "cell-01234567"},
        "digests": {"teacher": "cd"},
        "guidance": {
            "image_size": 32,
            "TG": {"crossed": 0.5, "paper": 0.55},
            "regions": {
                "V4": {
                    "crossed": crossed | {"corrected": 0.5},
                    "paper": plain | {"corrected": 0.55, "layer": "cells.cell_2"},
                    "layers": {"cells.cell_2": {"all": 0.5}},
                },
                "IT": {"crossed": None, "paper": None, "layers": {"cells.cell_2": None}},
            },
        },
        "files": {name: f"results/{name}" for name in (
            "best", "teacher", "metrics", "weights", "log", "picture", "curve", "brainscore",
            "teacher_guidance")},
    }  # fmt: skip


CLASSES = ["cat", "dog", "emu", "owl", "yak"]


def write_winner(project, genotype, run="cell-01234567", **changes):
    """Write a finished run below `project`, its folder of results and those of its images.

    Returns
    -------
    folder, network, layers
        ``results/final/<run>``, and what `build_small` made.
    """
    network, layers = build_small(genotype, **changes)
    size = {"filters": 4, "cells_per_stage": 1, "stages": 2, "n_classes": 5, "image_size": 33}
    skeleton = Skeleton(**size | changes)
    cost = calc_complexity(genotype, skeleton)
    parts = build_parts(genotype)
    parts["metrics"] |= {
        "n_classes": 5, "network": vars(skeleton), "params": cost.params, "macs": cost.macs,
    }  # fmt: skip
    for region in parts["guidance"]["regions"].values():
        if region["paper"] is not None:
            region["paper"] = region["paper"] | {"layer": layers[-1]}
    folder = project / "results" / "final" / run
    parts["files"]["weights"] = f"results/final/{run}/weights.pt"
    write_best_cell(project / "results" / "best_cell.json", make_best_cell(**parts))
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / "weights.pt")
    train = project / "results" / "images" / "toy" / "train"
    for name in CLASSES:
        (train / name).mkdir(parents=True)
    write_json(
        folder / "work" / "job.json",
        {
            "config": FINAL,
            "genotype": genotype.to_json(),
            "images": {"name": "toy", "kind": "image_folder", "data": {"path": "toy.tar"},
                       "archive": "toy.tar", "size": 33},
            "checked": "results/images/checked",
            "folder": f"results/final/{run}/work",
            "seed": 0,
            "splits": {"train": "results/images/toy/train", "val": "results/images/toy/val"},
        },
    )  # fmt: skip
    return folder, network, layers
