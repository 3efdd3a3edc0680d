"""Runs with a teacher, made by hand, for tests of their page."""

from pathlib import Path

import numpy as np
import xarray as xr
import yaml
from scipy.spatial.distance import pdist

from support.run_folders import SEARCH, build_record, draw, write_run
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import check_source, write_entry
from tgas_neuro.teacher.teacher import Teacher, write_teacher

PROJECT = Path(__file__).parents[2]
TEACHER = "results/teacher/toy/teacher.nc"
CLASSES = "results/images/toy/train_8px/classes.json"
N_CLASSES = 10
ATTRS = {
    "title": "",
    "dataset": "cowley2023_v4",
    "description": "recorded",
    "simulated": 0,
    "n_sites": 50,
    "reliability": 0.25,
    "ceiling": 0.5,
    "ceiling_low": 0.45,
    "ceiling_high": 0.55,
    "ceiling_half_0": 0.5,
    "ceiling_half_1": 0.5,
    "n_splits": 5,
    "corrected_for_noise": 1,
    "noise_free": 0,
    "level": "image",
    "distance": "correlation",
    "comparison": "spearman",
    "stimuli_digest": "ab" * 32,
}


def build_shown_region(n=12, size=8, seed=0, **attrs):
    """A region of `n` stimuli in three categories, in no order, with pictures of one grey each."""
    rng = np.random.default_rng(seed)
    greys = (np.arange(n) * 255 // max(n - 1, 1)).astype(np.uint8)
    return xr.Dataset(
        {
            "images": (
                ("stimulus", "y", "x", "rgb"),
                np.broadcast_to(greys[:, None, None, None], (n, size, size, 3)).copy(),
            ),
            "row": ("stimulus", np.arange(n)),
            "category_name": ("row_name", np.array(["cats", "animals", "boats"])[np.arange(n) % 3]),
            "half": ("row_name", (np.arange(n) % 2).astype(np.int8)),
            "rdm": ("pair", pdist(rng.normal(size=(n, 20)), "correlation").astype(np.float32)),
        },
        coords={"stimulus": [f"s{k:03d}" for k in range(n)],
                "row_name": [f"s{k:03d}" for k in range(n)]},
        attrs=ATTRS | attrs,
    )  # fmt: skip


def build_generations(states=("ok", "ok", "diverged"), seed=0):
    """Records of one generation; P and TG fall from one to the next."""
    genotypes = draw(len(states), seed)
    return [
        [
            build_record(
                f"g000_c{k:02d}", genotype, state=state, P=0.5 - k / 10, crossed=0.3 - k / 20,
                params=1000 + k, macs=20000 + k,
            )
            for k, (genotype, state) in enumerate(zip(genotypes, states, strict=True))
        ]
    ]  # fmt: skip


def write_shown_run(root, generations, name="run-1", finished=True, region=None, total=None):
    """Write a run below `root`, the working directory, with its teacher, images and note.

    Returns
    -------
    folder
        ``results/search/<name>``.
    """
    folder = root / "results/search" / name
    write_run(folder, generations, SEARCH, finished=finished)
    if not Path(TEACHER).exists():
        write_teacher(TEACHER, Teacher({"IT": region or build_shown_region()}, {}))
        write_json(CLASSES, {"classes": [f"k{k}" for k in range(N_CLASSES)], "digest": "cd"})
    for path in sorted(folder.glob("generation_*/candidate_*.json")):
        sources = {source: check_source(source) for source in (TEACHER, CLASSES)}
        write_entry(path.relative_to(root), "candidate", sources=sources)
    config = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    config["recordings"]["regions"] = {"IT": {"datasets": ["cowley2023_v4"]}}
    note = {
        "generations": 1,
        "candidates": total or max(len(one) for one in generations),
        "started": "2026-01-01T00:00:00+00:00",
        "final": f"{name}-final",
        "finals": {f"{name}-final": dump_section(check_configuration(config))},
    }
    write_json(folder / "run.json", note)
    return folder
