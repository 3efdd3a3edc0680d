"""Contestants of the benchmark of scores: one layer against the sites or the RDM of one region.

Each function loads its inputs (see `score.py`) and returns what is timed. What each needs of the
region is ready before: its RDM or the ranks of it, its responses, the splits of the stimuli.
"""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Timed = Callable[[], dict[str, Any]]


def prepare_tgas_neuro(folder: str, metric: str, halves: bool = False) -> Timed:
    """What a candidate's layer goes through; with `halves` its score of each half as well."""
    import torch

    from tgas_neuro.rdm import calc_linear_cka, calc_rdm
    from tgas_neuro.rdm.streaming.ranked import rank_rdms
    from tgas_neuro.rdm.streaming.streaming import compare_features
    from tgas_neuro.scoring.predictivity import calc_predictivity, correlate_held_out
    from tgas_neuro.teacher.held_out import draw_held_out

    features = torch.from_numpy(np.load(Path(folder, "features.npy")))
    responses = torch.from_numpy(np.load(Path(folder, "responses.npy")))
    objects, half = np.load(Path(folder, "objects.npy")), np.load(Path(folder, "half.npy"))
    if metric == "spearman":
        ranked = rank_rdms({"IT": calc_rdm(responses).numpy()}, half)
        return lambda: {"score": compare_features(features, ranked)["IT"]["all"]}
    if metric == "cka":
        return lambda: {"score": calc_linear_cka(features, responses)}
    held_out = {"all": draw_held_out(len(features), objects).astype(np.int8)}
    for number in (0, 1) if halves else ():
        rows = half == number
        held_out[f"half_{number}"] = np.full((10, len(features)), -1, dtype=np.int8)
        held_out[f"half_{number}"][:, rows] = draw_held_out(int(rows.sum()), objects[rows])

    def run() -> dict[str, Any]:
        found = correlate_held_out(features, {"IT": responses}, held_out, metric)["IT"]
        return {"score": calc_predictivity(found["all"])}

    return run


def prepare_tgas_neuro_with_halves(folder: str, metric: str) -> Timed:
    """All three scores that a search takes of a layer."""
    return prepare_tgas_neuro(folder, metric, halves=True)


def prepare_brainscore(folder: str, metric: str, dtype: str = "float64") -> Timed:
    """Brain-Score's metric of this name with its ten splits by object; ``rdm`` for Spearman."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly
    from brainscore_vision import load_metric

    objects = np.load(Path(folder, "objects.npy")).astype(str)
    names = [f"stimulus_{number:06d}" for number in range(len(objects))]

    def build(name: str) -> Any:
        values = np.load(Path(folder, f"{name}.npy")).astype(dtype)
        columns = [f"{name}_{number:06d}" for number in range(values.shape[1])]
        return NeuroidAssembly(
            values,
            coords={
                "stimulus_id": ("presentation", names),
                "object_name": ("presentation", objects),
                "neuroid_id": ("neuroid", columns),
                "region": ("neuroid", ["IT"] * len(columns)),
            },
            dims=["presentation", "neuroid"],
        )

    features, responses = build("features"), build("responses")
    if metric == "cka":  # on all stimuli; the metric of that name takes splits of them
        from brainscore_vision.metrics.cka.metric import CKA

        measure = CKA(unbiased=True)
    elif metric == "spearman":
        from brainscore_vision.metrics.rdm.metric import RDM, RDMSimilarity

        other = RDM()(responses)
        return lambda: {"score": float(RDMSimilarity()(RDM()(features), other))}
    else:
        measure = load_metric(metric)
    return lambda: {"score": float(measure(features, responses))}


def prepare_brainscore_single(folder: str, metric: str) -> Timed:
    """The same with features in float32, as its models give them."""
    return prepare_brainscore(folder, metric, dtype="float32")


def prepare_scikit_learn(folder: str, metric: str) -> Timed:
    """A plain loop over the same splits, without labelled arrays, in float64."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge

    from tgas_neuro.teacher.held_out import draw_held_out

    x, y = (np.load(Path(folder, f"{name}.npy")).astype(float) for name in INPUTS)
    held_out = draw_held_out(len(x), np.load(Path(folder, "objects.npy")))

    def run() -> dict[str, Any]:
        medians = []
        for test in held_out:
            regression = Ridge(alpha=1) if metric == "ridge" else PLSRegression(25, scale=False)
            found = regression.fit(x[~test], y[~test]).predict(x[test])
            found, measured = (values - values.mean(axis=0) for values in (found, y[test]))
            lengths = np.linalg.norm(found, axis=0) * np.linalg.norm(measured, axis=0)
            medians.append(np.median((found * measured).sum(axis=0) / lengths))
        return {"score": float(np.mean(medians))}

    return run


def prepare_rsatoolbox(folder: str, metric: str) -> Timed:
    """Rsatoolbox's `calc_rdm` of the layer and `compare`."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    features, responses = (Dataset(np.load(Path(folder, f"{name}.npy"))) for name in INPUTS)
    other = calc_rdm(responses, method="correlation")

    def run() -> dict[str, Any]:
        rdm = calc_rdm(features, method="correlation")
        return {"score": float(compare(rdm, other, method="spearman")[0, 0])}

    return run


def prepare_thingsvision(folder: str, metric: str) -> Timed:
    """Thingsvision's `compute_rdm` and `correlate_rdms`, or its `get_cka` in torch.

    Its modules for RDMs and CKA are imported without the package's own ``__init__``, which loads
    the extractors and with them tensorflow and many networks.
    """
    place = next(Path(path) for path in sys.path if Path(path, "thingsvision/core").is_dir())
    for name in ("thingsvision", "thingsvision.core"):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(place / name.replace(".", "/"))]
    import torch
    from thingsvision.core.cka import get_cka
    from thingsvision.core.rsa import compute_rdm, correlate_rdms

    features, responses = (np.load(Path(folder, f"{name}.npy")) for name in INPUTS)
    if metric == "cka":
        x, y = torch.from_numpy(features), torch.from_numpy(responses)
        cka = get_cka("torch", len(x), "linear", unbiased=True, device="cpu")
        return lambda: {"score": float(cka.compare(X=x, Y=y))}
    other = compute_rdm(responses, "correlation")

    def run() -> dict[str, Any]:
        rdm = compute_rdm(features, "correlation")
        return {"score": float(correlate_rdms(rdm, other, "spearman"))}

    return run


INPUTS = ("features", "responses")
CONTESTANTS = {
    "tgas-neuro": prepare_tgas_neuro,
    "tgas-neuro, with both halves": prepare_tgas_neuro_with_halves,
    "Brain-Score": prepare_brainscore,
    "Brain-Score, float32": prepare_brainscore_single,
    "scikit-learn": prepare_scikit_learn,
    "rsatoolbox": prepare_rsatoolbox,
    "thingsvision": prepare_thingsvision,
}
# which of them have a metric; tgas-neuro comes first
METRICS = {
    "ridge": (
        "tgas-neuro",
        "tgas-neuro, with both halves",
        "Brain-Score",
        "Brain-Score, float32",
        "scikit-learn",
    ),
    "pls": ("tgas-neuro", "tgas-neuro, with both halves", "Brain-Score", "scikit-learn"),
    "spearman": ("tgas-neuro", "Brain-Score", "rsatoolbox", "thingsvision"),
    "cka": ("tgas-neuro", "Brain-Score", "thingsvision"),
}
