"""Inputs of `streaming.py`, also for older checkouts, whose modules have other places."""

from collections.abc import Callable
from importlib import import_module, util
from types import ModuleType
from typing import Any

import numpy as np


def import_scorer() -> Callable[..., Any]:
    """`compare_features` of the checkout that is first on the path."""
    return _import("streaming").compare_features


def import_ranked() -> ModuleType:
    """The module with the ranks of regions."""
    return _import("ranked")


def _import(name: str) -> ModuleType:
    here = util.find_spec("tgas_neuro.rdm.streaming")
    is_package = here is not None and here.submodule_search_locations is not None
    return import_module(f"tgas_neuro.rdm.{'streaming.' if is_package else ''}{name}")


def build_inputs(n_rows: int, n_units: int, n_regions: int, pairs: int | None) -> tuple[Any, Any]:
    """Features with a signal of low rank, and random ranks, on which the time does not depend."""
    import torch

    ranked_rdms = import_ranked()
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(n_rows, 24, generator=generator) @ torch.randn(
        24, n_units, generator=generator
    )
    features /= 5
    for rows in features.split(1000):
        rows += torch.randn(rows.shape, generator=generator)
    features.clamp_(min=0)
    sample = ()
    if pairs is not None:
        sample = (ranked_rdms.Sample(pairs, 0),)
    order = torch.randperm(n_rows, generator=generator).numpy()
    ranked = ranked_rdms.RankedRDMs(order, n_rows // 2, "spearman", {}, *sample)
    n_pairs = sum(tile.n_pairs for tile in ranked.tiles)
    within = sum(tile.n_pairs for tile in ranked.tiles if tile.part != 2)
    rng = np.random.default_rng(0)
    for number in range(n_regions):
        own = [rng.random(size, dtype=np.float32) for size in (n_pairs, within)]
        moments = [dict.fromkeys(("all", "half_0", "half_1"), value) for value in (0.5, n_pairs)]
        ranked.regions[f"region_{number}"] = ranked_rdms.Ranks(*own, *moments)
    return features, ranked
