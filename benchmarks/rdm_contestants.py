"""Contestants of the benchmark of RDMs: one layer's RDM compared with those of regions.

Each function loads its inputs (see `rdm_inputs.py`) and returns what is timed. What each needs of
the regions is ready before: their RDMs for the peers, their ranks for tgas-neuro, as in a search,
where one teacher scores thousands of layers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Timed = Callable[[], dict[str, Any]]


def prepare_tgas_neuro(folder: str, regions: list[str], mapped: bool) -> Timed:
    """One streaming pass over the pairs: all regions, both crossed halves and all rows.

    With `mapped` the ranks stay on disk until they are needed, and count as memory when they are.
    """
    import torch

    from tgas_neuro.rdm.streaming.ranked import load_ranked
    from tgas_neuro.rdm.streaming.streaming import compare_features

    features = torch.from_numpy(np.load(Path(folder, "features.npy")))
    ranked = load_ranked(Path(folder, "ranks"))
    if not mapped:
        for ranks in ranked.regions.values():  # read every page, so that it counts as input
            ranks.all.sum(dtype=np.float64), ranks.within.sum(dtype=np.float64)

    def run() -> dict[str, Any]:
        found = compare_features(features, ranked)
        return {
            f"{region} {subset}": similarity
            for region, subsets in found.items()
            for subset, similarity in subsets.items()
        }

    return run


def prepare_product(folder: str, regions: list[str]) -> Timed:
    """The yardstick: one full product x @ x.T in float32, and nothing else."""
    import torch

    features = torch.from_numpy(np.load(Path(folder, "features.npy")))

    def run() -> dict[str, Any]:
        features @ features.T
        return {}

    return run


def prepare_brainscore(folder: str, regions: list[str]) -> Timed:
    """Brain-Score's `RDM` of the layer, and `RDMSimilarity` with each region's."""
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        DataAssembly,
        NeuroidAssembly,
    )
    from brainscore_vision.metrics.rdm.metric import RDM, RDMSimilarity
    from scipy.spatial.distance import squareform

    features = np.load(Path(folder, "features.npy"))
    names = [f"stimulus_{number:06d}" for number in range(len(features))]
    rows = {"stimulus_id": ("presentation", names), "object_name": ("presentation", names)}
    units = [f"unit_{number}" for number in range(features.shape[1])]
    columns = {"neuroid_id": ("neuroid", units), "region": ("neuroid", units)}
    assembly = NeuroidAssembly(
        features, coords={**rows, **columns}, dims=["presentation", "neuroid"]
    )
    rdms = {
        region: DataAssembly(
            squareform(np.load(Path(folder, f"{region}.npy"))),
            coords=rows,
            dims=["presentation", "presentation"],
        )
        for region in regions
    }

    def run() -> dict[str, Any]:
        rdm = RDM()(assembly)
        return {f"{region} all": float(RDMSimilarity()(rdm, rdms[region])) for region in regions}

    return run


def prepare_rsatoolbox(folder: str, regions: list[str]) -> Timed:
    """Rsatoolbox's `calc_rdm` of the layer and `compare` with all regions at once."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import RDMs, calc_rdm, compare

    dataset = Dataset(np.load(Path(folder, "features.npy")))
    rdms = RDMs(np.stack([np.load(Path(folder, f"{region}.npy")) for region in regions]))

    def run() -> dict[str, Any]:
        rdm = calc_rdm(dataset, method="correlation")
        similarities = compare(rdm, rdms, method="spearman")[0]
        return {f"{region} all": float(r) for region, r in zip(regions, similarities, strict=True)}

    return run


def prepare_scipy(folder: str, regions: list[str]) -> Timed:
    """Scipy in float64, the oracle: `pdist`, and `spearmanr` of all rows and of both halves."""
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    features = np.load(Path(folder, "features.npy")).astype(np.float64)
    rdms = {region: np.load(Path(folder, f"{region}.npy")) for region in regions}
    half = np.load(Path(folder, "half.npy"))
    first, second = half[np.stack(np.triu_indices(len(half), k=1))]
    subsets = {
        "all": slice(None),
        "half_0": (first == 0) & (second == 0),
        "half_1": (first == 1) & (second == 1),
    }
    del first, second

    def run() -> dict[str, Any]:
        rdm = pdist(features, "correlation")
        return {
            f"{region} {name}": float(spearmanr(rdm[subset], rdms[region][subset])[0])
            for region in regions
            for name, subset in subsets.items()
        }

    return run


CONTESTANTS = {
    "tgas-neuro": prepare_tgas_neuro,
    "x @ x.T": prepare_product,
    "Brain-Score": prepare_brainscore,
    "rsatoolbox": prepare_rsatoolbox,
    "scipy, float64": prepare_scipy,
}
